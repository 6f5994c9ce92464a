"""A command of this machine in a pod's network, from outside the lab."""

import os
import shutil
import sys
from collections.abc import Sequence

from sidestep.errors import UsageError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client


def inside(speaker: Client, pod: str, argv: Sequence[str]) -> tuple[str, ...]:
    """What runs a command with a pod's names and addresses.

    Args:
        speaker: to the lab.
        pod: `namespace/pod`, or a prefix of the pod's name.
        argv: the command.

    Raises:
        UsageError: the program that it takes is missing.
        WorldError: there is no such pod.
    """
    nsenter = shutil.which("nsenter")
    if nsenter is None:
        raise UsageError("the program nsenter is not here", remedy="install util-linux")
    told, machine = speaker.ask(api.Enter(pod)), speaker.machine()
    user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    network = f"--net=/proc/{machine}/fd/{told['descriptor']}"
    within = (sys.executable, "-m", "sidestep.lab.enter", told["resolv"], *argv)
    return (nsenter, f"--target={machine}", *user, "--mount", "--pid", network, *within)

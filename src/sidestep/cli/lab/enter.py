"""`sidestep lab exec`: a command of this machine, in a pod's network."""

import os
import shutil
import sys

import click

from sidestep.cli.lab.choices import client, lab_name
from sidestep.cli.lab.completion import pods
from sidestep.errors import UsageError
from sidestep.lab.api import messages as api


@click.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("pod", metavar="NS/POD", shell_complete=pods)
@click.argument("argv", nargs=-1, required=True, metavar="-- COMMAND...", type=click.UNPROCESSED)
@lab_name
def enter(pod: str, argv: tuple[str, ...], lab: str) -> None:
    """Run a command of this machine in a pod's network, with the pod's names and addresses.

    `sidestep lab exec shop/web -- curl -v http://cart:8080/`
    """
    nsenter = shutil.which("nsenter")
    if nsenter is None:
        raise UsageError("the program nsenter is not here", remedy="install util-linux")
    speaker = client(lab)
    told, machine = speaker.ask(api.Enter(pod)), speaker.machine()
    user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    network = f"--net=/proc/{machine}/fd/{told['descriptor']}"
    within = [sys.executable, "-m", "sidestep.lab.enter", told["resolv"], *argv]
    os.execv(nsenter, [nsenter, f"--target={machine}", *user, "--mount", "--pid", network, *within])  # noqa: S606

"""Containers that run a command of the user's: a process each, in the pod's network, with the pod's names."""

import shutil
import sys
from pathlib import Path

from sidestep.errors import WorldError
from sidestep.lab.agent.messages import Pod
from sidestep.lab.cluster.objects import Tree, spec_of
from sidestep.lab.machine.processes import Processes, Program
from sidestep.lab.machine.scratch import container_log
from sidestep.lab.net.namespaces import enter
from sidestep.lab.net.pod import PodNet
from sidestep.semantics.loose import as_dict, as_dicts


class Commands:
    """The user's commands of one pod.

    Args:
        processes: of the lab.
        logs: folder that they write to.
    """

    def __init__(self, processes: Processes, logs: Path) -> None:
        self._processes, self._logs = processes, logs
        self._running: list[str] = []

    async def start(self, tree: Tree, pod: Pod, net: PodNet, resolv: str) -> None:
        """Start every container that has a command; it is started again when it ends.

        Raises:
            WorldError: there is no such program.
        """
        for container in pod.containers:
            if not container.command:
                continue
            if shutil.which(container.command[0]) is None:
                raise WorldError(f"container {container.name}: no program {container.command[0]!r} on this machine")
            name = f"pod/{pod.namespace}/{pod.name}/{container.name}"
            user = _user(tree, container.name)
            options = ("--user", str(user)) if user is not None else ()
            argv = (sys.executable, "-m", "sidestep.lab.enter", *options, resolv, *container.command)
            log = container_log(self._logs, pod.uid, container.name)
            await self._processes.start(Program(name, argv, log, enter(net.namespace), container.env))
            self._running.append(name)

    async def stop(self, grace: float) -> None:
        """End them, gently first."""
        running, self._running = self._running, []
        for name in running:
            await self._processes.stop(name, grace)


def _user(tree: Tree, container: str) -> int | None:
    """The user that a container, or its pod, is to run as."""
    own = next((each for each in as_dicts(spec_of(tree).get("containers")) if each.get("name") == container), {})
    for level in (own, spec_of(tree)):
        user = as_dict(level.get("securityContext")).get("runAsUser")
        if isinstance(user, int):
            return user
    return None

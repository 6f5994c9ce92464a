"""Containers that run a command of the user's: a process each, in the pod's network, with the pod's names."""

import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sidestep.errors import WorldError
from sidestep.lab.agent.messages import Pod
from sidestep.lab.cluster.objects import Tree, owner_of, spec_of
from sidestep.lab.machine.processes import Processes, Program
from sidestep.lab.machine.scratch import container_log
from sidestep.lab.net.namespaces import enter
from sidestep.lab.net.pod import PodNet
from sidestep.semantics.loose import as_dict, as_dicts, as_text


class Commands:
    """The user's commands of one pod.

    Args:
        processes: of the lab.
        logs: folder that they write to.
        done: told when all have ended that need not be started again, and whether all of them succeeded.
    """

    def __init__(self, processes: Processes, logs: Path, done: Callable[[bool], None]) -> None:
        self._processes, self._logs, self._done = processes, logs, done
        self._running: list[str] = []
        self._failed = False

    async def start(self, tree: Tree, pod: Pod, net: PodNet, resolv: str) -> None:
        """Start every container that has a command; whether it is started again tells the pod's `restartPolicy`.

        Raises:
            WorldError: there is no such program.
        """
        wanted = {f"pod/{pod.namespace}/{pod.name}/{each.name}": each for each in pod.containers if each.command}
        for container in wanted.values():
            if shutil.which(container.command[0]) is None:
                raise WorldError(f"container {container.name}: no program {container.command[0]!r} on this machine")
        new = [name for name in wanted if name not in self._running]  # their agent may be another: they run on
        self._running += new
        policy = _restart_policy(tree, pod)
        for name in new:
            container = wanted[name]
            user = _user(tree, container.name)
            options = ("--user", str(user)) if user is not None else ()
            argv = (sys.executable, "-m", "sidestep.lab.enter", *options, resolv, *container.command)
            log = container_log(self._logs, pod.uid, container.name)
            again = partial(self._again, policy, name)
            await self._processes.start(Program(name, argv, log, enter(net.namespace), container.env, again))

    async def stop(self, grace: float) -> None:
        """End them, gently first."""
        running, self._running = self._running, []
        for name in running:
            await self._processes.stop(name, grace)

    def _again(self, policy: str, name: str, code: int) -> bool:
        """Whether a command that ended is started again."""
        if policy == "Always" or (code and policy == "OnFailure"):
            return True
        self._failed |= code != 0
        if name in self._running:
            self._running.remove(name)
            if not self._running:
                self._done(not self._failed)
        return False


def _restart_policy(tree: Tree, pod: Pod) -> str:
    """`Always`, `OnFailure` or `Never`; where built-in workloads run outside of Jobs, the first."""
    told = as_text(spec_of(tree).get("restartPolicy"))
    if owner_of(tree)[0] == "Job":
        return told or "OnFailure"
    return told if told and all(each.command for each in pod.containers) else "Always"


def _user(tree: Tree, container: str) -> int | None:
    """The user that a container, or its pod, is to run as."""
    own = next((each for each in as_dicts(spec_of(tree).get("containers")) if each.get("name") == container), {})
    for level in (own, spec_of(tree)):
        user = as_dict(level.get("securityContext")).get("runAsUser")
        if isinstance(user, int):
            return user
    return None

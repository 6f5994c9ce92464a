"""Parts of the lab broken on purpose: ended, stopped, starved of CPU or memory, replaced, cut off, by a wrong clock."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from sidestep.errors import UsageError, WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.machine.control_plane import PROXY
from sidestep.lab.machine.machine import Machine

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "continue": signal.SIGCONT, "end": signal.SIGTERM}
_FAULTS = (*_SIGNALS, "slow", "limit", "replace", "lose", "skew")
_MOST_SKEW = 366 * 86400
_TURN, _LOOK = 0.05, 0.2
_MIB = 2**20
_PARTS_OF_A_NAME = 3


class Faults:
    """What is broken.

    Args:
        machine: whose parts.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._lasting: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def __call__(self, request: api.Fault) -> dict[str, str]:
        """Break a part; what happened to it."""
        kind, _, node = request.process.partition("/")
        match request.how, kind:
            case "replace", _ if kind == PROXY:
                await self._machine.replace_proxy(node)
                return {"object": request.process, "what": "replaced"}
            case "lose", "node":
                await self._machine.lose_node(node)
                return {"object": request.process, "what": "lost"}
            case "skew", _ if kind == PROXY:
                return await self._skew(node, request.seconds)
            case "slow", _:
                return self._slow(request.process, request.share)
            case "limit", _:
                return self._limit(request.process, request.memory)
            case how, _ if how in _SIGNALS:
                for name in self._named(request.process):
                    self._machine.processes.signal(name, _SIGNALS[how])
                return {"object": request.process, "what": how}
            case _:
                remedy = f"say one of {', '.join(_FAULTS)}"
                raise UsageError(f"{request.how!r} cannot happen to {request.process}", remedy=remedy)

    def _named(self, word: str) -> list[str]:
        """Processes of a name; of a Gateway's or a controller's all proxies: `waypoint/shop/waypoint`."""
        names = self._machine.processes.names()
        found = [word] if word in names else []
        if not found and word.count("/") == _PARTS_OF_A_NAME - 1:
            found = [each for each in names if each.startswith(f"{word}-")]
        if not found:
            raise WorldError(f"no process {word!r} runs", remedy=f"name one of {', '.join(names)}")
        return found

    async def _skew(self, node: str, seconds: float) -> dict[str, str]:
        if not abs(seconds) <= _MOST_SKEW:
            raise UsageError(f"no clock is wrong by {seconds:g} s", remedy="name a year at most")
        name = self._machine.node(node).name
        await self._machine.control_plane.ask("skew", node=name, seconds=seconds)
        what = f"has a clock that is {seconds:+g} s off" if seconds else "has a clock that is right"
        return {"object": f"{PROXY}/{name}", "what": what}

    def _slow(self, word: str, share: float) -> dict[str, str]:
        if not 0 <= share < 1:
            raise UsageError(f"{share:g} is no share of the time", remedy="name one between 0 and 1; 0 for all of it")
        for name in self._named(word):
            self._last("slow", name, self._starved(name, share) if share else None)
        return {"object": word, "what": f"runs {share:.0%} of the time" if share else "runs as usual"}

    def _limit(self, word: str, memory: int) -> dict[str, str]:
        if memory < 0:
            raise UsageError(f"{memory} is no memory", remedy="name bytes; 0 for as much as it takes")
        for name in self._named(word):
            self._last("limit", name, self._bounded(name, memory) if memory else None)
        what = f"is killed above {memory / _MIB:g} MiB" if memory else "may take as much memory as it does"
        return {"object": word, "what": what}

    def _last(self, how: str, name: str, fault: Awaitable[None] | None) -> None:
        """Have something happen to a process from now on, whoever takes its place; or no longer."""
        before = self._lasting.pop((how, name), None)
        if before is not None:
            before.cancel()
        if fault is not None:
            self._lasting[how, name] = asyncio.create_task(_awaited(fault))

    async def _starved(self, name: str, share: float) -> None:
        """It runs for a share of each turn, as behind a limit on CPU that it has used up."""
        signals: Callable[[str, signal.Signals], bool] = self._machine.processes.signal
        try:
            while True:
                signals(name, signal.SIGCONT)
                await asyncio.sleep(_TURN * share)
                signals(name, signal.SIGSTOP)
                await asyncio.sleep(_TURN * (1 - share))
        finally:
            signals(name, signal.SIGCONT)

    async def _bounded(self, name: str, memory: int) -> None:
        """It is killed whenever it takes more, as a container is that has a limit."""
        while True:
            used = self._machine.processes.memory(name)
            if used > memory and self._machine.processes.signal(name, signal.SIGKILL):
                self._machine.say(name, f"was killed: it took more than its limit of {memory / _MIB:g} MiB")
            await asyncio.sleep(_LOOK)


async def _awaited(fault: Awaitable[None]) -> None:
    await fault

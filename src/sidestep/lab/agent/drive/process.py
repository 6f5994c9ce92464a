"""The agent's end of the driving process, which is started when the first pod is to send anything."""

import asyncio
import sys
from collections.abc import Callable

import msgspec

from sidestep.errors import WorldError
from sidestep.lab.agent.drive.messages import Begin, End, Ended, Heard, Order, Rows
from sidestep.lab.agent.messages import Driven

_LINE = 64 * 1024 * 1024
_decode = msgspec.json.Decoder(Heard).decode


class Driving:
    """Load of the node's pods.

    Args:
        tell: hears what became of requests.
    """

    def __init__(self, tell: Callable[[Driven], None]) -> None:
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._ending: dict[str, asyncio.Future[None]] = {}
        self._driven: set[str] = set()
        self._starting = asyncio.Lock()

    async def begin(self, order: Begin) -> None:
        """A pod sends from now on."""
        async with self._starting:
            if self._process is None:
                await self._start()
        self._driven.add(order.uid)
        self._order(order)

    async def end(self, uid: str) -> None:
        """A pod sends no more; returns when nothing of it is on its way."""
        if uid not in self._driven:
            return
        self._driven.discard(uid)
        ended = self._ending[uid] = asyncio.get_running_loop().create_future()
        self._order(End(uid))
        await ended

    def cut(self) -> None:
        """All at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def _order(self, order: Order) -> None:
        if self._process is None or self._process.stdin is None or self._process.returncode is not None:
            raise WorldError("the node's driving process has ended", remedy="see the agent's log")
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sidestep.lab.agent.drive",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE,
        )
        self._hearing = asyncio.create_task(self._hear(self._process))

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout is not None and (line := await process.stdout.readline()):
            match _decode(line):
                case Rows(rows=rows):
                    self._tell(Driven(rows))
                case Ended(uid=uid):
                    self._settle(uid)
        for uid in list(self._ending):
            self._settle(uid)

    def _settle(self, uid: str) -> None:
        ended = self._ending.pop(uid, None)
        if ended is not None and not ended.done():
            ended.set_result(None)

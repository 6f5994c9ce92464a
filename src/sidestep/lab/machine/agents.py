"""The machine's end of the line to a node's agent: commands, and what the agent tells by itself."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import structs

from sidestep.controlplane.private_socket import private_socket
from sidestep.errors import TransportError, WorldError
from sidestep.lab.agent.messages import (
    Command,
    Done,
    Driven,
    Event,
    Failed,
    Hello,
    Load,
    Outcomes,
    Probed,
    Progress,
    Ready,
    Results,
)

_LIMIT = 64 * 1024 * 1024
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode
CommandT = TypeVar("CommandT", bound=Command)
Told = Ready | Probed | Driven


class AgentLine:
    """One node's agent.

    Args:
        path: of the socket on which the machine waits for it.
        told: hears what it tells by itself.
        greeted: called when an agent has come, the first and each after it.
    """

    def __init__(self, path: Path, told: Callable[[Told], None], greeted: Callable[[], None]) -> None:
        self._path, self._told, self._greeted = path, told, greeted
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Done | Outcomes | Results]] = {}
        self._heard: dict[int, Callable[[Progress], None]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._here = asyncio.Event()

    async def listen(self) -> None:
        """Wait for the agent in the background."""
        await asyncio.start_unix_server(self._connected, sock=private_socket(self._path), limit=_LIMIT)

    async def do(
        self, command: Command, seconds: float = 60.0, progress: Callable[[Progress], None] | None = None
    ) -> Done | Outcomes | Results:
        """Have a command carried out; its `id` is chosen here.

        Raises:
            WorldError: the agent says that it failed, and why.
            TransportError: the agent went away, or did not answer in time.
        """
        number = next(self._ids)
        answer: asyncio.Future[Done | Outcomes | Results] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        if progress is not None and isinstance(command, Load):
            self._heard[number] = progress
        try:
            async with asyncio.timeout(seconds):
                await self._here.wait()
                self._send(structs.replace(command, id=number))
                return await answer
        except TimeoutError as error:
            silent = f"the node's agent did not answer within {seconds:g} s"
            raise TransportError(silent, where=self._path.parent.name) from error
        finally:
            self._waiting.pop(number, None)
            self._heard.pop(number, None)

    def _send(self, command: Command) -> None:
        if self._writer is None:
            raise TransportError("the node's agent is gone", where=self._path.parent.name)
        self._writer.write(_encode(command) + b"\n")

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        try:
            while line := await reader.readline():
                self._take(_decode(line))
        except ConnectionError:
            pass
        finally:
            if self._writer is writer:
                self._lost()
            writer.close()

    def _take(self, event: Event) -> None:
        match event:
            case Hello():
                self._here.set()
                self._greeted()
            case Failed(id=number, reason=reason):
                self._settle(number, WorldError(reason))
            case Done(id=number) | Outcomes(id=number) | Results(id=number):
                self._settle(number, event)
            case Progress(id=number):
                if number in self._heard:
                    self._heard[number](event)
            case Ready() | Probed() | Driven():
                self._told(event)

    def _settle(self, number: int, result: Done | Outcomes | Results | Exception) -> None:
        answer = self._waiting.get(number)
        if answer is None or answer.done():
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def _lost(self) -> None:
        self._writer = None
        self._here.clear()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(TransportError("the node's agent ended", where=self._path.parent.name))

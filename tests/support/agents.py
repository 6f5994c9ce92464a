"""An agent as a process of its own, and the machine's end of its line."""

import asyncio
import socket
import sys
import tempfile
from pathlib import Path
from typing import Self

import msgspec
from msgspec import structs

from sidestep.lab.agent.messages import Command, Done, Event, Failed, Hello, Outcome, Outcomes, Pod, Results, Serve
from sidestep.lab.workload.containers import Behaviour, Container, Port, Probe, Protocol

PATIENCE = 60


class AgentProcess:
    """One agent: `async with AgentProcess() as agent`.

    Attributes:
        events: what it told by itself, in order.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._heard = asyncio.Condition()
        self._answers: dict[int, asyncio.Future[Event]] = {}
        self._number = 0

    async def __aenter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        path = str(Path(self._folder.name, "agent.sock"))
        greeted = asyncio.get_running_loop().create_future()

        async def connected(reader, writer):
            self._writer = writer
            greeted.set_result(None)
            decoder = msgspec.json.Decoder(Event)
            while line := await reader.readline():
                await self._take(decoder.decode(line))
            writer.close()

        self._server = await asyncio.start_unix_server(connected, path, limit=1 << 26)
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sidestep.lab.agent", "--node", "node-1", "--socket", path
        )
        await asyncio.wait_for(greeted, PATIENCE)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await asyncio.wait_for(self.process.wait(), PATIENCE)
        self._server.close()
        self._folder.cleanup()

    def begin(self, command: Command) -> tuple[int, "asyncio.Future[Event]"]:
        """Send a command; its number, and what will answer it."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        self._writer.write(msgspec.json.encode(structs.replace(command, id=self._number)) + b"\n")
        return self._number, answer

    def raw(self, line: bytes) -> None:
        """Send what is no command."""
        self._writer.write(line)

    async def do(self, command: Command) -> Event:
        """What a command is answered by."""
        return await asyncio.wait_for(self.begin(command)[1], PATIENCE)

    async def done(self, command: Command) -> None:
        """A command that must succeed."""
        answer = await self.do(command)
        assert isinstance(answer, Done), answer

    async def outcomes(self, command: Command) -> tuple[Outcome, ...]:
        """What became of a call."""
        answer = await self.do(command)
        assert isinstance(answer, Outcomes), answer
        return answer.outcomes

    async def heard(self, test) -> Event:
        """The first event, from the beginning, that a test says yes to."""

        async def find():
            async with self._heard:
                while True:
                    for event in self.events:
                        if test(event):
                            return event
                    await self._heard.wait()

        return await asyncio.wait_for(find(), PATIENCE)

    async def _take(self, event: Event) -> None:
        async with self._heard:
            if isinstance(event, Done | Failed | Outcomes | Results) and event.id in self._answers:
                self._answers.pop(event.id).set_result(event)
            else:
                self.events.append(event)
            self._heard.notify_all()


def hello(agent: AgentProcess) -> Hello:
    """How it greeted."""
    return next(each for each in agent.events if isinstance(each, Hello))


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody has at this moment."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def serve(
    name: str, *ports: tuple[int, Protocol], behaviour: Behaviour | None = None, probes: tuple[Probe, ...] = (), **pod
) -> Serve:
    """A pod of one container on the loopback; its uid is its name."""
    container = Container("app", tuple(Port(*each) for each in ports), behaviour or Behaviour(), probes)
    fields = {"netns": "", "addresses": ("127.0.0.1",), **pod}
    return Serve(0, Pod(name, name, "shop", containers=(container,), **fields))

"""Carries out the machine's commands on one node."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import assert_never

import msgspec

from sidestep.errors import SidestepError, UsageError
from sidestep.lab.agent.client.ask import Client
from sidestep.lab.agent.drive.messages import Begin
from sidestep.lab.agent.drive.process import Driving
from sidestep.lab.agent.load.__main__ import Plan
from sidestep.lab.agent.load.generator import From
from sidestep.lab.agent.messages import (
    Call,
    Cancel,
    Capture,
    Command,
    Done,
    Drive,
    Event,
    Failed,
    Load,
    Names,
    Outcome,
    Outcomes,
    Progress,
    Restart,
    Results,
    Serve,
    ServeDns,
    Stop,
    WriteDown,
)
from sidestep.lab.agent.running import Records, RunningPod
from sidestep.lab.dns.names import DnsConfig
from sidestep.lab.dns.resolver import Resolver
from sidestep.lab.dns.server import CAPTURED_AT, CAPTURED_PORT, CapturedDns, ClusterDns, DnsServer
from sidestep.lab.dns.table import NameTable
from sidestep.lab.machine.scratch import spans_folder
from sidestep.lab.sockets import Network
from sidestep.lab.traces.files import SpanFile

_told = msgspec.json.Decoder(Progress | Results)
_LINE = 64 * 1024 * 1024


class Agent:
    """All that an agent runs.

    Args:
        tell: hears answers and events.
        logs: folder in which containers write down what they answer; None for nowhere.
        node: whose agent it is.
    """

    def __init__(self, tell: Callable[[Event], None], logs: Path | None = None, node: str = "node") -> None:
        self._tell = tell
        self._records = None if logs is None else Records(logs, SpanFile(spans_folder(logs), node))
        self._table = NameTable()
        self._pods: dict[str, RunningPod] = {}
        self._dns: list[DnsServer] = []
        self._loads: dict[int, asyncio.subprocess.Process] = {}
        self._own = Client(Network(), Resolver(Network(), DnsConfig()))
        self._driving = Driving(tell)

    async def do(self, command: Command) -> None:
        """Carry out a command and answer it."""
        try:
            self._tell(await self._done(command))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            self._tell(Failed(command.id, f"{where}{error.strerror or error}"))
        except SidestepError as error:
            self._tell(Failed(command.id, str(error)))
        except Exception as error:
            self._tell(Failed(command.id, f"the agent failed: {type(error).__name__}: {error}; see its log"))
            raise

    async def end(self) -> None:
        """End all at once."""
        for process in self._loads.values():
            process.kill()
        self._driving.cut()
        await asyncio.gather(*(each.end(0) for each in self._pods.values()))
        for server in self._dns:
            server.close()

    async def _done(self, command: Command) -> Event:
        match command:
            case Serve():
                self._serve(command)
            case Restart():
                await self._restart(command)
            case Stop():
                await self._stop(command)
            case Names():
                self._table.apply(command.changed, command.gone)
            case ServeDns():
                await self._serve_dns(command)
            case Capture():
                await self._capture(command)
            case Call():
                return Outcomes(command.id, await self._call(command))
            case Load():
                return await self._load(command)
            case _:
                await self._quietly(command)
        return Done(command.id)

    async def _quietly(self, command: Drive | Cancel | WriteDown) -> None:
        """What has nothing to tell by itself."""
        match command:
            case Drive():
                await self._drive(command)
            case Cancel():
                self._cancel(command)
            case WriteDown():
                if self._records is not None:
                    self._records.spans.write()
            case _:
                assert_never(command)

    def _serve(self, command: Serve) -> None:
        if command.pod.uid in self._pods:
            raise UsageError("the pod runs already", where=_where(command.pod.uid))
        pod = RunningPod(command.pod, self._tell, self._records)
        pod.start()
        self._pods[command.pod.uid] = pod

    async def _restart(self, command: Restart) -> None:
        pod = self._pod(command.uid)
        container = pod.container(command.container)
        if container is None:
            raise UsageError(f"it has no container {command.container}", where=_where(command.uid))
        await container.restart(pod.network)

    async def _drive(self, command: Drive) -> None:
        if command.edges:
            await self._driving.begin(Begin(command.uid, command.edges, self._origin(command.uid)))
        else:
            await self._driving.end(command.uid)

    async def _stop(self, command: Stop) -> None:
        pod = self._pod(command.uid)
        with suppress(TimeoutError):
            async with asyncio.timeout(command.grace):
                await self._driving.end(command.uid)
        await pod.end(command.grace)
        self._pods.pop(command.uid, None)

    async def _serve_dns(self, command: ServeDns) -> None:
        server = DnsServer()
        handler = ClusterDns(self._table, command.domain).handle
        await server.start(Network(command.netns), command.addresses, command.port, handler)
        self._dns.append(server)

    async def _capture(self, command: Capture) -> None:
        pod = self._pod(command.uid)
        pod.release_dns()
        if not command.on:
            return
        dns = CapturedDns(self._table, pod.pod.namespace, pod.network, command.upstream, command.domain)
        server = DnsServer()
        await server.start(pod.network, CAPTURED_AT, CAPTURED_PORT, dns.handle)
        pod.dns = server

    async def _call(self, command: Call) -> tuple[Outcome, ...]:
        client = self._pod(command.uid).client if command.uid else self._own
        if not command.rate:
            return tuple([await client.ask(command.request, fresh=command.fresh) for _ in range(command.count)])
        began = asyncio.get_running_loop().time()

        async def at(number: int) -> Outcome:
            planned = began + number / command.rate
            await asyncio.sleep(planned - asyncio.get_running_loop().time())
            return await client.ask(command.request, fresh=command.fresh, since=planned)

        return tuple(await asyncio.gather(*(at(number) for number in range(command.count))))

    async def _load(self, command: Load) -> Event:
        origins = {each.uid: self._origin(each.uid) for each in command.edges}
        if not command.edges or not all(each.rate > 0 and each.connections > 0 for each in command.edges):
            raise UsageError("a load needs edges, and each a rate and a number of connections above zero")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sidestep.lab.agent.load",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE,
        )
        self._loads[command.id] = process
        try:
            return await self._heard(process, Plan(command, origins))
        finally:
            del self._loads[command.id]
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _heard(self, process: asyncio.subprocess.Process, plan: Plan) -> Event:
        if process.stdin is None or process.stdout is None:
            raise UsageError("the load's process has no pipes")
        process.stdin.write(msgspec.json.encode(plan))
        process.stdin.close()
        while line := await process.stdout.readline():
            event = _told.decode(line)
            if isinstance(event, Results):
                return event
            self._tell(event)
        raise UsageError("the load's process ended before it told its results", remedy="see the agent's log")

    def _cancel(self, command: Cancel) -> None:
        process = self._loads.get(command.load)
        if process is None:
            raise UsageError(f"there is no load {command.load}")
        process.terminate()

    def _origin(self, uid: str) -> From:
        pod = self._pod(uid).pod
        return From(pod.netns, pod.dns)

    def _pod(self, uid: str) -> RunningPod:
        pod = self._pods.get(uid)
        if pod is None:
            raise UsageError("no such pod runs on this node", where=_where(uid))
        return pod


def _where(uid: str) -> str:
    return f"pod {uid}"

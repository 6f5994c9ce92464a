"""One probe, made: what was wrong, in words, or nothing."""

import asyncio
import signal
from collections.abc import Mapping

from sidestep.lab.agent.client.ask import Client
from sidestep.lab.agent.client.dial import Dialler
from sidestep.lab.agent.client.failures import FAILURES, failed
from sidestep.lab.agent.client.target import Target
from sidestep.lab.agent.messages import Request
from sidestep.lab.dns.names import DnsConfig
from sidestep.lab.dns.resolver import Resolver
from sidestep.lab.sockets import Network
from sidestep.lab.workload.containers import Probe

_AGENT = ("user-agent", "kube-probe/sidestep")
_FOUND = range(200, 400)
_NODE = Network()
_SERVING = "\x08\x01"
"""The end of a HealthCheckResponse with status SERVING."""


class Prober:
    """Makes probes of one pod from its node, or from within it.

    Args:
        address: of the pod.
        netns: of the pod, for commands.
        env: of the container, for commands.
        place: where connections are made.
    """

    def __init__(self, address: str, netns: str, env: Mapping[str, str], place: Network = _NODE) -> None:
        self._address, self._netns, self._env = address, netns, env
        self._place, self._resolver = place, Resolver(place, DnsConfig())

    async def attempt(self, probe: Probe) -> str:
        """What was wrong; empty for success. A command is the user's own."""
        try:
            async with asyncio.timeout(probe.timeout):
                if probe.command:
                    return await self._command(probe)
                if probe.grpc:
                    return await self._grpc(probe)
                return await self._http(probe) if probe.path else await self._tcp(probe)
        except TimeoutError:
            return f"no answer within {probe.timeout:g} s"

    async def _http(self, probe: Probe) -> str:
        url = f"{probe.scheme.lower()}://{self._authority(probe)}{probe.path}"
        request = Request(url, headers=(*probe.headers, _AGENT), timeout=probe.timeout)
        outcome = await Client(self._place, self._resolver).ask(request, fresh=True)
        if outcome.code in _FOUND:
            return ""
        return f"{url}: {outcome.kind}" + (f": {outcome.detail}" if outcome.detail else "")

    async def _grpc(self, probe: Probe) -> str:
        url = f"grpc://{self._authority(probe)}/grpc.health.v1.Health/Check"
        request = Request(url, headers=(_AGENT,), body=_health_request(probe.grpc_service), timeout=probe.timeout)
        outcome = await Client(self._place, self._resolver).ask(request, fresh=True)
        if outcome.ok and not outcome.body.endswith(_SERVING):
            return f"{url}: it does not say that it serves"
        return "" if outcome.ok else f"{url}: {outcome.kind}: {outcome.detail}"

    async def _tcp(self, probe: Probe) -> str:
        host = probe.host or self._address
        target = Target("tcp", host, probe.port, "", host)
        dialler = Dialler(self._place, self._resolver)
        try:
            await dialler.connect(target, _Closing)
        except FAILURES as error:
            return f"{self._authority(probe)}: {failed(error).kind}: {error}"
        return ""

    async def _command(self, probe: Probe) -> str:
        entered = ("nsenter", f"--net={self._netns}", "--") if self._netns else ()
        try:
            process = await asyncio.create_subprocess_exec(
                *entered,
                *probe.command,
                env=dict(self._env) or None,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            return f"{probe.command[0]}: {error.strerror}"
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
        return f"{probe.command[0]} ended with code {code}" if code else ""

    def _authority(self, probe: Probe) -> str:
        host = probe.host or self._address
        return f"[{host}]:{probe.port}" if ":" in host else f"{host}:{probe.port}"


def _health_request(service: str) -> str:
    """HealthCheckRequest in a frame of gRPC: field 1, the service; a name is shorter than 128 bytes."""
    field = f"\x0a{chr(len(service))}{service}" if service else ""
    return f"\0\0\0\0{chr(len(field))}{field}"


class _Closing(asyncio.Protocol):
    """A connection that is closed as soon as it is open."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()

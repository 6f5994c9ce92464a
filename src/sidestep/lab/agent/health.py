"""What Istio's agent answers beside a sidecar: probes of the node, made on towards the application past the proxy.

The node has no certificate of the mesh, so injected pods have their probes led here (pilot/cmd/pilot-agent/status).
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from sidestep.lab.agent.probes.attempt import Prober
from sidestep.lab.sockets import Network
from sidestep.lab.workload.containers import Probe
from sidestep.lab.workload.servers.ports import bound_socket

_PATIENCE = 10.0
_MOST = 64 * 1024
_WORDS = {200: "OK", 404: "Not Found", 500: "Internal Server Error"}


class HealthServer:
    """Answers at one port of a pod.

    Args:
        network: of the pod.
        port: at which it listens.
        probes: what is to be asked for each path.
        prober: makes them from within the pod.
    """

    def __init__(self, network: Network, port: int, probes: Mapping[str, Probe], prober: Prober) -> None:
        self._probes, self._prober = probes, prober
        self._socket = bound_socket(network, port)
        self._server: asyncio.Server | None = None
        self._starting = asyncio.create_task(self._start())

    def close(self) -> None:
        """Answer no more."""
        self._starting.cancel()
        if self._server is not None:
            self._server.close()
        self._socket.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._connected, sock=self._socket, limit=_MOST)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                code, said = await self._answer(reader)
                head = f"HTTP/1.1 {code} {_WORDS[code]}\r\ncontent-length: {len(said)}\r\nconnection: close\r\n\r\n"
                writer.write(head.encode() + said)
                await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # who asked is gone, or never asked
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = await reader.readuntil(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
        probe = self._probes.get(words[1].partition("?")[0]) if len(words) > 1 else None
        if probe is None:
            return 404, b"no probe was led here\n"
        problem = await self._prober.attempt(probe)
        return (500, problem.encode()) if problem else (200, b"")

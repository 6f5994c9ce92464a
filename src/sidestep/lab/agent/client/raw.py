"""Bytes as a client: what is sent must come back; one request at a time on a connection, which is kept."""

import asyncio

from sidestep.lab.agent.client.connection import Connection
from sidestep.lab.agent.client.failures import AlteredError, ClosedError
from sidestep.lab.agent.client.http1 import Answered
from sidestep.lab.agent.client.streams import PAYLOAD
from sidestep.lab.agent.client.target import Target
from sidestep.lab.agent.messages import Request
from sidestep.lab.workload.exchange import BODY_KEPT


class RawClient(Connection):
    """One connection.

    Args:
        greeted: the server says something before it is asked, in one line; its second word is its pod.
    """

    def __init__(self, *, greeted: bool = False) -> None:
        super().__init__()
        self._greeted, self._greeting = greeted, b""
        self._received = bytearray()
        self._came: asyncio.Future[None] | None = None
        self._over: Exception | None = None

    async def ask(self, request: Request, target: Target) -> Answered:
        """Send bytes, and wait until as many came back.

        Raises:
            OSError: the connection broke.
            ClosedError: it was closed before all came back.
            AlteredError: others came back.
        """
        del target
        self.began = False
        sent = (request.body or PAYLOAD).encode()
        try:
            if self._greeted and not self._greeting:
                self._greeting = await self._line()
            self._transport.write(sent)
            while len(self._received) < len(sent):
                await self._more()
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        body = bytes(self._received)
        self._received.clear()
        if body != sent:
            self.close()
            raise AlteredError("other bytes came back than were sent")
        words = self._greeting.decode(errors="replace").split()
        pod = words[1] if len(words) > 1 else ""
        return Answered(-1, (), (self._greeting + body)[:BODY_KEPT], self._at, pod)

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        return self._over is None and not self._received and not self._transport.is_closing()

    def close(self) -> None:
        """End it in order."""
        self._transport.close()

    retire = close

    def data_received(self, data: bytes) -> None:
        """asyncio's: bytes came."""
        super().data_received(data)
        self._received += data
        self._wake()

    def eof_received(self) -> None:
        """asyncio's: the server sends no more."""
        self._end(ClosedError("the server closed the connection before it answered"))

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's: it is closed."""
        self._end(exc or ClosedError("the connection was closed before the answer was complete"))

    async def _line(self) -> bytes:
        while (end := self._received.find(b"\n")) < 0:
            await self._more()
        line = bytes(self._received[: end + 1])
        del self._received[: end + 1]
        return line

    async def _more(self) -> None:
        """Wait until something comes."""
        if self._over is not None:
            raise self._over
        self._came = self._loop.create_future()
        await self._came

    def _end(self, error: Exception) -> None:
        self._over = self._over or error
        self._wake()

    def _wake(self) -> None:
        if self._came is not None and not self._came.done():
            self._came.set_result(None)

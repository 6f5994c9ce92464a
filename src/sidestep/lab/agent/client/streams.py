"""Requests that are neither HTTP nor bytes there and back: DNS, and streams for whoever speaks another protocol."""

import asyncio
from typing import Self

import dns.message
import dns.rcode

from sidestep.lab.agent.client.dial import Dialler
from sidestep.lab.agent.client.failures import ClosedError
from sidestep.lab.agent.client.target import Target
from sidestep.lab.agent.messages import Outcome, Request
from sidestep.lab.dns.exchange import Upstream
from sidestep.lab.dns.resolver import NameNotFoundError
from sidestep.lab.sockets import address_text
from sidestep.lab.workload.exchange import BODY_KEPT

PAYLOAD = "sidestep"


class Stream:
    """A connection as a pair of streams."""

    def __init__(self, dialler: Dialler, target: Target) -> None:
        self._dialler, self._target = dialler, target

    async def __aenter__(self) -> Self:
        self.reader = asyncio.StreamReader()
        protocol = await self._dialler.connect(self._target, lambda: _Kept(self.reader))
        self.transport = protocol.kept
        self.remote = address_text(self.transport.get_extra_info("peername"))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.transport.close()

    async def read(self) -> bytes:
        """What comes next.

        Raises:
            ClosedError: nothing comes any more.
        """
        data = await self.reader.read(BODY_KEPT)
        if not data:
            raise ClosedError("the server closed the connection before it answered")
        return data


class _Kept(asyncio.StreamReaderProtocol):
    """A stream's protocol whose transport can be reached."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.kept: asyncio.Transport = transport  # type: ignore[assignment]


async def ask_dns(dialler: Dialler, request: Request, target: Target) -> Outcome:
    """Ask a server (the URL's host) for a name (its path); the method is the kind of record, GET means A."""
    kind = "A" if request.method == "GET" else request.method
    query = dns.message.make_query(target.path.strip("/") + ".", kind)
    answer = await Upstream(dialler.network, target.host, target.port).ask(query)
    code = answer.rcode()
    if code != dns.rcode.NOERROR:
        raise NameNotFoundError(f"{target.path.strip('/')}: {dns.rcode.to_text(code)}")
    records = "\n".join(each.to_text() for each in answer.answer)
    return Outcome(ok=True, kind="ok", code=int(code), remote=target.authority, body=records)

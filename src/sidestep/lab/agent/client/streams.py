"""Requests that are no HTTP: TCP, a server that speaks first, websockets, DNS."""

import asyncio
from typing import Self

import dns.message
import dns.rcode
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, TextMessage
from wsproto.events import Request as Upgrade

from sidestep.lab.agent.client.dial import Dialler
from sidestep.lab.agent.client.failures import ClosedError
from sidestep.lab.agent.client.target import Target
from sidestep.lab.agent.messages import Outcome, Request
from sidestep.lab.dns.exchange import Upstream
from sidestep.lab.dns.resolver import NameNotFoundError
from sidestep.lab.sockets import address_text
from sidestep.lab.workload.exchange import BODY_KEPT, POD_HEADER

_PAYLOAD = "sidestep"


class _Stream:
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


async def ask_tcp(dialler: Dialler, request: Request, target: Target) -> Outcome:
    """Send bytes and wait until as many came back; of a server that speaks first, wait for its greeting before."""
    async with _Stream(dialler, target) as stream:
        greeting = b""
        if target.scheme == "tcp-first":
            while not greeting.endswith(b"\n"):
                greeting += await stream.read()
        sent = (request.body or _PAYLOAD).encode()
        stream.transport.write(sent)
        received = bytearray()
        while len(received) < len(sent):
            received += await stream.read()
        same = bytes(received) == sent
        words = greeting.decode(errors="replace").split()
        return Outcome(
            ok=same,
            kind="ok" if same else "protocol",
            detail="" if same else "other bytes came back than were sent",
            remote=stream.remote,
            pod=words[1] if len(words) > 1 else "",
            body=(greeting + received)[:BODY_KEPT].decode(errors="replace"),
        )


async def ask_websocket(dialler: Dialler, request: Request, target: Target) -> Outcome:
    """Upgrade, send a message, wait for it to come back, say goodbye."""
    async with _Stream(dialler, target) as stream:
        parser = WSConnection(ConnectionType.CLIENT)
        given = [(name.encode(), value.encode()) for name, value in request.headers]
        stream.transport.write(parser.send(Upgrade(target.authority, target.path, extra_headers=given)))
        pod, text = "", ""
        while True:
            parser.receive_data(await stream.read())
            for event in parser.events():
                if isinstance(event, AcceptConnection):
                    pod = next(
                        (value.decode() for name, value in event.extra_headers if name == POD_HEADER.encode()), ""
                    )
                    stream.transport.write(parser.send(TextMessage(request.body or _PAYLOAD)))
                elif isinstance(event, RejectConnection):
                    code = event.status_code
                    return Outcome(ok=False, kind=f"http-{code}", code=code, remote=stream.remote, pod=pod)
                elif isinstance(event, CloseConnection):
                    raise ClosedError(f"the server closed the websocket with code {event.code}")
                elif isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        stream.transport.write(parser.send(CloseConnection(1000)))
                        return Outcome(ok=True, kind="ok", code=101, remote=stream.remote, pod=pod, body=text)


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

"""Many requests over few connections: PROXY protocol for the addresses, TLS for the identity, HTTP/1.1 kept alive.

A connection is chosen by what cannot change on it (`Peer`); everything else is a request on it (`Ask`).
"""

import base64
import hashlib
import hmac
import json
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tests.support.envoy import Envoy

TOKEN_HEADER, METHOD_HEADER, PATH_HEADER = "x-sidestep-token", "x-sidestep-method", "x-sidestep-path"
METADATA_HEADER = "x-sidestep-metadata"
TOKEN_KEY = b"a key that everybody may know, for tests only"

_THREADS, _TIMEOUT = 4, 20
_WORD = b"sidestep asks"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_WIRE_PATH = re.compile(r"/[\x21-\x7e\x80-\xff]*")


@dataclass(frozen=True)
class Peer:
    """What a connection fixes.

    Attributes:
        uri: in the client's certificate; None for TLS without one.
        source, destination, port: what the PROXY protocol tells.
        sni: server name; empty for none.
        plain: no TLS at all; neither URI nor server name then.
        bound: loopback address that the socket itself comes from.
    """

    uri: str | None = None
    source: str = "10.1.1.1"
    destination: str = "10.2.2.2"
    port: int = 8080
    sni: str = ""
    plain: bool = False
    bound: str = "127.0.0.1"


@dataclass(frozen=True)
class Ask:
    """One request.

    A method or a path that no HTTP/1.1 client could send is put in place behind the codec, before the policies.

    Attributes:
        authority: the Host header.
        headers: more headers, in order.
        claims: of a token that is signed for the request, as JSON; None for no token.
        forwarded: the whole X-Forwarded-For header; empty for none.
        metadata: dynamic metadata `envoy.filters.a.b` → `c`; empty for none.
    """

    method: str = "GET"
    path: str = "/"
    authority: str = "example.com"
    headers: tuple[tuple[str, str], ...] = ()
    claims: str | None = None
    forwarded: str = ""
    metadata: str = ""

    def wire(self) -> bytes:
        """The request as bytes."""
        method, path, extra = self.method, self.path, []
        if not _TOKEN.fullmatch(method) or method == "CONNECT":
            method, extra = "GET", [(METHOD_HEADER, method)]
        if not _WIRE_PATH.fullmatch(path):
            path, extra = "/", [*extra, (PATH_HEADER, path)]
        extra += [("x-forwarded-for", self.forwarded)] if self.forwarded else []
        extra += [(TOKEN_HEADER, token(self.claims))] if self.claims is not None else []
        extra += [(METADATA_HEADER, self.metadata)] if self.metadata else []
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.authority}"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *extra)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass(frozen=True)
class Answer:
    """Status and headers (by lower-case name) of an answer."""

    status: int
    headers: Mapping[str, str]


@lru_cache(maxsize=65536)
def token(claims: str) -> str:
    """A signed token with these claims (JSON)."""
    parts = [_part(b'{"alg":"HS256","typ":"JWT","kid":"test"}'), _part(claims.encode())]
    signature = hmac.digest(TOKEN_KEY, ".".join(parts).encode(), hashlib.sha256)
    return ".".join([*parts, _part(signature)])


def key_set() -> str:
    """What the tokens are checked with."""
    key = {"kty": "oct", "alg": "HS256", "kid": "test", "k": _part(TOKEN_KEY)}
    return json.dumps({"keys": [key]})


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def answers(envoy: Envoy, listener: str, work: Mapping[Peer, Sequence[Ask]]) -> dict[Peer, list[Answer]]:
    """The answer to every request, in the order of the requests, one connection for each peer."""
    peers = list(work)
    with ThreadPoolExecutor(_THREADS) as threads:
        found = threads.map(lambda peer: _asked(envoy, listener, peer, work[peer]), peers)
        return dict(zip(peers, found, strict=True))


def comes_through(envoy: Envoy, listener: str, peers: Iterable[Peer]) -> dict[Peer, bool]:
    """Whether what is sent through a TCP listener comes back from the echo behind it."""
    several = list(peers)
    with ThreadPoolExecutor(_THREADS) as threads:
        found = threads.map(lambda peer: _echoed(envoy, listener, peer), several)
        return dict(zip(several, found, strict=True))


def _asked(envoy: Envoy, listener: str, peer: Peer, asks: Sequence[Ask]) -> list[Answer]:
    """All requests of one connection; where Envoy closes it after an answer, the rest goes over a new one."""
    found: list[Answer] = []
    while len(found) < len(asks):
        with connected(envoy, listener, peer) as connection:
            before = len(found)
            found.extend(_over(connection, asks[before:]))
            if len(found) == before:
                message = f"no answer to {asks[before]} from {peer}"
                raise AssertionError(message)
    return found


def _over(connection: socket.socket, asks: Sequence[Ask]) -> Iterator[Answer]:
    """Answers until the connection ends or all is asked, one after the other: Envoy stalls on a third in flight."""
    for ask in asks:
        try:
            connection.sendall(ask.wire())
        except OSError:
            return
        answer = _next(connection, with_body=ask.method != "HEAD")
        if answer is None:
            return
        yield answer
        if answer.headers.get("connection") == "close":
            return


def _next(connection: socket.socket, *, with_body: bool) -> Answer | None:
    """One answer; None when the connection ended first."""
    buffer = b""
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        more = _received(connection)
        if not more:
            return None
        buffer += more
    answer = _head(buffer[:end].decode("latin-1"))
    left = end + 4 + int(answer.headers.get("content-length", "0")) - len(buffer) if with_body else 0
    while left > 0:
        more = _received(connection)
        if not more:
            return None
        left -= len(more)
    return answer


def _head(text: str) -> Answer:
    first, *lines = text.split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Answer(int(first.split(" ", 2)[1]), {name.lower(): value.strip(" ") for name, _, value in pairs})


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(262144)
    except (ConnectionError, BrokenPipeError):
        return b""


def _echoed(envoy: Envoy, listener: str, peer: Peer) -> bool:
    with connected(envoy, listener, peer) as connection:
        try:
            connection.sendall(_WORD)
        except OSError:
            return False
        return _received(connection) == _WORD


def connected(envoy: Envoy, listener: str, peer: Peer) -> socket.socket:
    """A connection that says it comes from the peer."""
    server = ("127.0.0.1", envoy.ports[listener])
    connection = socket.create_connection(server, _TIMEOUT, (peer.bound, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(f"PROXY {_family(peer)} {peer.source} {peer.destination} 40000 {peer.port}\r\n".encode())
    if peer.plain:
        return connection
    context = envoy.identities.client(peer.uri)
    return context.wrap_socket(connection, server_hostname=peer.sni.encode() if peer.sni else None)


def _family(peer: Peer) -> str:
    return "TCP6" if ":" in peer.source else "TCP4"


def claims_of(**claims: Any) -> str:
    """Claims as `Ask` takes them."""
    return json.dumps(claims)

"""What may be asked at the ports of services: one request for each class that a prover tells apart in either mesh."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from sidestep.lab.workload.containers import Protocol
from sidestep.lab.workload.declared.ports import spoken
from sidestep.prove.classes import Line, classes
from sidestep.prove.expressions import Undecidable
from sidestep.prove.languages import METHODS
from sidestep.prove.ways import Ways
from sidestep.rehearse.question import Carried, Manner
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Http, Tcp
from sidestep.semantics.service_index import Port, Service

_BUDGET = 2_000
_GRPC_PATH = "/sidestep.Rehearsal/Ask"


class Payload(Struct, frozen=True, order=True):
    """What is asked, whoever asks.

    Attributes:
        manner: how.
        method: of HTTP.
        path: of HTTP.
        headers: of HTTP.
        carried: the token of HTTP.
    """

    manner: Manner
    method: str = ""
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    carried: Carried = Carried()


class Payloads:
    """What may be asked.

    Args:
        before: the mesh as it is.
        after: as it is to become.
    """

    def __init__(self, before: MeshIndex, after: MeshIndex) -> None:
        self._indexes = (before, after)
        self._ways = Ways(before, after)
        self.left_out = 0
        """Requests that a lab cannot send: to other hosts, by methods that no proxy reads, with tokens of no issuer."""
        self.undecidable = 0
        """Ports at which no finite choice stands for all."""

    def at(self, service: Service) -> dict[int, list[Payload]]:
        """By port, the plainest first; at least one each."""
        ports = {port.number: _Served(port, greets=self._greets(service, port)) for port in service.ports}
        found: dict[int, dict[Payload, None]] = {number: {_plain(port): None} for number, port in ports.items()}
        for way in self._ways.to(service):
            if way.to == service.host and way.port in ports:
                line = Line(way.client, way.to, way.port, way.protocol)
                found[way.port] |= dict.fromkeys(self._of(line, ports[way.port]))
        return {number: list(payloads) for number, payloads in found.items()}

    def _greets(self, service: Service, port: Port) -> bool:
        """Whether the lab's workloads say something there before they are asked, as a MySQL server does."""
        numbers = {
            port.target if isinstance(port.target, int) else pods.container_ports.get(port.target, 0)
            for pods in self._indexes[0].behind(service)
        }
        return any(spoken(port.written, number) is Protocol.TCP_FIRST for number in numbers)

    def _of(self, line: Line, port: "_Served") -> Iterator[Payload]:
        try:
            asked = [request.payload for request in classes(self._indexes, line, _BUDGET)]
        except Undecidable:
            self.undecidable += 1
            return
        for payload in asked:
            sent = _sendable(payload, port)
            if sent is None:
                self.left_out += 1
            else:
                yield sent


class _Served(NamedTuple):
    """A port, and whether servers speak first there."""

    port: Port
    greets: bool


def _plain(served: _Served) -> Payload:
    found = _sendable(Http() if served.port.protocol is not Declared.TCP else Tcp(), served)
    return found or _bytes(served)


def _bytes(served: _Served) -> Payload:
    return Payload(Manner.GREETED if served.greets else Manner.TCP)


def _sendable(payload: Http | Tcp, served: _Served) -> Payload | None:
    """As a lab sends it; None where it cannot."""
    match payload:
        case Tcp(sni=""):
            return _bytes(served)
        case Http(authority="", method=method) if _issued(payload.token) and method in METHODS and not served.greets:
            grpc = payload.grpc or served.port.written == "grpc"
            path = _GRPC_PATH if grpc and payload.path == "/" else payload.path
            if not path.startswith("/") or (grpc and path.count("/") != 2):
                return None
            manner = Manner.GRPC if grpc else Manner.HTTP
            headers = tuple(sorted(payload.headers.items()))
            return Payload(manner, "POST" if grpc else method, path, headers, Carried.of(payload.token))
        case _:
            return None


def _issued(token: Token) -> bool:
    """Whether there is such a token: it names who issued it, and nobody's subject is anything but a text."""
    named = isinstance(token.claims.get("iss"), str) and isinstance(token.claims.get("sub", ""), str)
    return token.state is TokenState.NONE or named

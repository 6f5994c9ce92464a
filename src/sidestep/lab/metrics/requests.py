"""What a pod's proxy writes of a request, as `controlplane.generators.http.telemetry.counted` has it written."""

import re
from collections.abc import Iterator

import msgspec
from msgspec import Struct

_END = re.compile(r"(\[[0-9a-fA-F:.]+\]|[0-9.]+):(\d+)/?$")
_CLUSTER_PARTS = 4
_GRPC = re.compile(r"application/grpc(\+|$)")
_STATUS_OF_TRAILERS = 17
"""How many statuses gRPC has: Envoy tells -1 where there is none."""


class Request(Struct, frozen=True):
    """One line.

    Attributes:
        reporter: `source`, `destination` or `waypoint`.
        source: address and port of the client.
        identity: that it showed.
        tunnelled: that the one showed who opened the tunnel in which it came.
        local: address and port that it dialled.
        authority: that it asked for.
        cluster: to which the request went, as Istio names it.
        route: that it took, by its name.
        upstream: endpoint to which it went.
        server: identity that it showed.
        code: of the answer; 0 for none.
        grpc: status of gRPC.
        type: of the request's body.
        flags: what went wrong, in Envoy's letters.
        received: bytes of the request; of HTTP with headers.
        sent: bytes of the answer; likewise.
        duration: milliseconds.
        messages: of gRPC, how many were sent by the client and by the server.
        message: of a connection whose bytes are copied: at which moment of it; None for a request.
        id: tells such a connection from others that are open at the same time.
    """

    reporter: str
    source: str | None = None
    identity: str | None = None
    tunnelled: str | None = None
    local: str | None = None
    authority: str | None = None
    cluster: str | None = None
    route: str | None = None
    upstream: str | None = None
    server: str | None = None
    code: int | None = None
    grpc: int | None = None
    type: str | None = None
    flags: str | None = None
    received: int = 0
    sent: int = 0
    duration: int | None = None
    messages: str | None = None
    message: str | None = None
    id: str | int | None = None

    @property
    def peer(self) -> str:
        """Identity of who came in."""
        return self.identity or self.tunnelled or ""

    @property
    def protocol(self) -> str:
        """As metrics call it."""
        return "tcp" if self.message else "grpc" if self.is_grpc else "http"

    @property
    def client(self) -> str:
        """Its address."""
        return end(self.source)[0]

    @property
    def endpoint(self) -> str:
        """Address of who answered."""
        return end(self.upstream)[0]

    @property
    def service(self) -> str:
        """Host name of the service that was asked, where the cluster says it."""
        parts = (self.cluster or "").split("|")
        return parts[3] if len(parts) == _CLUSTER_PARTS else ""

    @property
    def host(self) -> str:
        """Of the authority, without a port."""
        return re.sub(r":\d+$", "", self.authority or "")

    @property
    def port(self) -> int:
        """That was dialled."""
        return end(self.local)[1]

    @property
    def status_of_grpc(self) -> str:
        """The status; empty for what is no gRPC."""
        told = self.grpc is not None and 0 <= self.grpc < _STATUS_OF_TRAILERS
        return str(self.grpc) if told and self.is_grpc else ""

    @property
    def is_grpc(self) -> bool:
        """Whether it is one of gRPC."""
        return _GRPC.match(self.type or "") is not None

    @property
    def counted_messages(self) -> tuple[int, int] | None:
        """How many messages were sent by client and server; None where nobody counted."""
        asked, _, answered = (self.messages or "").partition(",")
        return (int(asked), int(answered)) if asked.isdigit() and answered.isdigit() else None

    def names(self) -> Iterator[str]:
        """Everything that must be found to count it."""
        yield from filter(None, (self.client, self.endpoint, self.service, self.host))


decode = msgspec.json.Decoder(Request).decode


def end(text: str | None) -> tuple[str, int]:
    """Address and port at the end of a text: of a listener within the proxy its name stands in front."""
    found = _END.search(text or "")
    return (found[1].strip("[]"), int(found[2])) if found else ("", 0)

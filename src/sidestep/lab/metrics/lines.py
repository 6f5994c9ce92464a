"""What a node's proxy writes of a connection, as `controlplane.generators.node.telemetry` has it written."""

import re

import msgspec
from msgspec import Struct, field

OPENED = frozenset({"TcpUpstreamConnected", "DownstreamTunnelSuccessfullyEstablished"})
ENDED = frozenset({"TcpConnectionEnd", "DownstreamEnd"})
TUNNEL_PORT = ":15008"
_HOST = re.compile(r';host="?([^";]+)')


class Line(Struct, frozen=True):
    """One line.

    Attributes:
        message: at which moment of the connection it was written.
        uid: workload that the proxy acts for.
        direction: as that workload sees it.
        id: tells a connection from others that are open at the same time.
        source: address and port of the client.
        destination: of the one that was dialled: the tunnel's, where there is one.
        asked: where the client, or its tunnel, wanted to go.
        peer: key of the server's workload, where its client's proxy writes.
        identity: that a tunnel's client showed.
        forwarded: what a tunnel's client says of itself.
        status: answer to a CONNECT.
        sent: bytes of the server.
        received: bytes of the client.
        flags: what went wrong, in Envoy's letters.
        error: in words.
    """

    message: str
    uid: str
    direction: str
    id: str | int | None = None
    source: str | None = field(default=None, name="src.addr")
    destination: str | None = field(default=None, name="dst.addr")
    asked: str | None = field(default=None, name="dst.hbone_addr")
    peer: str | None = field(default=None, name="dst.workload")
    identity: str | None = field(default=None, name="src.identity")
    forwarded: str | None = None
    status: int | None = None
    sent: int = field(default=0, name="bytes_sent")
    received: int = field(default=0, name="bytes_recv")
    flags: str | None = field(default=None, name="response_flags")
    error: str | None = None

    @property
    def outbound(self) -> bool:
        """Whether the workload is the client."""
        return self.direction == "outbound"

    @property
    def tunnelled(self) -> bool:
        """Whether both ends proved who they are."""
        return (self.destination or "").endswith(TUNNEL_PORT)

    @property
    def host(self) -> str:
        """The service that a tunnel's client says it dialled."""
        found = _HOST.search(self.forwarded or "")
        return found[1] if found else ""

    @property
    def names(self) -> tuple[str, str, str]:
        """By what to find the workload, the other end, and what was dialled."""
        if self.outbound:
            return self.uid, self.peer or "", address(self.asked)
        return self.uid, address(self.source), ""

    @property
    def port(self) -> int:
        """Of the server."""
        digits = (self.asked or self.destination or "").rpartition(":")[2]
        return int(digits) if digits.isdigit() else 0


decode = msgspec.json.Decoder(Line).decode


def address(end: str | None) -> str:
    """The address of one end, without its port."""
    return (end or "").rpartition(":")[0].strip("[]")

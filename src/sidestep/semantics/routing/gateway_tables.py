"""Everything that a gateway may do with what comes in at a port, for who writes it down for a proxy."""

from msgspec import Struct

from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.reach import Reach
from sidestep.semantics.routing.rule import HttpEntry, StreamEntry
from sidestep.semantics.routing.servers import Server


class GatewayHost(Struct, frozen=True):
    """One name.

    Attributes:
        name: may open with a star.
        entries: rules in the order in which they are tried, each from where it is read.
        to_https: plain requests are told to come back by HTTPS.
    """

    name: str
    entries: tuple[tuple[HttpEntry, Vantage], ...] = ()
    to_https: bool = False


class GatewayStreams(Struct, frozen=True):
    """Connections in which no HTTP is read.

    Attributes:
        server: the listener that takes them.
        entries: rules in order, each from where it is read.
    """

    server: Server
    entries: tuple[tuple[StreamEntry, Vantage], ...]


class GatewayTable(Struct, frozen=True):
    """One port of one Gateway.

    Attributes:
        port: as its listeners name it.
        servers: its listeners.
        hosts: of requests.
        streams: of connections.
        reach: what destinations there are.
    """

    port: int
    servers: tuple[Server, ...]
    hosts: tuple[GatewayHost, ...]
    streams: tuple[GatewayStreams, ...]
    reach: Reach

"""A service graph: who calls whom, by what that was seen, and how sure both ends were of each other."""

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from sidestep.lab.graph.sightings import Layer


class Mesh(StrEnum):
    """How an application is in the mesh."""

    SIDECAR = "sidecar"
    AMBIENT = "ambient"
    WAYPOINT = "waypoint"
    GATEWAY = "gateway"
    NONE = "none"
    OUTSIDE = "outside"
    """It is not in the cluster, or nobody knows it."""


class Security(StrEnum):
    """Of all that was seen of an edge, on each part of its way."""

    MTLS = "mTLS"
    PLAIN = "plain"
    PARTLY = "partly mTLS"
    UNKNOWN = "unknown"


class Node(Struct, frozen=True, order=True, rename="camel"):
    """An application.

    Attributes:
        namespace: empty for what is outside.
        name: of its canonical service, or a host.
        mesh: how it is in the mesh; of pods of several kinds, all of them.
    """

    namespace: str
    name: str
    mesh: tuple[Mesh, ...]


class Report(Struct, frozen=True, order=True, rename="camel"):
    """What one kind of observer told of an edge.

    Attributes:
        layer: what it sees.
        reporter: `source`, `destination`, `waypoint` or `application`.
        count: connections of layer 4, else requests.
        failed: of them.
        secured: both ends of its part of the way proved who they are; None where it cannot know.
        towards: the waypoint, where it saw the way to that.
        behind: the waypoint, where it saw the way on from that; whose connections that carries, it cannot know.
    """

    layer: Layer
    reporter: str
    count: int
    failed: int = 0
    secured: bool | None = None
    towards: str = ""
    behind: str = ""


class Edge(Struct, frozen=True, rename="camel"):
    """Calls from one application to another.

    Attributes:
        client: who calls: `namespace/name`.
        server: who is called.
        seen: by what, lowest first.
        security: of its whole way, as far as it was seen.
        through: waypoints on its way.
        requests: that proxies counted, as whoever saw most did; None where none reads them.
        failed: of them, or of connections where no requests were read.
        connections: that were opened; None where nobody counts them.
        calls: that applications told of; None where they tell nothing.
        calls_failed: of them.
        reports: all that was told.
    """

    client: str
    server: str
    seen: tuple[Layer, ...]
    security: Security
    through: tuple[str, ...] = ()
    requests: int | None = None
    failed: int = 0
    connections: int | None = None
    calls: int | None = None
    calls_failed: int = 0
    reports: tuple[Report, ...] = ()


class ServiceGraph(Struct, frozen=True, rename="camel"):
    """Everything that was seen.

    Attributes:
        nodes: in order.
        edges: in order.
        holes: sentences on what was seen at one side of a waypoint only.
        seconds: over how long; 0 for all of the lab's time.
    """

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    holes: tuple[str, ...] = ()
    seconds: float = 0.0
    api_version: Literal["sidestep.dev/v1"] = "sidestep.dev/v1"
    kind: Literal["ServiceGraph"] = "ServiceGraph"

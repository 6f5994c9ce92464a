"""Destinations of connections, and who dials them: what clusters are made from."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.controlplane.records import Locality, ServiceKey
from sidestep.model.metadata import ObjectId


class Speaks(StrEnum):
    """What goes over connections to a destination."""

    BYTES = "bytes"
    HTTP1 = "http1"
    HTTP2 = "http2"
    AS_CLIENT = "as the client"
    """Undeclared: bytes, or the version of HTTP that the client speaks."""


class Discovery(StrEnum):
    """How endpoints are found."""

    RECORDS = "records"
    DNS = "dns"
    LOGICAL_DNS = "logical dns"
    DIALLED = "dialled"
    """The address that the client dialled."""


class Dialler(Struct, frozen=True):
    """The proxy that dials.

    Attributes:
        identity: `spiffe://…` of its own.
        locality: where it runs.
        node: likewise.
        trust_domains: others than its own whose members it accepts as servers.
        tunnels: it sends HBONE to who takes it.
        mutual: it sends mutual TLS to sidecars, as sidecars and gateways do; a waypoint does not.
        labels: of its pod.
        asks_waypoints: it passes the waypoint of services that say so, as gateways do.
        resolvers: addresses of DNS servers; none for those of the machine.
        system_roots: file with roots that servers outside of the mesh are verified by; empty for no verification.
    """

    identity: str
    locality: Locality = Locality()
    node: str = ""
    trust_domains: tuple[str, ...] = ()
    tunnels: bool = True
    mutual: bool = True
    asks_waypoints: bool = False
    labels: Mapping[str, str] = {}
    resolvers: tuple[str, ...] = ()
    system_roots: str = ""


class Destination(Struct, frozen=True):
    """A destination.

    Attributes:
        name: of the cluster.
        host: full name of the service.
        service: key of its record.
        port: of the service.
        speaks: what goes over its connections.
        settings: the `trafficPolicy` in force for the port and subset.
        of: the DestinationRule that says it.
        labels: that endpoints carry, for a subset.
        identities: whom endpoints may prove to be.
        discovery: how endpoints are found.
        resolved: names and ports to resolve, for those found by DNS.
        mutual: every endpoint takes mutual TLS: what a sidecar goes by where it does not know which it dials.
        external: it is said to be outside of the mesh, so that nobody is sent mutual TLS unasked.
        places: what the mesh configuration says of places (`localityLbSetting`), where nothing nearer does.
    """

    name: str
    host: str
    service: ServiceKey
    port: int
    speaks: Speaks = Speaks.HTTP1
    settings: Mapping[str, Any] = {}
    of: ObjectId | None = None
    labels: Mapping[str, str] = {}
    identities: tuple[str, ...] = ()
    discovery: Discovery = Discovery.RECORDS
    resolved: tuple[tuple[str, int], ...] = ()
    mutual: bool = False
    external: bool = False
    places: Mapping[str, Any] = {}

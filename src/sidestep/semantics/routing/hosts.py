"""Hosts, as routing knows them: Services and ServiceEntries by full name, and who dials them.

Source: pkg/config/host (how wildcards meet), pkg/config/protocol, pilot/pkg/model/config.go (short names).
"""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from ipaddress import ip_address

from msgspec import Struct

from sidestep.model.metadata import Labels

MESH = "mesh"
"""The gateway that stands for all sidecars and waypoints."""
DOMAIN = "cluster.local"
_HTTP = frozenset({"http", "http2", "grpc", "grpc-web", "http_proxy"})
_TLS = frozenset({"https", "tls"})
_STREAM = frozenset({"tcp", "mongo", "redis", "mysql", *_TLS})
_SILENT = "udp"


class HostPort(Struct, frozen=True):
    """A port of a Service or ServiceEntry.

    Attributes:
        number: as dialled.
        name: as declared; its prefix tells gRPC and TLS apart where the protocol says no more than HTTP or TCP.
        protocol: as Istio reads the declaration: `HTTP`, `HTTP2`, `GRPC`, `TCP`, `TLS`, `HTTPS`, `UDP` … in any case;
            anything else is undeclared, and sniffed.
    """

    number: int
    name: str = ""
    protocol: str = ""

    @property
    def is_http(self) -> bool:
        """Whether it is declared to speak HTTP."""
        return self.protocol.lower() in _HTTP

    @property
    def is_sniffed(self) -> bool:
        """Whether nothing is declared, so that proxies look at what flows."""
        return not self.is_http and self.protocol.lower() not in _STREAM and self.protocol.lower() != _SILENT

    @property
    def may_be_http(self) -> bool:
        """Whether proxies route HTTP on it."""
        return self.is_http or self.is_sniffed

    @property
    def is_tls(self) -> bool:
        """Whether clients speak TLS of their own, routed by server name."""
        protocol = self.protocol.lower()
        return protocol in _TLS or (protocol == "tcp" and self.name.lower().partition("-")[0] in _TLS)

    @property
    def is_grpc(self) -> bool:
        """Whether it is declared to speak gRPC."""
        protocol = self.protocol.lower()
        return protocol.startswith("grpc") or (protocol == "http" and self.name.lower().startswith("grpc"))


class Host(Struct, frozen=True, dict=True):
    """A service, as routing needs it.

    Attributes:
        name: full host name: `reviews.shop.svc.cluster.local`, or a host of a ServiceEntry.
        namespace: of the Service or ServiceEntry.
        kind: `Service` or `ServiceEntry`.
        object_name: of the Service or ServiceEntry.
        export_to: namespaces that see it, as written; empty for the mesh's default.
        ports: that it declares.
        headless: clients dial its pods, whose names lie below the host's.
    """

    name: str
    namespace: str
    kind: str
    object_name: str
    export_to: tuple[str, ...] = ()
    ports: tuple[HostPort, ...] = ()
    headless: bool = False

    @cached_property
    def _by_number(self) -> Mapping[int, HostPort]:
        return {port.number: port for port in reversed(self.ports)}

    def port(self, number: int) -> HostPort | None:
        """The port of a number; None when it declares none."""
        return self._by_number.get(number)

    def speaks_http(self, number: int) -> bool:
        """Whether it has a port of that number on which HTTP is routed."""
        port = self._by_number.get(number)
        return port is not None and port.may_be_http


class Client(Struct, frozen=True, gc=False):
    """Who sends a request.

    Attributes:
        namespace: of its pod.
        labels: of its pod.
        gateway: `mesh` for a sidecar, `namespace/name` of a Gateway for gateways.
    """

    namespace: str
    labels: Labels
    gateway: str = MESH


def is_wildcard(name: str) -> bool:
    """Whether a host opens with a star."""
    return name.startswith("*")


def within(name: str, pattern: str) -> bool:
    """Whether everything that a host covers is covered by a pattern."""
    if not is_wildcard(pattern):
        return name == pattern
    if is_wildcard(name):
        return len(name) >= len(pattern) and name[1:].endswith(pattern[1:])
    return name.endswith(pattern[1:])


def overlap(one: str, other: str) -> bool:
    """Whether two hosts meet, either of which may open with a star."""
    return within(one, other) or within(other, one)


def full_name(written: str, namespace: str, domain: str = DOMAIN) -> str:
    """What a host means in an object of a namespace: a name without dots is a Service of that namespace."""
    if not written or written == "*" or "." in written or is_address(written):
        return written
    return f"{written}.{namespace}.svc.{domain}"


def service_host(name: str, namespace: str, domain: str = DOMAIN) -> str:
    """Full name of a Service."""
    return f"{name}.{namespace}.svc.{domain}"


def namespace_of(host: str) -> str:
    """The namespace in the full name of a Service, whether there is one of that name; empty for other hosts."""
    name, *rest = host.split(".")
    return rest[0] if name and len(rest) > 1 and rest[1] == "svc" else ""


@lru_cache(maxsize=65_536)
def is_address(text: str) -> bool:
    """Whether a host is written as an address."""
    if ":" not in text and not (text[:1].isdigit() and text[-1:].isdigit()):
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def bare_authority(authority: str) -> str:
    """An authority without its port, in lower case."""
    lowered = authority.lower()
    if lowered.startswith("["):
        return lowered[1:].partition("]")[0]
    head, colon, tail = lowered.rpartition(":")
    return head if colon and tail.isdigit() and ":" not in head else lowered

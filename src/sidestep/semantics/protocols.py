"""What a port speaks: as declared, or as Istio has to find out.

Source: istio-semantics.md §3.4 and §5.3 (pkg/config/protocol, pkg/config/kube): `appProtocol` wins over the name's
prefix, and a few well-known ports are never sniffed.
"""

from enum import StrEnum

_HTTP = frozenset({"http", "http2", "grpc", "grpc-web", "http_proxy"})
_TCP = frozenset({"tcp", "https", "tls", "mongo", "mysql", "redis"})
_KUBERNETES = {
    "kubernetes.io/h2c": "http2",
    "kubernetes.io/ws": "http",
    "kubernetes.io/wss": "https",
}
_WELL_KNOWN = frozenset({25, 53, 3306, 27017})
"""SMTP, DNS, MySQL and MongoDB: TCP where nothing is declared, because sniffing would break them."""


class Declared(StrEnum):
    """How a proxy treats a port."""

    HTTP = "HTTP"
    TCP = "TCP"
    UDP = "UDP"
    UNDECLARED = "undeclared"


def protocol_name(port: int, name: str, app_protocol: str, transport: str = "TCP") -> str:
    """The protocol that a Service's port declares, in lower case; empty where it declares none that Istio knows."""
    if transport == "UDP":
        return "udp"
    lowered = (app_protocol or name).lower()
    lowered = _KUBERNETES.get(lowered, lowered) if app_protocol else lowered
    written = "grpc-web" if lowered.startswith("grpc-web") else lowered.partition("-")[0]
    if written in _HTTP or written in _TCP:
        return written
    return "tcp" if port in _WELL_KNOWN else ""


def treated_as(protocol: str) -> Declared:
    """How a proxy treats a port of a protocol."""
    if protocol == "udp":
        return Declared.UDP
    if protocol in _HTTP:
        return Declared.HTTP
    return Declared.TCP if protocol in _TCP else Declared.UNDECLARED


def declared_protocol(port: int, name: str, app_protocol: str, transport: str = "TCP") -> Declared:
    """How a proxy treats a Service's port, by its declaration."""
    return treated_as(protocol_name(port, name, app_protocol, transport))

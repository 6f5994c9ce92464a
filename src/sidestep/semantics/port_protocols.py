"""Which protocol a Service's port declares, and what happens where it declares none.

Source: istio-semantics.md §6.1 (m), D55; pkg/config/kube/conversion.go: a few ports are taken for TCP by their number,
because their servers speak first and would wait for ever on a proxy that waits for the client.
"""

from sidestep.model.views.core import ServicePort

_NAMES = frozenset(
    {"http", "http2", "https", "grpc", "grpc-web", "tcp", "udp", "tls", "mongo", "redis", "mysql", "http_proxy"}
)
_STANDARD = frozenset({"kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"})
_TCP_BY_NUMBER = frozenset({25, 53, 3306, 27017})
_SERVER_FIRST = frozenset({21, 22, 25, 110, 143, 587, 3306, 5900})
"""FTP, SSH, SMTP, POP3, IMAP, submission, MySQL, VNC."""


def is_declared(port: ServicePort) -> bool:
    """Whether Istio knows a port's protocol without looking at what flows: by its appProtocol, or else by its name."""
    if port.protocol != "TCP" or port.port in _TCP_BY_NUMBER:
        return True
    written = port.app_protocol or port.name
    lowered = written.lower()
    return written in _STANDARD or lowered.startswith("grpc-web") or lowered.partition("-")[0] in _NAMES


def speaks_first(port: ServicePort) -> bool:
    """Whether the server behind a port is known to speak first, by the number of either side."""
    return port.port in _SERVER_FIRST or port.target_port in _SERVER_FIRST

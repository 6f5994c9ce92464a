"""Which protocol a Service's port declares, and what happens where it declares none.

Source: istio-semantics.md §6.1 (m), D55; pkg/config/kube/conversion.go: a few ports are taken for TCP by their number,
because their servers speak first and would wait for ever on a proxy that waits for the client.
"""

from sidestep.model.views.core import ServicePort
from sidestep.semantics.protocols import Declared, declared_protocol

_SERVER_FIRST = frozenset({21, 22, 25, 110, 143, 587, 3306, 5900})
"""FTP, SSH, SMTP, POP3, IMAP, submission, MySQL, VNC."""


def is_declared(port: ServicePort) -> bool:
    """Whether Istio knows a port's protocol without looking at what flows; of other transports it never looks."""
    if port.protocol != "TCP":
        return True
    return declared_protocol(port.port, port.name, port.app_protocol) is not Declared.UNDECLARED


def speaks_first(port: ServicePort) -> bool:
    """Whether the server behind a port is known to speak first, by the number of either side."""
    return port.port in _SERVER_FIRST or port.target_port in _SERVER_FIRST

"""What a sidecar's redirection takes of a pod's connections: the injector's defaults and what annotations change.

Source: istio-semantics.md §1.5; tools/istio-iptables/pkg/capture/run.go for the order in which rules count.
"""

from ipaddress import ip_network

from msgspec import Struct

from sidestep.model.metadata import Labels
from sidestep.semantics.authorization.matchers import is_cidr
from sidestep.semantics.authorization.values import port_number
from sidestep.semantics.proxies import INTERCEPTION

PREFIX = "traffic.sidecar.istio.io/"
OF_THE_PROXY = frozenset({15020, 15021, 15090})
"""The proxy's metrics, its health, and both with those of the application: what comes in there is never redirected."""
_ALL = "*"


class Redirection(Struct, frozen=True):
    """What is redirected.

    Attributes:
        intercepts: whether anything is (not so with interceptionMode NONE).
        inbound: ports of which what comes in is; None for all.
        not_inbound: ports that are left alone; none where those that are taken are named.
        outbound: networks that connections must go to; None for all.
        not_outbound: networks that are left alone.
        outbound_ports: ports to which connections are taken wherever they go.
        not_outbound_ports: ports that are left alone, before anything else is asked.
        unread: annotations whose values are none, as `name=value`; they count as if they were not there.
    """

    intercepts: bool = True
    inbound: frozenset[int] | None = None
    not_inbound: frozenset[int] = frozenset()
    outbound: tuple[str, ...] | None = None
    not_outbound: tuple[str, ...] = ()
    outbound_ports: frozenset[int] = frozenset()
    not_outbound_ports: frozenset[int] = frozenset()
    unread: tuple[str, ...] = ()

    def takes_from(self, port: int) -> bool:
        """Whether what comes in to a port is redirected."""
        return self.intercepts and port not in self.not_inbound and (self.inbound is None or port in self.inbound)

    def leaves_port(self, port: int) -> bool:
        """Whether connections to a port elsewhere are left alone, wherever they go."""
        return not self.intercepts or port in self.not_outbound_ports


def redirection(annotations: Labels) -> Redirection:
    """What annotations of a pod with a sidecar leave to be redirected."""
    read = _Read(annotations)
    inbound, not_inbound = read.ports_or_all("includeInboundPorts"), read.ports("excludeInboundPorts")
    return Redirection(
        annotations.get(INTERCEPTION) != "NONE",
        inbound,
        not_inbound if inbound is None else frozenset(),
        read.networks_or_all("includeOutboundIPRanges"),
        read.networks("excludeOutboundIPRanges"),
        read.ports("includeOutboundPorts"),
        read.ports("excludeOutboundPorts"),
        tuple(read.unread),
    )


class _Read:
    """Annotations as values, and those that are none."""

    def __init__(self, annotations: Labels) -> None:
        self._annotations = annotations
        self.unread: list[str] = []

    def ports_or_all(self, name: str) -> frozenset[int] | None:
        return None if self._is_all(name) else self.ports(name)

    def networks_or_all(self, name: str) -> tuple[str, ...] | None:
        return None if self._is_all(name) else self.networks(name)

    def ports(self, name: str) -> frozenset[int]:
        found = [(each, port_number(each)) for each in self._parts(name)]
        self.unread += [f"{PREFIX}{name}={each}" for each, number in found if number is None]
        return frozenset(number for _, number in found if number is not None)

    def networks(self, name: str) -> tuple[str, ...]:
        found = []
        for each in self._parts(name):
            if is_cidr(each):
                found.append(str(ip_network(each, strict=False)))
            else:
                self.unread.append(f"{PREFIX}{name}={each}")
        return tuple(found)

    def _is_all(self, name: str) -> bool:
        """Left out is all; written and empty is nothing."""
        return self._annotations.get(PREFIX + name, _ALL).strip() == _ALL

    def _parts(self, name: str) -> list[str]:
        written = self._annotations.get(PREFIX + name, "")
        return [part.strip() for part in written.split(",") if part.strip()]

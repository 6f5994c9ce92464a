"""All route objects of a mesh, found by host, in the order in which proxies prefer them.

Source: pilot/pkg/model/push_context.go (initVirtualServices, VirtualServicesForGateway) and virtualservice.go
(SelectVirtualServices): private to the namespace, then exported to it, then public; within each the oldest first, but
Gateway API routes of the client's own namespace before the rest.
"""

from collections.abc import Iterable

from sidestep.semantics.routing.by_host import ByHost
from sidestep.semantics.routing.exports import PUBLIC
from sidestep.semantics.routing.hosts import MESH
from sidestep.semantics.routing.rule import Bound
from sidestep.semantics.versions import IstioVersion

Rank = tuple[int, int, tuple[str, str, str]]
_PRIVATE, _EXPORTED, _PUBLIC = range(3)


class Bounds:
    """Route objects by host and by gateway."""

    def __init__(self, bounds: Iterable[Bound], version: IstioVersion) -> None:
        self._version = version
        self._meshed: ByHost[Bound] = ByHost()
        self._by_gateway: dict[str, list[Bound]] = {}
        self._silent: dict[str, bool] = {}
        self._names: dict[str, None] = {}
        self.unreadable = ""
        self.all = tuple(sorted(bounds, key=lambda each: each.order))
        for bound in self.all:
            self.unreadable = self.unreadable or bound.broken
            for gateway in bound.gateways - {MESH}:
                self._by_gateway.setdefault(gateway, []).append(bound)
            if MESH in bound.gateways:
                for host in dict.fromkeys(bound.hosts):
                    self._meshed.add(host, bound)
                    self._names[host] = None

    def rank(self, bound: Bound, namespace: str, *, sidecar: bool) -> Rank | None:
        """How proxies of a namespace prefer an object, the lowest first; None where they do not see it."""
        exported = bound.exported
        own_route = bound.of_gateway_api and bound.namespace == namespace
        if PUBLIC in exported:
            preferred = own_route and (not sidecar or self._version.since(1, 24))
            return _PUBLIC, int(not preferred), bound.order
        if namespace not in exported:
            return None
        if bound.namespace != namespace:
            return _EXPORTED, 1, bound.order
        return _PRIVATE, int(not (own_route and sidecar and self._version.since(1, 24))), bound.order

    def ranked(self, bounds: Iterable[Bound], namespace: str, *, sidecar: bool) -> list[Bound]:
        """Those that proxies of a namespace see, in their order."""
        found: dict[Rank, Bound] = {}
        for bound in bounds:
            rank = self.rank(bound, namespace, sidecar=sidecar)
            if rank is not None:
                found[rank] = bound
        return [found[rank] for rank in sorted(found)]

    def ranked_apart(self, host: str) -> frozenset[str]:
        """Namespaces whose proxies may see other objects about a host than proxies elsewhere, or in another order."""
        found: set[str] = set()
        for bound in self._meshed.meeting(host):
            found |= bound.exported
            if bound.of_gateway_api:
                found.add(bound.namespace)
        return frozenset(found)

    def names(self) -> Iterable[str]:
        """Hosts of all meshed objects."""
        return self._names

    def naming(self, host: str) -> list[Bound]:
        """Meshed objects with exactly this host."""
        return self._meshed.exact(host)

    def covering(self, host: str) -> Iterable[tuple[str, list[Bound]]]:
        """Meshed objects with a wildcard that covers a host, the longest wildcard first."""
        return self._meshed.covering(host)

    def meeting(self, host: str) -> Iterable[Bound]:
        """Meshed objects with any host that overlaps."""
        return self._meshed.meeting(host)

    def silent(self, host: str) -> bool:
        """Whether no meshed object has a host that overlaps."""
        if host not in self._silent:
            self._silent[host] = next(iter(self.meeting(host)), None) is None
        return self._silent[host]

    @property
    def names_gateways(self) -> bool:
        """Whether any object names one."""
        return bool(self._by_gateway)

    def at_gateway(self, gateway: str) -> list[Bound]:
        """Objects that name a gateway."""
        return self._by_gateway.get(gateway, [])

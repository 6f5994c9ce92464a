"""Destinations that a proxy's routes lead to, kept while routes are written: each becomes a cluster."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from sidestep.controlplane.generators.http.destinations import Destination, Discovery
from sidestep.controlplane.generators.http.endpoints import identities
from sidestep.controlplane.generators.http.targets import destination
from sidestep.controlplane.generators.http.upstreams import Upstream, outside_name
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import ProxyRole, ServiceKey
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.routing.hosts import Client
from sidestep.semantics.routing.reach import Reach
from sidestep.semantics.routing.rule import Target


class Reached:
    """All that was led to so far.

    Args:
        index: all records.
        mesh: what the configuration means.
        client: whose proxy it is.
        pins: what is sent to a headless Service goes to the address that was dialled.
    """

    def __init__(self, index: Index, mesh: MeshIndex, client: Client, *, pins: bool) -> None:
        self._index, self._mesh, self._client, self._pins = index, mesh, client, pins
        self.destinations: dict[str, Destination] = {}
        self.outside: dict[str, Upstream] = {}

    def cluster(self, target: Target, port: int, reach: Reach) -> str | None:
        """Name of the cluster of a destination from a port; None where there is none."""
        found = destination(self._mesh, target, port, reach)
        if found is None:
            return None
        if found.name not in self.destinations:
            self.destinations[found.name] = self._whole(found)
        return found.name

    def settings(self, target: Target, port: int, reach: Reach) -> Mapping[str, Any]:
        """What DestinationRules ask of connections to a destination."""
        found = destination(self._mesh, target, port, reach)
        return found.settings if found is not None else {}

    def asked(self, upstream: Upstream) -> str:
        """The cluster by which the proxy itself asks somebody: of the mesh where it is known there."""
        name = None
        if not upstream.tls:
            reach = self._mesh.routing.reach(self._client)
            name = self.cluster(Target(upstream.host, upstream.port), upstream.port, reach)
        if name is None:
            name = outside_name(upstream)
            self.outside[name] = upstream
        return name

    def _whole(self, found: Destination) -> Destination:
        service = self._mesh.services.by_host[found.host]
        record = self._index.services.get(found.service)
        if service.external_name:
            meant = self._mesh.services.named(service.external_name, service.namespace)
            if meant is None:
                resolved = ((service.external_name, found.port),)
                return replace(found, discovery=Discovery.DNS, resolved=resolved)
            return replace(
                found,
                service=f"{meant.namespace}/{meant.host}",
                settings={**found.settings, "tls": {"mode": "DISABLE"}},
            )
        if record is not None:
            found = replace(found, identities=identities(self._index, record))
        if self._pins and service.headless:
            return replace(found, discovery=Discovery.DIALLED, mutual=self._all_take_mutual(found.service))
        return found

    def _all_take_mutual(self, service: ServiceKey) -> bool:
        """Whether every endpoint has a sidecar, and no PeerAuthentication above their own says DISABLE."""
        pods = list(self._index.endpoints(service))
        if not pods or any(each.proxy is not ProxyRole.SIDECAR for each in pods):
            return False
        known = (self._index.live.instances(each.namespace, each.name) for each in pods)
        return all(each is not None and self._mesh.peer_levels(each).admits_mutual for each in known)

"""What the proxies of replicas are told alike: where they may go, and how; it is made once for all of them."""

from typing import NamedTuple

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from sidestep.controlplane.generators.http.clusters import cluster
from sidestep.controlplane.generators.http.hbone import tunnel_cluster
from sidestep.controlplane.generators.http.remarks import Remark
from sidestep.controlplane.generators.http.upstreams import outside_cluster
from sidestep.controlplane.generators.sidecar import outbound, routes
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.controlplane.generators.sidecar.reached import Reached


class Kin(NamedTuple):
    """Pods of one kin go the same ways as the same somebody, and write of it alike."""

    namespace: str
    labels: frozenset[tuple[str, str]]
    identity: str
    service: str
    tunnels: bool


def kin_of(pod: Pod) -> Kin:
    """A pod's."""
    labels = frozenset(pod.instances.labels.items())
    return Kin(pod.workload.namespace, labels, pod.dialler.identity, pod.service, pod.dialler.tunnels)


class Alike:
    """Of one kin, for as long as nothing changes.

    Args:
        pod: any of them.
    """

    def __init__(self, pod: Pod) -> None:
        self.reached = Reached(pod.index, pod.mesh, pod.client, pins=pod.pins)
        self._outward: tuple[list[Listener], list[RouteConfiguration]] | None = None
        self._clusters: dict[str, Cluster] = {}
        self._remarks: list[Remark] = []

    def outward(self, pod: Pod) -> tuple[list[Listener], list[RouteConfiguration]]:
        """Listeners and routes of what applications send."""
        if self._outward is None:
            tables = list(pod.mesh.routing.sidecar_tables(pod.client))
            listeners = list(outbound.listeners(pod, tables, self.reached))
            self._outward = listeners, list(routes.configurations(pod, tables, self.reached))
        return self._outward

    def clusters(self, pod: Pod, remarks: list[Remark]) -> list[Cluster]:
        """Of all that was reached, once everything else is told."""
        for name, to in self.reached.destinations.items():
            if name not in self._clusters:
                self._clusters[name] = cluster(to, pod.dialler, self._remarks)
        for name, asked in self.reached.outside.items():
            if name not in self._clusters:
                self._clusters[name] = outside_cluster(asked, pod.dialler.resolvers)
        remarks += self._remarks
        return [tunnel_cluster(pod.dialler), *self._clusters.values()]

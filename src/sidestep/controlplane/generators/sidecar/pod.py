"""A pod with a sidecar, as everything that is told to it is made from."""

from functools import cached_property

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from msgspec import Struct

from sidestep.controlplane.generators.http.destinations import Dialler
from sidestep.controlplane.generators.http.telemetry import Reporter, Watched, counted_bytes, watched
from sidestep.controlplane.generators.http.upstreams import ClusterFor
from sidestep.controlplane.generators.sidecar.settings import Settings
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import ProxyRole, Workload, identity_of, proxy_name
from sidestep.semantics.authentication.peers import Mtls, effective
from sidestep.semantics.extension_providers import Authorizer
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.routing.hosts import Client
from sidestep.semantics.telemetry import CLIENT, SERVER


class Pod(Struct, frozen=True, dict=True):
    """One pod.

    Attributes:
        index: all records.
        workload: the pod's.
        instances: the pod as meaning is asked about it.
        settings: of all proxies of its role.
    """

    index: Index
    workload: Workload
    instances: Instances
    settings: Settings

    @cached_property
    def mesh(self) -> MeshIndex:
        """What the configuration means."""
        return self.index.mesh()

    @property
    def name(self) -> str:
        """Of its proxy."""
        return proxy_name(self.workload)

    @property
    def service(self) -> str:
        """By which telemetry calls it."""
        return f"{self.workload.canonical_name or self.workload.name}.{self.workload.namespace}"

    @cached_property
    def client(self) -> Client:
        """As routing knows it."""
        return Client(self.instances.namespace, self.instances.labels)

    @cached_property
    def dialler(self) -> Dialler:
        """As who is dialled knows it."""
        gateway = self.workload.proxy is ProxyRole.GATEWAY
        return Dialler(
            identity_of(self.workload),
            self.workload.locality,
            self.workload.node,
            self.settings.trust_domains,
            tunnels=gateway or self.instances.hbone,
            asks_waypoints=gateway and self.mesh.settings.version.since(1, 24),
            labels=self.instances.labels,
            resolvers=self.settings.resolvers,
            system_roots=self.settings.system_roots,
        )

    @property
    def pins(self) -> bool:
        """Whether what is sent to a headless Service goes to the address that was dialled: gateways choose a pod."""
        return self.workload.proxy is ProxyRole.SIDECAR and self.mesh.settings.pins_headless

    @property
    def authorizers(self) -> dict[str, Authorizer]:
        """That may be asked."""
        return self.mesh.authorizers

    @property
    def named_authorizers(self) -> tuple[Authorizer, ...]:
        """That the mesh configuration names: a list of filters that changes cuts connections."""
        return tuple(self.mesh.settings.authorizers.values())

    @property
    def several(self) -> bool:
        """Whether several authorizers may be asked."""
        return self.mesh.settings.several_authorizers

    def logs(self, reporter: Reporter) -> list[AccessLog]:
        """What is written of connections whose bytes are copied."""
        return [counted_bytes(reporter)] if self.settings.metrics else []

    def watched(self, reporter: Reporter, cluster: ClusterFor) -> Watched:
        """What is written and told of requests."""
        side = SERVER if reporter is Reporter.DESTINATION else CLIENT
        observed = self.mesh.telemetries.of(side, self.instances.namespace, self.instances.labels)
        return watched(observed, reporter, self.service, cluster, metrics=self.settings.metrics)

    def takes_mutual(self, workload: Workload, port: int) -> bool:
        """Whether a workload's port is sent mutual TLS."""
        return takes_mutual(self.index, workload, port)


def takes_mutual(index: Index, workload: Workload, port: int) -> bool:
    """Whether a workload has a sidecar that captures, and no PeerAuthentication says DISABLE for its port."""
    if workload.proxy is not ProxyRole.SIDECAR:
        return False
    instances = index.live.instances(workload.namespace, workload.name)
    if instances is None or not instances.captures:
        return instances is None
    return effective(index.mesh().peer_levels(instances), port).mode is not Mtls.DISABLE

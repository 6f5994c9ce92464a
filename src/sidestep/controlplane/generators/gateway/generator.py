"""What ingress and egress gateways are told: a unit for each pod, endpoints and certificates for who asks."""

from collections.abc import Iterable, Iterator

from envoy.config.route.v3.route_pb2 import RouteConfiguration
from google.protobuf.message import Message

from sidestep.controlplane.generators import (
    CLUSTER,
    EXTENSION,
    LISTENER,
    ROUTES,
    SECRET,
    Resource,
    about_configuration,
)
from sidestep.controlplane.generators.gateway.credentials import credential
from sidestep.controlplane.generators.gateway.listeners import Port, listener, ports, references
from sidestep.controlplane.generators.gateway.routes import configurations
from sidestep.controlplane.generators.http.authorization import JWT_FILTER
from sidestep.controlplane.generators.http.hbone import tunnels
from sidestep.controlplane.generators.http.remarks import Remark
from sidestep.controlplane.generators.http.tls import AUTHORITY
from sidestep.controlplane.generators.http.tokens import authentication
from sidestep.controlplane.generators.node.messages import extension
from sidestep.controlplane.generators.sidecar import outbound, service_ports
from sidestep.controlplane.generators.sidecar.alike import Alike
from sidestep.controlplane.generators.sidecar.generator import PodGenerator
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.controlplane.generators.sidecar.reached import Reached
from sidestep.controlplane.generators.sidecar.settings import Settings
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import ProxyRole
from sidestep.controlplane.registry.objects import SECRETS, Ref


class GatewayGenerator(PodGenerator):
    """Everything about ingress and egress gateways.

    Args:
        settings: of all of them.
    """

    role = ProxyRole.GATEWAY

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._credentials: dict[str, frozenset[str]] = {}

    def on_demand(self, index: Index, type_url: str, name: str, proxy: str) -> Resource | None:
        """Endpoints, and the certificates that a gateway's listeners name."""
        if type_url != SECRET:
            return super().on_demand(index, type_url, name, proxy)
        if name.removesuffix(AUTHORITY) not in self._credentials.get(proxy, ()):
            return None
        found = credential(name, lambda space, own: index.live.secrets.get(Ref(SECRETS, space, own)))
        if found is None:
            return None
        return Resource(SECRET, name, found, proxy, frozenset({about_configuration()}), asked=True)

    def told(self, pod: Pod, alike: Alike, _remarks: list[Remark]) -> Iterator[tuple[str, str, Message]]:
        """Listeners and routes."""
        found, reached = ports(pod), alike.reached
        self._credentials[pod.name] = frozenset(references(pod, found))
        listeners = [each for port in found if (each := listener(pod, port, reached)).filter_chains]
        known = authentication([pod.mesh.sidecar_request_policies(pod.instances)], reached.asked)
        yield EXTENSION, JWT_FILTER, extension(JWT_FILTER, known)
        for made in (*listeners, *service_ports.listeners(), tunnels()):
            yield LISTENER, made.name, made
        for routes in _routes(pod, found, reached):
            yield ROUTES, routes.name, routes
        for cluster in outbound.clusters():
            yield CLUSTER, cluster.name, cluster


def _routes(pod: Pod, found: Iterable[Port], reached: Reached) -> Iterator[RouteConfiguration]:
    for port in found:
        yield from configurations(pod, port, reached)

"""Routes of a gateway's ports, from the tables of `semantics.routing.gateway_tables`."""

from collections.abc import Iterator

from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from sidestep.controlplane.generators.gateway.listeners import Port
from sidestep.controlplane.generators.http.authorization import Place
from sidestep.controlplane.generators.http.filters import Enforced, enforced
from sidestep.controlplane.generators.http.routes import not_found
from sidestep.controlplane.generators.http.routes import routes as routed
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.controlplane.generators.sidecar.reached import Reached
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.routing.gateway_tables import GatewayHost, GatewayTable
from sidestep.semantics.routing.rule import Target

_ALL = "*"


def configurations(pod: Pod, port: Port, reached: Reached) -> Iterator[RouteConfiguration]:
    """What becomes of requests to a port, within TLS and without; policies are asked of all."""
    policies = pod.mesh.sidecar_policies(pod.instances, Chain.HTTP)
    what = Enforced(policies, pod.mesh.sidecar_request_policies(pod.instances))
    asked = enforced(what, Place.SIDECAR, pod.authorizers, several=pod.several)
    for tls in (False, True):
        if port.reads(tls=tls):
            yield RouteConfiguration(
                name=port.routes(tls=tls),
                virtual_hosts=list(_hosts(port, reached, tls=tls)),
                ignore_port_in_host_matching=True,
                validate_clusters={"value": False},
                typed_per_filter_config=asked,
            )


def _hosts(port: Port, reached: Reached, *, tls: bool) -> Iterator[VirtualHost]:
    """Each name once: of several Gateways the first that has it answers."""
    names: set[str] = set()
    for gateway, table in port.tables:
        for host in table.hosts:
            if host.name not in names:
                names.add(host.name)
                yield _host(gateway, table, host, reached, tls=tls)
    if _ALL not in names:
        yield VirtualHost(name="not-found", domains=[_ALL], routes=[not_found()])


def _host(gateway: str, table: GatewayTable, host: GatewayHost, reached: Reached, *, tls: bool) -> VirtualHost:
    found = VirtualHost(name=f"{gateway}|{host.name}:{table.port}", domains=[host.name])
    if host.to_https and not tls:
        found.require_tls = VirtualHost.TlsRequirementType.ALL
    found.routes.extend(_routes(table, host, reached))
    found.routes.append(not_found())
    return found


def _routes(table: GatewayTable, host: GatewayHost, reached: Reached) -> Iterator[Route]:
    def cluster(target: Target) -> str | None:
        return reached.cluster(target, table.port, table.reach)

    def settings(target: Target) -> dict[str, object]:
        return dict(reached.settings(target, table.port, table.reach))

    for entry, vantage in host.entries:
        yield from routed((entry,), vantage, cluster, table.reach.retries, settings)

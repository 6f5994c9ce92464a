"""Routes of what a pod sends, from the tables of `semantics.routing.sidecar_tables`.

Source: pilot/pkg/networking/core/httproute.go. A name that nobody answers goes where it was dialled, or is refused.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from ipaddress import ip_address

from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from sidestep.controlplane.generators.http.actions import BLACKHOLE
from sidestep.controlplane.generators.http.hashing import hashed_by
from sidestep.controlplane.generators.http.names import PASSTHROUGH
from sidestep.controlplane.generators.http.retries import retry_policy
from sidestep.controlplane.generators.http.routes import routes as routed
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.controlplane.generators.sidecar.reached import Reached
from sidestep.semantics.routing.defaults import ALLOW_ANY
from sidestep.semantics.routing.rule import Target
from sidestep.semantics.routing.sidecar_tables import SidecarTable
from sidestep.semantics.routing.sidecar_tables import VirtualHost as Names

_ALL = "*"
_REFUSED = 502


def own_routes_name(host: str, port: int) -> str:
    """Name of the routes of one service alone, whose port declares nothing."""
    return f"{host}:{port}"


def configurations(pod: Pod, tables: Iterable[SidecarTable], reached: Reached) -> Iterator[RouteConfiguration]:
    """All routes."""
    for table in tables:
        if table.http is not None:
            yield _configuration(str(table.port), [*_hosts(pod, table, reached), *_unknown(pod)])
        for each in table.dialled:
            if each.http is not None:
                name = own_routes_name(each.service.name, table.port)
                yield _configuration(name, [_host(table, each.http, [_ALL], reached)])


def _configuration(name: str, hosts: Iterable[VirtualHost]) -> RouteConfiguration:
    taken: set[str] = set()
    kept = []
    for host in hosts:
        free = [each for each in dict.fromkeys(host.domains) if each not in taken]
        taken |= set(free)
        if free:
            del host.domains[:]
            host.domains.extend(free)
            kept.append(host)
    return RouteConfiguration(
        name=name,
        virtual_hosts=kept,
        ignore_port_in_host_matching=True,
        validate_clusters={"value": False},
    )


def _hosts(pod: Pod, table: SidecarTable, reached: Reached) -> Iterator[VirtualHost]:
    for names in table.http or ():
        yield _host(table, names, [*names.names, *_addresses(pod, names)], reached)


def _addresses(pod: Pod, names: Names) -> Iterator[str]:
    service = pod.mesh.services.by_host.get(names.service.name) if names.service is not None else None
    for vip in service.vips if service is not None else ():
        if "/" not in vip:
            yield f"[{vip}]" if ip_address(vip).version == 6 else vip


def _host(table: SidecarTable, names: Names, domains: list[str], reached: Reached) -> VirtualHost:
    def cluster(target: Target) -> str | None:
        return reached.cluster(target, table.port, table.reach)

    def settings(target: Target) -> dict[str, object]:
        return dict(reached.settings(target, table.port, table.reach))

    name = names.service.name if names.service is not None else names.names[0]
    found = VirtualHost(name=f"{name}:{table.port}", domains=domains)
    if names.entries is not None:
        found.routes.extend(routed(names.entries, table.vantage, cluster, table.reach.retries, settings))
    elif names.service is not None:
        found.routes.append(_default(table, Target(names.service.name), reached))
    return found


def _default(table: SidecarTable, target: Target, reached: Reached) -> Route:
    """To the service itself."""
    name = reached.cluster(target, table.port, table.reach) or BLACKHOLE
    found = Route(name="default", match={"prefix": "/"}, route={"cluster": name, "timeout": timedelta(0)})
    if table.reach.unrouted.attempts:
        found.route.retry_policy.CopyFrom(retry_policy(table.reach.unrouted))
    spread = hashed_by(reached.settings(target, table.port, table.reach))
    if spread is not None:
        found.route.hash_policy.append(spread)
    return found


def _unknown(pod: Pod) -> Iterator[VirtualHost]:
    """Names that nobody answers."""
    policy, _ = pod.mesh.routing.outbound_policy(pod.client)
    if not policy.startswith(ALLOW_ANY):
        refused = {"name": "block_all", "match": {"prefix": "/"}, "direct_response": {"status": _REFUSED}}
        yield VirtualHost(name="block_all", domains=[_ALL], routes=[refused])
        return
    passed = {"name": "allow_any", "match": {"prefix": "/"}, "route": {"cluster": PASSTHROUGH, "timeout": timedelta(0)}}
    yield VirtualHost(name="allow_any", domains=[_ALL], routes=[passed])

"""What a Sidecar kept from its pods and ambient keeps from nobody: Services that ask who calls, and routes.

Source: istio-semantics.md §4.4 (Sidecar), D46, D48. A sidecar sends to what it does not import without a certificate
and without routes; ztunnel knows every Service, and its waypoint has every route.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from sidestep.convert.rewrite import Context
from sidestep.convert.routes.survey import survey
from sidestep.model.metadata import ObjectId
from sidestep.semantics.authentication.peers import Mtls, effective
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.routing.exports import visible
from sidestep.semantics.routing.hosts import Client
from sidestep.semantics.routing.rule import Bound
from sidestep.semantics.routing.sidecars import Scope
from sidestep.semantics.service_index import Service

_KEPT = "hidden by Sidecars"


class Hidden(Struct, frozen=True):
    """What a Sidecar keeps from its pods, in a fixed order.

    Attributes:
        services: whose pods ask who calls.
        routes: objects that speak at waypoints.
    """

    services: tuple[Service, ...] = ()
    routes: tuple[Bound, ...] = ()


class _Shown(Struct, frozen=True):
    """What counts for everybody.

    Attributes:
        guarded: services whose pods ask who calls.
        routes: what speaks about services behind waypoints.
    """

    guarded: tuple[Service, ...]
    routes: tuple[Bound, ...]


def hidden(context: Context, sidecar: ObjectId, pods: Iterable[Instances]) -> Hidden:
    """What a Sidecar keeps from pods that it may speak to; of a broken one nobody can tell."""
    shown, index = _shown(context), context.index
    services: dict[int, Service] = {}
    routes: dict[int, Bound] = {}
    for client, scope in _scopes(index, sidecar, pods):
        for service in shown.guarded:
            if service.exported_to(client) and not scope.imports(index.host(service), client):
                services[id(service)] = service
        for bound in shown.routes:
            if visible(bound.exported, client) and not scope.imports_routes(bound, client):
                routes[id(bound)] = bound
    return Hidden(tuple(services.values()), tuple(routes.values()))


def _scopes(index: MeshIndex, sidecar: ObjectId, pods: Iterable[Instances]) -> Iterator[tuple[str, Scope]]:
    """The scope of a Sidecar, with each namespace whose pods it speaks to."""
    found: dict[str, Scope] = {}
    for each in pods:
        scope = index.routing.scope(Client(each.namespace, each.labels))
        if scope.object == sidecar and not scope.broken and not scope.imports_all:
            found[each.namespace] = scope
    yield from sorted(found.items())


def _shown(context: Context) -> _Shown:
    kept = survey(context).kept
    if _KEPT not in kept:
        guarded = (each for each in context.index.services.services if _asks_who(context.index, each))
        routes = {id(each): each for each in _routes(context)}
        kept[_KEPT] = _Shown(tuple(guarded), tuple(routes.values()))
    found: _Shown = kept[_KEPT]
    return found


def _asks_who(index: MeshIndex, service: Service) -> bool:
    """Whether pods behind a service ask who calls: by STRICT mTLS, or by policies."""
    ports = [port.target if isinstance(port.target, int) else port.number for port in service.ports]
    return any(
        index.applied_policies(pods)
        or any(effective(index.peer_levels(pods), port).mode is Mtls.STRICT for port in ports)
        for pods in index.behind(service)
    )


def _routes(context: Context) -> Iterator[Bound]:
    for host in sorted(context.waypoints):
        service = context.index.services.by_host.get(host)
        if service is not None:
            yield from context.index.routing.bounds(context.index.host(service))

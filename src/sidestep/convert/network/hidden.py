"""What a Sidecar kept from its pods and ambient keeps from nobody: Services that ask who calls, and routes.

Source: istio-semantics.md §4.4 (Sidecar), D46, D48. A sidecar sends to what it does not import without a certificate
and without routes; ztunnel knows every Service, and its waypoint has every route.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from sidestep.convert.rewrite import Context
from sidestep.convert.routes.survey import survey
from sidestep.model.metadata import ObjectId
from sidestep.semantics.authentication.peers import Mtls, effective
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.routing.exports import PUBLIC, visible
from sidestep.semantics.routing.hosts import Client
from sidestep.semantics.routing.rule import Bound
from sidestep.semantics.routing.sidecars import Scope
from sidestep.semantics.service_index import Service

_KEPT = "hidden by Sidecars"
T = TypeVar("T")


class Hidden(Struct, frozen=True):
    """What a Sidecar keeps from its pods, in a fixed order.

    Attributes:
        services: whose pods ask who calls.
        routes: objects that speak at waypoints.
    """

    services: tuple[Service, ...] = ()
    routes: tuple[Bound, ...] = ()


class _Guarded(Struct, frozen=True):
    """Services of a namespace whose pods ask who calls.

    Attributes:
        services: they.
        shown_to_all: whether none of them is exported to some only.
    """

    services: tuple[Service, ...]
    shown_to_all: bool


class _Shown(Struct, frozen=True):
    """What counts for everybody.

    Attributes:
        guarded: by namespace.
        routes: what speaks about services behind waypoints.
        spaces: all namespaces of these.
    """

    guarded: Mapping[str, _Guarded]
    routes: tuple[Bound, ...]
    spaces: frozenset[str]


def hidden(context: Context, sidecar: ObjectId, pods: Iterable[Instances]) -> Hidden:
    """What a Sidecar keeps from pods that it may speak to; of a broken one nobody can tell."""
    shown, index = _shown(context), context.index
    services: list[Service] = []
    routes: list[Bound] = []
    scopes = list(_scopes(index, sidecar, pods))
    for client, scope in scopes:
        # Most Sidecars tell by namespaces, so that hosts need not be looked at.
        whole = {space: scope.imports_namespace(space, client) for space in shown.spaces}
        for space, guarded in shown.guarded.items():
            if whole[space] is not True:
                services += _not_imported(index, guarded, scope, client, by_host=whole[space] is None)
        routes += (
            bound
            for bound in shown.routes
            if (whole[bound.namespace] is False or not scope.imports_routes(bound, client))
            and visible(bound.exported, client)
        )
    return Hidden(_distinct(services, scopes), _distinct(routes, scopes))


def _not_imported(
    index: MeshIndex, guarded: _Guarded, scope: Scope, client: str, *, by_host: bool
) -> Sequence[Service]:
    """Those of a namespace that a scope does not let in, or lets in only by their hosts."""
    if not by_host and guarded.shown_to_all:
        return guarded.services
    return [
        service
        for service in guarded.services
        if service.exported_to(client) and not (by_host and scope.imports(index.host(service), client))
    ]


def _distinct(found: list[T], scopes: list[tuple[str, Scope]]) -> tuple[T, ...]:
    """Each once: what one namespace does not know, another may not know either."""
    return tuple(found if len(scopes) == 1 else {id(each): each for each in found}.values())


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
        guarded = _guarded(each for each in context.index.services.services if _asks_who(context.index, each))
        routes = tuple({id(each): each for each in _routes(context)}.values())
        kept[_KEPT] = _Shown(guarded, routes, frozenset({*guarded, *(each.namespace for each in routes)}))
    found: _Shown = kept[_KEPT]
    return found


def _guarded(services: Iterable[Service]) -> dict[str, _Guarded]:
    by_namespace = grouped(services, lambda each: each.namespace)
    return {
        space: _Guarded(own, all(not each.export_to or PUBLIC in each.export_to for each in own))
        for space, own in by_namespace.items()
    }


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

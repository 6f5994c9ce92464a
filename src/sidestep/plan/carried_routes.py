"""Routes that no waypoint would read, written for the waypoints before anybody moves.

A waypoint reads VirtualServices of its own namespace and of the service's; a client's sidecar reads those of all. What
`sidestep convert` writes in the place of the others stands beside them, and says the same to sidecars. Likewise
DestinationRules, and the Services of versions that such routes send to.
Source: istio-semantics.md §4.3, D38.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.convert.rewrite import Change, ChangeKind, Context, Rule
from sidestep.convert.routes.plans import is_dead, unread_by_waypoints
from sidestep.convert.routes.survey import Survey, forget, survey
from sidestep.convert.rules import (
    destination_rule,
    subset_services,
    virtual_service_http,
    virtual_service_moved,
    virtual_service_streams,
)
from sidestep.model.kinds import DESTINATION_RULE, SERVICE, VIRTUAL_SERVICE
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.routing.hosts import full_name
from sidestep.semantics.trees import MalformedError

_ROUTING = (virtual_service_http.RULE, virtual_service_streams.RULE, virtual_service_moved.RULE)
Place = tuple[str, str]
Found = tuple[Resource[Any], Change]


class RouteChanges(Struct, frozen=True):
    """What is done to routes before anybody moves, each with the object that says it today.

    Attributes:
        carried: what is added; Services before the routes that send to them.
        dead: VirtualServices that no client hears, since others come first, and that a waypoint would put together with
            them: they go, or lose the hosts for which nobody hears them (D40).
    """

    carried: tuple[Found, ...]
    dead: tuple[Found, ...]


def route_changes(context: Context) -> RouteChanges:
    """All of it, by one survey, which nobody keeps."""
    try:
        found = survey(context)
        return RouteChanges(tuple(_carried(context, found)), tuple(_dead(context, found)))
    finally:
        forget(context)


def _carried(context: Context, found: Survey) -> Iterator[Found]:
    mesh = context.index.mesh
    routes: list[Found] = []
    for resource in mesh.of(VIRTUAL_SERVICE):
        unread = unread_by_waypoints(found, resource) if resource.body else ()
        about = {(each.resource.kind, each.namespace, each.name) for each in unread}
        if about:
            routes += [(resource, each) for each in _added(resource, _ROUTING, context) if _is_about(each, about)]
    yield from _versions(context, {place for _, each in routes for place in _backends(each)})
    yield from routes
    for resource in mesh.of(DESTINATION_RULE):
        if _speaks_from_elsewhere(found, resource):
            yield from ((resource, each) for each in _added(resource, (destination_rule.RULE,), context))


def _dead(context: Context, found: Survey) -> Iterator[Found]:
    for resource in context.index.mesh.of(VIRTUAL_SERVICE):
        if resource.body and is_dead(found, resource):
            changes = virtual_service_http.RULE.rewrite(resource, context).changes
            yield from ((resource, each) for each in changes if each.object == resource.id and not each.late)


def _speaks_from_elsewhere(found: Survey, resource: Resource[Any]) -> bool:
    """Whether a DestinationRule is about a service of another namespace that will be behind a waypoint."""
    written = as_text((resource.view.spec or {}).get("host"))
    name = full_name(written, resource.meta.namespace, found.defaults.domain)
    service = found.index.services.by_host.get(name)
    return service is not None and service.namespace != resource.meta.namespace and found.waypoint(service) is not None


def _versions(context: Context, wanted: set[Place]) -> Iterator[Found]:
    """Services of versions, with what is attached to them."""
    for resource in context.index.mesh.of(DESTINATION_RULE) if wanted else ():
        changes = _added(resource, (subset_services.RULE,), context)
        services = {
            (each.object.namespace, each.object.name) for each in changes if each.object.kind == SERVICE.name
        } & wanted
        yield from ((resource, each) for each in changes if services & {*_own(each), *_attached(each)})


def _added(resource: Resource[Any], rules: Iterable[Rule], context: Context) -> list[Change]:
    """What rewrites add before anybody moves; nothing of what cannot be read, which conversions say."""
    if not resource.body:
        return []
    try:
        changes = [each for rule in rules for each in rule.rewrite(resource, context).changes]
    except (MalformedError, msgspec.MsgspecError):
        return []
    return [each for each in changes if each.kind is ChangeKind.ADD and not each.late]


def _is_about(change: Change, about: set[tuple[str, str, str]]) -> bool:
    """Whether a route is bound to one of some services; a VirtualService that moves is about no others."""
    spec, own = _spec(change), change.object.namespace
    if change.object.kind == VIRTUAL_SERVICE.name:
        return bool(about)
    refs = as_dicts(spec.get("parentRefs"))
    parents = {
        (as_text(ref.get("kind")), as_text(ref.get("namespace")) or own, as_text(ref.get("name"))) for ref in refs
    }
    return bool(parents & about)


def _backends(change: Change) -> Iterator[Place]:
    for rule in as_dicts(_spec(change).get("rules")):
        mirrors = (
            as_dict(as_dict(each.get("requestMirror")).get("backendRef")) for each in as_dicts(rule.get("filters"))
        )
        for ref in (*as_dicts(rule.get("backendRefs")), *mirrors):
            yield as_text(ref.get("namespace")) or change.object.namespace, as_text(ref.get("name"))


def _own(change: Change) -> Iterator[Place]:
    """The Service that it is, or whose connections it is about."""
    yield change.object.namespace, change.object.name
    host, _, _ = as_text(_spec(change).get("host")).partition(".")
    yield change.object.namespace, host


def _attached(change: Change) -> Iterator[Place]:
    for ref in as_dicts(_spec(change).get("targetRefs")):
        yield change.object.namespace, as_text(ref.get("name"))


def _spec(change: Change) -> dict[str, Any]:
    return as_dict((change.manifest or {}).get("spec"))

"""Differences that show in the route: who chose it, by which object, to which backend, with which settings."""

from collections.abc import Iterator

from sidestep.explain.difference_facts import Change
from sidestep.semantics.decisions import CheckKind, Proxy, Verdict
from sidestep.semantics.routing.route import Route, RouteSource

_OF_GATEWAY_API = (RouteSource.HTTP_ROUTE, RouteSource.GRPC_ROUTE, RouteSource.TCP_ROUTE, RouteSource.TLS_ROUTE)
_STARTS_TLS = ("SIMPLE", "MUTUAL")


def of_routes(change: Change) -> Iterator[str]:
    """Their codes."""
    before, after = change.before.route, change.after.route
    if _missing_backend(change):
        yield "D58"
    if before is not None and before.object is not None:
        yield from _objects(change, before, after)
    elif before is None or not change.unknown_before:
        yield from _without_object(change, before, after)
    if change.before.verdict is change.after.verdict is Verdict.ALLOW:
        yield from _settings(before, after)


def _objects(change: Change, before: Route, after: Route | None) -> Iterator[str]:
    """An object chose the route before."""
    if after is None or after.object is None:
        if change.ends_outside and change.before.branches[0].destination is not None:
            yield "D59"
        yield "D38"
        return
    if after.source in _OF_GATEWAY_API and before.source not in _OF_GATEWAY_API:
        yield from _rewritten(before, after)
    elif after.object != before.object:
        yield "D40"
    elif _backends(before) != _backends(after) or (before.rule, before.match) != (after.rule, after.match):
        yield "D49"


def _rewritten(before: Route, after: Route) -> Iterator[str]:
    """A VirtualService was rewritten as routes of the Gateway API."""
    if any(backend.subset for backend in before.backends):
        yield "D53"
    elif _backends(before) != _backends(after) and all(backend.known for backend in before.backends):
        yield "D41"
        yield "D42"


def _without_object(change: Change, before: Route | None, after: Route | None) -> Iterator[str]:
    """No object chose the route before."""
    if after is not None and after.object is not None:
        if any(hop.proxy is Proxy.GATEWAY for hop in change.after.path) and change.through_waypoint:
            yield "D50"
        return
    if change.ends_elsewhere:
        yield "D39"
    elif change.ends_outside and before is not None and before.backends and _strayed(change, before):
        yield "D59"


def _strayed(change: Change, before: Route) -> bool:
    """Whether it leaves for another name than the one that was routed: what an ExternalName stands for."""
    return change.last_after.at not in {backend.host for backend in before.backends}


def _settings(before: Route | None, after: Route | None) -> Iterator[str]:
    if before is None:
        return
    attempts = after.retries.attempts if after and after.retries else 0
    if before.retries is not None and before.retries.attempts > attempts:
        yield "D43"
    if before.tls in _STARTS_TLS and (after is None or after.tls != before.tls):
        yield "D36"
    if before.traffic_object is not None and (after is None or after.traffic_policy != before.traffic_policy):
        yield "D44"


def _missing_backend(change: Change) -> bool:
    """Whether a route to nothing is answered with another status."""
    one, other = change.refused_before, change.refused_after
    if one is None or other is None or change.before.shape is change.after.shape:
        return False
    return all(check.kind is CheckKind.ROUTE and check.verdict is Verdict.UNREACHABLE for check in (one, other))


def _backends(route: Route) -> list[tuple[str, str, int]]:
    return [(backend.host, backend.subset, backend.weight) for backend in route.backends]

"""From a rule that takes a request to the route: what happens to this very request.

Source: pilot/pkg/networking/core/route/route.go (applyHTTPRouteDestination); D58 for destinations that do not exist.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.paths import location, rewritten
from sidestep.semantics.routing.reach import Reach, Reached, alone, looked_up, reached
from sidestep.semantics.routing.route import Answer, AnswerKind, Backend, Route, RouteSource
from sidestep.semantics.routing.rule import HttpEntry, HttpRule, Mirror, StreamEntry, offered

NOT_FOUND = Answer(AnswerKind.NOT_FOUND, 404)


def taken(entries: Iterable[HttpEntry], vantage: Vantage, http: HttpSeen, reach: Reach) -> Route | None:
    """The route of the first entry that takes a request; None when none does."""
    for entry in entries:
        there = entry.match.offered(vantage)
        if there is False:
            continue
        met = entry.match.takes(http, vantage)
        if met is False:
            continue
        if entry.rule.broken or met is None or there is None:
            return _doubtful(entry, there)
        return _http_route(entry, vantage, http, reach)
    return None


def not_taken(entries: Sequence[HttpEntry], vantage: Vantage) -> Route:
    """What becomes of a request that no rule takes: 404, unless it is not certain that there is any rule."""
    rule = entries[0].rule
    unsure = [entry for entry in entries if offered([entry], vantage) is None]
    if unsure and offered(entries, vantage) is None:
        return replace(_doubtful(unsure[0], None), match="")
    return Route(rule.source, rule.object, answer=NOT_FOUND)


def _doubtful(entry: HttpEntry, there: bool | None) -> Route:
    why = entry.rule.broken
    if not why and there is None:
        why = f"{entry.rule.object}: {entry.rule.place} {entry.match.place} asks for labels of the proxy (sourceLabels)"
    if not why:
        why = f"{entry.rule.object}: {entry.rule.place} {entry.match.place} has an expression that RE2 refuses"
    return Route(entry.rule.source, entry.rule.object, entry.rule.place, entry.match.place, unknown=why)


def _http_route(entry: HttpEntry, vantage: Vantage, http: HttpSeen, reach: Reach) -> Route:
    rule, match = entry.rule, entry.match
    found = reached(rule.targets, vantage.port, reach)
    copies = tuple((each.percent, _copied(each, vantage.port, reach)) for each in rule.mirrors)
    where = ""
    if rule.redirect is not None:
        where = location(rule.redirect, match.path, http, vantage.port, tls=vantage.tls)
    return Route(
        rule.source,
        rule.object,
        rule.place,
        match.place,
        found.backends,
        _answer(rule, found, where),
        rewritten(rule.rewrite, match.path, http),
        rule.authority,
        rule.timeout,
        reach.retries if rule.retries is None else rule.retries,
        tuple(_mirror(share, backend) for share, backend in copies),
        rule.request_edits,
        rule.response_edits,
        tuple(map(str, rule.faults)),
        rule.cors.words if rule.cors else None,
        found.policy,
        found.object,
        found.tls,
        found.unknown,
        copies,
        rule.cors,
    )


def _answer(rule: HttpRule, found: Reached, where: str) -> Answer | None:
    if rule.redirect is not None:
        return Answer(AnswerKind.REDIRECT, rule.redirect.status, where)
    if rule.direct is not None:
        return Answer(AnswerKind.DIRECT, rule.direct, body=rule.body)
    return Answer(AnswerKind.ERROR, rule.missing_status) if found.all_missing else None


def _copied(mirror: Mirror, port: int, reach: Reach) -> Backend:
    return looked_up((mirror.target,), port, reach).backends[0]


def _mirror(share: float, backend: Backend) -> str:
    subset = f" subset {backend.subset}" if backend.subset else ""
    lost = "" if backend.known else " (does not exist)"
    return f"{share:g}% to {backend.host}:{backend.port}{subset}{lost}"


def default_http(host: str, port: int, reach: Reach) -> Route:
    """What a proxy does with requests to a service that no route speaks about."""
    found = reached(alone(host), port, reach)
    return Route(
        RouteSource.DEFAULT,
        backends=found.backends,
        retries=reach.unrouted,
        traffic_policy=found.policy,
        traffic_object=found.object,
        tls=found.tls,
        unknown=found.unknown,
    )


def stream_route(entry: StreamEntry, port: int, reach: Reach) -> Route:
    """What a rule does with a connection."""
    if entry.broken:
        return Route(entry.source, entry.object, entry.place, entry.match, unknown=entry.broken)
    found = reached(entry.targets, port, reach)
    return Route(
        entry.source,
        entry.object,
        entry.place,
        entry.match,
        found.backends,
        Answer(AnswerKind.ERROR, 0) if found.all_missing or not found.backends else None,
        traffic_policy=found.policy,
        traffic_object=found.object,
        tls=found.tls,
        unknown=found.unknown,
    )


def default_stream(host: str, port: int, reach: Reach) -> Route:
    """What a proxy does with connections to a service that no route speaks about."""
    found = reached(alone(host), port, reach)
    return Route(
        RouteSource.DEFAULT,
        backends=found.backends,
        traffic_policy=found.policy,
        traffic_object=found.object,
        tls=found.tls,
        unknown=found.unknown,
    )


def passed_through(host: str = "", port: int = 0, subset: str = "") -> Route:
    """Traffic that goes where the client dialled, or to an explicit egress proxy."""
    backends = (Backend(host, port, subset=subset),) if host else ()
    return Route(RouteSource.PASSTHROUGH, backends=backends)


def blocked(status: int = 0) -> Route:
    """Traffic that goes nowhere; a status where HTTP is read, or else the connection is closed."""
    return Route(RouteSource.BLACKHOLE, answer=Answer(AnswerKind.ERROR, status))

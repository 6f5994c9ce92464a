"""What a route does, as Envoy does it.

Source: pilot/pkg/networking/core/route/route.go (applyHTTPRouteDestination, ApplyRedirect); what becomes of a request
is said by `semantics.routing.outcome`.
"""

import re
from collections.abc import Callable

from envoy.config.route.v3.route_components_pb2 import (
    DirectResponseAction,
    RedirectAction,
    Route,
    RouteAction,
    WeightedCluster,
)
from envoy.type.matcher.v3.regex_pb2 import RegexMatchAndSubstitute, RegexMatcher
from google.protobuf.duration_pb2 import Duration
from msgspec import Struct

from sidestep.controlplane.generators.http.cors import cors_policy
from sidestep.controlplane.generators.http.durations import readable
from sidestep.controlplane.generators.http.edits import edits
from sidestep.controlplane.generators.http.faults import STATUSES, faulty, share
from sidestep.controlplane.generators.http.hashing import SettingsOf, hashed_by, nothing
from sidestep.controlplane.generators.http.retries import retry_policy
from sidestep.controlplane.generators.node.messages import packed
from sidestep.semantics.routing.paths import shown_port
from sidestep.semantics.routing.route import Retries
from sidestep.semantics.routing.rule import HttpRule, Mirror, Redirect, Rewrite, Target
from sidestep.semantics.routing.text_match import Form, TextMatch

ClusterOf = Callable[[Target], str | None]
"""Name of a destination's cluster; None where there is none."""
FAULT, CORS = "envoy.filters.http.fault", "envoy.filters.http.cors"
"""Filters that routes switch on."""
BLACKHOLE = "BlackHoleCluster"
"""A cluster without endpoints, of connections that lead nowhere."""
MISSING = "mesh.missing"
"""A cluster that no proxy has, in place of a destination that does not exist: its share is answered with an error."""

_CODES = {
    301: RedirectAction.RedirectResponseCode.MOVED_PERMANENTLY,
    302: RedirectAction.RedirectResponseCode.FOUND,
    303: RedirectAction.RedirectResponseCode.SEE_OTHER,
    307: RedirectAction.RedirectResponseCode.TEMPORARY_REDIRECT,
    308: RedirectAction.RedirectResponseCode.PERMANENT_REDIRECT,
}
_BROKEN = 500
_NO_LIMIT = Duration()
_NO_TARGET = Target("")


class Means(Struct, frozen=True):
    """By what a proxy does what rules ask.

    Attributes:
        cluster: of destinations.
        retries: where a rule says nothing.
        port: on which requests come in.
        settings: of destinations.
        tls: whether they come in TLS.
    """

    cluster: ClusterOf
    retries: Retries = Retries()
    port: int = 0
    settings: SettingsOf = nothing
    tls: bool = False


def act(route: Route, rule: HttpRule, path: TextMatch, means: Means) -> None:
    """Fill in what a route does.

    Args:
        route: whose match is there already.
        rule: what it does.
        path: the match's, of which rewrites take the matched part.
        means: of the proxy.
    """
    single = rule.targets[0] if len(rule.targets) == 1 else _NO_TARGET
    request = edits((*rule.request_edits, *single.request_edits))
    response = edits((*rule.response_edits, *single.response_edits))
    route.request_headers_to_add.extend(request.add)
    route.request_headers_to_remove.extend(request.remove)
    route.response_headers_to_add.extend(response.add)
    route.response_headers_to_remove.extend(response.remove)
    _switch_on(route, rule)
    if rule.redirect is not None:
        route.redirect.CopyFrom(_redirect(rule.redirect, shown_port(rule.redirect, means.port, tls=means.tls)))
    elif rule.direct is not None:
        route.direct_response.CopyFrom(_answer(rule.direct, rule.body))
    else:
        route.route.CopyFrom(_forward(rule, path, means))


def _switch_on(route: Route, rule: HttpRule) -> None:
    """Filters that the connection manager has, and that this route needs."""
    injected = faulty(rule.faults)
    if injected is not None:
        route.typed_per_filter_config[FAULT].CopyFrom(packed(injected))
    if rule.cors is not None:
        route.typed_per_filter_config[CORS].CopyFrom(packed(cors_policy(rule.cors)))


def _answer(status: int, body: bytes = b"") -> DirectResponseAction:
    """An answer; Envoy knows no status beyond its own, and such a rule answers as one that is broken."""
    found = DirectResponseAction(status=status if status in STATUSES else _BROKEN)
    if body:
        found.body.inline_bytes = body
    return found


def _forward(rule: HttpRule, path: TextMatch, means: Means) -> RouteAction:
    action = RouteAction(timeout=readable(rule.timeout) or _NO_LIMIT)
    if len(rule.targets) == 1:
        action.cluster = means.cluster(rule.targets[0]) or MISSING
    else:
        action.weighted_clusters.CopyFrom(_weighted(rule, means.cluster))
    if rule.missing_status == _BROKEN:
        action.cluster_not_found_response_code = RouteAction.INTERNAL_SERVER_ERROR
    if rule.authority:
        action.host_rewrite_literal = rule.authority
    if rule.rewrite is not None:
        _rewrite(action, rule.rewrite, path)
    hashes = (hashed_by(means.settings(each)) for each in rule.targets)
    action.hash_policy.extend(each for each in hashes if each is not None)
    chosen = means.retries if rule.retries is None else rule.retries
    if chosen.attempts:
        action.retry_policy.CopyFrom(retry_policy(chosen, hashed=bool(action.hash_policy)))
    for mirror in rule.mirrors:
        _mirror(action, mirror, means.cluster)
    return action


def _weighted(rule: HttpRule, cluster: ClusterOf) -> WeightedCluster:
    """Shares; a destination that does not exist keeps its share, and answers with an error."""
    parts = []
    for target in rule.targets:
        request, response = edits(target.request_edits), edits(target.response_edits)
        parts.append(
            WeightedCluster.ClusterWeight(
                name=cluster(target) or MISSING,
                weight={"value": target.weight},
                request_headers_to_add=request.add,
                request_headers_to_remove=request.remove,
                response_headers_to_add=response.add,
                response_headers_to_remove=response.remove,
                host_rewrite_literal=target.authority,
            )
        )
    return WeightedCluster(clusters=parts)


def _rewrite(action: RouteAction, rewrite: Rewrite, path: TextMatch) -> None:
    if rewrite.pattern is not None:
        action.regex_rewrite.CopyFrom(_substitution(rewrite.pattern.text, rewrite.substitution))
    elif rewrite.drop_prefix:
        dropped = re.escape(path.text.rstrip("/")) if path.form is Form.SEGMENTS else ""
        action.regex_rewrite.CopyFrom(_substitution(f"^{dropped}(/?)(.*)", r"/\2"))
    elif path.form in (Form.PREFIX, Form.SEGMENTS, Form.PRESENT):
        action.prefix_rewrite = rewrite.prefix
    else:
        action.regex_rewrite.CopyFrom(_substitution("^.*$", rewrite.prefix.replace("\\", "\\\\")))


def _substitution(pattern: str, by: str) -> RegexMatchAndSubstitute:
    return RegexMatchAndSubstitute(pattern=RegexMatcher(regex=pattern), substitution=by)


def _redirect(redirect: Redirect, port: int) -> RedirectAction:
    found = RedirectAction(
        host_redirect=redirect.authority,
        scheme_redirect=redirect.scheme,
        response_code=_CODES.get(redirect.status, _CODES[301]),
        port_redirect=port,
    )
    if redirect.prefix is not None:
        found.prefix_rewrite = redirect.prefix
    elif redirect.path:
        found.path_redirect = redirect.path
    return found


def _mirror(action: RouteAction, mirror: Mirror, cluster: ClusterOf) -> None:
    name = cluster(mirror.target)
    if name is not None:
        policy = RouteAction.RequestMirrorPolicy(
            cluster=name, runtime_fraction={"default_value": share(mirror.percent)}
        )
        action.request_mirror_policies.append(policy)

"""Rules of HTTPRoutes and GRPCRoutes, compiled.

Source: pilot/pkg/config/kube/gateway/conversion.go (convertHTTPRoute, convertGRPCRoute); istio-semantics.md §4.3, D58.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.semantics.routing.actions import REDIRECTS, duration
from sidestep.semantics.routing.cors import cors_filter
from sidestep.semantics.routing.edits import edits
from sidestep.semantics.routing.gateway_api_backends import RefusedError, RouteContext, backend, shares, weighted
from sidestep.semantics.routing.gateway_api_match import (
    RankedMatch,
    grpc_route_match,
    http_route_match,
    unmatched,
)
from sidestep.semantics.routing.http_match import HttpMatch
from sidestep.semantics.routing.retry_policy import NO_RETRIES, retries
from sidestep.semantics.routing.route import Retries, RouteSource
from sidestep.semantics.routing.rule import HttpRule, Mirror, Redirect, Rewrite, Target
from sidestep.semantics.routing.text_match import expression
from sidestep.semantics.trees import MalformedError, items, mapping, mappings, strings, text, whole

Tree = Mapping[str, Any]
_RETRIED = ("connect-failure", "refused-stream", "unavailable", "cancelled")
_GRPC_FILTERS = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"})
_HTTP_FILTERS = frozenset({*_GRPC_FILTERS, "RequestRedirect", "URLRewrite", "CORS"})


class RankedEntry(Struct, frozen=True):
    """One match of a rule with its rank among all of its parent."""

    rule: HttpRule
    ranked: RankedMatch


def refusal(spec: Tree, context: RouteContext) -> str:
    """Why Istio refuses the whole object, by field; empty where it does not."""
    try:
        for at, rule in enumerate(mappings(spec.get("rules"), "rules")):
            _rule(rule, f"rules[{at}]", context)
    except RefusedError as error:
        return str(error)
    except MalformedError:
        return ""
    return ""


def route_entries(spec: Tree, context: RouteContext) -> list[RankedEntry]:
    """Every match of every rule, in the order written; none where Istio refuses the object.

    What cannot be read may take everything, and says why.
    """
    try:
        rules = mappings(spec.get("rules"), "rules")
        return [entry for at, rule in enumerate(rules) for entry in _rule_entries(rule, f"rules[{at}]", context)]
    except MalformedError as error:
        broken = HttpRule(_source(context), context.object, "rules", broken=f"{context.object}: {error}")
        return [RankedEntry(broken, RankedMatch(HttpMatch(), (-1, 0, 0, 0, 0, 0)))]
    except RefusedError:
        return []


def _rule_entries(rule: Tree, place: str, context: RouteContext) -> Iterator[RankedEntry]:
    compiled = _rule(rule, place, context)
    read = grpc_route_match if context.kind == "GRPCRoute" else http_route_match
    matches = rule.get("matches")
    if matches is None and context.kind == "HTTPRoute":
        matches = [{}]
    listed = items(matches, f"{place}.matches")
    if not listed:
        yield RankedEntry(compiled, unmatched())
    for at, each in enumerate(listed):
        field = f"{place}.matches[{at}]"
        shown = f"matches[{at}]" if rule.get("matches") else ""
        yield RankedEntry(compiled, read(mapping(each, field), shown, field))


def _source(context: RouteContext) -> RouteSource:
    return RouteSource.GRPC_ROUTE if context.kind == "GRPCRoute" else RouteSource.HTTP_ROUTE


def _rule(rule: Tree, place: str, context: RouteContext) -> HttpRule:
    """A rule; its backends are asked last, as Istio does."""
    name = text(rule.get("name"), f"{place}.name") or place
    base = _filtered(HttpRule(_source(context), context.object, name, missing_status=500), rule, place, context)
    refs = mappings(rule.get("backendRefs"), f"{place}.backendRefs")
    if base.redirect is None and shares(refs, f"{place}.backendRefs") == 0:
        return _answering(replace(base, direct=_status_without_backends(refs, context)))
    targets = tuple(
        _edited(target, refs[at], f"{place}.backendRefs[{at}]")
        for at, target in weighted(refs, f"{place}.backendRefs", context)
    )
    if base.redirect is not None:
        return _answering(base)
    asked = _retries(rule.get("retry"), f"{place}.retry", context)
    timeout, per_try = _timeouts(rule.get("timeouts"), f"{place}.timeouts", retried=asked is not None)
    if asked is not None and per_try:
        asked = Retries(asked.attempts, asked.on, per_try)
    single = targets[0].authority if len(targets) == 1 else ""
    return replace(base, targets=targets, timeout=timeout, retries=asked, authority=base.authority or single)


def _answering(rule: HttpRule) -> HttpRule:
    """A rule that answers by itself: what concerns backends is void."""
    return replace(rule, rewrite=None, authority="", mirrors=(), retries=NO_RETRIES)


def _status_without_backends(refs: list[Tree], context: RouteContext) -> int:
    """500, but for HTTPRoutes without any reference in 1.30, which answered 404."""
    version = context.version
    only_then = version.since(1, 30) and not version.since(1, 31)
    return 404 if only_then and not refs and context.kind == "HTTPRoute" else 500


def _edited(target: Target, ref: Tree, field: str) -> Target:
    """A destination with the filters of its own: of headers only."""
    headers: dict[str, object] = {}
    for at, each in enumerate(mappings(ref.get("filters"), f"{field}.filters")):
        where = f"{field}.filters[{at}]"
        kind = text(each.get("type"), f"{where}.type")
        if kind not in ("RequestHeaderModifier", "ResponseHeaderModifier"):
            raise RefusedError(f"{where}.type: {kind} is not supported")
        headers.update(_header_filter(kind, each, where))
    told = edits(headers, f"{field}.filters")
    return replace(target, request_edits=told.request, response_edits=told.response, authority=told.authority)


def _filtered(rule: HttpRule, tree: Tree, place: str, context: RouteContext) -> HttpRule:
    """A rule with its filters."""
    headers: dict[str, object] = {}
    rewritten = ""
    allowed = _GRPC_FILTERS if context.kind == "GRPCRoute" else _HTTP_FILTERS
    for at, each in enumerate(mappings(tree.get("filters"), f"{place}.filters")):
        field = f"{place}.filters[{at}]"
        kind = text(each.get("type"), f"{field}.type")
        if kind not in allowed or (kind == "CORS" and not context.version.since(1, 26)):
            raise RefusedError(f"{field}.type: {kind} is not supported")
        if kind == "RequestMirror":
            rule = replace(rule, mirrors=(*rule.mirrors, *_mirror(each, field, context)))
        elif kind == "RequestRedirect":
            rule = replace(rule, redirect=_redirect(each, field))
        elif kind == "URLRewrite":
            path, rewritten = _rewrite(each, field)
            rule = replace(rule, rewrite=path)
        elif kind == "CORS":
            rule = replace(rule, cors=cors_filter(each.get("cors"), f"{field}.cors"))
        else:
            headers.update(_header_filter(kind, each, field))
    told = edits(headers, f"{place}.filters")
    authority = rewritten or told.authority
    return replace(rule, request_edits=told.request, response_edits=told.response, authority=authority)


def _header_filter(kind: str, tree: Tree, field: str) -> dict[str, object]:
    """A modifier of headers in the form of a VirtualService's; of several of one name the first counts."""
    name = "requestHeaderModifier" if kind == "RequestHeaderModifier" else "responseHeaderModifier"
    asked = mapping(tree.get(name), f"{field}.{name}")
    told: dict[str, object] = {"remove": list(strings(asked.get("remove"), f"{field}.{name}.remove"))}
    for verb in ("set", "add"):
        values: dict[str, str] = {}
        for at, each in enumerate(mappings(asked.get(verb), f"{field}.{name}.{verb}")):
            where = f"{field}.{name}.{verb}[{at}]"
            values.setdefault(text(each.get("name"), where).lower(), text(each.get("value"), where))
        told[verb] = values
    return {"request" if kind == "RequestHeaderModifier" else "response": told}


def _mirror(tree: Tree, field: str, context: RouteContext) -> tuple[Mirror, ...]:
    """A copy; none where its share is 0, or where its backend does not exist."""
    asked = mapping(tree.get("requestMirror"), f"{field}.requestMirror")
    where = f"{field}.requestMirror"
    target = backend(mapping(asked.get("backendRef"), f"{where}.backendRef"), f"{where}.backendRef", context)
    if target.missing and (context.kind == "GRPCRoute" or not context.version.since(1, 26)):
        raise RefusedError(f"{where}.backendRef: no such backend")
    percent = whole(asked.get("percent"), f"{where}.percent")
    share = 100.0 if percent is None else float(percent)
    if asked.get("fraction") is not None:
        fraction = mapping(asked["fraction"], f"{where}.fraction")
        whole_of = whole(fraction.get("denominator"), f"{where}.fraction.denominator") or 100
        share = 100 * (whole(fraction.get("numerator"), f"{where}.fraction.numerator") or 0) / whole_of
    return (Mirror(target, share),) if share > 0 and not target.missing else ()


def _redirect(tree: Tree, field: str) -> Redirect:
    asked = mapping(tree.get("requestRedirect"), f"{field}.requestRedirect")
    status = whole(asked.get("statusCode"), f"{field}.statusCode") or 302
    if status not in REDIRECTS:
        raise MalformedError(f"{field}.statusCode: {status} is not supported")
    scheme = text(asked.get("scheme"), f"{field}.scheme")
    port = whole(asked.get("port"), f"{field}.port")
    path = mapping(asked.get("path"), f"{field}.path")
    return Redirect(
        status,
        scheme,
        text(asked.get("hostname"), f"{field}.hostname"),
        text(path.get("replaceFullPath"), f"{field}.path") if path.get("type") == "ReplaceFullPath" else "",
        _prefix(path, field),
        port if port is not None else (0 if scheme else -1),
    )


def _prefix(path: Tree, field: str) -> str | None:
    """What takes the place of the matched prefix; an empty one is none, as Istio reads it."""
    if path.get("type") != "ReplacePrefixMatch":
        return None
    return text(path.get("replacePrefixMatch"), f"{field}.path.replacePrefixMatch") or None


def _rewrite(tree: Tree, field: str) -> tuple[Rewrite | None, str]:
    asked = mapping(tree.get("urlRewrite"), f"{field}.urlRewrite")
    path = mapping(asked.get("path"), f"{field}.urlRewrite.path")
    authority = text(asked.get("hostname"), f"{field}.urlRewrite.hostname")
    kind = text(path.get("type"), f"{field}.urlRewrite.path.type")
    if kind == "ReplacePrefixMatch":
        by = text(path.get("replacePrefixMatch"), f"{field}.urlRewrite.path.replacePrefixMatch").removesuffix("/")
        return (Rewrite(prefix=by) if by else Rewrite(drop_prefix=True)), authority
    if kind == "ReplaceFullPath":
        by = text(path.get("replaceFullPath"), f"{field}.urlRewrite.path.replaceFullPath")
        return Rewrite(pattern=expression("/.*"), substitution=by), authority
    return None, authority


def _retries(value: object, field: str, context: RouteContext) -> Retries | None:
    """Retries, since 1.25; two attempts where no number is written."""
    if value is None or not context.version.since(1, 25):
        return None
    tree = mapping(value, field)
    attempts = whole(tree.get("attempts"), f"{field}.attempts")
    codes = [str(whole(code, f"{field}.codes")) for code in items(tree.get("codes"), f"{field}.codes")]
    asked = {
        "attempts": 2 if attempts is None else attempts,
        "retryOn": ",".join((*_RETRIED, *codes)),
        "backoff": tree.get("backoff"),
    }
    return retries(asked, field, context.version)


def _timeouts(value: object, field: str, *, retried: bool) -> tuple[str, str]:
    """The limit of the whole and of one attempt; without `retry` the latter takes the place of the former."""
    tree = mapping(value, field)
    whole_request = duration(tree.get("request"), f"{field}.request")
    attempt = duration(tree.get("backendRequest"), f"{field}.backendRequest")
    return (whole_request, attempt) if retried else (attempt or whole_request, "")

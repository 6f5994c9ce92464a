"""Matches of HTTPRoutes and GRPCRoutes, with their rank: the more specific one goes first, whatever the order.

Source: pilot/pkg/config/kube/gateway/conversion.go (createURIMatch, createGRPCURIMatch, sortHTTPRoutes); D41, D42.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sidestep.semantics.routing.gateway_api_backends import RefusedError
from sidestep.semantics.routing.http_match import HttpMatch, NamedMatch
from sidestep.semantics.routing.text_match import Form, TextMatch, exact, expression, text_match
from sidestep.semantics.trees import mapping, mappings, text

_REGEX = "RegularExpression"
_RANKS = {"Exact": 3, "PathPrefix": 2, _REGEX: 1}
_NO_PATH = -1

Rank = tuple[int, int, int, int, int, int]
LAST: Rank = (1, 0, 0, 0, 0, 0)
"""Of a rule without any match, which stands behind all others."""


class RankedMatch(Struct, frozen=True):
    """A match and where it stands: a path that is exact, then a prefix, then an expression; the longer one; one with a
    method; with more headers; with more parameters.
    """

    match: HttpMatch
    rank: Rank


class _Path(Struct, frozen=True):
    condition: TextMatch
    rank: int
    length: int


_ANY_PATH = _Path(TextMatch(Form.PREFIX, "/"), _NO_PATH, 0)


def http_route_match(tree: Mapping[str, Any], place: str, field: str) -> RankedMatch:
    """One match of an HTTPRoute.

    Raises:
        MalformedError: a field has a wrong type.
        RefusedError: it asks for what Istio does not have.
    """
    path = mapping(tree.get("path"), f"{field}.path")
    kind = text(path.get("type"), f"{field}.path.type") or "PathPrefix"
    written = text(path.get("value"), f"{field}.path.value") or "/"
    method = text(tree.get("method"), f"{field}.method")
    named = _named(tree.get("headers"), f"{field}.headers", lower=True)
    if method:
        named = (*named, NamedMatch(":method", exact(method)))
    queries = _named(tree.get("queryParams"), f"{field}.queryParams", lower=False)
    return _ranked(place, _path(kind, written, field), named, queries, method=bool(method))


def grpc_route_match(tree: Mapping[str, Any], place: str, field: str) -> RankedMatch:
    """One match of a GRPCRoute.

    Raises:
        MalformedError: a field has a wrong type.
        RefusedError: it asks for what Istio does not have.
    """
    path = _ANY_PATH
    if tree.get("method") is not None:
        path = _grpc_path(mapping(tree["method"], f"{field}.method"), f"{field}.method")
    return _ranked(place, path, _named(tree.get("headers"), f"{field}.headers", lower=True), (), method=False)


def unmatched() -> RankedMatch:
    """Of a rule without any match."""
    return RankedMatch(HttpMatch(), LAST)


def on_port(ranked: RankedMatch, port: int) -> RankedMatch:
    """The match of an object that names a port of its parent; a rule without a match gets one, and so a rank."""
    match = ranked.match
    rank: Rank = (0, -_NO_PATH, 0, 1, 0, 0) if ranked.rank == LAST else ranked.rank
    return RankedMatch(HttpMatch(match.place, match.path, match.headers, match.queries, port), rank)


def _ranked(
    place: str, path: _Path, headers: tuple[NamedMatch, ...], queries: tuple[NamedMatch, ...], *, method: bool
) -> RankedMatch:
    rank = (0, -path.rank, -path.length, int(not method), int(method) - len(headers), -len(queries))
    return RankedMatch(HttpMatch(place, path.condition, headers, queries), rank)


def _path(kind: str, written: str, field: str) -> _Path:
    if kind not in _RANKS:
        raise RefusedError(f"{field}.path.type: {kind} is not supported")
    if kind == _REGEX:
        return _Path(expression(written), _RANKS[kind], len(written))
    if kind == "Exact":
        return _Path(exact(written), _RANKS[kind], len(written))
    prefix = written if written == "/" else written.removesuffix("/")
    return _Path(_segments(prefix), _RANKS[kind], len(prefix))


def _segments(prefix: str) -> TextMatch:
    return TextMatch(Form.PREFIX, "/") if prefix == "/" else TextMatch(Form.SEGMENTS, prefix.removesuffix("/"))


def _grpc_path(tree: Mapping[str, Any], field: str) -> _Path:
    """`/service/method`; what is left out may be anything."""
    kind = text(tree.get("type"), f"{field}.type") or "Exact"
    service, method = text(tree.get("service"), f"{field}.service"), text(tree.get("method"), f"{field}.method")
    if not (service or method):
        raise RefusedError(f"{field}: neither service nor method")
    if kind == "Exact" and service:
        if method:
            return _path("Exact", f"/{service}/{method}", field)
        return _Path(_segments(f"/{service}/"), _RANKS["PathPrefix"], len(service) + 2)
    if kind not in ("Exact", _REGEX):
        raise RefusedError(f"{field}.type: {kind} is not supported")
    return _path(_REGEX, f"/{service or '[^/]+'}/{method or '.+'}", field)


def _named(value: object, field: str, *, lower: bool) -> tuple[NamedMatch, ...]:
    """Conditions by name; of several for one name the last counts."""
    found: dict[str, NamedMatch] = {}
    for at, each in enumerate(mappings(value, field)):
        where = f"{field}[{at}]"
        name, wanted = text(each.get("name"), f"{where}.name"), text(each.get("value"), f"{where}.value")
        kind = text(each.get("type"), f"{where}.type") or "Exact"
        if kind not in ("Exact", _REGEX):
            raise RefusedError(f"{where}.type: {kind} is not supported")
        form = "regex" if kind == _REGEX else "exact"
        found[name] = NamedMatch(name.lower() if lower else name, text_match({form: wanted}, where))
    return tuple(found.values())

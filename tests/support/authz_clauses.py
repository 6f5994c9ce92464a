"""Istio's filters taken apart: each clause of a rule with the matcher that Istio made of it, alone and in new company.

A whole rule hides most of its clauses behind the others (the corpus has rules that nothing can match). Filters keep the
order of the policy: hosts, methods, paths, ports and the conditions on the connection on one side, sources and the other
conditions on the other, each `not…` after its field.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.authz_corpus import Pair, Tree

_SOURCES = (
    "principals", "requestPrincipals", "serviceAccounts", "trustDomains", "namespaces", "remoteIpBlocks", "ipBlocks",
)  # fmt: skip
_OPERATIONS = ("hosts", "methods", "paths", "ports")
_CONNECTION = ("destination.ip", "destination.port", "connection.sni", "experimental.")
_ANY: Tree = {"any": True}


@dataclass(frozen=True)
class Piece:
    """One field of a rule, or one value of it, and its matcher.

    Attributes:
        part: `source`, `operation` or `when`.
        name: the field (`notPorts`) or the key of the condition.
        values: of the policy.
        negative: whether these are values that must not match.
        matcher: of the filter: a permission for operations and conditions on the connection, else a principal.
    """

    part: str
    name: str
    values: tuple[str, ...]
    negative: bool
    matcher: Tree

    @property
    def is_permission(self) -> bool:
        """On which side of Envoy's policy it stands."""
        return self.part == "operation" or self.name.startswith(_CONNECTION)

    @property
    def clashes_with(self) -> tuple[str, str]:
        """Two pieces with this in common cannot stand in one rule: their values would be added up."""
        return ("when", f"{self.name}{len(self.values)}") if self.part == "when" else (self.part, self.name)


@dataclass(frozen=True)
class Part:
    """A policy of our making and Istio's matchers for it.

    Attributes:
        decisive: some requests must match and some must not: it is one piece, and not of those that match everything.
    """

    tree: Tree
    policies: Tree
    decisive: bool


def pieces_of(pair: Pair) -> list[Piece]:
    """All clauses of a pair, whole and value by value."""
    policies = {name: policy for one in pair.filters for name, policy in _policies(one).items()}
    found = []
    for tree in pair.trees:
        for index, rule in enumerate(tree["spec"].get("rules") or ()):
            name = f"ns[{tree['metadata']['namespace']}]-policy[{tree['metadata']['name']}]-rule[{index}]"
            if name in policies:
                found += list(_of_rule(rule, policies[name]))
    return [part for piece in found for part in (piece, *_split(piece))]


def parts_of(pair: Pair, companies: int, dice: random.Random) -> list[Part]:
    """Each piece alone, then several together."""
    pieces = pieces_of(pair)
    chosen = [[piece] for piece in pieces]
    for _ in range(companies if len(pieces) > 1 else 0):
        several = dice.sample(pieces, min(len(pieces), dice.choice((2, 2, 3))))
        chosen.append(list({piece.clashes_with: piece for piece in several}.values()))
    return [_part(pair, number, several) for number, several in enumerate(chosen)]


def _policies(config: Tree) -> Tree:
    typed = config["typedConfig"]
    return (typed.get("rules") or typed.get("shadowRules") or {}).get("policies") or {}


def _of_rule(rule: Tree, policy: Tree) -> Iterator[Piece]:
    """Pieces of one rule; the test fails when a clause and its matcher cannot be paired."""
    operations = [each.get("operation") or {} for each in rule.get("to") or [{}]]
    sources = [each.get("source") or {} for each in rule.get("from") or [{}]]
    whens = rule.get("when") or ()
    on_connection = [when for when in whens if when["key"].startswith(_CONNECTION)]
    others = [when for when in whens if not when["key"].startswith(_CONNECTION)]
    permissions = [each["andRules"]["rules"] for each in policy["permissions"]]
    principals = [each["andIds"]["ids"] for each in policy["principals"]]
    for fields, matchers in zip(operations, permissions, strict=True):
        yield from _paired([*_written("operation", _OPERATIONS, fields), *_conditions(on_connection)], matchers)
    for fields, matchers in zip(sources, principals, strict=True):
        yield from _paired([*_written("source", _SOURCES, fields), *_conditions(others)], matchers)


_Written = tuple[str, str, tuple[str, ...], bool]


def _written(part: str, names: Sequence[str], fields: Tree) -> Iterator[_Written]:
    for name in names:
        negated = f"not{name[0].upper()}{name[1:]}"
        if fields.get(name):
            yield part, name, tuple(fields[name]), False
        if fields.get(negated):
            yield part, negated, tuple(fields[negated]), True


def _conditions(whens: Sequence[Tree]) -> Iterator[_Written]:
    for when in whens:
        if when.get("values"):
            yield "when", when["key"], tuple(when["values"]), False
        if when.get("notValues"):
            yield "when", when["key"], tuple(when["notValues"]), True


def _paired(written: list[_Written], matchers: list[Tree]) -> Iterator[Piece]:
    if not written:
        assert matchers == [_ANY]
        return
    for (part, name, values, negative), matcher in zip(written, matchers, strict=True):
        assert negative == (("notRule" in matcher) or ("notId" in matcher)), (name, matcher)
        yield Piece(part, name, values, negative, matcher)


def _split(piece: Piece) -> Iterator[Piece]:
    """A piece for each value, where Istio made one matcher of each."""
    count = len(piece.values)
    if count < 2 or _alternatives(piece.matcher) != count:
        return
    for index, value in enumerate(piece.values):
        matcher = _only(piece.matcher, index, count)
        yield Piece(piece.part, piece.name, (value,), piece.negative, matcher)


def _alternatives(matcher: Any) -> int:
    """Of how many things the innermost lists of a clause are: `orRules`, `orIds`, or the values of a metadata matcher."""
    inner = matcher.get("notRule") or matcher.get("notId") or matcher
    if "orRules" in inner:
        return len(inner["orRules"]["rules"])
    if "orIds" in inner:
        ids = inner["orIds"]["ids"]
        return len(ids) if len(ids) != 1 else 0
    if "metadata" in inner:
        lists = _innermost(inner["metadata"]["value"])
        return lists[0] if len(set(lists)) == 1 else 0
    return 0


def _innermost(value: Tree) -> list[int]:
    if "listMatch" in value:
        return _innermost(value["listMatch"]["oneOf"])
    if "orMatch" not in value:
        return [1]
    matchers = value["orMatch"]["valueMatchers"]
    if all("stringMatch" in each for each in matchers):
        return [len(matchers)]
    return [length for each in matchers for length in _innermost(each)]


def _only(matcher: Any, index: int, count: int) -> Any:
    """The matcher with one alternative left in each of its lists of values."""
    if isinstance(matcher, list):
        return [_only(each, index, count) for each in matcher]
    if not isinstance(matcher, dict):
        return matcher
    return {name: _thinned(name, value, index, count) for name, value in matcher.items()}


def _thinned(name: str, value: Any, index: int, count: int) -> Any:
    if name in ("orRules", "orIds"):
        (key,) = value
        return {key: [value[key][index]]}
    if name == "orMatch" and all("stringMatch" in each for each in value["valueMatchers"]):
        several = value["valueMatchers"]
        return {"valueMatchers": [several[index], several[index]]}
    return _only(value, index, count)


def _part(pair: Pair, number: int, pieces: Sequence[Piece]) -> Part:
    rule: Tree = {}
    for piece in pieces:
        values = list(piece.values)
        if piece.part == "when":
            side = "notValues" if piece.negative else "values"
            rule.setdefault("when", []).append({"key": piece.name, side: values})
        else:
            where = "from" if piece.part == "source" else "to"
            rule.setdefault(where, [{piece.part: {}}])[0][piece.part][piece.name] = values
    permissions = [piece.matcher for piece in pieces if piece.is_permission] or [_ANY]
    principals = [piece.matcher for piece in pieces if not piece.is_permission] or [_ANY]
    policy = {"permissions": [{"andRules": {"rules": permissions}}], "principals": [{"andIds": {"ids": principals}}]}
    metadata = {"name": f"part-{number}", "namespace": pair.trees[0]["metadata"]["namespace"]}
    kind = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy"}
    decisive = len(pieces) == 1 and "*" not in pieces[0].values
    return Part({**kind, "metadata": metadata, "spec": {"rules": [rule]}}, {"all": policy}, decisive)

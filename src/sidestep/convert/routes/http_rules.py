"""The HTTP rules of a VirtualService on one port, as rules of HTTPRoutes.

Source: Gateway API 1.6 for how much one object holds: 16 rules, 64 matches in each, 127 together; a prefix is replaced
where it is a rule's only match.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

from sidestep.convert.rewrite import Severity, Tree
from sidestep.convert.routes.bodies import Body
from sidestep.convert.routes.cases import Case
from sidestep.convert.routes.forms import Match, unsayable
from sidestep.convert.routes.intersect import Pairs, with_intersections
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.convert.routes.order import arranged
from sidestep.convert.routes.reshape import offered, with_guarded_prefixes, with_segments, without_headers
from sidestep.convert.routes.served import Served
from sidestep.semantics.routing.text_match import Form

_RULES, _MATCHES, _ALL_MATCHES = 16, 64, 127
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class _Group(Struct, frozen=True):
    """Cases that stand together in one rule, by their places."""

    places: tuple[int, ...]
    rule: int
    path: Tree | None


def http_rules(
    found: Sequence[Case], bodies: Sequence[Body], port: int, served: Served, ledger: Ledger
) -> list[list[Tree]]:
    """Rules of one object each; none where nothing is said of the port."""
    rewrites = [body.rewrite for body in bodies]
    cases = with_segments(offered(found, port), rewrites)
    cases = without_headers(cases, rewrites, ledger)
    cases = with_guarded_prefixes(cases, rewrites, ledger)
    cases, settled = with_intersections(cases, rewrites)
    for case in cases:
        part = unsayable(case)
        if part:
            ledger.keep(f"{case.field}.{part}", "asks for a value", "a route cannot hold it", AS_IT_IS)
    paths = [_path_change(case, rewrites[case.rule], ledger) for case in cases]
    if ledger.obstacles or not cases:
        return []
    objects = _objects(_groups(cases, paths))
    matches = _in_order(cases, paths, objects, settled)
    if matches is None:
        first = cases[0].field.partition("[")[0]
        ledger.keep(first, "lists rules in an order", "no forms of a route keep it (D42)", AS_IT_IS)
        return []
    named = _Names(bodies, served)
    return [[_rule(group, bodies[group.rule], matches, named) for group in groups] for groups in objects]


def _in_order(
    cases: Sequence[Case], paths: Sequence[Tree | None], objects: list[list[_Group]], settled: Pairs
) -> list[Match] | None:
    home = {place: at for at, groups in enumerate(objects) for group in groups for place in group.places}
    fixed = [_replaces_prefix(path) for path in paths]

    def same(one: int, other: int) -> bool:
        if (one, other) in settled:
            return True
        return cases[one].rule == cases[other].rule and paths[one] == paths[other] and not fixed[one]

    return arranged(cases, fixed, same, lambda one, other: home[one] != home[other])


def _path_change(case: Case, uri: str, ledger: Ledger) -> Tree | None:
    """What becomes of a case's path."""
    if not uri or (case.any_path and uri == "/"):
        return None
    if case.path.form in (Form.EXACT, Form.REGEX):
        return {"type": "ReplaceFullPath", "replaceFullPath": uri}
    if case.path.form is Form.SEGMENTS:
        return {"type": "ReplacePrefixMatch", "replacePrefixMatch": uri.removesuffix("/") or "/"}
    if uri.endswith("/"):
        why = "the Gateway API joins slashes otherwise (D41)"
        ledger.keep(f"{case.field}.rewrite.uri", f"puts {uri} before every path", why, AS_IT_IS)
    return {"type": "ReplacePrefixMatch", "replacePrefixMatch": uri}


def _replaces_prefix(path: Tree | None) -> bool:
    return path is not None and path["type"] == "ReplacePrefixMatch"


def _groups(cases: Sequence[Case], paths: Sequence[Tree | None]) -> list[_Group]:
    found: list[_Group] = []
    for at, case in enumerate(cases):
        last = found[-1] if found else None
        alike = last is not None and (last.rule, last.path) == (case.rule, paths[at])
        if last is not None and alike and not _replaces_prefix(paths[at]) and len(last.places) < _MATCHES:
            found[-1] = _Group((*last.places, at), last.rule, last.path)
        else:
            found.append(_Group((at,), case.rule, paths[at]))
    return found


def _objects(groups: Sequence[_Group]) -> list[list[_Group]]:
    found: list[list[_Group]] = [[]]
    for group in groups:
        held = sum(len(each.places) for each in found[-1])
        if found[-1] and (len(found[-1]) == _RULES or held + len(group.places) > _ALL_MATCHES):
            found.append([])
        found[-1].append(group)
    return found


class _Names:
    """Names of rules, each given once, where the target's Gateway API has them."""

    def __init__(self, bodies: Sequence[Body], served: Served) -> None:
        self._told = {body.name for body in bodies} if served.since(1, 4) or served.experimental else set()

    def take(self, name: str) -> Tree:
        if name not in self._told or not is_rule_name(name):
            return {}
        self._told.remove(name)
        return {"name": name}


def is_rule_name(name: str) -> bool:
    """Whether a rule of a route may have it."""
    return len(name) <= 253 and _NAME.fullmatch(name) is not None


def lose_names(bodies: Sequence[tuple[str, Body]], served: Served, ledger: Ledger) -> None:
    """Tell which names go, by the place of each rule."""
    kept = served.since(1, 4) or served.experimental
    for field, each in bodies:
        if each.name and not (kept and is_rule_name(each.name)):
            ledger.lose(
                f"{field}.name", "names the rule in logs", "a route's rules cannot have this name",
                "look for the route's own name in logs", Severity.OBSERVABILITY,
            )  # fmt: skip


def _rule(group: _Group, body: Body, matches: Sequence[Match], names: _Names) -> Tree:
    return {**names.take(body.name), "matches": [matches[at].tree for at in group.places], **body.fields(group.path)}

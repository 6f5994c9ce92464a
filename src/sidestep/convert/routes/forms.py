"""Matches of the Gateway API, and how they stand to each other.

Source: definitions of Gateway API 1.6 for what a value may be; D41, D42 for how Istio sorts.
"""

import re
from typing import Any

from msgspec import Struct

from sidestep.convert.rewrite import Tree
from sidestep.convert.routes.cases import Case
from sidestep.convert.routes.header_edits import is_name, is_value
from sidestep.semantics.patterns import quote
from sidestep.semantics.routing.gateway_api_match import Rank, http_route_match
from sidestep.semantics.routing.http_match import NamedMatch
from sidestep.semantics.routing.text_match import Form, TextMatch

_PATH = re.compile(r"/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*")
_PATH_WITHOUT = ("//", "/./", "/../", "%2f", "%2F")
LONGEST_PATH = 1024
"""Of paths that are matched or set, and of values of parameters."""
_MOST = 16
_PAD = "(?:)"
_EMPTY = "^$"


class Match(Struct, frozen=True):
    """A case as a route says it."""

    case: Case
    tree: Tree

    @property
    def rank(self) -> Rank:
        """Where it stands: lower ranks go first."""
        return http_route_match(self.tree, "", "").rank

    @property
    def is_expression(self) -> bool:
        """Whether its path is a regular expression."""
        return bool(self.tree["path"]["type"] == "RegularExpression")


def natural(case: Case) -> Match | None:
    """The case in the form that says most; None where no form says it."""
    path = _natural_path(case.path)
    return _match(case, *path) if path else None


def as_expression(case: Case, length: int = 0) -> Match | None:
    """The case with an expression for a path, of at least a length; None where none can be."""
    pattern = _expression(case.path)
    lacking = -(-max(0, length - len(pattern)) // len(_PAD))
    padded = _PAD * lacking + pattern
    return _match(case, "RegularExpression", padded) if len(padded) <= LONGEST_PATH else None


def unsayable(case: Case) -> str:
    """Which part of a case no route can say; empty where there is none."""
    for part, named in (("headers", case.headers), ("queryParams", case.queries)):
        if len(named) > _MOST:
            return part
        for each in named:
            value = _value(each.text)["value"]
            told = is_value(value) if part == "headers" else value and len(value) <= LONGEST_PATH
            if not is_name(each.name) or not told or [n.name for n in named].count(each.name) > 1:
                return f"{part}.{each.name}"
    return "" if as_expression(case) else "uri"


def _natural_path(path: TextMatch) -> tuple[str, str] | None:
    if path.form is Form.PREFIX and path.text == "/":
        return "PathPrefix", "/"
    plain = not path.fold and is_plain_path(path.text)
    if path.form is Form.EXACT and plain:
        return "Exact", path.text
    if path.form is Form.SEGMENTS and plain:
        return "PathPrefix", path.text
    pattern = _expression(path)
    return ("RegularExpression", pattern) if len(pattern) <= LONGEST_PATH else None


def is_plain_path(text: str) -> bool:
    """Whether a text may stand as an exact path or a prefix."""
    tidy = not any(part in text for part in _PATH_WITHOUT) and not text.endswith(("/.", "/.."))
    return tidy and len(text) <= LONGEST_PATH and _PATH.fullmatch(text) is not None


def _expression(path: TextMatch) -> str:
    if path.form is Form.REGEX:
        return path.text
    fold = "(?i)" if path.fold else ""
    below = {Form.PREFIX: ".*", Form.SEGMENTS: "(?:/.*)?"}.get(path.form, "")
    return f"{fold}{quote(path.text)}{below}" or _EMPTY


def _match(case: Case, kind: str, value: str) -> Match:
    tree: Tree = {"path": {"type": kind, "value": value}}
    if case.method:
        tree["method"] = case.method
    if case.headers:
        tree["headers"] = [_named(each) for each in case.headers]
    if case.queries:
        tree["queryParams"] = [_named(each) for each in case.queries]
    return Match(case, tree)


def _named(each: NamedMatch) -> dict[str, Any]:
    return {"name": each.name, **_value(each.text)}


def _value(text: TextMatch) -> dict[str, str]:
    if text.form is Form.EXACT and text.text:
        return {"type": "Exact", "value": text.text}
    patterns = {Form.PRESENT: ".*", Form.PREFIX: f"{quote(text.text)}.*", Form.EXACT: _EMPTY}
    return {"type": "RegularExpression", "value": patterns.get(text.form, text.text or _EMPTY)}

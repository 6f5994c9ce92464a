"""Edits of headers as filters, and the authority that hides among them.

Source: pilot/pkg/networking/core/route/route.go: `host` and `:authority` set the authority, other pseudo-headers are
not edited; Gateway API 1.6 for what a value may be.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sidestep.convert.rewrite import Tree
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.semantics.routing.edits import edits
from sidestep.semantics.trees import mapping, strings

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}")
_VALUE = re.compile(r"[!-~]+(?:[\t ]?[!-~]+)*")
_HOSTNAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MOST = 16
_LONGEST_VALUE = 4096
_VERBS = ("set", "add", "remove")
_KNOWN = frozenset({"request", "response"})


class HeaderFilters(Struct, frozen=True):
    """What becomes of headers.

    Attributes:
        filters: one for requests, one for responses, as far as there are any.
        authority: in place of the request's.
    """

    filters: tuple[Tree, ...] = ()
    authority: str = ""


def header_filters(value: object, field: str, ledger: Ledger) -> HeaderFilters:
    """The `headers` of a VirtualService.

    Raises:
        MalformedError: a field has a wrong type.
    """
    tree = mapping(value, field)
    told = edits(value, field)
    ledger.unknown_fields(tree, _KNOWN, field)
    found = []
    for side, kind in (("request", "RequestHeaderModifier"), ("response", "ResponseHeaderModifier")):
        part = mapping(tree.get(side), f"{field}.{side}")
        ledger.unknown_fields(part, frozenset(_VERBS), f"{field}.{side}")
        modifier = _modifier(part, f"{field}.{side}", ledger)
        if modifier:
            found.append({"type": kind, f"{kind[0].lower()}{kind[1:]}": modifier})
    if told.authority and not is_hostname(told.authority):
        ledger.keep(f"{field}.request", "sets the authority", "a route can set a plain host name only", AS_IT_IS)
    return HeaderFilters(tuple(found), told.authority)


def is_hostname(text: str) -> bool:
    """Whether a route may set it as the host."""
    return len(text) <= 253 and _HOSTNAME.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether a route takes it as the name of a header."""
    return _NAME.fullmatch(text) is not None


def is_value(text: str) -> bool:
    """Whether a route takes it as the value of a header."""
    return len(text) <= _LONGEST_VALUE and _VALUE.fullmatch(text) is not None


def _modifier(part: Mapping[str, Any], field: str, ledger: Ledger) -> Tree:
    found: Tree = {}
    for verb in ("set", "add"):
        named = {str(name): str(each) for name, each in mapping(part.get(verb), field).items() if _edited(str(name))}
        _check(named, f"{field}.{verb}", ledger)
        if named:
            found[verb] = [{"name": name, "value": each} for name, each in sorted(named.items())]
    listed = strings(part.get("remove"), f"{field}.remove")
    removed = list({name.lower(): name for name in listed if _edited(name)}.values())
    if removed:
        _check(dict.fromkeys(removed, "-"), f"{field}.remove", ledger)
        found["remove"] = removed
    return found


def _edited(name: str) -> bool:
    return not name.startswith(":") and name.lower() != "host"


def _check(named: Mapping[str, str], field: str, ledger: Ledger) -> None:
    """Keep what a filter may not hold: too many, twice in other case, or of characters that it refuses."""
    lowered = {name.lower() for name in named}
    odd = [name for name, value in named.items() if not (is_name(name) and is_value(value))]
    if odd or len(lowered) < len(named) or len(named) > _MOST:
        ledger.keep(field, "edits headers", "a route cannot hold such names or values, or so many", AS_IT_IS)

"""Redirects and CORS as filters.

Source: istio-semantics.md §4.3; pilot/pkg/networking/core/route/route.go (ApplyRedirect): the own port of a scheme is
not shown, and without a scheme a route would show the one dialled.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from sidestep.convert.rewrite import Severity, Tree
from sidestep.convert.routes.cases import METHODS
from sidestep.convert.routes.forms import LONGEST_PATH
from sidestep.convert.routes.header_edits import is_hostname, is_name
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.convert.routes.served import Served
from sidestep.semantics.lengths import seconds
from sidestep.semantics.routing.actions import redirect
from sidestep.semantics.routing.cors import origins
from sidestep.semantics.trees import flag, mapping, strings, text

_REDIRECT = frozenset({"uri", "authority", "port", "derivePort", "scheme", "redirectCode"})
_CORS = frozenset({
    "allowOrigins", "allowOrigin", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge", "allowCredentials",
    "unmatchedPreflights",
})  # fmt: skip
_OLD_CODES = (301, 302)
_HTTP_PORT = 80
_MOST, _SHOWN = 64, 80
_LONGEST_ORIGIN, _LONGEST_AGE = 253, 2**31 - 1
_ORIGIN = re.compile(r"\*|https?://(?:(?:\*\.)?(?:[a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(?::[0-9]{1,5})?")


def redirect_filter(value: object, field: str, served: Served, ledger: Ledger) -> Tree | None:
    """A redirect; None for none.

    Raises:
        MalformedError: a field has a wrong type.
    """
    asked = redirect(value, field)
    if asked is None:
        return None
    ledger.unknown_fields(value, _REDIRECT, field)
    if asked.status not in _OLD_CODES and not served.since(1, 5):
        ledger.keep(f"{field}.redirectCode", f"answers {asked.status}", "that code came with Gateway API 1.5", AS_IT_IS)
    if asked.scheme not in ("", "http", "https") or (asked.authority and not is_hostname(asked.authority)):
        ledger.keep(field, "redirects elsewhere", "a route names http or https and a plain host only", AS_IT_IS)
    if asked.port < 0 and asked.scheme:
        ledger.keep(f"{field}.derivePort", "keeps the port", "with a scheme, a route takes that one's own", AS_IT_IS)
    _check_path(asked.path, f"{field}.uri", ledger)
    told: Tree = {"statusCode": asked.status}
    if asked.scheme:
        told["scheme"] = asked.scheme
    if asked.authority:
        told["hostname"] = asked.authority
    if asked.port > 0 or (asked.port == 0 and not asked.scheme):
        told["port"] = asked.port or _HTTP_PORT
    if asked.path:
        told["path"] = {"type": "ReplaceFullPath", "replaceFullPath": asked.path}
    return {"type": "RequestRedirect", "requestRedirect": told}


def _check_path(path: str, field: str, ledger: Ledger) -> None:
    if "%PREFIX()%" in path:
        ledger.keep(field, "keeps part of the path", "nothing is known of this form in routes", AS_IT_IS)
    if len(path) > LONGEST_PATH:
        ledger.keep(field, f"names {len(path)} letters", f"a route holds {LONGEST_PATH}", AS_IT_IS)


def cors_filter(value: object, field: str, served: Served, ledger: Ledger) -> Tree | None:
    """A CORS policy; None for none.

    Raises:
        MalformedError: a field has a wrong type.
    """
    allowed = origins(value, field)
    if allowed is None:
        return None
    tree = mapping(value, field)
    ledger.unknown_fields(tree, _CORS, field)
    if not served.since(1, 5):
        ledger.keep(field, "answers browsers", "the filter for that came with Gateway API 1.5", AS_IT_IS)
    if not all(len(each) <= _LONGEST_ORIGIN and _ORIGIN.fullmatch(each) for each in allowed) or not _fits(allowed):
        why = "a route allows whole origins, and stars in place of names only"
        instead = f"name the origins; until then {AS_IT_IS}"
        ledger.keep(f"{field}.allowOrigins", "allows origins by pattern", why, instead)
    _lose_preflights(tree, field, ledger)
    cors: Tree = {"allowOrigins": list(dict.fromkeys(allowed))} if allowed else {}
    cors |= _lists(tree, field, ledger)
    if flag(tree.get("allowCredentials"), f"{field}.allowCredentials"):
        cors["allowCredentials"] = True
    cors["maxAge"] = _max_age(tree, field, ledger)
    return {"type": "CORS", "cors": cors}


def _lists(tree: Mapping[str, Any], field: str, ledger: Ledger) -> Tree:
    """What a policy lists, each once."""
    found: Tree = {}
    for name, is_told in (("allowMethods", _is_method), ("allowHeaders", is_name), ("exposeHeaders", is_name)):
        listed = list(dict.fromkeys(strings(tree.get(name), f"{field}.{name}")))
        if not _fits(listed) or not all(is_told(each) for each in listed):
            why = "a route holds 64 of them, a star alone, and of methods those that it knows"
            ledger.keep(f"{field}.{name}", f"lists {', '.join(listed)[:_SHOWN]}", why, AS_IT_IS)
        if listed:
            found[name] = listed
    return found


def _fits(listed: Collection[str]) -> bool:
    return len(set(listed)) <= _MOST and ("*" not in listed or len(set(listed)) == 1)


def _is_method(text: str) -> bool:
    return text == "*" or text in METHODS


def _lose_preflights(tree: Mapping[str, Any], field: str, ledger: Ledger) -> None:
    if text(tree.get("unmatchedPreflights"), f"{field}.unmatchedPreflights") != "IGNORE":
        ledger.lose(
            f"{field}.unmatchedPreflights", "forwards preflight requests of other origins to the backend",
            "a route's filter answers them all itself", "nothing, unless the backend answers preflights of its own",
            Severity.TRAFFIC,
        )  # fmt: skip


def _max_age(tree: Mapping[str, Any], field: str, ledger: Ledger) -> int:
    """In seconds; browsers take 5 where nothing is said, which is what a route always says."""
    written = text(tree.get("maxAge"), f"{field}.maxAge")
    length = seconds(written) if written else None
    if length is None:
        return 5
    if length.denominator != 1 or not 1 <= length <= _LONGEST_AGE:
        ledger.keep(f"{field}.maxAge", f"lets answers live for {written}", "a route counts whole seconds", AS_IT_IS)
    return max(1, int(length))

"""Retries and time limits of a rule.

Source: istio-semantics.md §4.3 (`retry` is experimental; what is tried again is fixed but for status codes), D43;
Gateway API 1.6: at least one attempt, one attempt no longer than the whole.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from sidestep.convert.rewrite import Tree
from sidestep.convert.routes.durations import for_gateway_api
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.convert.routes.served import Served
from sidestep.semantics.lengths import seconds
from sidestep.semantics.routing.actions import duration
from sidestep.semantics.routing.retry_policy import retries
from sidestep.semantics.routing.route import Retries
from sidestep.semantics.trees import mapping, text
from sidestep.semantics.versions import IstioVersion

_FIXED = frozenset({"connect-failure", "refused-stream", "unavailable", "cancelled"})
_CODED = "retriable-status-codes"
_NO_FIELD = ("retryRemoteLocalities", "retryIgnorePreviousHosts")
_KNOWN = frozenset({"attempts", "perTryTimeout", "retryOn", "backoff", *_NO_FIELD})


class Attempts(Struct, frozen=True):
    """What a rule says of time and attempts: fields of a rule of an HTTPRoute."""

    retry: Tree = {}
    timeouts: Tree = {}


class Defaults(Struct, frozen=True):
    """What holds where a rule says nothing, and who reads what."""

    retries: Retries
    version: IstioVersion
    served: Served


def attempts(rule: Mapping[str, Any], field: str, defaults: Defaults, ledger: Ledger) -> Attempts:
    """Retries and timeouts of a rule.

    Raises:
        MalformedError: a field has a wrong type.
    """
    limit = _length(duration(rule.get("timeout"), f"{field}.timeout"), f"{field}.timeout", ledger)
    timeouts = {"request": limit} if limit else {}
    asked = retries(rule.get("retries"), f"{field}.retries", defaults.version)
    if asked is None or asked == defaults.retries:
        return Attempts({}, timeouts)
    where = f"{field}.retries"
    tree = mapping(rule["retries"], where)
    ledger.unknown_fields(tree, _KNOWN, where)
    retry = _retry(tree, asked, where, ledger)
    if not defaults.served.experimental or not defaults.served.istio.since(1, 25):
        why = "`retry` of an HTTPRoute is of the experimental channel, which the target is not known to serve"
        ledger.keep(where, f"asks for {asked.attempts} attempts", why, f"install that channel; until then {AS_IT_IS}")
    per_try = _length(duration(asked.per_try, where), f"{where}.perTryTimeout", ledger)
    if per_try and limit and (seconds(per_try) or 0) > (seconds(limit) or 0):
        why = "a route's attempt may not last longer than the whole"
        instead = f"take it out: it is never reached; until then {AS_IT_IS}"
        ledger.keep(f"{where}.perTryTimeout", f"gives an attempt {per_try}", why, instead)
    return Attempts(retry, {**timeouts, "backendRequest": per_try} if per_try else timeouts)


def _length(written: str, field: str, ledger: Ledger) -> str:
    found = for_gateway_api(written) if written else ""
    if found is None:
        ledger.keep(field, f"sets {written}", "the Gateway API counts whole milliseconds", AS_IT_IS)
    return found or ""


def _retry(tree: Mapping[str, Any], asked: Retries, field: str, ledger: Ledger) -> Tree:
    if asked.attempts < 1:
        why = "a route's `retry` makes one attempt at least, and without it the mesh's default holds"
        ledger.keep(f"{field}.attempts", "switches retries off", why, AS_IT_IS)
    for name in _NO_FIELD:
        if tree.get(name) is not None:
            ledger.keep(f"{field}.{name}", "chooses where to try again", "routes have no such field", AS_IT_IS)
    conditions = {part for part in asked.on.partition(";")[0].split(",") if part}
    codes = sorted(int(part) for part in conditions if part.isdecimal())
    unlike = conditions - {str(code) for code in codes} - {_CODED} != _FIXED
    if asked.attempts >= 1 and (unlike or not all(400 <= code <= 599 for code in codes)):
        why = f"a route always tries again on {', '.join(sorted(_FIXED))}, and on status codes besides"
        ledger.keep(f"{field}.retryOn", f"tries again on {asked.on.partition(';')[0]}", why, AS_IT_IS)
    backoff = _length(text(tree.get("backoff"), f"{field}.backoff"), f"{field}.backoff", ledger)
    return {
        "attempts": asked.attempts,
        **({"codes": _unique(codes)} if codes else {}),
        **({"backoff": backoff} if backoff else {}),
    }


def _unique(codes: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(codes))

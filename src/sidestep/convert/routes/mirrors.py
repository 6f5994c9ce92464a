"""Copies of requests as filters.

Source: istio-semantics.md §4.3: shares since Gateway API 1.3.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sidestep.convert.rewrite import Tree
from sidestep.convert.routes.destinations import Place, reference
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.convert.routes.served import Served
from sidestep.semantics.routing.faults import percentage
from sidestep.semantics.trees import mappings, whole

_KNOWN = frozenset({"destination", "percentage"})
_FINEST = 1_000_000


def mirror_filters(rule: Mapping[str, Any], field: str, place: Place, ledger: Ledger) -> list[Tree]:
    """All copies of a rule; one of 0 % is none.

    Raises:
        MalformedError: a field has a wrong type.
    """
    found = []
    if rule.get("mirror") is not None:
        share = percentage(rule.get("mirrorPercentage"), f"{field}.mirrorPercentage")
        old = whole(rule.get("mirrorPercent"), f"{field}.mirrorPercent")
        known = share if share is not None else (None if old is None else float(old))
        found += _filter(rule["mirror"], known, f"{field}.mirror", place, ledger)
    for at, each in enumerate(mappings(rule.get("mirrors"), f"{field}.mirrors")):
        where = f"{field}.mirrors[{at}]"
        ledger.unknown_fields(each, _KNOWN, where)
        share = percentage(each.get("percentage"), f"{where}.percentage")
        found += _filter(each.get("destination"), share, f"{where}.destination", place, ledger)
    return found


def _filter(destination: object, share: float | None, field: str, place: Place, ledger: Ledger) -> list[Tree]:
    if share is not None and share <= 0:
        return []
    ref = reference(destination, field, place, ledger)
    part = {} if share is None or share >= 100 else _share(share, field, place.served, ledger)
    return [] if ref is None else [{"type": "RequestMirror", "requestMirror": {"backendRef": ref, **part}}]


def _share(share: float, field: str, served: Served, ledger: Ledger) -> Tree:
    if not served.since(1, 3):
        ledger.keep(field, f"copies {share:g} %", "shares came with Gateway API 1.3", AS_IT_IS)
    exact = Fraction(str(share)) / 100
    if exact * 100 == int(share):
        return {"percent": int(share)}
    rounded = exact.limit_denominator(_FINEST)
    if rounded != exact:
        ledger.keep(field, f"copies {share:g} %", "so fine a share is no fraction of a million", AS_IT_IS)
    return {"fraction": {"numerator": rounded.numerator, "denominator": rounded.denominator}}

"""What is left of an AuthorizationPolicy at ztunnel, which reads no HTTP.

Source: istio-semantics.md §3.5 with D05 to D09 (pilot/pkg/serviceregistry/ambient/authorization.go), seen on the real
programs. An ALLOW rule with anything of layer 7 is dropped whole. A DENY rule loses those parts clause by clause: a
clause that keeps nothing never matches, and with it the rule; one that keeps something denies more than before.
"""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.semantics.attachment import target_refs
from sidestep.semantics.loose import as_dict, as_dicts, as_text

DRY_RUN = "istio.io/dry-run"
ACCEPTED_BY_ZTUNNEL = "ZtunnelAccepted"
UNSUPPORTED = "UnsupportedValue"

_L4_SOURCES = ("principals", "namespaces", "serviceAccounts", "ipBlocks")
_L4_OPERATIONS = ("ports",)
_L4_CONDITIONS = frozenset({"source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"})
_TRUST_DOMAINS = ("trustDomains", "notTrustDomains")


class Fate(StrEnum):
    """What becomes of one rule."""

    WHOLE = "kept as it is"
    DROPPED = "dropped: it admits nobody"
    POWERLESS = "never denies"
    PARTLY_POWERLESS = "denies only some of what it names"
    WIDER = "denies whatever its HTTP part says"


class RuleFate(Struct, frozen=True):
    """One rule: its place in `spec.rules`, what becomes of it, and the fields that are lost."""

    index: int
    fate: Fate
    lost: tuple[str, ...] = ()


class AtZtunnel(Struct, frozen=True):
    """A whole policy.

    Attributes:
        action: ALLOW, DENY, CUSTOM or AUDIT.
        sent: whether ztunnel gets it at all.
        rules: what becomes of each rule; empty for one that is not sent.
    """

    action: str
    sent: bool
    rules: tuple[RuleFate, ...] = ()

    def of(self, *fates: Fate) -> tuple[RuleFate, ...]:
        """The rules of one fate."""
        return tuple(rule for rule in self.rules if rule.fate in fates)

    @property
    def admits_nobody(self) -> bool:
        """Whether an ALLOW policy has lost all its rules, and all the same is there to refuse."""
        return self.action == "ALLOW" and bool(self.rules) and len(self.of(Fate.DROPPED)) == len(self.rules)


def at_ztunnel(spec: dict[str, Any] | None) -> AtZtunnel | None:
    """What ztunnel makes of a policy; None for one that attaches by `targetRefs` and is not meant for it."""
    found = spec or {}
    if target_refs(found):
        return None
    action = as_text(found.get("action")) or "ALLOW"
    if action not in ("ALLOW", "DENY"):
        return AtZtunnel(action, sent=False)
    judge = _allow if action == "ALLOW" else _deny
    return AtZtunnel(action, True, tuple(judge(index, rule) for index, rule in enumerate(as_dicts(found.get("rules")))))


def reported(status: dict[str, Any] | None) -> str | None:
    """What istiod says in a policy's status of what ztunnel cannot hold; None where it says nothing of the kind.

    Read by reason: the condition's status is True for policies of which ztunnel keeps only a part.
    """
    for condition in as_dicts((status or {}).get("conditions")):
        if condition.get("type") == ACCEPTED_BY_ZTUNNEL and condition.get("reason") == UNSUPPORTED:
            return as_text(condition.get("message")) or UNSUPPORTED
    return None


def drops_trust_domains(spec: dict[str, Any] | None) -> bool:
    """Whether a source names trust domains beside something that ztunnel keeps, and so gets wider (D09)."""
    sources = [
        as_dict(each.get("source"))
        for rule in as_dicts((spec or {}).get("rules"))
        for each in as_dicts(rule.get("from"))
    ]
    return any(_any(source, _TRUST_DOMAINS) and _any(source, _with_not(_L4_SOURCES)) for source in sources)


def _allow(index: int, rule: dict[str, Any]) -> RuleFate:
    lost = [field for clause in _clauses(rule) for match in clause for field in match.lost]
    only_trust = any(match.trust and not match.kept for clause in _clauses(rule) for match in clause)
    if lost or only_trust:
        return RuleFate(index, Fate.DROPPED, tuple(sorted({*lost, *(("trustDomains",) if only_trust else ())})))
    return RuleFate(index, Fate.WHOLE)


def _deny(index: int, rule: dict[str, Any]) -> RuleFate:
    clauses = _clauses(rule)
    lost = tuple(sorted({field for clause in clauses for match in clause for field in match.lost}))
    if any(clause and not any(match.kept for match in clause) for clause in clauses):
        return RuleFate(index, Fate.POWERLESS, lost)
    if any(not match.kept for clause in clauses for match in clause):
        return RuleFate(index, Fate.PARTLY_POWERLESS, lost)
    return RuleFate(index, Fate.WIDER if lost else Fate.WHOLE, lost)


class _Match(Struct, frozen=True):
    """One alternative of a clause: whether ztunnel keeps anything of it, what it loses, and a field it never had."""

    kept: bool
    lost: tuple[str, ...]
    trust: bool = False


def _clauses(rule: dict[str, Any]) -> tuple[tuple[_Match, ...], ...]:
    """All clauses of a rule, which must hold together; the alternatives of each."""
    sources = tuple(_match(as_dict(each.get("source")), _L4_SOURCES) for each in as_dicts(rule.get("from")))
    operations = tuple(_match(as_dict(each.get("operation")), _L4_OPERATIONS) for each in as_dicts(rule.get("to")))
    conditions = ((_condition(each),) for each in as_dicts(rule.get("when")))
    return (sources, operations, *conditions)


def _match(fields: dict[str, Any], kept: tuple[str, ...]) -> _Match:
    known = _with_not(kept)
    lost = tuple(name for name, value in fields.items() if value and name not in known and name not in _TRUST_DOMAINS)
    return _Match(_any(fields, known), lost, _any(fields, _TRUST_DOMAINS))


def _condition(condition: dict[str, Any]) -> _Match:
    key = as_text(condition.get("key"))
    kept = key in _L4_CONDITIONS
    return _Match(kept, () if kept else (key,))


def _any(fields: dict[str, Any], names: tuple[str, ...]) -> bool:
    return any(fields.get(name) for name in names)


def _with_not(names: tuple[str, ...]) -> tuple[str, ...]:
    return (*names, *(f"not{name[0].upper()}{name[1:]}" for name in names))

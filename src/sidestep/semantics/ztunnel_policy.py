"""What becomes of each rule of an AuthorizationPolicy on its way to ztunnel, which reads no HTTP.

Source: istio-semantics.md §3.5 with D05 to D09; the conversion itself is `authorization.ztunnel`. An ALLOW rule with
anything of layer 7 is dropped whole. A DENY rule loses those parts clause by clause: a clause that keeps nothing never
matches, and with it the rule; one that keeps something denies more than before.
"""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.parse import parse_policy
from sidestep.semantics.authorization.policy import Action, Attribute, ClauseKind, Policy, Rule
from sidestep.semantics.authorization.ztunnel import Authorization, convert
from sidestep.semantics.loose import as_dicts, as_text

DRY_RUN = "istio.io/dry-run"
ACCEPTED_BY_ZTUNNEL = "ZtunnelAccepted"
UNSUPPORTED = "UnsupportedValue"


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
        policy: in its normal form.
        sent: whether ztunnel can get it at all, dry runs left aside.
        rules: what becomes of each rule; empty for one that is not sent.
    """

    policy: Policy
    sent: bool
    rules: tuple[RuleFate, ...] = ()

    @property
    def action(self) -> Action:
        """What it does with what it matches."""
        return self.policy.action

    def of(self, *fates: Fate) -> tuple[RuleFate, ...]:
        """The rules of one fate."""
        return tuple(rule for rule in self.rules if rule.fate in fates)

    @property
    def admits_nobody(self) -> bool:
        """Whether an ALLOW policy has lost all its rules, and all the same is there to refuse."""
        return self.action is Action.ALLOW and bool(self.rules) and len(self.of(Fate.DROPPED)) == len(self.rules)


def at_ztunnel(resource: Resource[Spec]) -> AtZtunnel | None:
    """What ztunnel makes of a policy; None for one that attaches by `targetRefs`, or that cannot be read."""
    policy = parse_policy(resource)
    if policy.invalid or policy.targets:
        return None
    if policy.action not in (Action.ALLOW, Action.DENY):
        return AtZtunnel(policy, sent=False)
    return AtZtunnel(policy, True, tuple(_fate(policy, rule) for rule in policy.rules))


def reported(status: dict[str, Any] | None) -> str | None:
    """What istiod says in a policy's status of what ztunnel cannot hold; None where it says nothing of the kind.

    Read by reason: the condition's status is True for policies of which ztunnel keeps only a part.
    """
    for condition in as_dicts((status or {}).get("conditions")):
        if condition.get("type") == ACCEPTED_BY_ZTUNNEL and condition.get("reason") == UNSUPPORTED:
            return as_text(condition.get("message")) or UNSUPPORTED
    return None


def drops_trust_domains(policy: Policy) -> bool:
    """Whether a source names trust domains beside something that ztunnel keeps, and so gets wider (D09)."""
    return any(
        len(part.terms) > 1 and any(term.attribute is Attribute.TRUST_DOMAIN for term in part.terms)
        for rule in policy.rules
        for clause in rule.clauses
        if clause.kind is ClauseKind.FROM
        for part in clause.any_of
    )


def _fate(policy: Policy, rule: Rule) -> RuleFate:
    """Convert a policy of this rule alone, and look at what is left."""
    alone = msgspec.structs.replace(policy, rules=(rule,), dry_run=False)
    sent = convert(alone, "")
    if not isinstance(sent, Authorization):
        return RuleFate(rule.index, Fate.WHOLE)
    lost = sent.lost or _trust_domains(rule)
    if policy.action is Action.ALLOW:
        dropped = not sent.groups or _never_matches(sent)
        return RuleFate(rule.index, Fate.DROPPED if dropped else Fate.WHOLE, lost if dropped else ())
    if _never_matches(sent):
        return RuleFate(rule.index, Fate.POWERLESS, lost)
    if any(match.empty for group in sent.groups for clause in group.clauses for match in clause):
        return RuleFate(rule.index, Fate.PARTLY_POWERLESS, lost)
    return RuleFate(rule.index, Fate.WIDER if sent.lost else Fate.WHOLE, sent.lost)


def _never_matches(sent: Authorization) -> bool:
    """Whether the rule has a clause of which nothing is left."""
    return any(all(match.empty for match in clause) for group in sent.groups for clause in group.clauses if clause)


def _trust_domains(rule: Rule) -> tuple[str, ...]:
    """Fields that get lost without a word from istiod."""
    terms = (term for clause in rule.clauses for part in clause.any_of for term in part.terms)
    return ("trustDomains",) if any(term.attribute is Attribute.TRUST_DOMAIN for term in terms) else ()

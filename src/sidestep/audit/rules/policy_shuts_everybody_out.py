"""SID207: an ALLOW policy by selector that looks at HTTP: ztunnel drops its rules, and whom they admit stays out."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.audit.selector_policies import SelectorPolicy, by_rule, lost_fields, selector_policies
from sidestep.semantics.ztunnel_policy import Fate


def _check(facts: Facts) -> Iterator[Found]:
    for found in selector_policies(facts, lambda left: left.of(Fate.DROPPED)):
        yield _found(found)


def _found(found: SelectorPolicy) -> Found:
    dropped = found.left.of(Fate.DROPPED)
    when = "ztunnel drops" if found.concerned.ambient else "in ambient, ztunnel will drop"
    result = "nobody gets in by it" if found.left.admits_nobody else "whom only those admit stays out"
    return Found(
        of_resource(found.policy),
        f"{when} {len(dropped)} of its {len(found.left.rules)} ALLOW rules, which look at {lost_fields(dropped)}: "
        f"{result}",
        "write the same rules with targetRefs for the Service and bind it to a waypoint; leave here an ALLOW for the "
        "waypoint's identity",
        found.evidence(*by_rule(dropped)),
        found.concerned.severity(Severity.BLOCKER, Severity.WARNING),
    )


RULE = Rule(
    "SID207", "policy-shuts-everybody-out", "ALLOW policy of layer 7 shuts out at ztunnel", Severity.BLOCKER, _check
)

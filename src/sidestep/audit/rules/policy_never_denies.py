"""SID208: a DENY policy by selector of which ztunnel keeps a clause without content: it never denies."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.audit.selector_policies import by_rule, lost_fields, selector_policies
from sidestep.semantics.ztunnel_policy import Fate


def _check(facts: Facts) -> Iterator[Found]:
    for found in selector_policies(facts, lambda left: left.of(Fate.POWERLESS, Fate.PARTLY_POWERLESS)):
        rules = found.left.of(Fate.POWERLESS, Fate.PARTLY_POWERLESS)
        whole = all(rule.fate is Fate.POWERLESS for rule in rules)
        what = "deny nothing" if whole else "deny nothing, or not all they name"
        when = "at ztunnel" if found.concerned.ambient else "once in ambient,"
        yield Found(
            of_resource(found.policy),
            f"{when} {len(rules)} of its {len(found.left.rules)} DENY rules {what}: ztunnel cannot look at "
            f"{lost_fields(rules) or 'their fields'}, and whom they refuse gets in",
            "write the same rules with targetRefs for the Service, bind it to a waypoint, and at the pods deny by "
            "layer 4 whoever does not come from the waypoint",
            found.evidence(*by_rule(rules)),
            found.concerned.severity(Severity.BLOCKER, Severity.WARNING),
        )


RULE = Rule("SID208", "policy-never-denies", "DENY policy denies nothing at ztunnel", Severity.BLOCKER, _check)

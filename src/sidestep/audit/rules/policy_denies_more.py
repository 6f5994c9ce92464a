"""SID209: a DENY policy by selector that mixes layers: ztunnel denies by what is left, whatever the HTTP part said."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.audit.selector_policies import by_rule, lost_fields, selector_policies
from sidestep.semantics.ztunnel_policy import Fate


def _check(facts: Facts) -> Iterator[Found]:
    for found in selector_policies(facts, lambda left: left.of(Fate.WIDER)):
        wider = found.left.of(Fate.WIDER)
        yield Found(
            of_resource(found.policy),
            f"ztunnel {'denies' if found.concerned.ambient else 'will deny'} by {len(wider)} of its "
            f"{len(found.left.rules)} rules without looking at {lost_fields(wider)}: more is refused than they say",
            "write the rules with targetRefs for the Service and bind it to a waypoint; keep here only what layer 4 "
            "can judge",
            found.evidence(*by_rule(wider)),
            found.concerned.severity(Severity.ERROR, Severity.WARNING),
        )


RULE = Rule("SID209", "policy-denies-more", "DENY policy gets wider at ztunnel", Severity.ERROR, _check)

"""SID210: CUSTOM and AUDIT policies by selector: ztunnel never gets them."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.audit.selector_policies import SelectorPolicy, selector_policies
from sidestep.semantics.authorization.policy import Action

_LOSS = {
    Action.CUSTOM: "the external authorizer is not asked, and everybody gets in",
    Action.AUDIT: "nothing is audited",
}


def _check(facts: Facts) -> Iterator[Found]:
    for found in selector_policies(facts, lambda left: left.action in _LOSS):
        yield _found(found)


def _found(found: SelectorPolicy) -> Found:
    action = found.left.action
    when = "" if found.concerned.ambient else "once in ambient, "
    custom = action is Action.CUSTOM
    today, later = (Severity.BLOCKER, Severity.WARNING) if custom else (Severity.WARNING, Severity.INFO)
    return Found(
        of_resource(found.policy),
        f"ztunnel never gets {action.value} policies: {when}{_LOSS[action]}",
        "attach it with targetRefs to the Service and bind that to a waypoint",
        found.evidence(Evidence("spec.action", action.value)),
        found.concerned.severity(today, later),
    )


RULE = Rule("SID210", "policy-never-sent", "Policy that ztunnel never gets", Severity.BLOCKER, _check)

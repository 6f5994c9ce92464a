"""SID211: istiod itself says that ztunnel cannot hold a policy, for a reason that its rules do not show."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.audit.selector_policies import selector_policies
from sidestep.semantics.ztunnel_policy import DRY_RUN, UNSUPPORTED, AtZtunnel, Fate, reported


def _check(facts: Facts) -> Iterator[Found]:
    for found in selector_policies(facts, _keeps_everything):
        if reported(found.policy.view.status) is None:
            continue
        dry = found.policy.meta.annotations.get(DRY_RUN)
        yield Found(
            of_resource(found.policy),
            f"istiod reports {UNSUPPORTED}: ztunnel does not hold this policy as it is written",
            f"remove the annotation {DRY_RUN}, or allow dry runs in istiod" if dry else "attach it to a waypoint",
            found.evidence(*((Evidence(f"metadata.annotations[{DRY_RUN}]", dry),) if dry else ())),
            found.concerned.severity(Severity.WARNING, Severity.INFO),
        )


def _keeps_everything(left: AtZtunnel) -> bool:
    """Whether its rules show nothing to complain of; what they show is told by findings of their own."""
    return left.sent and len(left.of(Fate.WHOLE)) == len(left.rules)


RULE = Rule(
    "SID211", "policy-refused-by-ztunnel", "Policy that ztunnel cannot hold, by istiod's word", Severity.WARNING, _check
)

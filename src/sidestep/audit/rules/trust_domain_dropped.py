"""SID230: trust domains in a policy's sources: ztunnel has no field for them and compares what stands beside."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.audit.selector_policies import selector_policies
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.ztunnel_policy import drops_trust_domains


def _check(facts: Facts) -> Iterator[Found]:
    for found in selector_policies(facts, lambda left: left.sent):
        if drops_trust_domains(found.left.policy):
            allows = found.left.action is Action.ALLOW
            effect = "admits clients of any trust domain" if allows else "denies clients of every trust domain"
            yield Found(
                of_resource(found.policy),
                f"names trust domains beside other sources; ztunnel does not know that field, and the policy {effect} "
                "whom the others name; istiod says nothing of it",
                "write the trust domain into principals, or attach the policy to a waypoint by targetRefs",
                found.evidence(Evidence("spec.rules[].from[].source", "trustDomains")),
                found.concerned.severity(Severity.BLOCKER if allows else Severity.ERROR, Severity.WARNING),
            )


RULE = Rule("SID230", "trust-domain-dropped", "Trust domain that ztunnel ignores", Severity.BLOCKER, _check)

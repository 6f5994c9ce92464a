"""SID234: an object that Istio's admission refuses: what it was meant to say holds nowhere."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.semantics.admission.refusals import refusals


def _check(facts: Facts) -> Iterator[Found]:
    for resource, field, why in refusals(facts.mesh):
        yield Found(
            of_resource(resource),
            f"Istio refuses it: {field}: {why}",
            "correct the field, and apply the object anew: a plan does not move workloads that nobody can judge",
            (Evidence(field, why),),
        )


RULE = Rule("SID234", "refused-by-istio", "Object that Istio refuses", Severity.ERROR, _check)

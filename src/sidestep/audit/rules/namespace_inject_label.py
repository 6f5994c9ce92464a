"""SID101: the label `sidecar.istio.io/inject` on a Namespace, where no selector reads it."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import NAMESPACE
from sidestep.semantics.injection import INJECT, INJECTION, REVISION


def _check(facts: Facts) -> Iterator[Found]:
    for namespace in facts.mesh.of(NAMESPACE):
        value = namespace.meta.labels.get(INJECT)
        if value is not None:
            yield Found(
                of_resource(namespace),
                f"label {INJECT}={value} has no effect on a Namespace: Istio reads it on pods only",
                f"remove it; a namespace is injected by {INJECTION}=enabled or {REVISION}=REVISION",
                (Evidence(f"metadata.labels[{INJECT}]", value),),
            )


RULE = Rule(
    "SID101",
    "namespace-inject-label",
    "Injection label on a Namespace has no effect",
    Severity.WARNING,
    _check,
)

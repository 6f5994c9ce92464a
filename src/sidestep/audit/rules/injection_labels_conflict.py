"""SID105: `istio-injection` and `istio.io/rev` on one namespace: the first wins, and removing it wakes the second."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import NAMESPACE
from sidestep.semantics.injection import INJECTION, REVISION


def _check(facts: Facts) -> Iterator[Found]:
    for namespace in facts.mesh.of(NAMESPACE):
        labels = namespace.meta.labels
        if INJECTION not in labels or REVISION not in labels:
            continue
        injection, revision = labels[INJECTION], labels[REVISION]
        outcome = "the default revision injects" if injection == "enabled" else "nothing is injected"
        yield Found(
            of_resource(namespace),
            f"{INJECTION}={injection} hides {REVISION}={revision}: {outcome}, and removing {INJECTION} would make "
            f"revision {revision} inject",
            "remove both labels when the namespace leaves sidecars; until then keep the one that is meant",
            (Evidence(f"metadata.labels[{INJECTION}]", injection), Evidence(f"metadata.labels[{REVISION}]", revision)),
        )


RULE = Rule(
    "SID105",
    "injection-labels-conflict",
    "Two injection labels on one namespace",
    Severity.WARNING,
    _check,
    ("IST0123",),
)

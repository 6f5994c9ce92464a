"""SID105: `istio-injection` and `istio.io/rev` on one namespace: the first wins, and removing it wakes the second."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import NAMESPACE
from sidestep.model.metadata import Labels
from sidestep.semantics.injection import INJECTION, REVISION, Candidate


def _check(facts: Facts) -> Iterator[Found]:
    for namespace in facts.mesh.of(NAMESPACE):
        labels = namespace.meta.labels
        if INJECTION not in labels or REVISION not in labels:
            continue
        injection, revision = labels[INJECTION], labels[REVISION]
        without = {name: value for name, value in labels.items() if name != INJECTION}
        now, then = (_outcome(facts, namespace.meta.name, each) for each in (labels, without))
        yield Found(
            of_resource(namespace),
            f"{INJECTION}={injection} hides {REVISION}={revision}: now {now}; once {INJECTION} is removed, {then}",
            "remove both labels when the namespace leaves sidecars; until then keep the one that is meant",
            (Evidence(f"metadata.labels[{INJECTION}]", injection), Evidence(f"metadata.labels[{REVISION}]", revision)),
        )


def _outcome(facts: Facts, namespace: str, labels: Labels) -> str:
    """What a pod without labels of its own would get."""
    found = facts.injectors.decide(Candidate(namespace, labels, {}, {}))
    return f"revision {found.revision} injects" if found.revision else f"nothing is injected ({found.reason})"


RULE = Rule(
    "SID105",
    "injection-labels-conflict",
    "Two injection labels on one namespace",
    Severity.WARNING,
    _check,
    ("IST0123",),
)

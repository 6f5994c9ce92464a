"""SID116: many sidecars and no layer 7: the namespace to move first."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, Subject, of_resource
from sidestep.model.kinds import NAMESPACE
from sidestep.model.metadata import ObjectId

ROOT_NAMESPACE = "istio-system"


def _check(facts: Facts) -> Iterator[Found]:
    if facts.layer7_uses(ROOT_NAMESPACE):
        return
    for name, workloads in facts.by_namespace.items():
        sidecars = sum(workload.sidecars for workload in workloads)
        if sidecars > facts.options.sidecar_threshold and not facts.layer7_uses(name):
            namespace = facts.mesh.find(NAMESPACE, "", name)
            yield Found(
                of_resource(namespace) if namespace else Subject(ObjectId("v1", "Namespace", "", name)),
                f"{sidecars} sidecars and not one object that needs layer 7: ambient without a waypoint would do",
                "move this namespace first",
                (Evidence("sidecars", str(sidecars)), Evidence("threshold", str(facts.options.sidecar_threshold))),
            )


RULE = Rule("SID116", "cheapest-win", "Many sidecars, no layer 7: the cheapest win", Severity.INFO, _check)

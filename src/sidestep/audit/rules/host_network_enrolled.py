"""SID111: pods on the host's network in a namespace that asks for a mesh: they are in neither."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.model.metadata import Labels
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.injection import INJECTION, REVISION
from sidestep.semantics.proxies import Role


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        shape = workload.next_shape
        if shape is None or not shape.spec.host_network or workload.role is not Role.APPLICATION:
            continue
        asking = _asks(facts.mesh.namespace_labels(workload.ref.namespace))
        if asking:
            yield Found(
                of_workload(workload),
                f"{workload.pods} pods on the host's network in a namespace with {asking}: they are in no mesh, call "
                "others in plain text from the node's address, and no policy guards them",
                f"label the template {DATAPLANE_MODE}=none to say so, and keep PERMISSIVE whatever they call or serve",
                (Evidence("template.spec.hostNetwork", "true"),),
            )


def _asks(labels: Labels) -> str | None:
    if labels.get(INJECTION) == "enabled":
        return f"{INJECTION}=enabled"
    if labels.get(REVISION):
        return f"{REVISION}={labels[REVISION]}"
    return f"{DATAPLANE_MODE}=ambient" if labels.get(DATAPLANE_MODE) == "ambient" else None


RULE = Rule("SID111", "host-network-enrolled", "Host-network pods in a meshed namespace", Severity.INFO, _check)

"""SID111: pods on the host's network where a label asks for a mesh: they are in none."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.model.metadata import Labels
from sidestep.model.pods import PodShape
from sidestep.semantics.enrolment import DATAPLANE_MODE, selected
from sidestep.semantics.injection import INJECT, INJECTION, REVISION, explicit_choice
from sidestep.semantics.proxies import Role

_Asking = tuple[str, str, str]
"""The label that asks for a mesh, its value, and the label by which a template says that it wants none."""


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        shape = workload.next_shape
        if shape is None or not shape.spec.host_network or workload.role is not Role.APPLICATION:
            continue
        namespace = facts.mesh.namespace_labels(workload.ref.namespace)
        asking = _asks_for_sidecars(shape, namespace) or _asks_for_ambient(shape, namespace)
        if asking:
            label, value, opt_out = asking
            yield Found(
                of_workload(workload),
                f"on the host's network where {label}={value} asks for a mesh (pods: {workload.pods}): in none, they "
                "call others in plain text from the node's address, and no policy guards them",
                f"label the template {opt_out} to say so, and keep PERMISSIVE whatever they call or serve",
                (Evidence("template.spec.hostNetwork", "true"), Evidence(f"labels[{label}]", value)),
            )


def _asks_for_sidecars(shape: PodShape, namespace: Labels) -> _Asking | None:
    """Which label would have them injected; none once the template itself declines."""
    _, explicit = explicit_choice(shape.labels, shape.annotations)
    if explicit == "false" or namespace.get(INJECTION, "enabled") != "enabled":
        return None
    places = ((INJECTION, namespace), (REVISION, namespace), (REVISION, shape.labels), (INJECT, shape.labels))
    asking = next(((label, labels[label]) for label, labels in places if labels.get(label)), None)
    return (*asking, f"{INJECT}=false") if asking else None


def _asks_for_ambient(shape: PodShape, namespace: Labels) -> _Asking | None:
    return (DATAPLANE_MODE, "ambient", f"{DATAPLANE_MODE}=none") if selected(shape.labels, namespace) else None


RULE = Rule("SID111", "host-network-enrolled", "Host-network pods in a meshed namespace", Severity.INFO, _check)

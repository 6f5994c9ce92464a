"""SID233: ports that sidecars leave alone and that ztunnel will judge: plaintext to them is refused in ambient."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import has_sidecar
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.left_alone import Shut, shut_by_ztunnel
from sidestep.semantics.proxies import Role
from sidestep.semantics.redirection import PREFIX

_ANNOTATIONS = (f"{PREFIX}excludeInboundPorts", f"{PREFIX}includeInboundPorts")


def _check(facts: Facts) -> Iterator[Found]:
    asking = [each for each in facts.workloads if _asks(each)]
    if not asking:
        return
    index = MeshIndex.of(facts.mesh)
    for workload in asking:
        behind = index.workloads.get(workload.ref, ())
        shut = {each.port: each for pods in behind for each in shut_by_ztunnel(index, pods)}
        if shut:
            yield _found(workload, tuple(shut[port] for port in sorted(shut)))


def _asks(workload: Workload) -> bool:
    asked = any(name in group.shape.annotations for group in workload.groups for name in _ANNOTATIONS)
    return asked and workload.role is Role.APPLICATION and has_sidecar(workload)


def _found(workload: Workload, shut: tuple[Shut, ...]) -> Found:
    ports = ", ".join(str(each.port) for each in shut)
    written = workload.groups[0].shape.annotations
    return Found(
        of_workload(workload),
        f"its sidecar leaves port {ports} alone, and ztunnel will not: {shut[0].why}, and plaintext to it will be "
        "refused",
        f"before it moves, admit plaintext to port {ports}: PERMISSIVE in portLevelMtls, and an AuthorizationPolicy "
        "for the port where policies hold; to the sidecar neither means anything",
        (
            *(Evidence(f"metadata.annotations[{name}]", written[name]) for name in _ANNOTATIONS if name in written),
            *(Evidence(f"port {each.port}", each.why) for each in shut),
        ),
    )


RULE = Rule("SID233", "port-left-alone", "Port that only the sidecar leaves alone", Severity.WARNING, _check)

"""SID123: NetworkPolicies that admit a pod's own port but not 15008, which is all that ambient uses."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import counted
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.pods import PodShape
from sidestep.model.resource import Resource
from sidestep.model.views.apps import NetworkPolicy
from sidestep.semantics.network_policies import admitted_ports, ingress_policies, keeping_out


def _check(facts: Facts) -> Iterator[Found]:
    blocking: dict[str, tuple[Resource[NetworkPolicy], list[Workload]]] = {}
    for workload in facts.workloads:
        for shape in _meshed_shapes(workload):
            for policy in keeping_out(ingress_policies(facts.mesh, shape)):
                blocking.setdefault(str(policy.id), (policy, []))[1].append(workload)
            break
    for policy, workloads in blocking.values():
        yield _found(policy, workloads)


def _meshed_shapes(workload: Workload) -> Iterator[PodShape]:
    for group in workload.groups:
        if group.recognition.sidecar or group.recognition.captured:
            yield group.shape


def _found(policy: Resource[NetworkPolicy], workloads: list[Workload]) -> Found:
    ports = ", ".join(admitted_ports((policy,)))
    ambient = any(group.recognition.captured for workload in workloads for group in workload.groups)
    names = ", ".join(workload.ref.name for workload in workloads[:5])
    return Found(
        of_resource(policy),
        f"admits clients to {ports} of {counted(workloads)} and not to 15008/TCP, on which all arrives in ambient",
        "admit TCP 15008 from the same peers and from waypoints, and 169.254.7.127/32 for probes; keep the port "
        "restriction as an AuthorizationPolicy",
        (Evidence("spec.ingress[].ports", ports), Evidence("workloads", names)),
        Severity.BLOCKER if ambient else None,
    )


RULE = Rule("SID123", "network-policy-blocks-hbone", "NetworkPolicy does not admit HBONE", Severity.ERROR, _check)

"""What must be true before the first workload moves, and whether it is.

Source: istio-semantics.md §1.6, §6.1 (g) and (l), §6.2 (P1, P22), §7.1 and §10.
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, structs

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.members import members
from sidestep.audit.registry_only import MODE, kept_in
from sidestep.model import kinds
from sidestep.model.gaps import GapReason
from sidestep.model.kinds import Kind
from sidestep.model.mesh import SourceKind
from sidestep.model.pods import Pod
from sidestep.model.resource import Resource
from sidestep.model.views.core import Node, Spec
from sidestep.plan.install.cni_products import calico, cilium
from sidestep.plan.install.current import Istiod, istiods, variable
from sidestep.plan.install.releases import AMBIENT, Minor, minor
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.foreign_policies import foreign_policies
from sidestep.semantics.network_policies import egress_policies, ingress_policies, keeping_out
from sidestep.semantics.proxies import Role

_AMBIENT = "PILOT_ENABLE_AMBIENT"
_MOST_NAMES = 5
_GAINS: tuple[tuple[Minor, str], ...] = (
    ((1, 25), "DNS capture by default, policies on GatewayClass"),
    ((1, 26), "overlays for waypoints with autoscaler and disruption budget"),
    ((1, 27), "an own CNI configuration that holds pods back after a node restarts, native sidecars"),
    ((1, 28), "30 seconds for waypoints to drain"),
    ((1, 29), "dry-run of policies at ztunnel, revoked certificates, rules mended at start"),
    ((1, 30), "several external authorizers, VirtualServices merged at waypoints"),
    ((1, 31), "waypoints tried on a part of the traffic first, pods on the host's network left out cleanly"),
)
_GATEWAY_KINDS: tuple[Kind[Spec], ...] = (kinds.GATEWAY_CLASS, kinds.GATEWAY, kinds.HTTP_ROUTE, kinds.GRPC_ROUTE)


class Prerequisite(Struct, frozen=True, rename="camel"):
    """One thing that must be true.

    Attributes:
        name: of the check, in kebab-case.
        met: whether it is; None where what was read cannot tell.
        evidence: what was seen, with counts and names.
        fix: what to do; empty where it is met.
    """

    name: str
    met: bool | None
    evidence: str
    fix: str = ""


def prerequisites(facts: Facts) -> tuple[Prerequisite, ...]:
    """All of them, met or not, in the order in which one would see to them."""
    return tuple(check(facts) for check in _CHECKS)


def _version(facts: Facts) -> Prerequisite:
    name, found = "istiod-version", list(istiods(facts.mesh))
    versions = sorted({each.version for each in found if each.version}, key=lambda each: minor(each) or (0, 0))
    if not versions:
        return Prerequisite(
            name, None, "no istiod was read that tells its release", "see that every istiod is 1.24 or later"
        )
    oldest = minor(versions[0])
    old = oldest is None or oldest < AMBIENT
    met = False if old else None if any(each.version is None for each in found) else True
    later = "; ".join(
        f"{major}.{patch} adds {gain}" for (major, patch), gain in _GAINS if oldest and (major, patch) > oldest
    )
    evidence = f"istiod {', '.join(versions)}" + (f"; {later}" if later else "")
    return Prerequisite(
        name, met, evidence, "" if met else "upgrade istiod to 1.24 or later, one minor release at a time"
    )


def _ambient_enabled(facts: Facts) -> Prerequisite:
    name, found = "istiod-ambient", list(istiods(facts.mesh))
    told = [_enabled(each) for each in found]
    if not found:
        return Prerequisite(name, None, "no istiod was read", "install the values of install/istiod.yaml")
    met = False if False in told else None if None in told else True
    words = {True: "true", False: "not true", None: "not read"}
    evidence = ", ".join(f"{each.revision}: {words[on]}" for each, on in zip(found, told, strict=True))
    return Prerequisite(
        name,
        met,
        f"{_AMBIENT} of istiod by revision: {evidence}",
        "" if met else "install the values of install/istiod.yaml",
    )


def _enabled(istiod: Istiod) -> bool | None:
    if not any(each.name == _AMBIENT for each in istiod.container.env or ()):
        return False
    value = variable(istiod.container, _AMBIENT)
    return None if value is None else value == "true"


def _gateway_api(facts: Facts) -> Prerequisite:
    name, fix = "gateway-api", "install the definitions of the Gateway API's standard channel"
    gaps = {gap.resource: gap.reason for gap in facts.mesh.gaps}
    absent = [kind.name for kind in _GATEWAY_KINDS if gaps.get(kind.key) is GapReason.ABSENT]
    if absent:
        return Prerequisite(name, False, f"not served: {', '.join(absent)}", fix)
    seen = [kind.name for kind in _GATEWAY_KINDS if facts.mesh.of(kind)]
    served = facts.mesh.source.kind is not SourceKind.FILES and not facts.mesh.lacks(*_GATEWAY_KINDS)
    if served or kinds.GATEWAY_CLASS.name in seen:
        return Prerequisite(name, True, f"served; objects of {', '.join(seen) or 'none of its kinds'} are there")
    return Prerequisite(name, None, "what was read does not tell whether the kinds are served", fix)


def _istio_cni(facts: Facts) -> Prerequisite:
    return _agent(facts, "istio-cni", Role.ISTIO_CNI, "install the values of install/cni.yaml and wait for every node")


def _ztunnel(facts: Facts) -> Prerequisite:
    return _agent(facts, "ztunnel", Role.ZTUNNEL, "install the values of install/ztunnel.yaml and wait for every node")


def _agent(facts: Facts, name: str, role: Role, fix: str) -> Prerequisite:
    """A pod of a role, ready on every Linux node."""
    nodes = [node.meta.name for node in facts.mesh.of(kinds.NODE) if _is_linux(node)]
    pods = [pod for _, group in facts.groups() if group.recognition.role is role for pod in group.pods]
    ready = {pod.node for pod in pods if _is_ready(pod)}
    if not nodes or facts.mesh.lacks(kinds.NODE, kinds.POD) or facts.mesh.source.namespaces:
        return Prerequisite(name, None, f"{len(ready)} nodes have one ready; not all nodes or pods were read", fix)
    missing = [node for node in nodes if node not in ready]
    if not missing:
        return Prerequisite(name, True, f"ready on all {len(nodes)} nodes")
    return Prerequisite(name, False, f"not ready on {len(missing)} of {len(nodes)} nodes: {_names(missing)}", fix)


def _is_linux(node: Resource[Node]) -> bool:
    return node.meta.labels.get("kubernetes.io/os", "linux") == "linux"


def _is_ready(pod: Pod) -> bool:
    """By its condition, or by its containers where conditions were not kept."""
    statuses = pod.status.container_statuses
    return pod.status.ready or (
        not pod.status.conditions and bool(statuses) and all(each.ready for each in statuses or ())
    )


def _hbone(facts: Facts) -> Prerequisite:
    groups = [group for _, group in facts.groups() if group.recognition.sidecar and group.pods]
    total = sum(group.count for group in groups)
    able = sum(group.count for group in groups if group.recognition.hbone)
    fix = "restart the others after install/istiod.yaml is installed, before any client of theirs moves"
    if not groups:
        unread = facts.mesh.lacks(kinds.POD) or not facts.mesh.pods
        return Prerequisite(
            "sidecars-hbone", None if unread else True, "no pods with sidecars were read", fix if unread else ""
        )
    met = able == total
    return Prerequisite("sidecars-hbone", met, f"{able} of {total} sidecars can receive HBONE", "" if met else fix)


def _network_policies(facts: Facts) -> Prerequisite:
    name, fix = (
        "network-policies",
        "admit TCP 15008 from the same peers and from waypoints, and 169.254.7.127/32 for probes",
    )
    blocked = sorted({str(workload) for workload in _blocked(facts)})
    if blocked:
        return Prerequisite(name, False, f"15008 is refused at {len(blocked)} meshed workloads: {_names(blocked)}", fix)
    foreign = sorted(str(each.id) for each in foreign_policies(facts.mesh))
    if foreign:
        return Prerequisite(name, None, f"{len(foreign)} of other kinds are not read: {_names(foreign)}", fix)
    if facts.mesh.lacks(kinds.NETWORK_POLICY):
        return Prerequisite(name, None, "NetworkPolicies could not be read", fix)
    count = len(facts.mesh.of(kinds.NETWORK_POLICY))
    return Prerequisite(name, True, f"none of {count} NetworkPolicies keeps 15008 from a meshed workload")


def _blocked(facts: Facts) -> Iterator[object]:
    for workload, group in facts.groups():
        meshed = group.recognition.sidecar or group.recognition.captured
        if meshed and keeping_out(ingress_policies(facts.mesh, group.shape)):
            yield workload.ref


def _egress(facts: Facts) -> Prerequisite:
    """What only sidecars keep in is let out by ztunnel: a NetworkPolicy must do it before they go."""
    name = "egress-control"
    kept = {workload.ref: workload for each in kept_in(facts) for workload in members(facts, each.workloads).sidecars}
    if not kept:
        return Prerequisite(
            name, True, f"no sidecar keeps its workload from hosts that the mesh does not know ({MODE})"
        )
    free = sorted(str(ref) for ref, workload in kept.items() if not _is_held(facts, workload))
    if not free:
        return Prerequisite(name, True, f"NetworkPolicies are about what all {len(kept)} workloads under {MODE} send")
    evidence = f"{MODE} keeps {len(free)} workloads, and no NetworkPolicy will once they are in ambient: {_names(free)}"
    return Prerequisite(name, False, evidence, "apply the NetworkPolicies that `sidestep convert` writes in its place")


def _is_held(facts: Facts, workload: Workload) -> bool:
    """Whether a NetworkPolicy is about what a workload sends, now or once its pods are labelled for ambient."""
    shape = workload.next_shape
    if shape is None:
        return True
    moved = structs.replace(shape, labels={**shape.labels, DATAPLANE_MODE: "ambient"})
    return any(egress_policies(facts.mesh, each) for each in (shape, moved))


def _cni_products(facts: Facts) -> Prerequisite:
    found = (*cilium(facts.mesh), *calico(facts.mesh))
    wrong = [each.change for each in found if each.met is False]
    unknown = [each.change for each in found if each.met is None]
    met = False if wrong else None if unknown else True
    products = ", ".join(dict.fromkeys(each.product for each in found)) or "no product that conflicts"
    changes = "; ".join((*wrong, *unknown))
    return Prerequisite(
        "cni-settings", met, f"{products}: {len(wrong)} settings conflict, {len(unknown)} unread", changes
    )


def _other_clusters(facts: Facts) -> Prerequisite:
    """Remote clusters are known to istiod by Secrets alone, and those are never read."""
    revisions = len(list(istiods(facts.mesh)))
    evidence = f"{revisions} istiod here; Secrets, which name remote clusters, are never read"
    fix = "kubectl get secrets -n istio-system -l istio/multiCluster=true; none means one cluster"
    return Prerequisite("one-cluster", None, evidence, fix)


def _names(found: Iterable[str]) -> str:
    names = list(found)
    return ", ".join(names[:_MOST_NAMES]) + (
        f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    )


_CHECKS: tuple[Callable[[Facts], Prerequisite], ...] = (
    _version, _ambient_enabled, _gateway_api, _cni_products, _istio_cni, _ztunnel, _hbone, _network_policies,
    _egress, _other_clusters,
)  # fmt: skip

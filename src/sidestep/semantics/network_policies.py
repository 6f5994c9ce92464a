"""What NetworkPolicies admit to a pod, seen from the host side of its veth: in ambient that is TCP 15008.

Source: Kubernetes NetworkPolicy API; istio-semantics.md §6.1 (l).
"""

from collections.abc import Iterable

from sidestep.model.kinds import NETWORK_POLICY
from sidestep.model.mesh import Mesh
from sidestep.model.pods import PodShape
from sidestep.model.resource import Resource
from sidestep.model.views.apps import NetworkPolicy, NetworkPolicyPort, NetworkPolicyRule
from sidestep.semantics.selectors import selects
from sidestep.semantics.waypoints import HBONE_PORT

PROBES = ("169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128")
"""Whom ambient shows the kubelet's probes as coming from; no pod has these addresses (§2.1)."""


def ingress_policies(mesh: Mesh, shape: PodShape) -> tuple[Resource[NetworkPolicy], ...]:
    """The policies that restrict what reaches the pods of a shape."""
    return tuple(
        policy
        for policy in mesh.in_namespace(NETWORK_POLICY, shape.namespace)
        if restricts_ingress(policy.view) and selects(policy.view.spec.pod_selector, shape.labels)
    )


def restricts_ingress(policy: NetworkPolicy) -> bool:
    """Whether a policy is about ingress: it says so, or says nothing, which means the same."""
    types = policy.spec.policy_types
    return not types or "Ingress" in types


def restricts_egress(policy: NetworkPolicy) -> bool:
    """Whether a policy is about egress: it says so, or says nothing and has egress rules."""
    types = policy.spec.policy_types
    return "Egress" in types if types else policy.spec.egress is not None


def admits_hbone(policies: Iterable[Resource[NetworkPolicy]]) -> bool:
    """Whether any rule of any policy lets somebody reach port 15008; policies add up."""
    return any(_rule_admits(rule) for policy in policies for rule in policy.view.spec.ingress or ())


def admitted_ports(policies: Iterable[Resource[NetworkPolicy]]) -> tuple[str, ...]:
    """Ports that rules name, for the evidence."""
    ports = {
        _spelled(port) for policy in policies for rule in policy.view.spec.ingress or () for port in rule.ports or ()
    }
    return tuple(sorted(ports))


def _rule_admits(rule: NetworkPolicyRule) -> bool:
    return not rule.ports or any(_port_admits(port) for port in rule.ports)


def _port_admits(port: NetworkPolicyPort) -> bool:
    if port.protocol != "TCP":
        return False
    if port.port is None:
        return True
    if not isinstance(port.port, int):
        return False
    return port.port <= HBONE_PORT <= (port.end_port or port.port)


def _spelled(port: NetworkPolicyPort) -> str:
    if port.port is None:
        return f"any {port.protocol}"
    last = f"-{port.end_port}" if port.end_port else ""
    return f"{port.port}{last}/{port.protocol}"

"""What NetworkPolicies admit to a pod, seen from the host side of its veth: in ambient that is TCP 15008.

Source: Kubernetes NetworkPolicy API; istio-semantics.md §6.1 (l).
"""

from collections.abc import Iterable
from typing import Any

from sidestep.model.kinds import NETWORK_POLICY
from sidestep.model.mesh import Mesh
from sidestep.model.pods import PodShape
from sidestep.model.resource import Resource
from sidestep.model.views.apps import NetworkPolicy, NetworkPolicyPort, NetworkPolicyRule
from sidestep.semantics.selectors import selects
from sidestep.semantics.waypoints import HBONE_PORT

PROBED_FROM = ("169.254.7.127", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff")
"""Whom ambient shows the kubelet's probes as coming from, of each IP family; no pod has these addresses (§2.1)."""
PROBES = tuple(f"{address}/{bits}" for address, bits in zip(PROBED_FROM, (32, 128), strict=True))
"""The same as address blocks."""

_Peer = tuple[Any, Any]
"""A selector of namespaces and one of pods; of an address block, neither."""
_NAME = "kubernetes.io/metadata.name"
_BLOCK: _Peer = (None, None)


def ingress_policies(mesh: Mesh, shape: PodShape) -> tuple[Resource[NetworkPolicy], ...]:
    """The policies that restrict what reaches the pods of a shape."""
    return tuple(
        policy
        for policy in mesh.in_namespace(NETWORK_POLICY, shape.namespace)
        if restricts_ingress(policy.view) and selects(policy.view.spec.pod_selector, shape.labels)
    )


def egress_policies(mesh: Mesh, shape: PodShape) -> tuple[Resource[NetworkPolicy], ...]:
    """The policies that restrict what the pods of a shape send."""
    return tuple(
        policy
        for policy in mesh.in_namespace(NETWORK_POLICY, shape.namespace)
        if restricts_egress(policy.view) and selects(policy.view.spec.pod_selector, shape.labels)
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


def keeping_out(policies: tuple[Resource[NetworkPolicy], ...]) -> tuple[Resource[NetworkPolicy], ...]:
    """Those of a pod's policies that let somebody reach a port of it whom no rule of any of them lets reach 15008.

    Peers are held against each other as they are written: what an address block means is not known, and is taken to
    do for whom another rule means.
    """
    if not admits_hbone(policies):
        return tuple(policy for policy in policies if admitted_ports((policy,)))
    admitting = [
        _peers(policy, rule) for policy in policies for rule in policy.view.spec.ingress or () if _rule_admits(rule)
    ]
    return tuple(
        policy
        for policy in policies
        if any(
            _names_tcp(rule) and not _rule_admits(rule) and not _among(_peers(policy, rule), admitting)
            for rule in policy.view.spec.ingress or ()
        )
    )


def _peers(policy: Resource[NetworkPolicy], rule: NetworkPolicyRule) -> list[_Peer]:
    """Whom a rule means; nobody in the list means everybody."""
    own = {"matchLabels": {_NAME: policy.meta.namespace}}
    return [
        _BLOCK if "ipBlock" in peer else (peer.get("namespaceSelector", own), peer.get("podSelector") or {})
        for peer in rule.from_ or ()
    ]


def _among(peers: list[_Peer], admitting: list[list[_Peer]]) -> bool:
    """Whether other rules mean everybody whom one means."""
    if any(not others for others in admitting):
        return True
    known = [other for others in admitting for other in others]
    return bool(peers) and all(peer == _BLOCK or any(_within(peer, other) for other in known) for peer in peers)


def _within(peer: _Peer, other: _Peer) -> bool:
    return other == _BLOCK or (other[0] in ({}, peer[0]) and other[1] in ({}, peer[1]))


def _names_tcp(rule: NetworkPolicyRule) -> bool:
    return any(port.protocol == "TCP" for port in rule.ports or ())


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

"""Whether NetworkPolicies let a leg through, seen on the wire: the port is 15008 when it travels as HBONE.

Source: Kubernetes NetworkPolicy API; istio-semantics.md §6.1 (l).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sidestep.model.kinds import NETWORK_POLICY
from sidestep.model.resource import Resource
from sidestep.model.views.apps import LabelSelector, NetworkPolicy, NetworkPolicyPort, NetworkPolicyRule
from sidestep.semantics.authorization.matchers import Cidr, is_cidr
from sidestep.semantics.decisions import Check, CheckKind, Shape, Transport, Verdict
from sidestep.semantics.hops.traveller import Sender, Traveller
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.instances import Instances
from sidestep.semantics.network_policies import restricts_ingress
from sidestep.semantics.selectors import selects
from sidestep.semantics.waypoints import HBONE_PORT


def network_check(traveller: Traveller, to: Instances, transport: Transport, port: int) -> Check | None:
    """What NetworkPolicies on the receiving pods say of a leg; None where none applies to them."""
    policies = traveller.index.mesh.in_namespace(NETWORK_POLICY, to.namespace)
    if not policies:
        return None
    applied = [each for each in policies if _applies(each, to)]
    if not applied:
        return None
    wire = HBONE_PORT if transport is Transport.HBONE else port
    answers = [_admits(traveller, each, to, wire) for each in applied]
    if True in answers:
        return None
    names = ", ".join(str(each.id) for each in applied)
    if None in answers:
        unsure = applied[answers.index(None)]
        reason = f"{unsure.id} names peers by an address that is not known"
        return Check(CheckKind.NETWORK_POLICY, Verdict.UNKNOWN, object=unsure.id, reason=reason)
    reason = f"no rule of {names} admits {traveller.sender.words} to TCP {wire}"
    return Check(CheckKind.NETWORK_POLICY, Verdict.UNREACHABLE, Shape.HANG, applied[0].id, reason=reason)


def _applies(policy: Resource[NetworkPolicy], to: Instances) -> bool:
    return restricts_ingress(policy.view) and selects(policy.view.spec.pod_selector, to.labels)


def _admits(traveller: Traveller, policy: Resource[NetworkPolicy], to: Instances, port: int) -> bool | None:
    """Whether any rule lets the leg in; None where an unknown address decides."""
    answers = [
        _peers_admit(traveller, rule, policy.meta.namespace)
        for rule in policy.view.spec.ingress or ()
        if _ports_admit(rule, to, port)
    ]
    return True if True in answers else None if None in answers else False


def _ports_admit(rule: NetworkPolicyRule, to: Instances, port: int) -> bool:
    return not rule.ports or any(_port_admits(each, to, port) for each in rule.ports)


def _port_admits(allowed: NetworkPolicyPort, to: Instances, port: int) -> bool:
    if allowed.protocol != "TCP":
        return False
    number = to.container_ports.get(allowed.port) if isinstance(allowed.port, str) else allowed.port
    if allowed.port is None:
        return True
    return number is not None and number <= port <= (allowed.end_port or number)


def _peers_admit(traveller: Traveller, rule: NetworkPolicyRule, namespace: str) -> bool | None:
    if not rule.from_:
        return True
    answers = [_peer_admits(traveller, peer, namespace) for peer in rule.from_]
    return True if True in answers else None if None in answers else False


def _peer_admits(traveller: Traveller, peer: Mapping[str, Any], namespace: str) -> bool | None:
    sender = traveller.sender
    if isinstance(block := peer.get("ipBlock"), Mapping):
        return _block_admits(block, sender)
    if not sender.namespace:
        return False
    wanted = peer.get("namespaceSelector")
    if wanted is None and sender.namespace != namespace:
        return False
    labels = {NAMESPACE_NAME: sender.namespace, **traveller.index.mesh.namespace_labels(sender.namespace)}
    if wanted is not None and not selects(_selector(wanted), labels):
        return False
    pods = peer.get("podSelector")
    return pods is None or selects(_selector(pods), sender.labels)


def _block_admits(block: Mapping[str, Any], sender: Sender) -> bool | None:
    if not sender.address:
        return None
    cidrs = [str(block.get("cidr", "")), *(str(each) for each in block.get("except") or ())]
    if not all(is_cidr(cidr) for cidr in cidrs):
        return None
    inside, *excepted = (Cidr(cidr).matches(sender.address) for cidr in cidrs)
    return inside and not any(excepted)


def _selector(value: object) -> LabelSelector | None:
    try:
        return msgspec.convert(value, LabelSelector)
    except msgspec.ValidationError:
        return None

"""Whether NetworkPolicies let a leg through, seen on the wire: the port is 15008 when it travels as HBONE.

Source: Kubernetes NetworkPolicy API; istio-semantics.md §6.1 (l).
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.kinds import NAMESPACE
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.apps import LabelSelector, NetworkPolicy, NetworkPolicyPort, NetworkPolicyRule
from sidestep.semantics.authorization.matchers import Cidr, is_cidr
from sidestep.semantics.authorization.three_valued import every, some
from sidestep.semantics.decisions import Check, CheckKind, Shape, Transport, Verdict
from sidestep.semantics.hops.traveller import Traveller
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.instances import Instances
from sidestep.semantics.network_index import NetworkRules
from sidestep.semantics.network_policies import PROBES
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.requests import KubeletClient
from sidestep.semantics.routing.hosts import is_address
from sidestep.semantics.selectors import selects
from sidestep.semantics.somebody import SOMEONE
from sidestep.semantics.waypoints import HBONE_PORT

_EVERYWHERE = ("0.0.0.0/0", "::/0")
_Named = Mapping[str, int]


class _End(Struct, frozen=True):
    """The other end of a leg, as a rule's peers name it.

    Attributes:
        namespace: its own.
        labels: of its pods.
        address: its own.
        may_come: a pod that may come, in a namespace that may.
        probes: the kubelet: nobody else has its address.
    """

    namespace: str
    labels: Labels
    address: str
    may_come: bool = False
    probes: bool = False


def network_check(traveller: Traveller, to: Instances, transport: Transport, port: int) -> Check | None:
    """What NetworkPolicies on the sending and the receiving pods say of a leg; None where nothing is in its way."""
    wire = HBONE_PORT if transport is Transport.HBONE else port
    there = _End(to.namespace, to.labels, traveller.address_of(to))
    return _leaving(traveller, there, to, wire) or _arriving(traveller, there, to, wire)


def gateway_check(traveller: Traveller, namespace: str, name: str) -> Check | None:
    """What they say of a leg to a waypoint whose pods nobody has seen, by the labels that istiod will give them.

    What hangs on their address, nobody knows.
    """
    there = _End(namespace, {GATEWAY_NAME: name}, "")
    for asked in (_leaving, _arriving):
        found = asked(traveller, there, None, HBONE_PORT)
        if found is not None and found.verdict is Verdict.UNREACHABLE:
            return found
    return None


def egress_check(traveller: Traveller, host: str, port: int) -> Check | None:
    """What NetworkPolicies on the sending pods say of a host outside; what hangs on its address, nobody knows."""
    sender = traveller.sender
    rules_here = traveller.index.network.rules(sender.namespace)
    applied = rules_here.sent(sender.labels) if rules_here is not None else []
    if not applied:
        return None
    there = _End("", {}, host if is_address(host) else "")
    answers = [
        _admits(traveller, each.view.spec.egress or (), (there, {}, each.meta.namespace), port) for each in applied
    ]
    if None in answers:
        return None
    return _told(applied, answers, f"lets {sender.words} out to {host} on TCP {port}", None)


def _leaving(traveller: Traveller, there: _End, to: Instances | None, port: int) -> Check | None:
    sender = traveller.sender
    rules_here = traveller.index.network.rules(sender.namespace)
    if rules_here is None:
        return None
    applied, broken = rules_here.sent(sender.labels), _unreadable(rules_here)
    if not applied:
        return broken
    rules = {each.id: (each.view.spec.egress or ()) for each in applied}
    named = to.container_ports if to is not None else {}
    answers = [_admits(traveller, rules[each.id], (there, named, each.meta.namespace), port) for each in applied]
    words = to.workload if to is not None else f"Gateway {there.namespace}/{there.labels[GATEWAY_NAME]}"
    return _told(applied, answers, f"lets {sender.words} out to {words} on TCP {port}", broken)


def _arriving(traveller: Traveller, there: _End, to: Instances | None, port: int) -> Check | None:
    rules_there = traveller.index.network.rules(there.namespace)
    if rules_there is None:
        return None
    applied, broken = rules_there.received(there.labels), _unreadable(rules_there)
    if not applied:
        return broken
    sender = traveller.sender
    may_come = sender.instances is not None and sender.instances.workload.kind == SOMEONE
    probes = isinstance(traveller.request.client, KubeletClient)
    here = _End(sender.namespace, sender.labels, sender.address, may_come, probes)
    rules = {each.id: (each.view.spec.ingress or ()) for each in applied}
    named = to.container_ports if to is not None else {}
    answers = [_admits(traveller, rules[each.id], (here, named, each.meta.namespace), port) for each in applied]
    return _told(applied, answers, f"admits {sender.words} to TCP {port}", broken)


def _unreadable(rules: NetworkRules) -> Check | None:
    """A policy of the pods' namespace that could not be read: it may be about them, and nobody knows what it admits."""
    where = rules.unread
    if where is None:
        return None
    return Check(CheckKind.NETWORK_POLICY, Verdict.UNKNOWN, object=where, reason=f"{where} could not be read")


def _told(
    applied: list[Resource[NetworkPolicy]], answers: list[bool | None], what: str, broken: Check | None
) -> Check | None:
    """Policies add up: one that lets it through is enough."""
    if True in answers:
        return None
    if broken is not None:
        return broken
    if None in answers:
        unsure = applied[answers.index(None)]
        reason = f"{unsure.id} names peers by what is not known"
        return Check(CheckKind.NETWORK_POLICY, Verdict.UNKNOWN, object=unsure.id, reason=reason)
    reason = f"no rule of {', '.join(str(each.id) for each in applied)} {what}"
    return Check(CheckKind.NETWORK_POLICY, Verdict.UNREACHABLE, Shape.HANG, applied[0].id, reason=reason)


def _admits(
    traveller: Traveller, rules: tuple[NetworkPolicyRule, ...], ends: tuple[_End, _Named, str], port: int
) -> bool | None:
    """Whether any rule lets the leg through; None where something that is not known decides."""
    other, named, namespace = ends
    answers = [
        _peers_admit(traveller, rule.from_ or rule.to or (), other, namespace)
        for rule in rules
        if _ports_admit(rule, named, port)
    ]
    return some(answers)


def _ports_admit(rule: NetworkPolicyRule, named: _Named, port: int) -> bool:
    return not rule.ports or any(_port_admits(each, named, port) for each in rule.ports)


def _port_admits(allowed: NetworkPolicyPort, named: _Named, port: int) -> bool:
    if allowed.protocol != "TCP":
        return False
    number = named.get(allowed.port) if isinstance(allowed.port, str) else allowed.port
    if allowed.port is None:
        return True
    return number is not None and number <= port <= (allowed.end_port or number)


def _peers_admit(
    traveller: Traveller, peers: tuple[Mapping[str, Any], ...], other: _End, namespace: str
) -> bool | None:
    if not peers:
        return True
    return some(_peer_admits(traveller, peer, other, namespace) for peer in peers)


def _peer_admits(traveller: Traveller, peer: Mapping[str, Any], other: _End, namespace: str) -> bool | None:
    block, wanted, pods = (peer.get(field) for field in ("ipBlock", "namespaceSelector", "podSelector"))
    if block is not None:
        return _block_admits(block, other) if isinstance(block, Mapping) else None
    if wanted is None and pods is None:
        return None
    if not other.namespace:
        return False
    near = other.namespace == namespace if wanted is None else _space_selected(traveller, wanted, other)
    return every((near, pods is None or _selected(pods, other.labels)))


def _space_selected(traveller: Traveller, selector: object, other: _End) -> bool | None:
    """Whether a selector takes a namespace; by its name alone where its labels were not read."""
    mesh, namespace = traveller.index.mesh, other.namespace
    found = _selected(selector, {NAMESPACE_NAME: namespace, **mesh.namespace_labels(namespace)})
    unread = not other.may_come and mesh.find(NAMESPACE, "", namespace) is None
    return None if found is False and unread else found


def _block_admits(block: Mapping[str, Any], other: _End) -> bool | None:
    if block.get("cidr") in PROBES and not other.probes:
        return False
    excepted = block.get("except")
    if not other.address:
        return True if block.get("cidr") in _EVERYWHERE and not excepted else None
    cidrs = [block.get("cidr"), *(excepted if isinstance(excepted, list) else () if excepted is None else (None,))]
    if not all(isinstance(cidr, str) and is_cidr(cidr) for cidr in cidrs):
        return None
    inside, *outside = (Cidr(cidr).matches(other.address) for cidr in cidrs)
    return inside and not any(outside)


def _selected(value: object, labels: Labels) -> bool | None:
    """Whether a selector takes labels; None for one that cannot be read."""
    try:
        return selects(msgspec.convert(value, LabelSelector), labels)
    except msgspec.ValidationError:
        return None

"""The ports and peers that NetworkPolicies let in, put back as AuthorizationPolicies: over HBONE all ports are one, and
through a waypoint all clients are the waypoint.

Source: istio-semantics.md §6.1 (l), §3.6, D01, D02.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.convert.network.admissions import Admitted, admissions, everywhere, told_rules
from sidestep.convert.network.own_labels import labels_of
from sidestep.convert.network.peers import waypoints_before
from sidestep.convert.network.sources import Sources, sources
from sidestep.convert.objects import made
from sidestep.convert.policies.ports import in_service_ports, service_ports_of
from sidestep.convert.policies.readers import guarding, members, waypoint_principal
from sidestep.convert.policies.twins import target_of
from sidestep.convert.rewrite import Context, Tree
from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.resource import Resource
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.network_policies import ingress_policies
from sidestep.semantics.service_index import Service

_OF = (AUTHORIZATION_POLICY.api_version(), AUTHORIZATION_POLICY.name)
_ENDING = "ports"
_MOST_PORTS = 30_000
"""That one policy lists, so that it fits into the annotation of `kubectl apply`, which holds 256 KiB."""


class Restriction(Struct, frozen=True):
    """What AuthorizationPolicies hold of NetworkPolicies.

    Attributes:
        manifests: those to make.
        ports: why ports cannot be held at the pods; empty where they are, or where none were named.
        peers: why peers cannot be held at a waypoint; empty where they are, or where none stands between.
        by_account: clients are named by what the pods of today go under.
        by_pods: pods are named apart from others that the policy selects, as they are today.
    """

    manifests: tuple[Tree, ...] = ()
    ports: str = ""
    peers: str = ""
    by_account: bool = False
    by_pods: bool = False


class _Held(Struct, frozen=True):
    """What a policy's pods let in, and where to say it."""

    resource: Resource[Any]
    pods: tuple[Instances, ...]
    context: Context
    code: str
    rules: tuple[Tree, ...]
    found: tuple[Admitted, ...]
    name: str
    labels: Tree | None

    @property
    def passing(self) -> tuple[str, ...]:
        """The waypoints that come in their clients' place, under their own names."""
        before = waypoints_before(self.context, self.pods)
        return tuple(waypoint_principal(self.context, each) for each in before)

    def sources(self, each: Admitted) -> Sources | None:
        return sources(self.context, each.peers or (), self.resource.meta.namespace)


def restriction(resource: Resource[Any], pods: tuple[Instances, ...], context: Context, code: str) -> Restriction:
    """The ports and peers of a policy's ingress rules, and of others for the same pods, in other words."""
    if not told_rules(as_dicts(as_dict(resource.tree().get("spec")).get("ingress"))):
        return Restriction()
    told = [_held(resource, group, context, code) for group in _alike(context, pods)]
    parts = [each for each in told if each is not None]
    if len(parts) < len(told):
        why = "its rules name ports that cannot be told"
        return Restriction(ports=why, peers=why if waypoints_before(context, pods) else "")
    if len(parts) == 1:
        labels = _match_labels(_selector(resource))
        own = parts[0].labels if labels is None else labels
        parts = [replace(parts[0], name=f"{resource.meta.name}-{_ENDING}", labels=own)]
    found = [(_at_pods(each), _at_waypoints(each)) for each in parts]
    manifests = [manifest for pair in found for each in pair for manifest in each.manifests]
    by_account = any("from" in rule for each in manifests for rule in each["spec"]["rules"])
    ports = next((at_pods.ports for at_pods, _ in found if at_pods.ports), "")
    peers = next((at_waypoint.peers for _, at_waypoint in found if at_waypoint.peers), "")
    by_pods = len(parts) > 1 and any("selector" in each["spec"] for each in manifests)
    return Restriction(tuple(manifests), ports, peers, by_account, by_pods)


def _alike(context: Context, pods: tuple[Instances, ...]) -> list[tuple[Instances, ...]]:
    """Pods that take the same on the same ports together: others of their policies, or names of ports, differ."""
    found: dict[str, list[Instances]] = {}
    for each in pods:
        rules = _rules(context, each)
        found.setdefault(repr((rules, admissions(rules, (each,)))), []).append(each)
    return [tuple(group) for group in found.values()]


def _held(resource: Resource[Any], pods: tuple[Instances, ...], context: Context, code: str) -> _Held | None:
    rules = _rules(context, pods[0])
    found = admissions(rules, pods)
    if found is None:
        return None
    name = f"{resource.meta.name}-{min(each.workload.name for each in pods)}-{_ENDING}"
    return _Held(resource, pods, context, code, tuple(rules), found, name, labels_of(context, pods))


def _selector(resource: Resource[Any]) -> Tree:
    return as_dict(as_dict(resource.tree().get("spec")).get("podSelector"))


def _rules(context: Context, pods: Instances) -> list[Tree]:
    """Of all policies that restrict what pods receive."""
    policies = ingress_policies(context.index.mesh, pods.shape)
    found = [rule for each in policies for rule in as_dicts(as_dict(each.tree().get("spec")).get("ingress"))]
    return sorted(found, key=str)


def _told_at_pods(held: _Held) -> list[Admitted]:
    """Ports that not everybody may come to who may come at all: whom HBONE is let through for is told already."""
    union = everywhere(held.rules)
    return [each for each in held.found if each.peers != union and not _are_all(each.peers)]


def _at_pods(held: _Held) -> Restriction:
    told = _told_at_pods(held)
    if not told:
        return Restriction()
    labels = held.labels
    if labels is None:
        return Restriction(ports="no labels of an AuthorizationPolicy select just the pods that take the same")
    listed = sum(len(each.said[1]) for each in told)
    if listed > _MOST_PORTS:
        return Restriction(ports=f"it would list {listed} ports, of the {_MOST_PORTS} that one object can hold")
    rules = [_refusing(held, each, held.passing) for each in told]
    if None in rules:
        return Restriction(ports=_UNSAID)
    spec: Tree = {"action": "DENY", "rules": rules}
    if labels:
        spec = {"selector": {"matchLabels": labels}, **spec}
    return Restriction((_policy(held, held.name, spec),))


def _told_at_waypoints(held: _Held) -> list[Admitted]:
    """What the waypoint's own identity must not open; ports for nobody are closed for it too, at the pods."""
    return [each for each in held.found if each.peers and not _are_all(each.peers)]


def _are_all(peers: tuple[Tree, ...] | None) -> bool:
    """Whether everybody who has an identity is meant: all pods of the cluster, at least."""
    return peers is None or any(
        each.get("namespaceSelector") == {} and not as_dict(each.get("podSelector")) for each in peers
    )


def _at_waypoints(held: _Held) -> Restriction:
    services = {each.host: each for pods in held.pods for each in guarding(held.context, pods)}
    told = _told_at_waypoints(held)
    if not services or not told:
        return Restriction()
    rules = [_refusing(held, each, ()) for each in told]
    if None in rules:
        return Restriction(peers=_UNSAID)
    if any(_ADDRESSES & as_dict(each["source"]).keys() for rule in rules if rule for each in rule["from"]):
        return Restriction(peers="it names addresses, which a waypoint may not see")
    chosen = set(map(id, held.pods))
    if any(id(each) not in chosen for service in services.values() for each in members(held.context, service)):
        return Restriction(peers="other pods stand behind the same Service")
    return Restriction(tuple(_twins(held, services.values(), [rule for rule in rules if rule])))


def _twins(held: _Held, services: Any, rules: list[Tree]) -> Iterator[Tree]:
    for service in services:
        spec, _ = in_service_ports({"action": "DENY", "rules": rules}, _ports_of(held, service))
        if spec["rules"]:
            name = f"{service.name}-{held.resource.meta.name}-{_ENDING}"
            yield _policy(held, name, {**spec, "targetRefs": [target_of(service)]})


def _ports_of(held: _Held, service: Service) -> Any:
    return service_ports_of(service, members(held.context, service))


_UNSAID = "clients that it names are unknown today, or go under the same account or address as others"
_ADDRESSES = {"ipBlocks", "notIpBlocks"}


def _refusing(held: _Held, each: Admitted, passing: tuple[str, ...]) -> Tree | None:
    """A DENY rule for whoever may not come; None where no such rule says it."""
    rule: Tree = {}
    if each.peers:
        named = held.sources(each)
        if named is None:
            return None
        rule["from"] = [{"source": source} for source in named.others(passing)]
    field, ports = each.said
    if ports:
        rule["to"] = [{"operation": {field: [str(port) for port in ports]}}]
    return rule


def _match_labels(selector: Tree) -> Tree | None:
    """A selector by labels alone; an expression of one value is a label."""
    found = dict(as_dict(selector.get("matchLabels")))
    for each in as_dicts(selector.get("matchExpressions")):
        values = each.get("values")
        if each.get("operator") != "In" or not isinstance(values, list) or len(values) != 1:
            return None
        found[str(each.get("key"))] = values[0]
    return found


def _policy(held: _Held, name: str, spec: Tree) -> Tree:
    place = (held.resource.meta.namespace, name)
    return made(_OF, place, spec, str(held.resource.id), held.code)

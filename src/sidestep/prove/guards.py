"""What stands before a destination in one mesh, and by what of it callers are told apart."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import msgspec
from msgspec import Struct

from sidestep.model.kinds import DESTINATION_RULE, NAMESPACE, NETWORK_POLICY, SIDECAR
from sidestep.model.views.apps import LabelSelector, NetworkPolicyRule
from sidestep.prove.callers import labels_of_clients
from sidestep.semantics.authorization.attachment import GatewayTarget
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.routing.by_host import ByHost
from sidestep.semantics.routing.exports import PUBLIC
from sidestep.semantics.routing.hosts import full_name
from sidestep.semantics.routing.rule import Bound
from sidestep.semantics.selectors import selects
from sidestep.semantics.service_index import Service

_CHAINS = (Chain.HTTP, Chain.TCP)


class Guards(Struct, frozen=True, dict=True):
    """One mesh, asked what stands before its destinations."""

    index: MeshIndex

    def behind(self, host: str) -> tuple[Instances, ...]:
        """All pods that a service, or a route for it, may lead to."""
        found: dict[int, Instances] = {}
        for name in (host, *self.targets(host)):
            service = self.index.services.by_host.get(name)
            if service is not None:
                found |= {id(each): each for each in self.index.behind(service)}
        return tuple(found.values())

    def bounds(self, host: str) -> tuple[Bound, ...]:
        """Route objects that may speak about a service, or a name that they alone know."""
        service = self.index.services.by_host.get(host)
        if service is None:
            return self.index.routing.bounds_of(host) if host in self.index.routed_alone else ()
        return self.index.routing.bounds(self.index.host(service))

    def targets(self, host: str) -> tuple[str, ...]:
        """Hosts to which routes for a service lead."""
        found: dict[str, None] = {}
        for bound in self.bounds(host):
            for entry in bound.http or ():
                found.update(dict.fromkeys(target.host for target in entry.rule.targets))
            for stream in (*bound.tcp, *bound.tls):
                found.update(dict.fromkeys(target.host for target in stream.targets))
        return tuple(found)

    def policies(self, host: str) -> Iterator[PolicySet]:
        """Policies as Envoy has them, at pods and waypoints."""
        for pods in self.behind(host):
            yield from self.of_pods(pods)
        for name in (host, *self.targets(host)):
            service = self.index.services.by_host.get(name)
            if service is not None:
                yield from self._of_waypoint(service)

    def of_pods(self, pods: Instances) -> Iterator[PolicySet]:
        """Policies as Envoy has them, at pods and at the waypoint that they ask for."""
        if pods.mode in (Mode.SIDECAR, Mode.GATEWAY):
            yield from (self.index.sidecar_policies(pods, chain) for chain in _CHAINS)
        bound = self.index.workload_waypoint(pods)
        if bound is not None:
            gateway = GatewayTarget(bound.namespace, bound.name)
            yield from (self.index.waypoint_policies(gateway, None, chain) for chain in _CHAINS)

    def _of_waypoint(self, service: Service) -> Iterator[PolicySet]:
        bound = self.index.waypoint_of(service)
        if bound is None:
            return
        gateway = GatewayTarget(bound.namespace, bound.name)
        yield from (self.index.waypoint_policies(gateway, service, chain) for chain in _CHAINS)
        for pods in self.index.gateway_pods(bound.namespace, bound.name)[:1]:
            yield self.index.sidecar_policies(pods, Chain.TCP)

    def at_ztunnel(self, pods: Iterable[Instances]) -> Iterator[ZtunnelSet]:
        """Policies as ztunnel has them."""
        yield from (self.index.ztunnel_policies(each) for each in pods if each.mode is Mode.AMBIENT)

    def namespaces(self, host: str) -> frozenset[str]:
        """Namespaces whose clients may be treated apart, because of objects there or of exports to them."""
        found: set[str] = set()
        for bound in self.bounds(host):
            if PUBLIC not in bound.exported or bound.of_gateway_api:
                found |= {bound.namespace, *bound.exported}
            for entry in bound.http or ():
                found.add(entry.match.source_namespace)
            for stream in (*bound.tcp, *bound.tls):
                found.add(stream.source_namespace)
        found.update(self._rules_by_host.meeting(host))
        service = self.index.services.by_host.get(host)
        if service is not None and service.export_to:
            found |= {service.namespace, *service.export_to}
        return frozenset(found - {"", PUBLIC, ".", "~"})

    def labels(self, host: str) -> frozenset[str]:
        """Names of labels of clients that routes ask for."""
        found: set[str] = set()
        for bound in self.bounds(host):
            for entry in bound.http or ():
                found |= entry.match.source_labels.keys()
            for stream in (*bound.tcp, *bound.tls):
                found |= stream.source_labels.keys()
        return frozenset(found) | self._labels

    @cached_property
    def _labels(self) -> frozenset[str]:
        return labels_of_clients(self.index)

    @cached_property
    def _rules_by_host(self) -> ByHost[str]:
        """Namespaces of DestinationRules, by host."""
        found: ByHost[str] = ByHost()
        for each in self.index.mesh.of(DESTINATION_RULE):
            written = (each.view.spec or {}).get("host")
            if isinstance(written, str):
                found.add(full_name(written, each.meta.namespace), each.meta.namespace)
        return found

    @cached_property
    def scoped(self) -> bool:
        """Whether being of the destination's own namespace may count: Sidecars import `./*`, peers are of it."""
        return bool(self.index.mesh.of(SIDECAR) or self.index.mesh.of(NETWORK_POLICY))

    def network(self, namespace: str) -> "Peers":
        """By what NetworkPolicies of a namespace tell peers apart."""
        if namespace not in self._peers:
            self._peers[namespace] = self._read(namespace)
        return self._peers[namespace]

    def network_ports(self, pods: Instances) -> frozenset[int]:
        """Where ranges of NetworkPolicies begin, and where they are over: of the namespace's own, and all of egress."""
        key = pods.namespace, frozenset(pods.container_ports.items())
        if key not in self._ends:
            received = (
                rule
                for policy in self.index.mesh.in_namespace(NETWORK_POLICY, pods.namespace)
                for rule in policy.view.spec.ingress or ()
            )
            self._ends[key] = frozenset(_ends((*received, *self._sent), pods.container_ports))
        return self._ends[key]

    @cached_property
    def _sent(self) -> tuple[NetworkPolicyRule, ...]:
        """Rules about what pods send, one of each list of ports."""
        found: dict[object, NetworkPolicyRule] = {}
        for policy in self.index.mesh.of(NETWORK_POLICY):
            for rule in policy.view.spec.egress or ():
                found.setdefault(rule.ports, rule)
        return tuple(found.values())

    @cached_property
    def _ends(self) -> "dict[tuple[str, frozenset[tuple[str, int]]], frozenset[int]]":
        return {}

    def _read(self, namespace: str) -> "Peers":
        labels: set[str] = set()
        blocks: set[str] = set()
        spaces: list[LabelSelector] = []
        for policy in self.index.mesh.in_namespace(NETWORK_POLICY, namespace):
            for rule in policy.view.spec.ingress or ():
                for peer in rule.from_ or ():
                    labels |= _names(peer.get("podSelector"))
                    blocks |= _blocks(peer.get("ipBlock"))
                    spaces += _selector(peer.get("namespaceSelector"))
        return Peers(frozenset(labels), frozenset(blocks), frozenset(self._of_each_kind(spaces)))

    def _of_each_kind(self, selectors: list[LabelSelector]) -> Iterator[str]:
        """One namespace for each way in which selectors take namespaces."""
        seen: set[tuple[bool, ...]] = set()
        for space in self.index.mesh.of(NAMESPACE) if selectors else ():
            name, labels = space.meta.name, space.meta.labels
            if name in self.index.by_namespace:
                taken = tuple(selects(each, {NAMESPACE_NAME: name, **labels}) for each in selectors)
                if taken not in seen:
                    seen.add(taken)
                    yield name

    @cached_property
    def _peers(self) -> "dict[str, Peers]":
        return {}


class Peers(Struct, frozen=True):
    """Labels, ranges of addresses and namespaces by which NetworkPolicies tell peers apart."""

    labels: frozenset[str] = frozenset()
    blocks: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()


def _ends(rules: Iterable[NetworkPolicyRule], named: Mapping[str, int]) -> Iterator[int]:
    for port in (port for rule in rules for port in rule.ports or ()):
        number = named.get(port.port) if isinstance(port.port, str) else port.port
        if number is not None and port.protocol == "TCP":
            yield number
            yield (port.end_port or number) + 1


def _names(selector: object) -> set[str]:
    if not isinstance(selector, Mapping):
        return set()
    labels, wanted = selector.get("matchLabels"), selector.get("matchExpressions")
    found = set(map(str, labels)) if isinstance(labels, Mapping) else set()
    expressions = wanted if isinstance(wanted, list) else []
    return found | {str(each.get("key")) for each in expressions if isinstance(each, Mapping)}


def _blocks(block: object) -> set[str]:
    if not isinstance(block, Mapping):
        return set()
    excepted = block.get("except")
    written = [block.get("cidr"), *(excepted if isinstance(excepted, list) else ())]
    return {each for each in written if isinstance(each, str)}


def _selector(value: object) -> list[LabelSelector]:
    try:
        return [msgspec.convert(value, LabelSelector)] if value is not None else []
    except msgspec.ValidationError:
        return []

"""Objects that the registry holds, and how each is found by those that are made from it."""

from collections.abc import Iterable, Iterator
from typing import Any

from sidestep.controlplane.groups import Groups
from sidestep.controlplane.live.live import CONFIGURATION
from sidestep.controlplane.live.objects import counts
from sidestep.controlplane.registry.objects import EVERYWHERE, Labelled, Labels, Ref, Selectors, Tree
from sidestep.controlplane.registry.policies import read_peer_policy, read_policy, sent
from sidestep.controlplane.registry.services import entry_labels, selector_of
from sidestep.controlplane.registry.slices import pods_in
from sidestep.controlplane.registry.waypoints import admits_waypoints, asked, gateway_named
from sidestep.model import kinds
from sidestep.model.kinds import Kind
from sidestep.semantics.authentication.peers import Levels, PeerPolicy, levels
from sidestep.semantics.authorization.ztunnel import Authorization, Withheld
from sidestep.semantics.endpoint_slices import service_named
from sidestep.semantics.loose import as_dict, as_text, labels_of

POD, NODE, NAMESPACE = kinds.POD.key, kinds.NODE.key, kinds.NAMESPACE.key
SERVICE, ENTRY, WORKLOAD_ENTRY = kinds.SERVICE.key, kinds.SERVICE_ENTRY.key, kinds.WORKLOAD_ENTRY.key
GATEWAY, GATEWAY_CLASS, DEPLOYMENT = kinds.GATEWAY.key, kinds.GATEWAY_CLASS.key, kinds.DEPLOYMENT.key
POLICY, PEER = kinds.AUTHORIZATION_POLICY.key, kinds.PEER_AUTHENTICATION.key
_RECORDED: tuple[Kind[Any], ...] = (
    kinds.NAMESPACE, kinds.NODE, kinds.GATEWAY_CLASS, kinds.GATEWAY, kinds.PEER_AUTHENTICATION,
    kinds.AUTHORIZATION_POLICY, kinds.SERVICE, kinds.SERVICE_ENTRY, kinds.WORKLOAD_ENTRY, kinds.ENDPOINT_SLICE,
    kinds.POD,
)  # fmt: skip
"""Kinds that records are made from."""
WATCHED = tuple(dict.fromkeys((*CONFIGURATION, *_RECORDED)))
"""All kinds that the control plane hears of."""
STRICT = Ref(PEER, "", "")
"""Stands for the policy that exists when any PeerAuthentication does."""


class Held:
    """Objects as they are now.

    Args:
        root_namespace: of the mesh.
    """

    def __init__(self, root_namespace: str) -> None:
        self.root_namespace = root_namespace
        self.objects: dict[Ref, Tree] = {}
        self.sent: dict[Ref, Authorization | Withheld] = {}
        self._selector: dict[Ref, Labels | None] = {}
        self.peers: dict[Ref, PeerPolicy] = {}
        self._labelled = Labelled()
        self._services, self._policies, self._peers = Selectors(), Selectors(), Selectors()
        self._on_node: Groups[str, Ref] = Groups()
        self._in_namespace: Groups[str, Ref] = Groups()
        self._at_gateway: Groups[tuple[str, str], Ref] = Groups()
        self._slices: Groups[Ref, Ref] = Groups()
        self._named_by: Groups[Ref, Ref] = Groups()
        self._asks: dict[Ref, tuple[str, str]] = {}
        self._of_class: Groups[str, Ref] = Groups()
        self.admits_waypoints = False
        """Whether istiod is asked for an ALLOW for waypoints (D23)."""

    def tree(self, kind: str, namespace: str, name: str) -> Tree | None:
        """One object."""
        return self.objects.get(Ref(kind, namespace, name))

    def namespace_labels(self, namespace: str) -> Labels:
        """Labels of a namespace."""
        found = self.tree(NAMESPACE, "", namespace)
        return labels_of(found) if found else {}

    def services_of(self, namespace: str, labels: Labels) -> list[Ref]:
        """Services and ServiceEntries that select workloads with these labels."""
        return self._services.taking(namespace, labels)

    def services_naming(self, pod: Ref) -> list[Ref]:
        """Services that a slice says a pod to serve."""
        return [named for each in self._named_by.of(pod) for named in _service_of(each, self.objects[each])]

    def policies_of(self, namespace: str, labels: Labels) -> list[Authorization]:
        """What is sent of policies whose selector takes workloads with these labels."""
        found = map(self.sent.__getitem__, self._policies.taking(namespace, labels))
        return [each for each in found if isinstance(each, Authorization)]

    def levels(self, namespace: str, labels: Labels) -> Levels:
        """The PeerAuthentications that count for workloads with these labels."""
        found = (*self._peers.taking(self.root_namespace, {}), *self._peers.taking(namespace, labels))
        policies = [self.peers[ref] for ref in dict.fromkeys(found)]
        return levels(policies, self.root_namespace, namespace, dict(labels))

    def near(self, namespace: str, gateway: tuple[str, str] | None) -> Iterator[Tree]:
        """What decides whether a binding to a Gateway holds."""
        names = [Ref(NAMESPACE, "", namespace), *([Ref(GATEWAY, *gateway)] if gateway else [])]
        for ref in names:
            found = self.objects.get(ref)
            if found is not None:
                yield found
                name = as_text(as_dict(found.get("spec")).get("gatewayClassName"))
                of_class = self.tree(GATEWAY_CLASS, "", name) if ref.kind == GATEWAY else None
                yield from (of_class,) if of_class else ()

    def put(self, ref: Ref, tree: Tree | None) -> None:
        """Take an object in; None for one that is gone."""
        before = self.objects.pop(ref, None)
        if tree is not None:
            self.objects[ref] = tree
        match ref.kind:
            case "pods" | "workloadentries.networking.istio.io":
                self._put_workload(ref, before, tree)
            case "services" | "serviceentries.networking.istio.io":
                self._services.put(ref, ref.namespace, selector_of(tree) if tree else None)
                self._put_member(ref, tree)
            case "endpointslices.discovery.k8s.io":
                self._put_slice(ref, before, tree)
            case "authorizationpolicies.security.istio.io":
                self._put_policy(ref, tree)
            case "peerauthentications.security.istio.io":
                self._put_peer(ref, tree)
            case "gateways.gateway.networking.k8s.io":
                self._of_class.move(ref, _class(before), _class(tree))
            case "deployments.apps" if counts(ref):
                self.admits_waypoints = admits_waypoints(self._all(DEPLOYMENT))
            case _:
                pass

    def touched(self, ref: Ref) -> Iterable[Ref]:
        """Objects whose records are made from this one, too, as it is now."""
        tree = self.objects.get(ref)
        if tree is None:
            return ()
        match ref.kind:
            case "nodes":
                return self._on_node.of(ref.name)
            case "services" | "serviceentries.networking.istio.io":
                return self._touched_by_service(ref, tree)
            case "endpointslices.discovery.k8s.io":
                return (Ref(POD, *each) for each in pods_in(ref, tree))
            case "namespaces":
                return self._in_namespace.of(ref.name)
            case "gateways.gateway.networking.k8s.io" | "gatewayclasses.gateway.networking.k8s.io":
                return self._touched_by_gateway([ref] if ref.kind == GATEWAY else self._of_class.of(ref.name))
            case "authorizationpolicies.security.istio.io":
                return self._labelled.taken(self._space(ref), self._selector[ref])
            case "peerauthentications.security.istio.io":
                return self._touched_by_peer(ref)
            case _:
                return ()

    def asks(self, ref: Ref, labels: Labels) -> tuple[dict[str, str], tuple[str, str] | None]:
        """The labels by which an object asks for a waypoint, and the Gateway; it is remembered who asks."""
        found = asked(labels, self.namespace_labels(ref.namespace))
        gateway = gateway_named(found, ref.namespace)
        before = self._asks.pop(ref, None)
        if gateway is not None:
            self._asks[ref] = gateway
        self._at_gateway.move(ref, (before,) if before else (), (gateway,) if gateway else ())
        return found, gateway

    def admitting(self) -> Iterator[Ref]:
        """Objects whose records hang on whether waypoints are admitted."""
        return (ref for ref in self.objects if ref.kind in (POD, WORKLOAD_ENTRY, GATEWAY))

    def _all(self, kind: str) -> Iterator[Tree]:
        return (tree for ref, tree in self.objects.items() if ref.kind == kind)

    def _put_workload(self, ref: Ref, before: Tree | None, tree: Tree | None) -> None:
        self._labelled.put(ref, workload_labels(tree) if tree else None)
        self._on_node.move(ref, _node(before), _node(tree))
        self._put_member(ref, tree)

    def _put_member(self, ref: Ref, tree: Tree | None) -> None:
        self._in_namespace.move(ref, (ref.namespace,), (ref.namespace,) if tree else ())
        if tree is not None:
            self._in_namespace.move(ref, (), (ref.namespace,))
            return
        before = self._asks.pop(ref, None)
        self._at_gateway.move(ref, (before,) if before else (), ())

    def _put_slice(self, ref: Ref, before: Tree | None, tree: Tree | None) -> None:
        for_service = [_service_of(ref, each) for each in (before, tree)]
        self._slices.move(ref, *for_service)
        self._named_by.move(ref, *((Ref(POD, *pod) for pod in pods_in(ref, each)) for each in (before, tree)))

    def _touched_by_gateway(self, gateways: Iterable[Ref]) -> Iterator[Ref]:
        """Who asks for it; and where waypoints are admitted, whoever is served behind."""
        for each in gateways:
            for asking in self._at_gateway.of((each.namespace, each.name)):
                yield asking
                if self.admits_waypoints and asking.kind in (SERVICE, ENTRY):
                    yield from self._touched_by_service(asking, self.objects[asking])

    def _touched_by_service(self, ref: Ref, tree: Tree) -> Iterator[Ref]:
        """The pods that it selects, its slices, and the pods that those name."""
        yield from self._labelled.taken(ref.namespace, selector_of(tree))
        for each in self._slices.of(ref):
            yield each
            yield from (Ref(POD, *pod) for pod in pods_in(each, self.objects[each]))

    def _put_policy(self, ref: Ref, tree: Tree | None) -> None:
        policy = read_policy(tree) if tree else None
        if policy is None:
            self.sent.pop(ref, None)
            self._selector.pop(ref, None)
        else:
            self.sent[ref], self._selector[ref] = sent(policy, self.root_namespace), policy.selector
        self._policies.put(ref, self._space(ref), policy.selector if policy else None)

    def _put_peer(self, ref: Ref, tree: Tree | None) -> None:
        self.peers.pop(ref, None)
        policy = read_peer_policy(tree) if tree else None
        if policy is not None:
            self.peers[ref] = policy
        self._peers.put(ref, ref.namespace, (policy.selector or {}) if policy else None)

    def _touched_by_peer(self, ref: Ref) -> Iterator[Ref]:
        """What it holds for; and those of the levels below, which are read together with it."""
        policy = self.peers[ref]
        space = EVERYWHERE if ref.namespace == self.root_namespace else ref.namespace
        yield STRICT
        yield from self._labelled.taken(space, policy.selector or {})
        if not policy.selector:
            yield from (each for each in self.peers if space in (EVERYWHERE, each.namespace))

    def _space(self, ref: Ref) -> str:
        """Where a policy selects: one in the root namespace, everywhere."""
        return EVERYWHERE if ref.namespace == self.root_namespace else ref.namespace


def workload_labels(tree: Tree) -> Labels:
    """By which a pod or a WorkloadEntry is selected."""
    return entry_labels(tree) if tree.get("kind") == "WorkloadEntry" else labels_of(tree)


def _service_of(ref: Ref, tree: Tree | None) -> tuple[Ref, ...]:
    named = service_named(labels_of(tree)) if tree else ""
    return (Ref(SERVICE, ref.namespace, named),) if named else ()


def _node(tree: Tree | None) -> tuple[str, ...]:
    name = as_text(as_dict(tree.get("spec")).get("nodeName")) if tree else ""
    return (name,) if name else ()


def _class(tree: Tree | None) -> tuple[str, ...]:
    name = as_text(as_dict(tree.get("spec")).get("gatewayClassName")) if tree else ""
    return (name,) if name else ()

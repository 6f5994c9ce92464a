"""Records, kept in step with objects: a change makes again the records of what it touches, and no other.

The order in which objects come never shows: what is made of each depends only on the objects that there are.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.controlplane.groups import Groups
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import (
    Dirty,
    Locality,
    PolicyKey,
    PortMap,
    Service,
    ServiceKey,
    WaypointAddress,
    Workload,
    WorkloadUid,
)
from sidestep.controlplane.registry.held import (
    ENTRY,
    NAMESPACE,
    NODE,
    PEER,
    POD,
    SERVICE,
    STRICT,
    WORKLOAD_ENTRY,
    Held,
    workload_labels,
)
from sidestep.controlplane.registry.objects import SECRETS, Ref, Tree, ref_of
from sidestep.controlplane.registry.pods import Place, workload_of
from sidestep.controlplane.registry.policies import key_of, lists
from sidestep.controlplane.registry.services import (
    entry_services,
    entry_workloads,
    ports_of,
    service_of,
    workload_entry,
)
from sidestep.controlplane.registry.slices import slice_workloads
from sidestep.controlplane.registry.waypoints import address, admission, bound, gateways
from sidestep.semantics.authentication.peers_at_ztunnel import convert as convert_peer
from sidestep.semantics.authentication.peers_at_ztunnel import static_strict
from sidestep.semantics.authorization.ztunnel import Authorization, Withheld
from sidestep.semantics.endpoint_slices import service_named
from sidestep.semantics.loose import as_dict, as_strings, labels_of
from sidestep.semantics.mesh_config import DEFAULT_ROOT, DEFAULT_TRUST_DOMAIN
from sidestep.semantics.proxies import MANAGED
from sidestep.semantics.service_index import CLUSTER_DOMAIN
from sidestep.semantics.services import INGRESS_USE_WAYPOINT
from sidestep.semantics.waypoints import Binding

_WAYPOINT = "istio.io-mesh-controller"
_REGION, _ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
_SUBZONE = "topology.istio.io/subzone"


class MeshNames(Struct, frozen=True):
    """What records are called by.

    Attributes:
        root_namespace: whose policies hold everywhere.
        trust_domain: of identities.
        cluster: in the keys of workloads.
        domain: of services' names.
    """

    root_namespace: str = DEFAULT_ROOT
    trust_domain: str = DEFAULT_TRUST_DOMAIN
    cluster: str = "Kubernetes"
    domain: str = CLUSTER_DOMAIN


class Change(Struct, frozen=True):
    """An object as it is now; None for one that is gone."""

    ref: Ref
    tree: Tree | None

    @classmethod
    def to(cls, tree: Tree) -> "Change":
        """An object that is there."""
        return cls(ref_of(tree), tree)


class _Made(Struct, frozen=True):
    """The records of one object."""

    workloads: Mapping[WorkloadUid, Workload] = {}
    services: Mapping[ServiceKey, Service] = {}
    policies: Mapping[PolicyKey, Authorization] = {}


class Registry:
    """Objects in, records out.

    Args:
        names: what records are called by.
    """

    def __init__(self, names: MeshNames | None = None) -> None:
        self._names = names or MeshNames()
        self._held = Held(self._names.root_namespace)
        self._made: dict[Ref, _Made] = {}
        self._makers: Groups[tuple[str, str], Ref] = Groups()
        self.index = Index()
        self.withheld: dict[Ref, str] = {}
        """Policies that node proxies are not sent, with the reason."""

    def apply(self, changes: Iterable[Change]) -> Dirty:
        """Take changes in; what of the records they touched."""
        return self.index.apply(self.derive(changes))

    def derive(self, changes: Iterable[Change]) -> Changes:
        """The same without touching the index, for who keeps it."""
        again: dict[Ref, None] = {}
        changed: dict[Ref, Tree | None] = {}
        for change in changes:
            changed[change.ref] = change.tree
            if change.ref.kind == SECRETS:
                continue
            before = self._held.objects.get(change.ref)
            if before == change.tree or (before and change.tree and _tells_the_same(change.ref, before, change.tree)):
                self._remember(change)
                continue
            again.update(dict.fromkeys(self._held.touched(change.ref)))
            admitted = self._held.admits_waypoints
            self._held.put(change.ref, change.tree)
            again.update(dict.fromkeys((change.ref, *self._held.touched(change.ref))))
            if admitted != self._held.admits_waypoints:
                again.update(dict.fromkeys(self._held.admitting()))
            if change.ref.kind == PEER:
                again[STRICT] = None
        keys = {key for ref in again for key in self._make(ref)}
        return replace(self._chosen(keys), objects=changed)

    def objects(self) -> list[Tree]:
        """All that it holds."""
        return list(self._held.objects.values())

    def _remember(self, change: Change) -> None:
        if change.tree is not None:
            self._held.objects[change.ref] = change.tree

    def _make(self, ref: Ref) -> set[tuple[str, str]]:
        """Make the records of an object again; their keys and those that it had."""
        before, after = self._made.pop(ref, _Made()), self._records(ref)
        if after != _Made():
            self._made[ref] = after
        old, new = set(_keys(before)), set(_keys(after))
        self._makers.move(ref, old, new)
        return old | new

    def _chosen(self, keys: set[tuple[str, str]]) -> Changes:
        """Of several objects that make a record of the same key: Services win, then the first by name."""
        chosen: dict[str, dict[Any, Any]] = {kind: {} for kind in _Made.__struct_fields__}
        for kind, key in keys:
            maker = min(self._makers.of((kind, key)), key=_rank, default=None)
            chosen[kind][key] = getattr(self._made[maker], kind)[key] if maker else None
        return Changes(**chosen)

    def _records(self, ref: Ref) -> _Made:
        if ref == STRICT:
            strict = [static_strict(self._names.root_namespace)] if self._held.peers else []
            return _Made(policies={key_of(each): each for each in strict})
        tree = self._held.objects.get(ref)
        if tree is None:
            self.withheld.pop(ref, None)
            return _Made()
        match ref.kind:
            case "pods" | "workloadentries.networking.istio.io":
                made = workload_of if ref.kind == POD else workload_entry
                return _workloads([made(tree, self._place(ref, tree), self._names.cluster, self._names.trust_domain)])
            case "services":
                return self._service(ref, tree)
            case "serviceentries.networking.istio.io":
                services = {each.key: each for each in entry_services(tree, self._waypoint(ref, tree, "service"))}
                endpoints = entry_workloads(tree, self._names.cluster, self._names.trust_domain)
                return _Made({each.uid: each for each in endpoints}, services)
            case "endpointslices.discovery.k8s.io":
                return self._slice(ref, tree)
            case "authorizationpolicies.security.istio.io":
                return self._policy(ref)
            case "peerauthentications.security.istio.io":
                return self._peer(ref)
            case "gateways.gateway.networking.k8s.io":
                return self._gateway(tree)
            case _:
                return _Made()

    def _service(self, ref: Ref, tree: Tree) -> _Made:
        ingress = self._held.namespace_labels(ref.namespace).get(INGRESS_USE_WAYPOINT, "")
        made = service_of(tree, self._waypoint(ref, tree, "service"), ingress, self._names.domain)
        return _Made(services={made.key: made} if made else {})

    def _slice(self, ref: Ref, tree: Tree) -> _Made:
        named = Ref(SERVICE, ref.namespace, service_named(labels_of(tree)))
        service = self._held.objects.get(named)
        if service is None:
            return _Made()
        hosts = _hosts(named, service, self._names.domain)
        keys = [ServiceKey(f"{ref.namespace}/{host}") for host in hosts]
        return _workloads(slice_workloads(tree, service, keys, self._names.cluster, self._names.trust_domain))

    def _policy(self, ref: Ref) -> _Made:
        made = self._held.sent[ref]
        self.withheld.pop(ref, None)
        if isinstance(made, Withheld):
            self.withheld[ref] = made.reason
            return _Made()
        return _Made(policies={key_of(made): made})

    def _peer(self, ref: Ref) -> _Made:
        policy = self._held.peers[ref]
        found = self._held.levels(ref.namespace, {})
        made = None if policy.invalid else convert_peer(policy, found.namespace, found.mesh)
        return _Made(policies={key_of(made): made} if made else {})

    def _gateway(self, tree: Tree) -> _Made:
        """The policy that admits a waypoint; nobody lists that of another Gateway."""
        if not self._held.admits_waypoints:
            return _Made()
        made = [admission(each, self._names.trust_domain) for each in gateways([tree])]
        return _Made(policies={key_of(each): each for each in made})

    def _place(self, ref: Ref, tree: Tree) -> Place:
        labels = workload_labels(tree)
        selecting, levels = self._held.policies_of(ref.namespace, labels), self._held.levels(ref.namespace, labels)
        listed = lists(selecting, levels, self._names.root_namespace)
        own = None if labels.get(MANAGED) == _WAYPOINT else self._bound(ref, tree, "workload")
        waypoint = address(own) if own is not None else None
        listed = (*listed, *self._admissions(ref, tree, own))
        node = self._held.tree(NODE, "", str(as_dict(tree.get("spec")).get("nodeName", "")))
        return Place(self._serves(ref, tree), listed, waypoint, locality_of(node) if node else Locality())

    def _serves(self, ref: Ref, tree: Tree) -> dict[ServiceKey, tuple[PortMap, ...]]:
        own = as_dict(as_dict(tree.get("spec")).get("ports")) if ref.kind == WORKLOAD_ENTRY else {}
        found: dict[ServiceKey, tuple[PortMap, ...]] = {}
        for service in self._in_front_of(ref, tree):
            served = self._held.objects.get(service, {})
            for host in _hosts(service, served, self._names.domain):
                found.setdefault(ServiceKey(f"{service.namespace}/{host}"), ports_of(served, tree, own))
        return found

    def _in_front_of(self, ref: Ref, tree: Tree) -> tuple[Ref, ...]:
        """Services that lead to a workload."""
        return (*self._held.services_of(ref.namespace, workload_labels(tree)), *self._held.services_naming(ref))

    def _admissions(self, ref: Ref, tree: Tree, own: Binding | None) -> tuple[PolicyKey, ...]:
        """The policies that admit a workload's waypoints, where a flag asks for them: its own, those of its Services.

        Source: pilot/pkg/serviceregistry/ambient/workloads.go (implicitWaypointPolicies).
        """
        if not self._held.admits_waypoints:
            return ()
        served = ((each, self._held.objects.get(each)) for each in self._in_front_of(ref, tree))
        asked = (self._bound(each, service, "service") for each, service in served if service is not None)
        found = (each.gateway for each in (*asked, own) if each is not None and each.gateway is not None)
        return tuple(sorted({key_of(admission(each, self._names.trust_domain)) for each in found}))

    def _waypoint(self, ref: Ref, tree: Tree, traffic: str) -> WaypointAddress | None:
        found = self._bound(ref, tree, traffic)
        return address(found) if found is not None else None

    def _bound(self, ref: Ref, tree: Tree, traffic: str) -> Binding | None:
        own = labels_of(tree)
        asked, gateway = self._held.asks(ref, own)
        if gateway is None:
            return None
        return bound({**own, **asked}, ref.namespace, traffic, self._held.near(ref.namespace, gateway))


def locality_of(node: Tree) -> Locality:
    """Where a node stands, by the labels of its topology."""
    labels = labels_of(node)
    return Locality(labels.get(_REGION, ""), labels.get(_ZONE, ""), labels.get(_SUBZONE, ""))


def _hosts(ref: Ref, tree: Tree, domain: str) -> Iterator[str]:
    """Names of a Service that has endpoints, or of a ServiceEntry."""
    spec = as_dict(tree.get("spec"))
    if ref.kind == ENTRY:
        yield from as_strings(spec.get("hosts"))
    elif spec.get("type") != "ExternalName":
        yield f"{ref.name}.{ref.namespace}.svc.{domain}"


def _tells_the_same(ref: Ref, before: Tree, after: Tree) -> bool:
    """Whether nothing changed that records are made from; nodes and namespaces are told of all the time."""
    return ref.kind in (NODE, NAMESPACE) and labels_of(before) == labels_of(after)


def _workloads(found: Iterable[Workload | None]) -> _Made:
    return _Made({each.uid: each for each in found if each is not None})


def _keys(made: _Made) -> Iterator[tuple[str, str]]:
    for kind in _Made.__struct_fields__:
        yield from ((kind, key) for key in getattr(made, kind))


def _rank(ref: Ref) -> tuple[bool, Ref]:
    return ref.kind != SERVICE, ref

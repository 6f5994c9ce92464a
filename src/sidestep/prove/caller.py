"""Who calls: pods in both meshes, and what of them counts wherever they call."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import NETWORK_POLICY, SIDECAR, Kind
from sidestep.model.metadata import Labels, WorkloadRef
from sidestep.model.views.apps import LabelSelector
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.loose import as_dict
from sidestep.semantics.network_policies import restricts_egress
from sidestep.semantics.requests import Client, Guise, WorkloadClient
from sidestep.semantics.selectors import selects
from sidestep.semantics.somebody import guise_of

_CALLING = (Mode.SIDECAR, Mode.AMBIENT, Mode.GATEWAY, Mode.PROXYLESS, Mode.NONE)
_CAPTURE = "traffic.sidecar.istio.io/"
SCOPES: tuple[Kind[Any], ...] = (SIDECAR, NETWORK_POLICY)
"""Kinds whose objects may speak to pods as clients."""


class CallerKind(Struct, frozen=True, cache_hash=True):
    """What of pods counts wherever they call; every state of a plan looks up thousands.

    Attributes:
        sides: that, in each mesh.
    """

    sides: Hashable


class Caller(Struct, frozen=True):
    """Pods that call, in both meshes.

    Attributes:
        before: their group in the first mesh.
        after: in the second.
        kind: what of them counts wherever they call.
        principal: who they are.
        clients: as requests name them, in each mesh.
    """

    before: Instances
    after: Instances
    kind: Hashable
    principal: str
    clients: tuple[Client, Client]

    @property
    def workload(self) -> WorkloadRef:
        """Whose they are."""
        return self.before.workload

    @property
    def namespace(self) -> str:
        """Where they run."""
        return self.before.namespace

    @property
    def words(self) -> str:
        """For people."""
        modes = dict.fromkeys((self.before.mode.value, self.after.mode.value))
        return f"{' then '.join(modes)} {self.workload}"


Guises = tuple[Guise, Guise]
"""As what somebody would come, in each mesh."""


class Space(Struct, frozen=True, dict=True):
    """Everybody who calls from one namespace; whoever shares it shares what is found of it."""

    callers: tuple[Caller, ...]

    @cached_property
    def principals(self) -> frozenset[str]:
        """Who they are."""
        return frozenset(each.principal for each in self.callers)

    @cached_property
    def guises(self) -> tuple[Guises, ...]:
        """As what they come."""
        pairs = ((guise_of(each.before), guise_of(each.after)) for each in self.callers)
        return tuple(sorted({(one, other) for one, other in pairs if one is not None and other is not None}))

    @cached_property
    def by_kind(self) -> Mapping[Hashable, tuple[Caller, ...]]:
        """By what of them counts."""
        return grouped(self.callers, lambda each: each.kind)

    @cached_property
    def by_principal(self) -> Mapping[str, tuple[Caller, ...]]:
        """By who they are."""
        return grouped(self.callers, lambda each: each.principal)

    @cached_property
    def by_workload(self) -> Mapping[WorkloadRef, tuple[Caller, ...]]:
        """By whose they are."""
        return grouped(self.callers, lambda each: each.workload)


class Scope(Struct, frozen=True):
    """Objects of one namespace that speak to its pods as clients.

    Attributes:
        sidecars: what Sidecars say.
        sent: what NetworkPolicies let out, each with the pods that it is for.
    """

    sidecars: frozenset[str] = frozenset()
    sent: tuple[tuple[LabelSelector, str], ...] = ()

    def of(self, labels: Labels) -> Hashable:
        """What they say to pods with some labels; None for nothing."""
        told = frozenset(egress for selector, egress in self.sent if selects(selector, labels))
        return (self.sidecars, told) if self.sidecars or told else None


_SILENT = Scope()


class Scopes(Struct, frozen=True):
    """Objects that speak to pods as clients, by namespace, in each mesh."""

    before: Mapping[str, Scope]
    after: Mapping[str, Scope]

    @classmethod
    def of(cls, before: MeshIndex, after: MeshIndex) -> "Scopes":
        """Of two meshes."""
        return cls(_scopes(before), _scopes(after))

    def kind(self, one: Instances, other: Instances) -> Hashable:
        """What of pods counts wherever they call."""
        sides = ((self.before, one), (self.after, other))
        return CallerKind(
            tuple((_kind(each), scopes.get(each.namespace, _SILENT).of(each.labels)) for scopes, each in sides)
        )


def space_of(before: MeshIndex, after: MeshIndex, namespace: str, scopes: Scopes, known: Space | None = None) -> Space:
    """Pods of a namespace of the first mesh; those of a workload that are in several groups are paired by addresses.

    Args:
        before: the first mesh.
        after: the second.
        namespace: of which.
        scopes: objects that speak to pods as clients.
        known: the same with another second mesh, in which those objects are the same.
    """
    found = {(id(each.before), id(each.after)): each for each in known.callers} if known is not None else {}
    return Space(tuple(_callers((before, after), namespace, scopes, found)))


_Pairs = Mapping[tuple[int, int], Caller]
"""Callers by the identity of their pods in both meshes, which they hold on to."""


def _callers(both: tuple[MeshIndex, MeshIndex], namespace: str, scopes: Scopes, known: _Pairs) -> Iterator[Caller]:
    before, after = both
    domain = before.settings.trust_domain
    for ref, group in grouped(before.by_namespace.get(namespace, ()), lambda each: each.workload).items():
        others = after.workloads.get(ref, ())
        for one in group:
            if one.mode in _CALLING:
                for other in _paired(one, group, others):
                    clients = WorkloadClient(ref, one.place), WorkloadClient(ref, other.place)
                    yield known.get((id(one), id(other))) or Caller(
                        one, other, scopes.kind(one, other), one.principal(domain), clients
                    )


def _paired(one: Instances, group: tuple[Instances, ...], others: tuple[Instances, ...]) -> Iterable[Instances]:
    """The same pods afterwards: all groups where addresses do not tell."""
    if len(others) <= 1 and len(group) == 1:
        return others
    own = set(one.addresses)
    same = [each for each in others if own & set(each.addresses)]
    return same or others


def _kind(pods: Instances) -> Hashable:
    notes = tuple(sorted((name, value) for name, value in pods.shape.annotations.items() if name.startswith(_CAPTURE)))
    sidecar = (pods.hbone, pods.captures) if pods.mode is Mode.SIDECAR else ()
    return pods.mode, sidecar, pods.shape.spec.host_network, notes


def _scopes(index: MeshIndex) -> dict[str, Scope]:
    """Objects of a namespace that speak to its own pods as clients, whatever they call."""
    sidecars: dict[str, set[str]] = {}
    for each in index.mesh.of(SIDECAR):
        sidecars.setdefault(each.meta.namespace, set()).add(repr(each.tree().get("spec")))
    sent: dict[str, list[tuple[LabelSelector, str]]] = {}
    for policy in index.mesh.of(NETWORK_POLICY):
        if restricts_egress(policy.view):
            told = repr(as_dict(policy.tree().get("spec")).get("egress"))
            sent.setdefault(policy.meta.namespace, []).append((policy.view.spec.pod_selector, told))
    return {
        space: Scope(frozenset(sidecars.get(space, ())), tuple(sent.get(space, ()))) for space in {**sidecars, **sent}
    }

"""Who calls: everybody whom two meshes treat alike on the way to a destination stands for all that are like him.

Told apart are: how a caller's traffic is captured, in both meshes; whom policies before the destination name; where
routes, Sidecars, DestinationRules or NetworkPolicies count for some namespaces or labels alone. Somebody who may come
is asked where no pod that was read is like him.
"""

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct

from sidestep.model.kinds import DESTINATION_RULE, GATEWAY, NETWORK_POLICY, SIDECAR, Kind
from sidestep.model.metadata import WorkloadRef
from sidestep.prove.named import Identities, Taken
from sidestep.prove.strangers import Stranger
from sidestep.semantics.identity import principal_of
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.requests import Client, Guise, SomebodyClient, WorkloadClient
from sidestep.semantics.somebody import guise_of, pods_of
from sidestep.semantics.waypoints import account_of

ThingT = TypeVar("ThingT")
_CALLING = (Mode.SIDECAR, Mode.AMBIENT, Mode.GATEWAY, Mode.PROXYLESS, Mode.NONE)
_OF_A_CLASS = 2
"""So many of a class are kept: what pods send to themselves is treated otherwise."""
_CAPTURE = "traffic.sidecar.istio.io/"


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


class Apart(Struct, frozen=True):
    """By what callers of one destination are told apart.

    Attributes:
        taken: whom each condition on identities takes.
        namespaces: that are treated for themselves.
        near: the destination's own, where callers of it may be treated otherwise; empty where they are not.
        labels: names of labels whose values count.
        addresses: one of each range that counts; empty where none does.
        strangers: who may come, some for each class that the conditions tell apart.
    """

    taken: frozenset[Taken] = frozenset()
    namespaces: frozenset[str] = frozenset()
    near: str = ""
    labels: frozenset[str] = frozenset()
    addresses: tuple[str, ...] = ()
    strangers: tuple[Stranger, ...] = ()

    def of(self, caller: Caller, by_principal: Mapping[str, int]) -> Hashable:
        """What tells a caller from others."""
        space = caller.namespace if caller.namespace in self.namespaces else caller.namespace == self.near
        labels = tuple((caller.before.labels.get(name), caller.after.labels.get(name)) for name in sorted(self.labels))
        where = (caller.before.addresses, caller.after.addresses) if self.addresses else ()
        return caller.kind, by_principal.get(caller.principal, 0), space, labels, where


class Callers(Struct, frozen=True, dict=True):
    """Everybody who calls in both meshes.

    Attributes:
        before: the first mesh.
        after: the second.
        near: only those of these namespaces; None for all.
    """

    before: MeshIndex
    after: MeshIndex
    near: frozenset[str] | None = None

    @cached_property
    def all(self) -> tuple[Caller, ...]:
        """All of them; pods of a workload that are in several groups are paired by their addresses."""
        return tuple(self._all())

    def _all(self) -> Iterator[Caller]:
        domain = self.before.settings.trust_domain
        for ref, group in self._groups():
            others = self.after.workloads.get(ref, ())
            for one in group:
                if one.mode in _CALLING:
                    for other in _paired(one, group, others):
                        clients = WorkloadClient(ref, one.place), WorkloadClient(ref, other.place)
                        yield Caller(one, other, self._kind(one, other), one.principal(domain), clients)

    def _groups(self) -> Iterable[tuple[WorkloadRef, tuple[Instances, ...]]]:
        """All pods of the first mesh that count, by workload."""
        if self.near is None:
            return self.before.workloads.items()
        pods = (each for space in sorted(self.near) for each in self.before.by_namespace.get(space, ()))
        return _grouped(pods, lambda each: each.workload).items()

    def _strangers(self, apart: Apart) -> Iterator[Caller]:
        """Everybody who may come, as pods of his namespace do, or of any where it has none."""
        for stranger in filter(self._is_near, apart.strangers):
            for before, after in self._guises.get(stranger[0], self._guises[""]):
                for address in apart.addresses or ("",):
                    yield self._somebody(stranger, before, after, address)

    def _is_near(self, stranger: Stranger) -> bool:
        """Whether it is certain that nobody has this account: its namespace was looked at, or has no pods."""
        return self.near is None or stranger[0] in self.near or stranger[0] not in self.before.by_namespace

    def _somebody(self, stranger: Stranger, before: Guise, after: Guise, address: str) -> Caller:
        clients = SomebodyClient(*stranger, before, address), SomebodyClient(*stranger, after, address)
        one, other = map(pods_of, clients)
        return Caller(one, other, self._kind(one, other), self.identities.principal(stranger), clients)

    @cached_property
    def _guises(self) -> Mapping[str, tuple[tuple[Guise, Guise], ...]]:
        """As what pods of a namespace are there in both meshes; those of all namespaces together under no name."""
        found: dict[str, dict[tuple[Guise, Guise], None]] = {"": {}}
        for each in self.all:
            before, after = guise_of(each.before), guise_of(each.after)
            if before is not None and after is not None:
                for space in ("", each.namespace):
                    found.setdefault(space, {})[before, after] = None
        return {space: tuple(sorted(guises)) for space, guises in found.items()}

    def _kind(self, one: Instances, other: Instances) -> Hashable:
        sides = ((self._scopes[0], one), (self._scopes[1], other))
        return tuple((_kind(each), scopes.get(each.namespace)) for scopes, each in sides)

    @cached_property
    def _scopes(self) -> tuple[Mapping[str, Hashable], Mapping[str, Hashable]]:
        return _scopes(self.before), _scopes(self.after)

    @cached_property
    def identities(self) -> Identities:
        """Of all callers."""
        domain = self.before.settings.trust_domain
        proxies = frozenset(
            principal_of(domain, each.meta.namespace, account_of(each))
            for index in (self.before, self.after)
            for each in index.mesh.of(GATEWAY)
        )
        return Identities(tuple(sorted({each.principal for each in self.all})), domain, proxies)

    @cached_property
    def _by_principal(self) -> Mapping[str, tuple[Caller, ...]]:
        return _grouped(self.all, lambda caller: caller.principal)

    @cached_property
    def _by_kind(self) -> Mapping[Hashable, tuple[Caller, ...]]:
        return _grouped(self.all, lambda caller: caller.kind)

    @cached_property
    def _by_namespace(self) -> Mapping[Hashable, tuple[Caller, ...]]:
        return _grouped(self.all, lambda caller: (caller.namespace, caller.kind))

    def classes(self, apart: Apart) -> Mapping[Hashable, tuple[Caller, ...]]:
        """One or two callers of each class, by what tells it from others; those that policies name last."""
        known = self._classes.get(apart)
        if known is None:
            known = self._classes[apart] = self._found(apart)
        return known

    def asked(self, apart: Apart) -> Iterable[Hashable]:
        """By what one can tell later that nobody new calls: classes, and as what somebody may come."""
        yield from self.classes(apart)
        for space in self._spaces(apart):
            yield from ((space, guises) for guises in self._guises.get(space, self._guises[""]))

    def has_new(self, apart: Apart, asked: Container[Hashable], workloads: Iterable[WorkloadRef]) -> bool:
        """Whether some workloads, or somebody who comes as they do, are of a class that was not asked yet."""
        by_principal = _numbered(apart.taken)
        for caller in (each for ref in workloads for each in self._by_workload.get(ref, ())):
            if apart.of(caller, by_principal) not in asked:
                return True
            guises = guise_of(caller.before), guise_of(caller.after)
            near = (space for space in self._spaces(apart) if space == caller.namespace or space not in self._guises)
            if None not in guises and any((space, guises) not in asked for space in near):
                return True
        return False

    @cached_property
    def _by_workload(self) -> Mapping[WorkloadRef, tuple[Caller, ...]]:
        return _grouped(self.all, lambda caller: caller.workload)

    @staticmethod
    def _spaces(apart: Apart) -> frozenset[str]:
        """Namespaces of which somebody may come."""
        return frozenset(space for space, _ in apart.strangers)

    def each(self, apart: Apart, tell: Callable[[Caller], Hashable]) -> Iterable[Caller]:
        """One caller of each class, of those whom something else tells apart too."""
        by_principal = _numbered(apart.taken)
        seen: dict[Hashable, Caller] = {}
        for caller in (*self.all, *self._strangers(apart)):
            seen.setdefault((apart.of(caller, by_principal), tell(caller)), caller)
        return seen.values()

    def _found(self, apart: Apart) -> dict[Hashable, tuple[Caller, ...]]:
        by_principal = _numbered(apart.taken)
        seen: dict[Hashable, tuple[Caller, ...]] = {}
        for callers in (self._candidates(apart, by_principal), self._strangers(apart)):
            for caller in callers:
                key = apart.of(caller, by_principal)
                known = seen.get(key, ())
                if len(known) < _OF_A_CLASS and all(each.workload != caller.workload for each in known):
                    seen[key] = (*known, caller)
        return seen

    def _candidates(self, apart: Apart, named: Mapping[str, int]) -> Iterator[Caller]:
        """Enough that each class is among them: all if labels or addresses count, else the named and a few others."""
        if apart.labels or apart.addresses:
            yield from self.all
            return
        special = {*apart.namespaces, apart.near}
        for group in self._by_kind.values():
            yield from _first(each for each in group if each.principal not in named and each.namespace not in special)
        for (space, _), group in self._special(special):
            yield from _first(each for each in group if each.principal not in named and each.namespace == space)
        some: dict[Hashable, set[WorkloadRef]] = {}
        for principal, number in named.items():
            for caller in self._by_principal.get(principal, ()):
                key = (number, caller.kind, caller.namespace if caller.namespace in special else "")
                known = some.setdefault(key, set())
                if len(known) < _OF_A_CLASS and caller.workload not in known:
                    known.add(caller.workload)
                    yield caller

    def _special(self, spaces: set[str]) -> Iterator[tuple[Any, tuple[Caller, ...]]]:
        for space in sorted(spaces - {""}):
            for kind in self._by_kind:
                if (space, kind) in self._by_namespace:
                    yield (space, kind), self._by_namespace[space, kind]

    @cached_property
    def _classes(self) -> dict[Apart, Mapping[Hashable, tuple[Caller, ...]]]:
        return {}


def _first(callers: Iterator[Caller]) -> Iterator[Caller]:
    """The first, and the next of another workload."""
    first = next(callers, None)
    if first is not None:
        yield first
        yield from islice((each for each in callers if each.workload != first.workload), _OF_A_CLASS - 1)


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


def _scopes(index: MeshIndex) -> dict[str, Hashable]:
    """Objects of a namespace that speak to its own pods as clients, whatever they call."""
    found: dict[str, list[Hashable]] = {}
    asked: tuple[Kind[Any], ...] = (SIDECAR, NETWORK_POLICY)
    for kind in asked:
        for each in index.mesh.of(kind):
            if kind is SIDECAR or "egress" in (each.tree().get("spec") or {}) or _egress(each.tree()):
                found.setdefault(each.meta.namespace, []).append((kind.name, repr(each.tree().get("spec"))))
    return {space: frozenset(told) for space, told in found.items()}


def _egress(tree: dict[str, Any]) -> bool:
    types = (tree.get("spec") or {}).get("policyTypes")
    return isinstance(types, list) and "Egress" in types


def labels_of_clients(index: MeshIndex) -> frozenset[str]:
    """Names of labels by which DestinationRules and Sidecars tell clients apart."""
    found: set[str] = set()
    for kind in (DESTINATION_RULE, SIDECAR):
        for each in index.mesh.of(kind):
            selector = (each.tree().get("spec") or {}).get("workloadSelector")
            if isinstance(selector, dict):
                wanted = selector.get("matchLabels") or selector.get("labels")
                found |= {str(name) for name in wanted} if isinstance(wanted, dict) else set()
    return frozenset(found)


@lru_cache(maxsize=65536)
def _numbered(taken: frozenset[Taken]) -> Mapping[str, int]:
    """Identities by the conditions that take them: the same number for the same conditions, none for nobody's."""
    members: dict[str, list[int]] = {}
    for number, each in enumerate(sorted(taken, key=sorted)):
        for principal in sorted(each):
            members.setdefault(principal, []).append(number)
    numbers: dict[tuple[int, ...], int] = {}
    return {principal: numbers.setdefault(tuple(of), len(numbers) + 1) for principal, of in members.items()}


def _grouped(things: Iterable[ThingT], key: Callable[[ThingT], Any]) -> dict[Any, tuple[ThingT, ...]]:
    found: dict[Any, list[ThingT]] = {}
    for each in things:
        found.setdefault(key(each), []).append(each)
    return {name: tuple(group) for name, group in found.items()}

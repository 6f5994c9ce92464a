"""Who calls: everybody whom two meshes treat alike on the way to a destination stands for all that are like him.

Told apart are: how a caller's traffic is captured, in both meshes; whom policies before the destination name; where
routes, Sidecars, DestinationRules or NetworkPolicies count for some namespaces or labels alone. Somebody who may come
is asked where no pod that was read is like him.
"""

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import chain, islice
from operator import is_not
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import DESTINATION_RULE, GATEWAY, SIDECAR
from sidestep.model.metadata import WorkloadRef
from sidestep.model.overlaid import Overlaid
from sidestep.model.resource import Resource
from sidestep.prove.caller import SCOPES, Caller, Guises, Scopes, Space, space_of
from sidestep.prove.guised import Guised
from sidestep.prove.named import Identities, Taken
from sidestep.prove.strangers import Stranger
from sidestep.semantics.identity import parse_principal, principal_of
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import SomebodyClient
from sidestep.semantics.somebody import guise_of, pods_of
from sidestep.semantics.waypoints import account_of

_OF_A_CLASS = 2
"""So many of a class are kept: what pods send to themselves is treated otherwise."""
_MOST_SOMEBODIES = 50_000


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

    @property
    def named(self) -> frozenset[str]:
        """Identities that any condition takes."""
        return frozenset[str]().union(*self.taken)

    @property
    def spaces(self) -> frozenset[str]:
        """Namespaces of which somebody may come."""
        return frozenset(space for space, _ in self.strangers)

    def of(self, caller: Caller, by_principal: Mapping[str, int]) -> Hashable:
        """What tells a caller from others."""
        space = caller.namespace if caller.namespace in self.namespaces else caller.namespace == self.near
        labels = tuple((caller.before.labels.get(name), caller.after.labels.get(name)) for name in sorted(self.labels))
        where = (caller.before.every_address, caller.after.every_address) if self.addresses else ()
        return caller.kind, by_principal.get(caller.principal, 0), space, labels, where


def as_nobody(kind: Hashable) -> Hashable:
    """What tells a caller from others where nothing but his kind counts (`Apart.of`)."""
    return kind, 0, False, (), ()


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

    def beside(self, after: MeshIndex, namespaces: frozenset[str]) -> "Callers":
        """The same of another second mesh, in which callers are others in some namespaces alone."""
        made = Callers(self.before, after, self.near)
        if any(after.mesh.of(kind) is not self.after.mesh.of(kind) for kind in SCOPES):
            return made
        anew = {
            name: space_of(self.before, after, name, self._scopes, self._spaces[name])
            for name in namespaces
            if name in self._spaces and self._has_others(after, name)
        }
        spaces = self._spaces.otherwise(anew) if anew else self._spaces
        known = vars(made)
        known |= {"_scopes": self._scopes, "_spaces": spaces, "_somebodies": self._somebodies}
        known["_homes"] = _homes_beside(self._homes, self._spaces, anew)
        known["guised"] = self.guised.beside(anew)
        if all(each.principals == self._spaces[name].principals for name, each in anew.items()):
            proxies = made._proxies_beside(self)
            same = proxies == self.identities.of_proxies
            known["identities"] = self.identities if same else self.identities.beside(proxies)
            if same and not anew:
                known["_classes"] = self._classes
        return made

    def _has_others(self, after: MeshIndex, namespace: str) -> bool:
        """Whether pods of a namespace are not the very same in another second mesh."""
        one, other = (each.by_namespace.get(namespace, ()) for each in (self.after, after))
        return len(one) != len(other) or any(map(is_not, one, other))

    def _proxies_beside(self, other: "Callers") -> frozenset[str]:
        """Who gateways and waypoints are where another second mesh was looked at before."""
        domain = self.before.settings.trust_domain
        gone, new = (_proxies(domain, each) for each in self.after.mesh.apart_from(other.after.mesh, GATEWAY.key))
        known = other.identities.of_proxies
        return (known if new <= known else known | new) if gone <= new else self._proxies

    @cached_property
    def _proxies(self) -> frozenset[str]:
        every = (each for index in (self.before, self.after) for each in index.mesh.of(GATEWAY))
        return _proxies(self.before.settings.trust_domain, every)

    @property
    def all(self) -> Iterator[Caller]:
        """All of them, by namespace."""
        return (each for space in self._spaces.values() for each in space.callers)

    @cached_property
    def _spaces(self) -> Overlaid[str, Space]:
        names = self.before.by_namespace if self.near is None else sorted(self.near)
        return Overlaid({name: space_of(self.before, self.after, name, self._scopes) for name in names})

    def _strangers(self, apart: Apart) -> Iterator[Caller]:
        """Everybody who may come, as pods of his namespace do, or of any where it has none."""
        for stranger in filter(self._is_near, apart.strangers):
            for guises in self.guised.at(stranger[0]):
                for address in apart.addresses or ("",):
                    yield self._somebody(stranger, guises, address)

    def _is_near(self, stranger: Stranger) -> bool:
        """Whether it is certain that nobody has this account: its namespace was looked at, or has no pods."""
        return self.near is None or stranger[0] in self.near or stranger[0] not in self.before.by_namespace

    def _somebody(self, stranger: Stranger, guises: Guises, address: str) -> Caller:
        key = (stranger, guises, address)
        known = self._somebodies.get(key)
        if known is None:
            if len(self._somebodies) >= _MOST_SOMEBODIES:
                self._somebodies.clear()
            one, other = (SomebodyClient(*stranger, guise, address) for guise in guises)
            both = pods_of(one), pods_of(other)
            principal = self.identities.principal(stranger)
            known = self._somebodies[key] = Caller(*both, self._scopes.kind(*both), principal, (one, other))
        return known

    @cached_property
    def _somebodies(self) -> dict[tuple[Stranger, Guises, str], Caller]:
        return {}

    @cached_property
    def guised(self) -> Guised:
        """As what pods come."""
        return Guised.of(self._spaces)

    @cached_property
    def _scopes(self) -> Scopes:
        return Scopes.of(self.before, self.after)

    @cached_property
    def identities(self) -> Identities:
        """Of all callers."""
        domain = self.before.settings.trust_domain
        principals = frozenset[str]().union(*(space.principals for space in self._spaces.values()))
        return Identities(tuple(sorted(principals)), domain, self._proxies)

    def _named(self, principal: str) -> Iterable[Caller]:
        told = parse_principal(principal)
        space = self._spaces.get(told.namespace) if told is not None else None
        return space.by_principal.get(principal, ()) if space is not None else ()

    @cached_property
    def _homes(self) -> "_Homes":
        """Namespaces by name in which callers of a kind are: of a few kinds nobody is left but far down the list."""
        found: dict[Hashable, list[str]] = {}
        for name in sorted(self._spaces):
            for kind in self._spaces[name].by_kind:
                found.setdefault(kind, []).append(name)
        return {kind: tuple(names) for kind, names in found.items()}

    @cached_property
    def _kinds(self) -> Iterable[Hashable]:
        """All of them, in the order in which they are met."""
        firsts = {names[0] for names in self._homes.values()}
        return tuple(
            kind for name in sorted(firsts) for kind in self._spaces[name].by_kind if self._homes[kind][0] == name
        )

    def of(self, workload: WorkloadRef) -> tuple[Caller, ...]:
        """Those of a workload."""
        space = self._spaces.get(workload.namespace)
        return space.by_workload.get(workload, ()) if space is not None else ()

    def classes(self, apart: Apart) -> Mapping[Hashable, tuple[Caller, ...]]:
        """One or two callers of each class, by what tells it from others; those that policies name last."""
        known = self._classes.get(apart)
        if known is None:
            known = self._classes[apart] = self._found(apart)
        return known

    def asked(self, apart: Apart) -> Iterable[Hashable]:
        """By what one can tell later that nobody new calls: classes, and as what somebody may come."""
        yield from self.classes(apart)
        for space in apart.spaces:
            yield from ((space, guises) for guises in self.guised.at(space))

    def has_new(self, apart: Apart, asked: Container[Hashable], workloads: Iterable[WorkloadRef]) -> bool:
        """Whether some workloads, or somebody who comes as they do, are of a class that was not asked yet."""
        by_principal = _numbered(apart.taken)
        for caller in (each for ref in workloads for each in self.of(ref)):
            if apart.of(caller, by_principal) not in asked:
                return True
            guises = guise_of(caller.before), guise_of(caller.after)
            near = (space for space in apart.spaces if space == caller.namespace or space not in self.guised.inhabited)
            if None not in guises and any((space, guises) not in asked for space in near):
                return True
        return False

    def each(self, apart: Apart, tell: Callable[[Caller], Hashable]) -> Iterable[Caller]:
        """One caller of each class, of those whom something else tells apart too."""
        by_principal = _numbered(apart.taken)
        seen: dict[Hashable, Caller] = {}
        for caller in chain(self.all, self._strangers(apart)):
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
        for kind in self._kinds:
            group = (
                each for name in self._homes[kind] if name not in special for each in self._spaces[name].by_kind[kind]
            )
            yield from _first(each for each in group if each.principal not in named)
        for name in sorted(special & self._spaces.keys()):
            for kind in self._kinds:
                yield from _first(
                    each for each in self._spaces[name].by_kind.get(kind, ()) if each.principal not in named
                )
        some: dict[Hashable, set[WorkloadRef]] = {}
        for principal, number in named.items():
            for caller in self._named(principal):
                key = (number, caller.kind, caller.namespace if caller.namespace in special else "")
                known = some.setdefault(key, set())
                if len(known) < _OF_A_CLASS and caller.workload not in known:
                    known.add(caller.workload)
                    yield caller

    @cached_property
    def _classes(self) -> dict[Apart, Mapping[Hashable, tuple[Caller, ...]]]:
        return {}


_Homes = Mapping[Hashable, tuple[str, ...]]


def _homes_beside(homes: _Homes, spaces: Mapping[str, Space], anew: Mapping[str, Space]) -> _Homes:
    """Where callers of each kind are, when those of some namespaces are others."""
    found = dict(homes)
    for name, space in anew.items():
        gone, new = (
            spaces[name].by_kind.keys() - space.by_kind.keys(),
            space.by_kind.keys() - spaces[name].by_kind.keys(),
        )
        for kind in gone:
            found[kind] = tuple(each for each in found[kind] if each != name)
        for kind in new:
            found[kind] = tuple(sorted((*found.get(kind, ()), name)))
    return {kind: names for kind, names in found.items() if names}


def _first(callers: Iterator[Caller]) -> Iterator[Caller]:
    """The first, and the next of another workload."""
    first = next(callers, None)
    if first is not None:
        yield first
        yield from islice((each for each in callers if each.workload != first.workload), _OF_A_CLASS - 1)


def _proxies(domain: str, gateways: Iterable[Resource[Any]]) -> frozenset[str]:
    return frozenset(principal_of(domain, each.meta.namespace, account_of(each)) for each in gateways)


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

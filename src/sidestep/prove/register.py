"""Which destinations somebody who calls otherwise than before may be new to, found without a look at each of them.

It names more than it must, and never fewer: who is named is asked exactly (`Ways.has_new`).
"""

from collections.abc import Container, Hashable, Iterable

from sidestep.model.metadata import WorkloadRef
from sidestep.prove.caller import Caller, Guises
from sidestep.prove.callers import Callers, as_nobody
from sidestep.prove.ways import Told
from sidestep.semantics.somebody import guise_of

_Alike = tuple[Hashable, Guises | None]
"""What tells callers apart whom nothing before a destination names: what of them counts, and as what they come."""


class Register:
    """Destinations by whom they tell apart."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[Told, ...]] = {}
        self._by_principal: dict[str, set[str]] = {}
        self._by_namespace: dict[str, set[str]] = {}
        self._by_more: set[str] = set()
        self._strange_to: dict[_Alike, set[str]] = {}
        self._inhabited: frozenset[str] = frozenset()

    def note(self, host: str, told: Iterable[Told], callers: Callers) -> None:
        """By what callers of a destination, and of the pods behind it, are told apart, and who was asked there."""
        own = self._told[host] = tuple(told)
        for each in own:
            for principal in each.apart.named & callers.identities.known:
                self._by_principal.setdefault(principal, set()).add(host)
            for space in (*each.apart.namespaces, each.apart.near, *each.apart.spaces):
                self._by_namespace.setdefault(space, set()).add(host)
            if each.apart.labels or each.apart.addresses:
                self._by_more.add(host)
        for alike, hosts in self._strange_to.items():
            if self._is_new(own, alike, callers.guised.inhabited):
                hosts.add(host)
            else:
                hosts.discard(host)

    def candidates(self, callers: Callers, workloads: Iterable[WorkloadRef]) -> set[str]:
        """Destinations to which some workloads, or somebody who comes as they do, may be new."""
        inhabited = callers.guised.inhabited
        if inhabited != self._inhabited:
            self._inhabited = inhabited
            self._strange_to.clear()
        everybody = [each for ref in workloads for each in callers.of(ref)]
        found = set(self._by_more) if everybody else set()
        for each in everybody:
            found |= self._by_principal.get(each.principal, set())
            found |= self._by_namespace.get(each.namespace, set())
        for alike in {_alike(each) for each in everybody}:
            found |= self._new_to(alike, inhabited)
        return found

    def _new_to(self, alike: _Alike, inhabited: Container[str]) -> set[str]:
        """Destinations that were asked of nobody who is like this and whom they do not name."""
        found = self._strange_to.get(alike)
        if found is None:
            found = {host for host, told in self._told.items() if self._is_new(told, alike, inhabited)}
            self._strange_to[alike] = found
        return found

    @staticmethod
    def _is_new(told: Iterable[Told], alike: _Alike, inhabited: Container[str]) -> bool:
        kind, guises = alike
        for each in told:
            if as_nobody(kind) not in each.asked:
                return True
            far = (space for space in each.apart.spaces if space not in inhabited)
            if guises is not None and any((space, guises) not in each.asked for space in far):
                return True
        return False


def _alike(caller: Caller) -> _Alike:
    before, after = guise_of(caller.before), guise_of(caller.after)
    return caller.kind, None if before is None or after is None else (before, after)

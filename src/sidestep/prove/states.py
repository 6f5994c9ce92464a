"""One state after the other held against the first mesh, as they follow on the way of a plan.

What a step cannot affect is not asked again: destinations whose namespace no changed object or pod belongs to are asked
for callers alone that have changed. What is known of pairs of programs is known in all states.

Several journeys may go side by side through all states, each of which asks the destinations of its own namespaces: what
is found of a destination hangs on no other one, so that all of them together find what one finds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain

from msgspec import Struct

from sidestep.prove.affected import Affected, Named, affected
from sidestep.prove.leads import Leads
from sidestep.prove.proof import Proof
from sidestep.prove.prover import Kept, Run, Terms
from sidestep.prove.reach import Reach
from sidestep.prove.register import Register
from sidestep.prove.remembered import NOTHING, Recollection, Remembered
from sidestep.prove.steady import Steady
from sidestep.prove.ways import places_of
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.service_index import Service

_ELSEWHERE = ""
_ALONE = "/"
"""After the name of a namespace, for its pods to which no service leads; no host ends so."""
_UNKNOWN = "/"
"""Under what is registered who calls a host that nobody knows; no host is called so."""
_SPARED = 16
"""Of so many namespaces the first part leaves one to others."""
Share = Callable[[Callable[[str], Remembered], Sequence[str]], Iterable[Remembered]]
"""Asks every one of some namespaces, and answers in their order; `map` does."""


Findings = tuple[tuple[int, Remembered], ...]
"""What was found in a state, by the place of each destination among all."""


class Part(Struct, frozen=True):
    """Of several journeys beside each other, each of which asks the destinations of other namespaces.

    Attributes:
        number: from 0.
        of: how many there are.
    """

    number: int = 0
    of: int = 1

    def takes(self, card: int) -> bool:
        """Whether a card is its own; the first part, which also gathers what all find, leaves a few to the others."""
        turn, to = divmod(card, self.of)
        if to == 0 and self.of > 1 and turn % _SPARED == _SPARED - 1:
            to = 1 + turn // _SPARED % (self.of - 1)
        return to == self.number


class Begun(Struct, frozen=True):
    """A state that was asked by one part.

    Attributes:
        run: that asked it.
        own: what it found.
    """

    run: Run
    own: Findings

    def proof(self, others: Iterable[Findings] = ()) -> Proof:
        """What came out, with what other parts found in it; to be asked once."""
        for _, found in sorted(chain(self.own, *others), key=lambda each: each[0]):
            self.run.take(found)
        return self.run.proof()


class Journey:
    """Visits one state after the other.

    Args:
        before: the first mesh.
        terms: of the comparison.
        part: which destinations are asked; all of them where it is the only one.
        kept: is told what every comparison finds out for the next one; it may know something already.
    """

    def __init__(
        self,
        before: MeshIndex,
        terms: Terms,
        part: Part = Part(),  # noqa: B008
        kept: Kept | None = None,
    ) -> None:
        self._before, self._terms, self._part = before, terms, part
        self._last: MeshIndex | None = None
        self._mirrored: tuple[Run, frozenset[str]] | None = None
        self._kept = kept or Kept()
        self._services: dict[str, Service] = {}
        self._order: dict[str, int] = {}
        self._lonely: dict[str, int] = {}
        self._new: tuple[Service, ...] = ()
        self._leads = Leads()
        self._reach: dict[str, Reach] = {}
        self._register = Register()
        self._strange: set[str] = set()
        self._steady = Steady(None, before, None)

    def recall(self, index: MeshIndex, known: Recollection | None = None, share: Share = map) -> Proof:
        """All that differs in the only other mesh there is, namespace by namespace.

        Args:
            index: the other mesh.
            known: what was found before this proof.
            share: has what is not known asked, in this process or in several.
        """
        run = Run(self._before, index, self._terms, kept=self._kept)
        old = _by_namespace(run.ways.destinations())
        new = _by_namespace(run.ways.new_services())

        def asked(space: str, *, shown: bool = True) -> Remembered:
            if space == _ELSEWHERE:
                return run.apart(run.ways.elsewhere())
            ways = (way for service in old.get(space, ()) for way in run.ways.to(service))
            every = chain(ways, run.ways.alone(space), run.ways.probes(space), run.ways.new_names(new.get(space, ())))
            return run.apart(every, shown=shown)

        spaces = (*sorted({*self._before.by_namespace, *old, *new}), _ELSEWHERE)
        recalled = {space: found for space in spaces[:-1] if known is not None and (found := known.recall(space))}
        if len(recalled) < len(spaces) - 1:
            run.ways.make_ready()
        learnt = iter(share(asked, [space for space in spaces if space not in recalled]))
        for space in spaces:
            found = recalled.get(space)
            is_new = found is None or not run.tells_enough(found)
            if found is None:
                found = next(learnt)
            elif is_new:
                found = asked(space, shown=False)
            if known is not None and space != _ELSEWHERE and is_new and found.tells_all:
                known.keep(space, found)
            run.take(found)
        self._kept.callers = run.ways.callers
        return run.proof()

    def visit(self, step: str, index: MeshIndex) -> Proof:
        """All that differs in a state and was not found in one before it, and what it took.

        Args:
            step: after which it is there.
            index: the mesh.
        """
        return self.begin(step, index).proof()

    def begin(self, step: str, index: MeshIndex) -> Begun:
        """What this part finds in a state, before it is known what the others do."""
        return Begun(*self._visited(step, index))

    def findings(self, step: str, index: MeshIndex) -> Findings:
        """What this part alone finds in a state."""
        return self._visited(step, index)[1]

    def _visited(self, step: str, index: MeshIndex) -> tuple[Run, Findings]:
        changed = Affected(everything=True, names=True) if self._last is None else affected(self._last, index)
        self._steady = Steady(self._last, index, changed.named)
        self._forget(changed, index)
        run = Run(self._before, index, self._terms, step, kept=self._kept)
        found: list[tuple[int, Remembered]] = []
        if not changed.nothing:
            self._kept.callers = run.ways.callers
            self._mirrored = self._mirror(index, step) if self._last is None else None
            for service in self._affected(run, changed):
                found += [(self._order[service.host], each) for each in self._visit(run, service, changed)]
            found += [each for each in self._visit_elsewhere(run, changed, index) if each[1] != NOTHING]
        self._last = index
        return run, tuple(found)

    def _mirror(self, index: MeshIndex, step: str) -> tuple[Run, frozenset[str]] | None:
        """The first mesh held against itself, and namespaces in which the first state may be another; None for nobody.

        A plan begins with a single object: all that does not lead there is in its first state as it was before.
        """
        changed = affected(self._before, index)
        if changed.everything or changed.callers or changed.names:
            return None
        return Run(self._before, self._before, self._terms, step, kept=self._kept), changed.namespaces

    def _asking(self, run: Run, namespaces: frozenset[str]) -> Run:
        """What asks a destination that leads to some namespaces."""
        if self._mirrored is None or not self._mirrored[1].isdisjoint(namespaces):
            return run
        return self._mirrored[0]

    def _affected(self, run: Run, changed: Affected) -> Iterable[Service]:
        """Destinations that may be others, or to which somebody may be new, in their order."""
        if changed.everything:
            self._order = {service.host: number for number, service in enumerate(run.ways.destinations())}
            mine = self._mine
            self._services = {each.host: each for each in run.ways.destinations() if each.namespace in mine}
            return self._services.values()
        self._strange = self._register.candidates(run.ways.callers, changed.callers) if changed.callers else set()
        found = (self._leads.into(changed.namespaces) | self._strange) & self._services.keys()
        return [self._services[host] for host in sorted(found, key=self._order.__getitem__)]

    def _forget(self, changed: Affected, index: MeshIndex) -> None:
        """Where services lead, and by what callers of pods were told apart, where something has changed."""
        known, told = self._kept.callers, self._kept.told
        self._kept.callers = known.beside(index, changed.namespaces) if known and not changed.everything else None
        if changed.everything:
            told.clear()
        for pods in (each for space in changed.namespaces for each in self._before.by_namespace.get(space, ())):
            if changed.named is None or not self._before.in_front_of(pods):
                for place in places_of(pods, self._steady.at):
                    told.pop(place, None)

    @cached_property
    def _mine(self) -> frozenset[str]:
        """Namespaces whose destinations this part asks: they are dealt out like cards."""
        spaces = {*self._before.by_namespace, *(each.namespace for each in self._before.services.services)}
        return frozenset(space for number, space in enumerate(sorted(spaces)) if self._part.takes(number))

    @cached_property
    def _places(self) -> dict[str, int]:
        """Namespaces with pods, by name."""
        return {space: number for number, space in enumerate(sorted(self._before.by_namespace))}

    def _visit(self, run: Run, service: Service, changed: Affected) -> Iterator[Remembered]:
        """One destination: all of it where it may be another, else only for callers of new kinds."""
        if self._touched(run, service, changed):
            steady = self._steady.at
            for place in run.ways.places(service, steady):
                self._kept.told.pop(place, None)
            asked = self._asking(run, self._leads.of(service))
            yield asked.apart(asked.ways.to(service, steady=steady))
        elif service.host in self._strange and run.ways.has_new(service, changed.callers):
            yield run.apart(run.ways.to(service, new=True))
        else:
            return
        self._register.note(service.host, run.ways.told(service), run.ways.callers)

    def _visit_elsewhere(self, run: Run, changed: Affected, index: MeshIndex) -> Iterator[tuple[int, Remembered]]:
        """Pods that no service leads to; names that are new, a host that nobody knows, and what gateways route."""
        ways, place = run.ways, len(self._order)
        if changed.everything:
            self._lonely = {space: number for number, space in enumerate(ways.lonely(), place)}
        for space in sorted(self._asked_alone(changed), key=self._lonely.__getitem__):
            touched = changed.everything or space in changed.namespaces
            asked = self._asking(run, frozenset({space}))
            yield self._lonely[space], asked.apart(asked.ways.alone(space, new=not touched, steady=self._steady.at))
            self._register.note(_alone(space), ways.told_alone(space), ways.callers)
        place += len(self._lonely)
        spaces = self._before.by_namespace
        near = (space for space in changed.namespaces if space in spaces)
        for space in sorted(self._mine.intersection(spaces if changed.everything else near)):
            yield place + self._places[space], run.apart(ways.probes(space))
        if self._part.number:
            return
        place += len(self._places)
        if changed.names or (self._new and self._last and self._last.services is not index.services):
            self._new = tuple(ways.new_services())
        yield place, run.apart(ways.new_names(self._new))
        if changed.everything or _UNKNOWN in self._strange:
            yield place + 1, run.apart(ways.to_unknown(new=not changed.everything))
            self._register.note(_UNKNOWN, ways.told_unknown(), ways.callers)
        yield place + 2, run.apart(ways.by_gateways())

    def _asked_alone(self, changed: Affected) -> Iterable[str]:
        """Namespaces whose pods without a service may be others, or to which somebody may be new."""
        if changed.everything:
            return self._lonely.keys() & self._mine
        strange = (host.removesuffix(_ALONE) for host in self._strange if host.endswith(_ALONE))
        near = {*changed.namespaces, *strange}
        return [space for space in near if space in self._lonely and space in self._mine]

    def _touched(self, run: Run, service: Service, changed: Affected) -> bool:
        """Whether a destination, or what stands before it, may be another."""
        touched = changed.everything or (
            self._leads.leads_to(service, changed.namespaces) and self._is_meant(run, service, changed.named)
        )
        if touched:
            self._leads.find(service, run.ways.guards)
            self._reach.pop(service.host, None)
        return touched

    def _is_meant(self, run: Run, service: Service, named: Named | None) -> bool:
        """Whether what has changed is about a destination; if not, it leads where it led."""
        if named is None or self._reach_of(run, service).meets(named):
            return True
        strangers = (each for told in run.ways.told(service) for each in told.apart.strangers)
        return bool(named.accounts) and not named.accounts.isdisjoint(strangers)

    def _reach_of(self, run: Run, service: Service) -> Reach:
        """As it was when anything was about the destination last, for it is the same since."""
        guards = run.ways.guards
        known = self._reach.get(service.host)
        if known is None or not known.holds_in(guards[-1].index):
            known = self._reach[service.host] = Reach.of(guards[0].index, guards[-1], service)
        return known


def _alone(namespace: str) -> str:
    """Under what is registered who calls pods to which no service leads; no host is called so."""
    return f"{namespace}{_ALONE}"


def _by_namespace(services: Iterable[Service]) -> dict[str, tuple[Service, ...]]:
    return grouped(services, lambda service: service.namespace)

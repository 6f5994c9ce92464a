"""Every state on the way of a plan held against the first: after each step, and within those that change pods.

What a step cannot affect is not asked again: destinations whose namespace no changed object or pod belongs to are asked
for callers alone that have changed. What is known of pairs of programs is known in all states.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.mesh import Mesh
from sidestep.prove.affected import Affected, affected
from sidestep.prove.guards import Guards
from sidestep.prove.pairs import Verdicts
from sidestep.prove.partial import between
from sidestep.prove.proof import Conclusion, Counterexample, Proof, Undecided
from sidestep.prove.prover import Run, Terms, assumptions
from sidestep.prove.ways import Told, Way
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import WorkloadClient
from sidestep.semantics.service_index import Service

_ELSEWHERE = ""


def prove_states(before: MeshIndex, states: Iterable[tuple[str, Mesh]], terms: Terms, *, partial: bool = True) -> Proof:
    """Whether all states mean what the first mesh means.

    Args:
        before: the first mesh.
        states: by the step after which they are there, in order; the same mesh again where a step changes nothing.
        terms: of the comparison.
        partial: whether states within steps are asked too.
    """
    journey = Journey(before, terms)
    last = before.mesh
    for step, mesh in states:
        if mesh is last:
            continue
        for words, within in between(last, mesh) if partial else ():
            journey.visit(f"{step} ({words})", within)
        journey.visit(step, mesh)
        last = mesh
    return journey.proof()


class _Found(Struct, frozen=True):
    """What is known of one destination in the state that was visited last."""

    examples: tuple[Counterexample, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    clients: frozenset[object] = frozenset()


class Journey:
    """Visits one state after the other.

    Args:
        before: the first mesh.
        terms: of the comparison.
    """

    def __init__(self, before: MeshIndex, terms: Terms) -> None:
        self._before, self._terms = before, terms
        self._last: Mesh = before.mesh
        self._verdicts: Verdicts = {}
        self._callers: dict[str, Told] = {}
        self._now: dict[str, _Found] = {}
        self._shown: dict[tuple[object, ...], Counterexample] = {}
        self._undecided: dict[tuple[str, str], Undecided] = {}
        self._states = self._ways = self._requests = self.more = 0
        self._assumed: dict[str, None] = {}

    def visit(self, step: str, mesh: Mesh) -> None:
        """Hold a state against the first."""
        mesh = mesh.in_order if mesh.source is not self._last.source else mesh
        changed = affected(self._last, mesh, self._before.settings.root_namespace)
        first = not self._states
        self._states += 1
        index = MeshIndex.of(mesh, self._before.settings.version)
        run = Run(self._before, index, self._terms, step, self._verdicts, self._callers)
        if first:
            changed = Affected(everything=True)
        if changed.everything:
            self._callers.clear()
        for service in run.ways.destinations():
            self._visit(run, service, changed)
        self._elsewhere(run, changed)
        self._last = mesh
        self._ways, self._requests = self._ways + run.counted, self._requests + run.requests
        self.more += run.more
        self._assumed.update(dict.fromkeys(index.assumptions))
        self._remember(step)

    def _visit(self, run: Run, service: Service, changed: Affected) -> None:
        """One destination: all of it where it may be another, else only callers that are."""
        old = self._now.get(service.host, _Found())
        if not self._touched(run, service, changed) and not old.clients & changed.callers:
            if changed.callers:
                more = _asked(run, run.ways.to(service, changed.callers))
                self._now[service.host] = _joined(old, more)
            return
        for key in [key for key in self._callers if key == service.host or key.startswith(f"{service.namespace} ")]:
            del self._callers[key]
        self._now[service.host] = _asked(run, run.ways.to(service))

    @staticmethod
    def _touched(run: Run, service: Service, changed: Affected) -> bool:
        if changed.everything or service.namespace in changed.namespaces:
            return True
        return (
            any(_leads_to(guards, service, changed.namespaces) for guards in run.ways.guards)
            if changed.namespaces
            else False
        )

    def _elsewhere(self, run: Run, changed: Affected) -> None:
        if not changed.nothing:
            ways = (*run.ways.alone(), *run.ways.new_names(), *run.ways.elsewhere())
            self._now[_ELSEWHERE] = _asked(run, iter(ways))

    def _remember(self, step: str) -> None:
        """What holds now, and what does not hold any more."""
        now = {(_key(each)): each for found in self._now.values() for each in found.examples}
        for key, each in now.items():
            if key not in self._shown:
                self._shown[key] = replace(each, step=each.step or step)
        for found in self._now.values():
            for one in found.undecided:
                self._undecided.setdefault((one.where, one.reason), one)

    def proof(self) -> Proof:
        """What came out."""
        examples, undecided = tuple(self._shown.values()), tuple(self._undecided.values())
        differs = any(not each.accepted for each in examples)
        verdict = Conclusion.DIFFERS if differs else Conclusion.UNDECIDED if undecided else Conclusion.EQUAL
        assumed = dict.fromkeys((*self._before.assumptions, *self._assumed, *assumptions(self._terms.assume)))
        found = Proof(
            verdict, examples, undecided, tuple(assumed), self._states, self._ways, self._requests, more=self.more
        )
        return replace(found, counterexamples=found.worst_first())


def _asked(run: Run, ways: Iterator[Way]) -> _Found:
    """What a run finds on some ways."""
    shown, open_questions = len(run.found), len(run.undecided)
    clients: set[object] = set()
    for way in ways:
        before = len(run.found)
        run.compare(way)
        if len(run.found) > before and isinstance(way.client, WorkloadClient):
            clients.add(way.client.ref)
    return _Found(tuple(run.found[shown:]), tuple(run.undecided)[open_questions:], frozenset(clients))


def _joined(one: _Found, other: _Found) -> _Found:
    return _Found((*one.examples, *other.examples), (*one.undecided, *other.undecided), one.clients | other.clients)


def _leads_to(guards: Guards, service: Service, namespaces: frozenset[str]) -> bool:
    """Whether routes for a service, or its waypoint, belong to other namespaces that have changed."""
    own = guards.index.services.by_host.get(service.host)
    bound = guards.index.waypoint_of(own) if own is not None else None
    if bound is not None and bound.namespace in namespaces:
        return True
    hosts = (guards.index.services.by_host.get(host) for host in guards.targets(service.host))
    return any(each is not None and each.namespace in namespaces for each in hosts)


def _key(each: Counterexample) -> tuple[object, ...]:
    return each.request, each.direction

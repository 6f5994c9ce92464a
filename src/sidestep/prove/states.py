"""One state after the other held against the first mesh, as they follow on the way of a plan.

What a step cannot affect is not asked again: destinations whose namespace no changed object or pod belongs to are asked
for callers alone that have changed. What is known of pairs of programs is known in all states.
"""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.model.mesh import Mesh
from sidestep.prove.affected import Affected, affected
from sidestep.prove.guards import Guards
from sidestep.prove.pairs import Verdicts
from sidestep.prove.proof import Counterexample, Proof, Undecided
from sidestep.prove.prover import Run, Terms
from sidestep.prove.ways import Told, Way
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import WorkloadClient
from sidestep.semantics.service_index import Service

_ELSEWHERE = ""


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
        self._last: Mesh | None = None
        self._verdicts: Verdicts = {}
        self._callers: dict[str, Told] = {}
        self._now: dict[str, _Found] = {}

    def visit(self, step: str, index: MeshIndex) -> Proof:
        """All that differs in a state, and what it took to find what is new in it."""
        root = self._before.settings.root_namespace
        changed = Affected(everything=True) if self._last is None else affected(self._last, index.mesh, root)
        run = Run(self._before, index, self._terms, step, self._verdicts, self._callers)
        if changed.everything:
            self._callers.clear()
        if not changed.nothing:
            for service in run.ways.destinations():
                self._visit(run, service, changed)
            self._elsewhere(run)
        self._last = index.mesh
        return run.proof_of(
            (each for found in self._now.values() for each in found.examples),
            (each for found in self._now.values() for each in found.undecided),
        )

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

    def _elsewhere(self, run: Run) -> None:
        ways = (*run.ways.alone(), *run.ways.new_names(), *run.ways.elsewhere())
        self._now[_ELSEWHERE] = _asked(run, iter(ways))


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

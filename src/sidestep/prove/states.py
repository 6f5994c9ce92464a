"""One state after the other held against the first mesh, as they follow on the way of a plan.

What a step cannot affect is not asked again: destinations whose namespace no changed object or pod belongs to are asked
for callers alone that have changed. What is known of pairs of programs is known in all states.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from msgspec import Struct

from sidestep.prove.affected import Affected, Named, affected
from sidestep.prove.guards import Guards
from sidestep.prove.pairs import Programs, Verdicts
from sidestep.prove.proof import Counterexample, Proof, Undecided
from sidestep.prove.prover import Run, Terms
from sidestep.prove.remembered import Recollection, Remembered
from sidestep.prove.ways import Told, Way
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.requests import WorkloadClient
from sidestep.semantics.routing.hosts import namespace_of
from sidestep.semantics.service_index import Service

_ELSEWHERE = ""
_NOWHERE: frozenset[str] = frozenset()


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
        self._last: MeshIndex | None = None
        self._verdicts: Verdicts = {}
        self._callers: dict[str, Told] = {}
        self._first: Programs = {}
        self._led: dict[str, frozenset[str]] = {}
        self._was_led: dict[str, frozenset[str]] = {}
        self._now: dict[str, _Found] = {}

    def recall(self, index: MeshIndex, known: Recollection | None) -> Proof:
        """All that differs in the only other mesh there is, with the help of what was found before this proof."""
        run = Run(self._before, index, self._terms, "", self._verdicts, self._callers)
        old = _by_namespace(run.ways.destinations())
        new = _by_namespace(run.ways.new_services())
        for space in sorted({*self._before.by_namespace, *old, *new}):
            found = known.recall(space) if known is not None else None
            if found is not None:
                run.take(found)
                continue
            ways = (way for service in old.get(space, ()) for way in run.ways.to(service))
            _learn(run, known, space, chain(ways, run.ways.alone(space), run.ways.new_names(new.get(space, ()))))
        for way in run.ways.elsewhere():
            run.compare(way)
        return run.proof()

    def visit(self, step: str, index: MeshIndex) -> Proof:
        """All that differs in a state, and what it took to find what is new in it."""
        changed = Affected(everything=True) if self._last is None else affected(self._last, index)
        run = Run(self._before, index, self._terms, step, self._verdicts, self._callers, first=self._first)
        self._forget(changed)
        if not changed.nothing:
            for service in run.ways.destinations():
                self._visit(run, service, changed)
            self._elsewhere(run)
        self._last = index
        return run.proof_of(
            (each for found in self._now.values() for each in found.examples),
            (each for found in self._now.values() for each in found.undecided),
        )

    def _forget(self, changed: Affected) -> None:
        """Where services lead, and by what callers of pods were told apart, where something has changed."""
        if changed.everything:
            self._callers.clear()
            self._led.clear()
        else:
            stale = [host for host, of in self._led.items() if not changed.namespaces.isdisjoint(of)]
            self._was_led = {host: self._led.pop(host) for host in stale}
        for key in list(self._callers):
            space, _, address = key.partition(" ")
            if space in changed.namespaces and (changed.named is None or not self._is_served(address)):
                del self._callers[key]

    def _is_served(self, address: str) -> bool:
        """Whether a Service leads to pods, which are then visited with it."""
        pods = self._before.by_address.get(address)
        return pods is not None and bool(self._before.in_front_of(pods))

    def _visit(self, run: Run, service: Service, changed: Affected) -> None:
        """One destination: all of it where it may be another, else only for callers of new kinds."""
        old = self._now.get(service.host, _Found())
        if not self._touched(run, service, changed) and not old.clients & changed.callers:
            if changed.callers and run.ways.has_new(service, changed.callers):
                more = _asked(run, run.ways.to(service, new=True))
                self._now[service.host] = _joined(old, more)
            return
        pods = self._before.behind(service)
        for key in (service.host, *(f"{each.namespace} {address}" for each in pods for address in each.addresses)):
            self._callers.pop(key, None)
        self._now[service.host] = _asked(run, run.ways.to(service))

    def _touched(self, run: Run, service: Service, changed: Affected) -> bool:
        """Whether a destination, or what stands before it, may be another."""
        if changed.everything or not changed.namespaces:
            return changed.everything
        if changed.namespaces.isdisjoint(self._leads(run, service)):
            return False
        guards = run.ways.guards
        return changed.named is None or _meets(guards[0].index, guards[-1], service, changed.named)

    def _leads(self, run: Run, service: Service) -> frozenset[str]:
        """Its own namespace and those to which it leads in either mesh; found again where any of them has changed."""
        known = self._led.get(service.host)
        if known is None:
            found = {each for guards in run.ways.guards for each in _led_to(guards, service)}
            known = self._led[service.host] = self._was_led.pop(service.host, _NOWHERE) | found | {service.namespace}
        return known

    def _elsewhere(self, run: Run) -> None:
        ways = (*run.ways.alone(), *run.ways.new_names(), *run.ways.elsewhere())
        self._now[_ELSEWHERE] = _asked(run, iter(ways))


def _by_namespace(services: Iterable[Service]) -> dict[str, tuple[Service, ...]]:
    return grouped(services, lambda service: service.namespace)


def _learn(run: Run, known: Recollection | None, space: str, ways: Iterable[Way]) -> None:
    """What differs on the ways to a namespace, remembered where all of it can be told."""
    counted, requests = run.counted, run.requests
    found = _asked(run, ways)
    if known is not None and run.tells_all:
        known.keep(space, Remembered(run.counted - counted, run.requests - requests, found.examples, found.undecided))


def _asked(run: Run, ways: Iterable[Way]) -> _Found:
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


def _led_to(guards: Guards, service: Service) -> Iterator[str]:
    """Namespaces of the waypoint of a service, of its endpoints, and of what routes for it name, there or not."""
    own = guards.index.services.by_host.get(service.host)
    bound = guards.index.waypoint_of(own) if own is not None else None
    if bound is not None:
        yield bound.namespace
    for pods in guards.index.behind(own) if own is not None else ():
        yield pods.namespace
    for host in guards.targets(service.host):
        found = guards.index.services.by_host.get(host)
        yield found.namespace if found is not None else namespace_of(host)


def _meets(before: MeshIndex, guards: Guards, service: Service, named: Named) -> bool:
    """Whether what has changed stands before a destination of the first mesh in another one, or behind it."""
    index = guards.index
    hosts = (service.host, *guards.targets(service.host))
    services = [each for host in hosts if (each := index.services.by_host.get(host)) is not None]
    addresses = {address for pods in before.behind(service) for address in pods.addresses}
    if any(_is_behind(pods, services) or addresses.intersection(pods.addresses) for pods in named.pods):
        return True
    dialled = (index.by_address.get(address) for address in addresses)
    pods = [*guards.behind(service.host), *(each for each in dialled if each is not None)]
    beside = (each for one in pods for each in index.in_front_of(one))
    if any((each.namespace, each.name) in named.services for each in (*services, *beside)):
        return True
    bound = [*map(index.waypoint_of, services), *map(index.workload_waypoint, pods)]
    waypoints = [pod for each in bound if each is not None for pod in index.gateway_pods(each.namespace, each.name)]
    return any(wanted.items() <= each.labels.items() for each in (*pods, *waypoints) for wanted in named.labels)


def _is_behind(pods: Instances, services: Iterable[Service]) -> bool:
    """Whether pods are, or were, behind one of some Services."""
    return any(
        service.namespace == pods.namespace
        and (
            bool(set(service.endpoints).intersection(pods.addresses))
            if service.selector is None
            else service.selector.items() <= pods.labels.items()
        )
        for service in services
    )

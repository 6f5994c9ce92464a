"""Which services share a waypoint: the cheapest choice that isolation and the blast radius allow.

Two replicas are the least of any waypoint, so that sharing is nearly always the cheaper; what speaks against it stands
in `isolation` and in the terms. The same needs in any order give the same waypoints.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from math import fsum
from typing import assert_never

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.model.prices import Rate
from sidestep.plan.waypoints.existing import ExistingWaypoint, ObjectName
from sidestep.plan.waypoints.isolation import reasons_to_stand_alone
from sidestep.plan.waypoints.naming import NAMESPACE_WAYPOINT, Names, own_name
from sidestep.plan.waypoints.needs import Scope, Terms, WaypointNeed, check
from sidestep.plan.waypoints.packing import Group, pack
from sidestep.plan.waypoints.price import WaypointPrice, price
from sidestep.plan.waypoints.size import WaypointSize
from sidestep.plan.waypoints.sizing import size


class PlacedWaypoint(Struct, frozen=True, rename="camel"):
    """A waypoint that the plan wants.

    Attributes:
        namespace: where its Gateway stands.
        name: of the Gateway, and so of the Deployment, Service and ServiceAccount.
        services: namespace and name of those that are bound to it.
        traffic: value of `istio.io/waypoint-for`: `service`, or `all` where some pod is addressed directly.
        size: how large.
        price: per month.
        because: the choice, in one sentence.
        reused: the mesh has it already.
    """

    namespace: str
    name: str
    services: tuple[ObjectName, ...]
    traffic: str
    size: WaypointSize
    price: WaypointPrice
    because: str
    reused: ExistingWaypoint | None = None

    @property
    def bound_namespaces(self) -> tuple[str, ...]:
        """Namespaces of the services behind it."""
        return tuple(sorted({namespace for namespace, _ in self.services}))


class _Choice(Struct, frozen=True):
    """Services that get a waypoint together, before it has a name."""

    namespace: str
    members: Group
    because: str
    own: bool


def place(
    needs: tuple[WaypointNeed, ...], scope: Scope, prices: Rate, terms: Terms | None = None
) -> tuple[PlacedWaypoint, ...]:
    """Waypoints for all services that need one.

    Args:
        needs: the services; each once.
        scope: how widely a waypoint may be shared.
        prices: of a vCPU and a GiB.
        terms: what else the caller decided, and what the mesh has.
    """
    terms = terms or Terms()
    check(terms)
    ordered = tuple(sorted(needs, key=lambda need: need.key))
    _refuse_twins(ordered)
    choices = list(_choices(ordered, scope, prices, terms))
    return tuple(_named(choices, prices, terms))


def _refuse_twins(ordered: tuple[WaypointNeed, ...]) -> None:
    for one, other in pairwise(ordered):
        if one.key == other.key:
            raise UsageError(
                "a service asks for a waypoint twice",
                where=f"Service {one.key[0]}/{one.key[1]}",
                remedy="merge its needs into one",
            )


def _choices(ordered: tuple[WaypointNeed, ...], scope: Scope, prices: Rate, terms: Terms) -> Iterator[_Choice]:
    sharing: list[WaypointNeed] = []
    for namespace, needs in _by_namespace(ordered).items():
        alone = _reasons(needs, scope, terms)
        rest = tuple(need for need in needs if need.key not in alone)
        yield from _alone(needs, alone)
        match scope:
            case Scope.SHARED:
                sharing += rest
            case Scope.AUTO:
                yield from _cheaper(namespace, rest, prices, terms)
            case Scope.NAMESPACE | Scope.SERVICE:
                yield from _together(namespace, rest, terms)
            case _:
                assert_never(scope)
    yield from _together(terms.shared_namespace, tuple(sharing), terms)


def _reasons(needs: Group, scope: Scope, terms: Terms) -> Mapping[ObjectName, str]:
    if scope is Scope.SERVICE:
        return {need.key: "each service was asked to have its own" for need in needs}
    return reasons_to_stand_alone(needs, terms)


def _alone(needs: Group, why: Mapping[ObjectName, str]) -> Iterator[_Choice]:
    for need in needs:
        if need.key in why:
            namespace, name = need.key
            words = f"{namespace}/{name} has its own waypoint: {why[need.key]}"
            yield _Choice(namespace, (need,), words, own=True)


def _together(namespace: str, needs: tuple[WaypointNeed, ...], terms: Terms) -> Iterator[_Choice]:
    groups = pack(needs, terms)
    for group in groups:
        words = _sharing(namespace, group)
        if len(groups) > 1:
            words += (
                f"; one of {len(groups)}, so that a failure touches at most {terms.max_services} services and "
                f"{terms.max_requests_per_second:g} requests/s"
            )
        yield _Choice(namespace, group, words, own=False)


def _sharing(namespace: str, group: Group) -> str:
    spaces = {need.key[0] for need in group}
    of = f"namespace {namespace}" if spaces == {namespace} else _plural(len(spaces), "namespace")
    if len(group) == 1:
        return f"{group[0].key[1]} is the only service to use this waypoint of {of}"
    return f"{len(group)} services of {of} share a waypoint, since two replicas are the least of each"


def _cheaper(namespace: str, needs: Group, prices: Rate, terms: Terms) -> Iterator[_Choice]:
    """Shared or each alone, whichever costs less; shared where they cost the same."""
    shared = list(_together(namespace, needs, terms))
    together = _monthly([choice.members for choice in shared], prices, terms)
    apart = _monthly([(need,) for need in needs], prices, terms)
    if apart < together:
        words = f"apart the services of {namespace} cost {apart:.2f} a month, and {together:.2f} together"
        yield from _alone(needs, {need.key: words for need in needs})
        return
    for choice in shared:
        words = f"{choice.because} ({together:.2f} a month together, {apart:.2f} apart)"
        yield choice if len(needs) == 1 else _Choice(choice.namespace, choice.members, words, own=False)


def _monthly(groups: Iterable[Group], prices: Rate, terms: Terms) -> float:
    return fsum(price(_size(group, terms), prices).monthly for group in groups)


def _named(choices: list[_Choice], prices: Rate, terms: Terms) -> Iterator[PlacedWaypoint]:
    reuse, names = _Reuse(terms.existing, choices), Names(terms.taken | {(e.namespace, e.name) for e in terms.existing})
    for choice in sorted(choices, key=lambda choice: (choice.namespace, choice.own, choice.members[0].key)):
        found, sized = reuse.take(choice), _size(choice.members, terms)
        yield PlacedWaypoint(
            choice.namespace,
            found.name if found else _fresh(names, choice),
            tuple(need.key for need in choice.members),
            _traffic(choice),
            sized,
            price(sized, prices),
            f"{choice.because}; the mesh has it already" if found else choice.because,
            found,
        )


def _fresh(names: Names, choice: _Choice) -> str:
    if choice.own:
        return names.of_service(choice.namespace, choice.members[0].key[1])
    return names.of_namespace(choice.namespace)


class _Reuse:
    """Waypoints that the mesh has, each taken once."""

    def __init__(self, existing: tuple[ExistingWaypoint, ...], choices: Iterable[_Choice]) -> None:
        self._free = {(each.namespace, each.name): each for each in existing}
        self._spoken_for = {(choice.namespace, _wanted(choice)) for choice in choices if choice.own}

    def take(self, choice: _Choice) -> ExistingWaypoint | None:
        """The one of the name that the plan would give; for services that share, else any of the namespace."""
        names = [(choice.namespace, _wanted(choice))]
        if not choice.own:
            names += sorted(key for key in self._free if key[0] == choice.namespace and key not in self._spoken_for)
        for name in names:
            if name in self._free and _fits(self._free[name], choice):
                return self._free.pop(name)
        return None


def _fits(there: ExistingWaypoint, choice: _Choice) -> bool:
    """Whether it serves the traffic, and lets every service bind: a refused one would be reached past all policies."""
    spaces = {need.key[0] for need in choice.members}
    return there.traffic in (_traffic(choice), "all") and spaces <= {there.namespace, *there.admits}


def _wanted(choice: _Choice) -> str:
    return own_name(choice.members[0].key[1]) if choice.own else NAMESPACE_WAYPOINT


def _traffic(choice: _Choice) -> str:
    return "all" if any(need.workloads for need in choice.members) else "service"


def _size(members: Group, terms: Terms) -> WaypointSize:
    return size(tuple(need.load for need in members), terms.coefficients, terms.sizing)


def _by_namespace(ordered: tuple[WaypointNeed, ...]) -> dict[str, tuple[WaypointNeed, ...]]:
    found: defaultdict[str, list[WaypointNeed]] = defaultdict(list)
    for need in ordered:
        found[need.key[0]].append(need)
    return {namespace: tuple(needs) for namespace, needs in found.items()}


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"

"""Workloads that are of one shape: exchanged for each other, mesh, plan and call graph are what they were. Pure.

Two workloads are of one shape where exchanging their names, labels, accounts and Services, in every object and in every
step, gives the same objects, the same steps and the same calls. Then whatever holds for one holds for the other, for
no policy, route or step can tell them apart. Where they are called by, or call, others that are of one shape too, all
of these are exchanged together: chains that run beside each other are of one shape, link by link.

What a lab replaces (images, arguments, whom programs are told to call) is left out; who calls whom is in the graph.
Where something names one of them in a way of which it is not known what it means, both are kept.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from sidestep.model.call_graph import CallGraph, Edge
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.document import Plan
from sidestep.rehearse.shapes.exchange import Exchange, Pairs, exchange
from sidestep.rehearse.shapes.members import Member, members
from sidestep.rehearse.shapes.places import Tree
from sidestep.rehearse.shapes.surroundings import Looks, Neighbours, by_ref
from sidestep.rehearse.shapes.telling import Telling
from sidestep.rehearse.shapes.things import Thing, Things, encoded
from sidestep.semantics.index import MeshIndex

_MOST = 12
"""Workloads that are exchanged together."""
_IN_ORDER = frozenset({"VirtualService", "HTTPRoute", "GRPCRoute", "DestinationRule", "Sidecar", "PeerAuthentication"})
"""Kinds of which the first by name may win: order is part of what they mean."""


class Merge(Struct, frozen=True):
    """Workloads that others stand for.

    Attributes:
        pairs: who stays, and whom it stands for; more than one for links of chains.
        exchanged: what exchanges them.
    """

    pairs: Pairs
    exchanged: Exchange


class Shapes:
    """Finds out who is of one shape.

    Args:
        objects: of a mesh, as they are brought up.
        index: of the mesh.
        plan: that is carried out.
        graph: who calls whom.
    """

    def __init__(self, objects: Iterable[Tree], index: MeshIndex, plan: Plan, graph: CallGraph) -> None:
        listed = list(objects)
        telling = Telling(listed)
        self._members = by_ref(members(listed, telling))
        self._neighbours = Neighbours(graph, self._members.values())
        self._edges = Counter(_edge(edge) for edge in graph.edges)
        self._edges_of = _by_party(graph.edges, self._neighbours)
        self._things = Things(listed, plan.steps, telling, index.settings.root_namespace)
        looks = Looks(index, listed, plan, self._neighbours)
        self._images: dict[int, bytes] = {}
        every = {text for each in self._members.values() for text in (*each.names, *each.labels.values()) if text}
        self._first = {ref: self._sketched(member, looks, every) for ref, member in self._members.items()}

    def merges(self) -> tuple[Merge, ...]:
        """All that can be merged; each is right whichever of the others are made."""
        kept: dict[Hashable, list[Member]] = {}
        staying: set[WorkloadRef] = set()
        gone: set[WorkloadRef] = set()
        found = []
        for ref, member in self._members.items():
            like = self._first[ref]
            if like is None or ref in gone:
                continue
            merge = None if ref in staying else self._merged(member, kept.get(like, ()), staying, gone)
            if merge is None:
                kept.setdefault(like, []).append(member)
            else:
                found.append(merge)
                staying |= {one.ref for one, _ in merge.pairs}
                gone |= {other.ref for _, other in merge.pairs}
        return tuple(found)

    def _merged(
        self, member: Member, kept: Iterable[Member], staying: set[WorkloadRef], gone: set[WorkloadRef]
    ) -> Merge | None:
        """A merge that takes a member away; those who stay for others stay, and those who went are not asked again."""
        for one in kept:
            found = self.twins(one.ref, member.ref)
            if found is None:
                continue
            left, right = ({each[side].ref for each in found.pairs} for side in (0, 1))
            if left.isdisjoint(right) and right.isdisjoint(staying | gone) and left.isdisjoint(gone):
                return found
        return None

    def twins(self, one: WorkloadRef, other: WorkloadRef) -> Merge | None:
        """What exchanges two workloads, with others where that is needed; None where it cannot be shown."""
        pairs = self._pairs(one, other)
        exchanged = exchange(pairs) if pairs else None
        if exchanged is None or self._things.unclear(exchanged):
            return None
        alike = self._same_calls(pairs, exchanged) and self._same_things(pairs, exchanged)
        return Merge(pairs, exchanged) if alike else None

    def _pairs(self, one: WorkloadRef, other: WorkloadRef) -> Pairs:
        """Two workloads, and all that must be exchanged with them for their neighbours are not the same."""
        found: dict[WorkloadRef, WorkloadRef] = {}
        ahead = [(one, other)]
        while ahead:
            left, right = ahead.pop()
            if left == right or found.get(left) == right:
                continue
            new = left not in found and right not in found and left not in found.values()
            new = new and right not in found.values() and self._alike(left, right)
            if not new or len(found) >= _MOST:
                return ()
            found[left] = right
            for calls in (self._neighbours.to, self._neighbours.back):
                more = self._matched(calls.get(left, set()), calls.get(right, set()), {left, right})
                if more is None:
                    return ()
                ahead += more
        return tuple((self._members[left], self._members[right]) for left, right in sorted(found.items()))

    def _sketched(self, member: Member, looks: Looks, every: set[str]) -> Hashable | None:
        first = looks.first(member)
        return None if first is None else (first, self._things.sketch(member, every))

    def _alike(self, left: WorkloadRef, right: WorkloadRef) -> bool:
        first = self._first.get(left)
        return first is not None and first == self._first.get(right)

    def _matched(
        self, left: set[WorkloadRef], right: set[WorkloadRef], both: set[WorkloadRef]
    ) -> list[tuple[WorkloadRef, WorkloadRef]] | None:
        """Neighbours of one that are not those of the other, each with one that may take its place."""
        mine, theirs = sorted(left - right - both), sorted(right - left - both)
        order = {ref: repr(self._first.get(ref)) for ref in (*mine, *theirs)}
        pairs = list(zip(sorted(mine, key=order.__getitem__), sorted(theirs, key=order.__getitem__), strict=False))
        fits = len(mine) == len(theirs) and all(self._alike(*pair) for pair in pairs)
        return pairs if fits else None

    def _same_calls(self, pairs: Pairs, exchanged: Exchange) -> bool:
        touched = {id(e): e for pair in pairs for each in pair for e in self._edges_of.get(each.ref, ())}
        return all(_edge(exchanged_edge(edge, exchanged)) in self._edges for edge in touched.values())

    def _same_things(self, pairs: Pairs, exchanged: Exchange) -> bool:
        sides = tuple(
            {id(thing) for pair in pairs for thing in self._things.touched(pair[side], exchanged)} for side in (0, 1)
        )
        every = {id(thing): thing for pair in pairs for each in pair for thing in self._things.touched(each, exchanged)}
        common = [thing for name, thing in every.items() if name in sides[0] and name in sides[1]]
        own: tuple[list[Thing], list[Thing]] = ([], [])
        for name, thing in every.items():
            if name not in sides[0] or name not in sides[1]:
                own[name in sides[1]].append(thing)
        ordered = {thing.key[0] for thing in common} & _IN_ORDER
        return (
            not any(thing.key[0] in ordered for side in own for thing in side)
            and Counter(_image(each, exchanged) for each in own[0]) == Counter(self._as_is(each) for each in own[1])
            and all(self._same_order(one, other, exchanged, common) for one, other in pairs)
            and all(_image(thing, exchanged) == self._as_is(thing) for thing in common)
        )

    def _same_order(self, one: Member, other: Member, exchanged: Exchange, common: list[Thing]) -> bool:
        """What is theirs alone comes in the same order, where order means something."""
        shared = {id(thing) for thing in common}
        mine, theirs = (
            [
                each
                for each in self._things.touched(member, exchanged)
                if id(each) not in shared and (each.wave is not None or each.key[0] in _IN_ORDER)
            ]
            for member in (one, other)
        )
        return [_image(each, exchanged) for each in mine] == [self._as_is(each) for each in theirs]

    def _as_is(self, thing: Thing) -> bytes:
        """A thing as it is, to be compared; the same things are compared with many."""
        if id(thing) not in self._images:
            self._images[id(thing)] = _image(thing, _NOBODY)
        return self._images[id(thing)]


_NOBODY = Exchange({}, {})


def _image(thing: Thing, exchanged: Exchange) -> bytes:
    return encoded(thing, exchanged.of(thing.tree, thing.space))


def exchanged_edge(edge: Edge, exchanged: Exchange) -> Edge:
    """A call, with the names exchanged."""
    source, target = edge.source, edge.target
    return msgspec.structs.replace(
        edge,
        source=msgspec.structs.replace(source, name=exchanged.name(source.namespace, source.name)),
        target=msgspec.structs.replace(
            target,
            name=exchanged.name(target.namespace, target.name),
            service=exchanged.name(target.service_namespace, target.service),
        ),
    )


def _edge(edge: Edge) -> Hashable:
    """A call, however often it is made."""
    return edge.source, edge.target, edge.protocol


def _by_party(edges: Iterable[Edge], neighbours: Neighbours) -> Mapping[WorkloadRef, list[Edge]]:
    found: dict[WorkloadRef, list[Edge]] = {}
    for edge in edges:
        for ref in _parties(edge, neighbours):
            found.setdefault(ref, []).append(edge)
    return found


def _parties(edge: Edge, neighbours: Neighbours) -> Iterator[WorkloadRef]:
    for ref in (edge.source.workload, neighbours.callee(edge)):
        if ref is not None:
            yield ref

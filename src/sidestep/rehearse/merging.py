"""As many workloads as a machine has room for: those that others of their shape can stand for are left out. Pure."""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

from msgspec import structs

from sidestep.errors import UsageError
from sidestep.lab.cluster.objects import Tree
from sidestep.model.metadata import WorkloadRef
from sidestep.rehearse.scaling import most_replicas, pods_of
from sidestep.rehearse.shapes.members import key_of
from sidestep.rehearse.shapes.smaller import Whole, smaller
from sidestep.rehearse.shapes.twins import Merge, Shapes
from sidestep.semantics.index import MeshIndex


class Merging(StrEnum):
    """Whether one workload may stand for others of its shape."""

    NEVER = "never"
    NEEDED = "needed"
    """Where not even one pod of each has room, and no further."""
    ALWAYS = "always"


def fitting_in(whole: Whole, merging: Merging, nodes: int, room: int) -> Whole:
    """What has room, with one workload for others of its shape where that is needed, or wished.

    Args:
        whole: all of it.
        merging: whether it may be done.
        nodes: of the lab.
        room: pods for which there is room.

    Raises:
        UsageError: there is no room, and merging does not help.
    """
    if merging is Merging.NEVER or (merging is Merging.NEEDED and _over(whole, nodes, room) <= 0):
        return whole
    found = whole
    while merges := _merges(found, merging, nodes, room):
        found = smaller(found, merges, MeshIndex.of(found.mesh).settings.root_namespace)
    _check(found, nodes, room)
    return structs.replace(found, notes=(*found.notes, *_among_themselves(found)))


def _among_themselves(found: Whole) -> Iterator[str]:
    """What one of a shape asks another of it, nobody asks where one alone is left."""
    index = MeshIndex.of(found.mesh)
    left = {
        str(one.ref)
        for merge in Shapes(found.objects, index, found.plan, found.graph).merges()
        for one, _ in merge.pairs
    }
    alone = [each.workload for each in found.stand_ins if each.workload not in left]
    if alone:
        yield f"what workloads of one shape ask each other is not sent where one alone is left: {', '.join(alone)}"


def _merges(whole: Whole, merging: Merging, nodes: int, room: int) -> tuple[Merge, ...]:
    """What is merged next: where some were, others may have become alike."""
    over = _over(whole, nodes, room)
    if merging is Merging.NEEDED and over <= 0:
        return ()
    merges = Shapes(whole.objects, MeshIndex.of(whole.mesh), whole.plan, whole.graph).merges()
    return _enough(merges, whole.objects, over, nodes) if merging is Merging.NEEDED else merges


def _over(whole: Whole, nodes: int, room: int) -> int:
    return pods_of(whole.objects, 1, nodes) - room


def _check(found: Whole, nodes: int, room: int) -> None:
    try:
        most_replicas(found.objects, 1, nodes, room)
    except UsageError as error:
        count = sum(len(each.stands_for) for each in found.stand_ins)
        told = f"{count:,} more are merged into others of their shape" if count else "no two of them are of one shape"
        raise UsageError(f"{error.message}; {told}", where=error.where, remedy=error.remedy) from error


def _enough(merges: tuple[Merge, ...], objects: tuple[Tree, ...], over: int, nodes: int) -> tuple[Merge, ...]:
    """As many as free so many pods; those of whom most are alike go first, so that others stay as they are."""
    pods = {key_of(tree): pods_of((tree,), 1, nodes) for tree in objects}
    like = Counter(_first(merge) for merge in merges)
    left, found = list(merges), []
    while over > 0 and left:
        turn = max(left, key=lambda merge: like[_first(merge)])
        left.remove(turn)
        like[_first(turn)] -= 1
        found.append(turn)
        over -= sum(pods.get(other.objects[0], 0) for _, other in turn.pairs)
    return tuple(found)


def _first(merge: Merge) -> WorkloadRef:
    return merge.pairs[0][0].ref

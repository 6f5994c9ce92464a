"""What of two meshes decides requests and is not the same: objects, and pods by what counts of them. Pure.

Everything else, such as addresses of pods, is taken from the mesh that is observed: nobody can foretell it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, structs

from sidestep.actions.in_memory.object_table import ObjectTable
from sidestep.actions.in_memory.objects import Refusal, rebuilt
from sidestep.actions.in_memory.pod_table import PodTable
from sidestep.actions.in_memory.restart import CONTROLLERS_LABELS
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.pods import Pod
from sidestep.model.resource import Resource
from sidestep.plan.signature import rests_on
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode

_OF_THE_MESH = frozenset({Mode.GATEWAY, Mode.WAYPOINT})
"""Pods that controllers of the mesh make: whether they serve is waited for, and is not foretold."""
_Kinds = dict[object, Instances]


class Apart(Struct, frozen=True):
    """Two meshes held against each other.

    Attributes:
        undone: the observed one, with what differs exchanged for what was foretold.
        differing: what that is, in words; none where all that decides is the same.
        objects: how many objects were compared.
        workloads: likewise.
    """

    undone: Mesh
    differing: tuple[str, ...]
    objects: int
    workloads: int


def apart(foretold: Mesh, observed: Mesh) -> Apart:
    """What differs in an observed mesh, and that mesh without it."""
    mine, theirs = rests_on(foretold), rests_on(observed)
    differing = [name for name in sorted(mine.keys() | theirs.keys()) if _said(mine, name) != _said(theirs, name)]
    table = ObjectTable(observed)
    for name in differing:
        _exchange(table, mine.get(name), theirs.get(name))
    workloads, pods, told = _pods(foretold, observed)
    undone = structs.replace(observed, resources=table.resources(), others=table.others(), pods=pods)
    words = (f"{name} {_what(name in mine, name in theirs)}" for name in differing)
    return Apart(undone, (*words, *told), len(mine), workloads)


def _said(found: Mapping[str, tuple[str, Resource[Any]]], name: str) -> str | None:
    return found[name][0] if name in found else None


def _what(foretold: bool, observed: bool) -> str:
    if foretold and observed:
        return "is another"
    return "is absent" if foretold else "was not foretold"


def _exchange(
    table: ObjectTable, mine: tuple[str, Resource[Any]] | None, theirs: tuple[str, Resource[Any]] | None
) -> None:
    """Put what was foretold in the place of what stands there; what controllers say of it stays."""
    if mine is None and theirs is not None:
        table.drop(theirs[1].id)
    elif mine is not None:
        table.put(_with_status(mine[1], theirs[1]) if theirs is not None else mine[1])


def _with_status(foretold: Resource[Any], observed: Resource[Any]) -> Resource[Any]:
    status = observed.tree().get("status")
    made = rebuilt(foretold, {**foretold.tree(), "status": status}) if status is not None else foretold
    return foretold if isinstance(made, Refusal) else made


def _pods(foretold: Mesh, observed: Mesh) -> tuple[int, Sequence[Pod], tuple[str, ...]]:
    """How many workloads there are; the observed pods with those that differ as they were foretold; which differ."""
    mine, theirs = _kinds(foretold), _kinds(observed)
    there, here, told = PodTable(foretold), PodTable(observed), []
    for workload in sorted(mine.keys() | theirs.keys()):
        wanted, seen = mine.get(workload, {}), theirs.get(workload, {})
        if wanted.keys() == seen.keys() or all(each.declared for each in (*wanted.values(), *seen.values())):
            continue
        told.append(f"pods of {workload} are {_words(seen)}, and not {_words(wanted)}")
        _replace(here, workload, [pod for _, pod in there.at(there.of_workload(workload))], only=len(wanted) == 1)
    return len(mine), here.pods(), tuple(told)


def _replace(here: PodTable, workload: WorkloadRef, wanted: list[Pod], *, only: bool) -> None:
    """Have pods be as they were foretold; who they are and where stays, as long as all of them were to be alike."""
    places = list(here.of_workload(workload))
    if only and places and wanted:
        shape = wanted[0].shape
        here.exchange(places, lambda pod: structs.replace(pod, shape=shape))
        return
    here.drop(places)
    here.add(wanted)


def _kinds(mesh: Mesh) -> dict[WorkloadRef, _Kinds]:
    """Of each workload its pods, once for each kind that anything tells apart."""
    groups = MeshIndex.of(mesh).workloads.items()
    found = {workload: dict(_counted(each)) for workload, each in groups}
    return {workload: kinds for workload, kinds in found.items() if kinds}


def _counted(groups: Iterable[Instances]) -> Iterator[tuple[object, Instances]]:
    for each in groups:
        if each.mode not in _OF_THE_MESH:
            labels = frozenset((name, value) for name, value in each.labels.items() if name not in CONTROLLERS_LABELS)
            yield (each.mode_in_words, each.captures, each.account, each.bypasses_inbound, labels), each


def _words(kinds: _Kinds) -> str:
    return " and ".join(sorted({each.mode_in_words for each in kinds.values()})) or "absent"

"""ReplicaSets: as many pods as wanted; the ones that serve least go first."""

from collections.abc import Sequence

from sidestep.lab.cluster.controllers.wants import Wants
from sidestep.lab.cluster.objects import Tree, digest, meta_of, ref_of, spec_of
from sidestep.lab.cluster.pods import is_finished, is_leaving, is_ready, node_of
from sidestep.lab.cluster.templates import TEMPLATE_HASH, pod
from sidestep.semantics.loose import labels_of


def replica_set(owner: Tree, pods: Sequence[Tree]) -> Wants:
    """What a ReplicaSet wants.

    Args:
        owner: the ReplicaSet.
        pods: those that it controls.
    """
    wanted = replicas(owner)
    alive = [each for each in pods if not is_leaving(each) and not is_finished(each)]
    leaving = sum(map(is_leaving, pods))
    status = {"replicas": len(alive), "readyReplicas": sum(map(is_ready, alive)), "terminatingReplicas": leaving}
    if len(alive) < wanted:
        return Wants(create=tuple(_new(owner, pods, wanted - len(alive))), status=status)
    surplus = sorted(_youngest_first(alive), key=_worth)[: len(alive) - wanted]
    finished = [each for each in pods if is_finished(each) and not is_leaving(each)]
    return Wants(end=tuple(ref_of(each) for each in (*surplus, *finished)), status=status)


MOST_REPLICAS = 2000
"""Of one controller: an odd zero in a manifest must not take the lab's machine away for minutes."""


def replicas(owner: Tree) -> int:
    """How many are wanted: 1 unless it says otherwise, and never more than one machine can bear."""
    number = spec_of(owner).get("replicas", 1)
    return min(number, MOST_REPLICAS) if isinstance(number, int) and number >= 0 else 1


def _worth(each: Tree) -> tuple[bool, bool]:
    return bool(node_of(each)), is_ready(each)


def _youngest_first(pods: Sequence[Tree]) -> list[Tree]:
    by_name = sorted(pods, key=lambda each: str(meta_of(each)["name"]))
    return sorted(by_name, key=lambda each: str(meta_of(each).get("creationTimestamp", "")), reverse=True)


def _new(owner: Tree, pods: Sequence[Tree], number: int) -> list[Tree]:
    name = str(meta_of(owner)["name"])
    used = {str(meta_of(each).get("name")) for each in pods}
    version = str(meta_of(owner).get("resourceVersion", ""))
    hashed = labels_of(owner).get(TEMPLATE_HASH)
    labels = {TEMPLATE_HASH: hashed} if hashed else {}
    made: list[Tree] = []
    turn = 0
    while len(made) < number:
        candidate = f"{name}-{digest(name, version, str(turn), length=5)}"
        turn += 1
        if candidate not in used:
            used.add(candidate)
            made.append(pod(owner, candidate, labels))
    return made

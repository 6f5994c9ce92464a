"""Deployments: one ReplicaSet per template, exchanged within the bounds of the strategy."""

from collections.abc import Sequence
from copy import deepcopy

from sidestep.lab.cluster.controllers.replica_sets import replicas
from sidestep.lab.cluster.controllers.wants import Wants
from sidestep.lab.cluster.objects import Tree, meta_of, ref_of, spec_of, status_of
from sidestep.lab.cluster.templates import TEMPLATE_HASH, controller_reference, template_hash, template_of
from sidestep.semantics.loose import as_dict, as_text, labels_of
from sidestep.semantics.rollouts import bounds


def deployment(owner: Tree, sets: Sequence[Tree]) -> Wants:
    """What a Deployment wants of its ReplicaSets.

    Args:
        owner: the Deployment.
        sets: ReplicaSets that it controls, with their status.
    """
    wanted, hashed = replicas(owner), template_hash(owner)
    new = next((each for each in sets if labels_of(each).get(TEMPLATE_HASH) == hashed), None)
    old = [each for each in sets if each is not new]
    status = _status(sets, new)
    if new is None:
        first = wanted if not old else 0
        return Wants(create=(_replica_set(owner, hashed, first),), status=status)
    if spec_of(owner).get("paused") is True:
        return Wants(status=status)
    scale = _recreate(wanted, new, old) if _strategy(owner) == "Recreate" else _roll(owner, wanted, new, old)
    gone = tuple(ref_of(each) for each in old if not replicas(each) and not _present(each))
    return Wants(scale=tuple(scale), remove=gone, status=status)


def _strategy(owner: Tree) -> str:
    return as_text(as_dict(spec_of(owner).get("strategy")).get("type"))


def _recreate(wanted: int, new: Tree, old: Sequence[Tree]) -> list[tuple[str, int]]:
    down = [(_name(each), 0) for each in old if replicas(each)]
    if down or any(map(_present, old)):
        return down
    return [(_name(new), wanted)] if replicas(new) != wanted else []


def _roll(owner: Tree, wanted: int, new: Tree, old: Sequence[Tree]) -> list[tuple[str, int]]:
    """Grow the new set as far as the surge allows, then shrink the old ones as far as readiness allows."""
    surge, missing = bounds(as_dict(spec_of(owner).get("strategy")), wanted)
    total = replicas(new) + sum(map(replicas, old))
    grown = min(wanted, replicas(new) + max(0, wanted + surge - total)) if replicas(new) < wanted else wanted
    scale = [(_name(new), grown)] if grown != replicas(new) else []
    ready = sum(map(_ready, (new, *old)))
    spare = ready - (wanted - missing)
    for each in old:
        idle = replicas(each) - _ready(each)
        take = min(replicas(each), max(0, idle) + max(0, min(spare, _ready(each))))
        if take:
            spare -= max(0, take - max(0, idle))
            scale.append((_name(each), replicas(each) - take))
    return scale


def _replica_set(owner: Tree, hashed: str, number: int) -> Tree:
    template = deepcopy(template_of(owner))
    labels = {**as_dict(as_dict(template.get("metadata")).get("labels")), TEMPLATE_HASH: hashed}
    meta = meta_of(owner)
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-{hashed}",
            "namespace": ref_of(owner).namespace,
            "labels": labels,
            "ownerReferences": [controller_reference(owner)],
        },
        "spec": {"replicas": number, "selector": spec_of(owner).get("selector"), "template": template},
    }


def _status(sets: Sequence[Tree], new: Tree | None) -> Tree:
    updated = _pods(new) if new is not None else 0
    return {
        "replicas": sum(map(_pods, sets)),
        "updatedReplicas": updated,
        "readyReplicas": sum(map(_ready, sets)),
        "availableReplicas": sum(map(_ready, sets)),
    }


def _name(each: Tree) -> str:
    return str(meta_of(each)["name"])


def _pods(each: Tree) -> int:
    return _count(each, "replicas")


def _ready(each: Tree) -> int:
    return _count(each, "readyReplicas")


def _present(each: Tree) -> int:
    """Pods that are there, those that are leaving included."""
    return _pods(each) + _count(each, "terminatingReplicas")


def _count(each: Tree, field: str) -> int:
    number = status_of(each).get(field, 0)
    return number if isinstance(number, int) else 0

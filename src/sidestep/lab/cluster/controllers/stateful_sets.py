"""StatefulSets: pods with stable names, one after the other unless they may start in parallel."""

from collections.abc import Sequence

from sidestep.lab.cluster.controllers.replica_sets import replicas
from sidestep.lab.cluster.controllers.wants import Wants
from sidestep.lab.cluster.objects import Ref, Tree, meta_of, ref_of, spec_of
from sidestep.lab.cluster.pods import is_finished, is_leaving, is_ready
from sidestep.lab.cluster.templates import pod, template_hash
from sidestep.semantics.loose import as_text, labels_of

REVISION = "controller-revision-hash"
_NAME = "statefulset.kubernetes.io/pod-name"


def stateful_set(owner: Tree, pods: Sequence[Tree]) -> Wants:
    """What a StatefulSet wants: the lowest missing pod made, the highest surplus or outdated one ended."""
    name, wanted, revision = str(meta_of(owner)["name"]), replicas(owner), template_hash(owner)
    parallel = spec_of(owner).get("podManagementPolicy") == "Parallel"
    have = {str(meta_of(each)["name"]): each for each in pods}
    names = [f"{name}-{number}" for number in range(wanted)]
    alive = [each for each in pods if not is_leaving(each)]
    old = [each for each in sorted(alive, key=_number, reverse=True) if labels_of(each).get(REVISION) != revision]
    status = {"replicas": len(alive), "readyReplicas": sum(map(is_ready, alive))}
    status["updatedReplicas"] = len(alive) - len(old)
    missing = [each for each in names if each not in have]
    surplus = [each for each in sorted(alive, key=_number, reverse=True) if meta_of(each)["name"] not in names]
    if missing and (parallel or _settled(pods)):
        make = missing if parallel else missing[:1]
        return Wants(create=tuple(_pod(owner, each, revision) for each in make), status=status)
    if surplus:
        return Wants(end=_refs(surplus if parallel else surplus[:1]), status=status)
    if missing or not _settled(pods):
        return Wants(end=_refs([each for each in alive if is_finished(each)]), status=status)
    return Wants(end=_refs(old[:1]), status=status)


def _settled(pods: Sequence[Tree]) -> bool:
    return all(is_ready(each) for each in pods)


def _refs(pods: Sequence[Tree]) -> tuple[Ref, ...]:
    return tuple(ref_of(each) for each in pods)


def _number(each: Tree) -> int:
    tail = str(meta_of(each)["name"]).rpartition("-")[2]
    return int(tail) if tail.isdigit() else -1


def _pod(owner: Tree, name: str, revision: str) -> Tree:
    labels = {REVISION: revision, _NAME: name}
    service = as_text(spec_of(owner).get("serviceName"))
    return pod(owner, name, labels, hostname=name, **({"subdomain": service} if service else {}))

"""DaemonSets: one pod on every node."""

from collections.abc import Sequence

from sidestep.lab.cluster.controllers.stateful_sets import REVISION
from sidestep.lab.cluster.controllers.wants import Wants
from sidestep.lab.cluster.objects import Tree, digest, meta_of, ref_of
from sidestep.lab.cluster.pods import is_finished, is_leaving, is_ready, node_of
from sidestep.lab.cluster.templates import pod, template_hash
from sidestep.semantics.loose import labels_of


def daemon_set(owner: Tree, pods: Sequence[Tree], nodes: Sequence[str]) -> Wants:
    """What a DaemonSet wants: missing pods made, outdated ones exchanged one at a time."""
    revision = template_hash(owner)
    on = {node_of(each): each for each in pods}
    alive = [each for each in pods if not is_leaving(each)]
    old = [each for each in alive if labels_of(each).get(REVISION) != revision]
    status = {
        "desiredNumberScheduled": len(nodes),
        "currentNumberScheduled": len(alive),
        "updatedNumberScheduled": len(alive) - len(old),
        "numberReady": sum(map(is_ready, alive)),
    }
    lost = [each for each in alive if node_of(each) not in nodes or is_finished(each)]
    missing = [node for node in nodes if node not in on]
    if missing or lost:
        made = tuple(_pod(owner, node, revision) for node in missing)
        return Wants(create=made, end=tuple(ref_of(each) for each in lost), status=status)
    settled = all(is_ready(each) for each in pods)
    return Wants(end=tuple(ref_of(each) for each in old[:1]) if settled else (), status=status)


def _pod(owner: Tree, node: str, revision: str) -> Tree:
    name = str(meta_of(owner)["name"])
    suffix = digest(name, node, str(meta_of(owner).get("resourceVersion", "")), length=5)
    return pod(owner, f"{name}-{suffix}", {REVISION: revision}, nodeName=node)

"""Who controls what: found without a search, kept true by listening to the store."""

from collections import defaultdict
from collections.abc import Iterator

from sidestep.lab.cluster.objects import Change, Ref, Store, Tree, Verb, owner_of
from sidestep.model.kinds import ENDPOINTS, GATEWAY

CONTROLLERS = {
    "Deployment": "deployments.apps",
    "ReplicaSet": "replicasets.apps",
    "StatefulSet": "statefulsets.apps",
    "DaemonSet": "daemonsets.apps",
    "Job": "jobs.batch",
}
_OWNERS = {**CONTROLLERS, GATEWAY.name: GATEWAY.key, ENDPOINTS.name: ENDPOINTS.key}


class Ownership:
    """Children of controllers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._children: defaultdict[Ref, set[Ref]] = defaultdict(set)
        store.listen(self._hear)

    def children(self, owner: Ref) -> Iterator[Tree]:
        """What a controller controls, by name."""
        for ref in sorted(self._children.get(owner, ())):
            tree = self._store.get(ref)
            if tree is not None:
                yield tree

    def _hear(self, change: Change) -> None:
        owner = controller_of(change.tree, change.ref.namespace)
        if owner is None:
            return
        if change.verb is Verb.DELETED:
            self._children[owner].discard(change.ref)
        else:
            self._children[owner].add(change.ref)


def controller_of(tree: Tree, namespace: str) -> Ref | None:
    """The controller that an object names; None for none that the lab runs."""
    kind, name = owner_of(tree)
    key = _OWNERS.get(kind)
    return Ref(key, namespace, name) if key else None

"""The controllers' loop: whatever changed is asked what it wants, until nobody wants anything."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sidestep.lab.cluster.controllers.daemon_sets import daemon_set
from sidestep.lab.cluster.controllers.deployments import deployment
from sidestep.lab.cluster.controllers.endpoints import endpoints
from sidestep.lab.cluster.controllers.gateways import Around, gateway, gateway_kind, is_programmed
from sidestep.lab.cluster.controllers.jobs import job
from sidestep.lab.cluster.controllers.replica_sets import replica_set, replicas
from sidestep.lab.cluster.controllers.stateful_sets import stateful_set
from sidestep.lab.cluster.controllers.wants import Wants
from sidestep.lab.cluster.objects import Change, Ref, Store, Tree, Verb, ref_of, spec_of
from sidestep.lab.cluster.ownership import CONTROLLERS, Ownership, controller_of
from sidestep.model.kinds import CONFIG_MAP, ENDPOINTS, GATEWAY, GATEWAY_CLASS, NODE, SERVICE
from sidestep.semantics.loose import as_dict, as_text, labels_of

_POD = "pods"
_SETS = "replicasets.apps"
_DAEMONS = "daemonsets.apps"
_KINDS = frozenset(CONTROLLERS.values())
_GATEWAYS = GATEWAY.key
_OWNERS = _KINDS | {_GATEWAYS, ENDPOINTS.key}
_AROUND_GATEWAYS = frozenset({CONFIG_MAP.key, GATEWAY_CLASS.key})
_DEFAULTS = "gateway.istio.io/defaults-for-class"


class ControlLoop:
    """Keeps what controllers control as they want it.

    Args:
        store: the objects.
        now: the time, as RFC 3339, for what is marked to end.
        image: of proxies, for gateways.
    """

    def __init__(self, store: Store, now: Callable[[], str], image: Callable[[], str] = str) -> None:
        self._store, self._now, self._image = store, now, image
        self._owned = Ownership(store)
        self._dirty: dict[Ref, None] = {}
        store.listen(self._hear)

    def settle(self) -> None:
        """Ask everybody whom something touched, and those whom that touches.

        ReplicaSets come before Deployments, which read what they count.
        """
        while self._dirty:
            ref = next((each for each in self._dirty if each.kind == _SETS), None) or next(iter(self._dirty))
            del self._dirty[ref]
            owner = self._store.get(ref)
            if owner is not None:
                self._do(ref, self._wants(ref, owner), owner)

    def _hear(self, change: Change) -> None:
        if change.ref.kind in _OWNERS:
            if change.verb is Verb.DELETED:
                self._orphan(change.ref)
            else:
                self._dirty[change.ref] = None
        above = controller_of(change.tree, change.ref.namespace)
        if above is not None:
            self._dirty[above] = None
        if change.ref.kind == SERVICE.key:
            self._dirty[Ref(ENDPOINTS.key, change.ref.namespace, change.ref.name)] = None
        if change.ref.kind in _AROUND_GATEWAYS:
            self._dirty.update((Ref(_GATEWAYS, *_name(each)), None) for each in self._store.of(_GATEWAYS))
        if change.ref.kind == NODE.key:
            self._dirty.update(
                (Ref("daemonsets.apps", *_name(each)), None) for each in self._store.of("daemonsets.apps")
            )

    def _orphan(self, gone: Ref) -> None:
        for child in list(self._owned.children(gone)):
            ref = ref_of(child)
            if ref.kind == _POD:
                self._end(ref)
            else:
                self._store.remove(ref)

    def _wants(self, ref: Ref, owner: Tree) -> Wants:
        children: Sequence[Tree] = list(self._owned.children(ref))
        match ref.kind:
            case "deployments.apps":
                return deployment(owner, children)
            case "replicasets.apps":
                return replica_set(owner, children)
            case "statefulsets.apps":
                return stateful_set(owner, children)
            case "daemonsets.apps":
                return daemon_set(owner, children, [_name(each)[1] for each in self._store.of(NODE)])
            case "endpoints":
                return endpoints(owner, children, self._store.get(Ref(SERVICE.key, ref.namespace, ref.name)))
            case kind if kind == _GATEWAYS:
                return gateway(owner, children, self._around(owner))
            case _:
                return job(owner, children)

    def _around(self, owner: Tree) -> Around:
        """What a Gateway's objects hang on: its class, and ConfigMaps that complete them, the class's first."""
        spec, space = spec_of(owner), ref_of(owner).namespace
        name = as_text(spec.get("gatewayClassName"))
        named = as_dict(as_dict(spec.get("infrastructure")).get("parametersRef"))
        own = self._store.get(Ref(CONFIG_MAP.key, space, as_text(named.get("name"))))
        defaults = [each for each in self._store.of(CONFIG_MAP) if labels_of(each).get(_DEFAULTS) == name]
        classes = {_name(each)[1]: each for each in self._store.of(GATEWAY_CLASS)}
        return Around(classes, [*defaults, *([own] if own else [])], self._image())

    def _do(self, ref: Ref, wants: Wants, owner: Tree) -> None:
        for tree in wants.create:
            self._store.put(tree)
        for name, number in wants.scale:
            self._store.edit(Ref(_SETS, ref.namespace, name), _scaled(number))
        for pod in wants.end:
            self._end(pod)
        for gone in wants.remove:
            self._store.remove(gone)
        if wants.status is not None:
            seen = {"observedGeneration": owner["metadata"]["generation"]}
            self._store.edit(ref, _with_status({**wants.status, **seen}))

    def _end(self, ref: Ref) -> None:
        def mark(tree: Tree) -> None:
            tree["metadata"].setdefault("deletionTimestamp", self._now())

        self._store.edit(ref, mark)


def _scaled(number: int) -> Callable[[Tree], Any]:
    def scale(tree: Tree) -> None:
        tree.setdefault("spec", {})["replicas"] = number

    return scale


def _with_status(status: Tree) -> Callable[[Tree], Any]:
    def write(tree: Tree) -> None:
        tree["status"] = {**(tree.get("status") or {}), **status}

    return write


def _name(tree: Tree) -> tuple[str, str]:
    return tree["metadata"].get("namespace", ""), tree["metadata"]["name"]


def unsettled(store: Store) -> Iterator[Ref]:
    """Controllers that have not as many ready pods as they want."""
    for kind in sorted(_KINDS):
        for tree in store.of(kind):
            status = tree.get("status") or {}
            wanted = status.get("desiredNumberScheduled", 0) if kind == _DAEMONS else replicas(tree)
            ready = status.get("numberReady", 0) if kind == _DAEMONS else status.get("readyReplicas", 0)
            done = any(each.get("status") == "True" for each in status.get("conditions", ()))
            if not done if kind == "jobs.batch" else ready != wanted:
                yield Ref(kind, *_name(tree))
    classes = {_name(each)[1]: each for each in store.of(GATEWAY_CLASS)}
    for tree in store.of(_GATEWAYS):
        if gateway_kind(tree, classes) is not None and not is_programmed(tree):
            yield Ref(_GATEWAYS, *_name(tree))

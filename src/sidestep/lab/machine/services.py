"""What services mean on every node: addresses that lead to ready pods, and names that lead to addresses.

Changes are gathered for a moment, so that a hundred pods that become ready together cost one table.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from sidestep.errors import SidestepError
from sidestep.lab.agent.messages import Names
from sidestep.lab.cluster.names import entry_names, service_name
from sidestep.lab.cluster.objects import Change, Ref, Store, Tree, Verb, ref_of
from sidestep.lab.cluster.services import Backend, backends, by_selector, selector_of
from sidestep.lab.cluster.slices import Slices
from sidestep.lab.dns.names import Name
from sidestep.lab.machine.nodes import NodeUp
from sidestep.model.kinds import ENDPOINT_SLICE, POD, SERVICE, SERVICE_ENTRY
from sidestep.semantics.by_selector import ByLabel
from sidestep.semantics.loose import labels_of

_MOMENT, _SHARE = 0.02, 4
"""Seconds in which changes are gathered, and how many times as long as it took to tell the last ones at least."""
_Labels = frozenset[tuple[str, str]]


class ServiceTables:
    """Keeps nodes' tables of addresses and agents' tables of names as the objects say."""

    def __init__(self, store: Store, nodes: Mapping[str, NodeUp]) -> None:
        self._store, self._nodes = store, nodes
        self._fixed: tuple[Backend, ...] = ()
        self._backends: dict[Ref, tuple[Backend, ...]] = {}
        self._names: dict[Ref, tuple[Name, ...]] = {}
        self._slices = Slices()
        self._dirty: set[Ref] = set()
        self._touched: defaultdict[str, set[_Labels]] = defaultdict(set)
        self._took = 0.0
        self._pending: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        store.listen(self._hear)

    @property
    def told(self) -> bool:
        """Whether every node knows what the objects say."""
        return self._pending is None and not self._tasks

    def fix(self, backends: Sequence[Backend]) -> None:
        """What no object says and every node's table has."""
        self._fixed = tuple(backends)
        self._set(self._nodes.values())

    def greet(self, node: NodeUp) -> None:
        """Tell an agent that came everything that the others know."""
        self._spawn(_tell(node, Names(0, tuple(each for names in self._names.values() for each in names))))

    def _hear(self, change: Change) -> None:
        if change.ref.kind in (SERVICE.key, SERVICE_ENTRY.key):
            self._dirty.add(change.ref)
        elif change.ref.kind == ENDPOINT_SLICE.key:
            self._dirty.update(self._slices.hear(change))
        elif change.ref.kind == POD.key and _moved(change):
            trees = (change.tree, change.before or change.tree)
            self._touched[change.ref.namespace].update(frozenset(labels_of(each).items()) for each in trees)
        else:
            return
        if self._pending is None:
            self._pending = asyncio.get_running_loop().call_later(max(_MOMENT, _SHARE * self._took), self._flush)

    def _flush(self) -> None:
        self._pending = None
        began = time.monotonic()
        self._tell(self._taken())
        self._took = time.monotonic() - began

    def _taken(self) -> set[Ref]:
        """What changed since the last time: services, and those that select pods that changed."""
        dirty, self._dirty = self._dirty, set()
        touched, self._touched = self._touched, defaultdict(set)
        for namespace, every in touched.items():
            services = by_selector(self._store.of(SERVICE, namespace))
            dirty.update(ref_of(each) for labels in every for each in services.taking(dict(labels)))
        return dirty

    def _tell(self, dirty: set[Ref]) -> None:
        pods = self._pods({ref.namespace for ref in dirty})
        before = dict(self._backends)
        changed: list[Name] = []
        gone: list[tuple[str, str, str]] = []
        for ref in sorted(dirty):
            old = {each.key: each for each in self._names.pop(ref, ())}
            new = {each.key: each for each in self._refresh(ref, pods[ref.namespace])}
            changed.extend(each for key, each in new.items() if old.get(key) != each)
            gone.extend(key for key in old if key not in new)
        if self._backends != before:
            self._set(self._nodes.values())
        if changed or gone:
            for node in self._nodes.values():
                self._spawn(_tell(node, Names(0, tuple(changed), tuple(gone))))

    def _set(self, nodes: Iterable[NodeUp]) -> None:
        table = [*self._fixed, *(each for found in self._backends.values() for each in found)]
        for node in nodes:
            node.net.set_services(table)

    def _refresh(self, ref: Ref, among: ByLabel[Tree]) -> tuple[Name, ...]:
        tree = self._store.get(ref)
        if tree is None:
            self._backends.pop(ref, None)
            return ()
        if ref.kind == SERVICE_ENTRY.key:
            names = entry_names(tree)
        else:
            selector = selector_of(tree)
            pods = among.taken(selector.items()) if selector else ()
            slices = self._slices.of(ref)
            self._backends[ref] = backends(tree, pods, slices)
            names = (service_name(tree, pods, slices),)
        self._names[ref] = names
        return names

    def _pods(self, namespaces: set[str]) -> dict[str, ByLabel[Tree]]:
        return {each: ByLabel(tuple(self._store.of(POD, each)), labels_of) for each in namespaces}

    def _spawn(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _tell(node: NodeUp, names: Names) -> None:
    with suppress(SidestepError):
        await node.agent.do(names)


def _moved(change: Change) -> bool:
    """Whether a pod's labels, addresses or readiness changed."""
    if change.verb is not Verb.MODIFIED or change.before is None:
        return True
    return any(_seen(change.tree, part) != _seen(change.before, part) for part in ("labels", "deletionTimestamp")) or (
        change.tree.get("status") != change.before.get("status")
    )


def _seen(tree: Tree, field: str) -> object:
    return tree["metadata"].get(field)

"""What services mean on every node: addresses that lead to ready pods, and names that lead to addresses.

Changes are gathered for a moment, so that a hundred pods that become ready together cost one table.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress

from sidestep.errors import SidestepError
from sidestep.lab.agent.messages import Names
from sidestep.lab.cluster.names import entry_names, service_name
from sidestep.lab.cluster.objects import Change, Ref, Store, Tree, Verb
from sidestep.lab.cluster.services import Backend, backends
from sidestep.lab.dns.names import Name
from sidestep.lab.machine.nodes import NodeUp
from sidestep.model.kinds import POD, SERVICE, SERVICE_ENTRY

_MOMENT = 0.02


class ServiceTables:
    """Keeps nodes' tables of addresses and agents' tables of names as the objects say."""

    def __init__(self, store: Store, nodes: Mapping[str, NodeUp]) -> None:
        self._store, self._nodes = store, nodes
        self._fixed: tuple[Backend, ...] = ()
        self._backends: dict[Ref, tuple[Backend, ...]] = {}
        self._names: dict[Ref, tuple[Name, ...]] = {}
        self._dirty: set[Ref] = set()
        self._touched: set[str] = set()
        self._pending: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        store.listen(self._hear)

    def fix(self, backends: Sequence[Backend]) -> None:
        """What no object says and every node's table has."""
        self._fixed = tuple(backends)

    def greet(self, node: NodeUp) -> None:
        """Tell an agent that came everything that the others know."""
        self._spawn(_tell(node, Names(0, tuple(each for names in self._names.values() for each in names))))

    def _hear(self, change: Change) -> None:
        if change.ref.kind in (SERVICE.key, SERVICE_ENTRY.key):
            self._dirty.add(change.ref)
        elif change.ref.kind == POD.key and _moved(change):
            self._touched.add(change.ref.namespace)
        else:
            return
        if self._pending is None:
            self._pending = asyncio.get_running_loop().call_later(_MOMENT, self._flush)

    def _flush(self) -> None:
        self._pending = None
        touched, self._touched = self._touched, set()
        dirty, self._dirty = self._dirty, set()
        pods = self._pods(touched | {ref.namespace for ref in dirty})
        for namespace in touched:
            services = self._store.of(SERVICE, namespace)
            dirty.update(Ref(SERVICE.key, namespace, str(each["metadata"]["name"])) for each in services)
        before = dict(self._backends)
        changed: list[Name] = []
        gone: list[tuple[str, str, str]] = []
        for ref in sorted(dirty):
            old = {each.key: each for each in self._names.pop(ref, ())}
            new = {each.key: each for each in self._refresh(ref, pods[ref.namespace])}
            changed.extend(each for key, each in new.items() if old.get(key) != each)
            gone.extend(key for key in old if key not in new)
        if self._backends != before:
            table = [*self._fixed, *(each for found in self._backends.values() for each in found)]
            for node in self._nodes.values():
                node.net.set_services(table)
        if changed or gone:
            for node in self._nodes.values():
                self._spawn(_tell(node, Names(0, tuple(changed), tuple(gone))))

    def _refresh(self, ref: Ref, pods: Sequence[Tree]) -> tuple[Name, ...]:
        tree = self._store.get(ref)
        if tree is None:
            self._backends.pop(ref, None)
            return ()
        if ref.kind == SERVICE_ENTRY.key:
            names = entry_names(tree)
        else:
            self._backends[ref] = backends(tree, pods)
            names = (service_name(tree, pods),)
        self._names[ref] = names
        return names

    def _pods(self, namespaces: set[str]) -> dict[str, list[Tree]]:
        found: dict[str, list[Tree]] = defaultdict(list)
        for namespace in namespaces:
            found[namespace] = list(self._store.of(POD, namespace))
        return found

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

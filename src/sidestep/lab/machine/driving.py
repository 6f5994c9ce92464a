"""Load that lasts: whichever pods a workload has at the moment send its requests, and all are counted by second."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import structs

from sidestep.errors import SidestepError
from sidestep.lab.agent.histogram import merged
from sidestep.lab.agent.messages import Drive, Driven, Edge, Request, Row
from sidestep.lab.api import messages as api
from sidestep.lab.cluster.controllers.replica_sets import replicas
from sidestep.lab.cluster.objects import Change, Ref, Store, Tree, Verb
from sidestep.lab.cluster.ownership import controller_of
from sidestep.lab.cluster.pods import is_leaving, is_ready
from sidestep.lab.machine.agents import AgentLine
from sidestep.model.kinds import POD

_EXAMPLES = 20
"""Failures of an edge that are kept in full."""


class Driving:
    """Who sends what.

    Args:
        store: the objects.
        line: to the agent of a pod, by its name; None while it has none.
        say: told of what users should know.
    """

    def __init__(self, store: Store, line: Callable[[Ref], AgentLine | None], say: Callable[[str, str], None]) -> None:
        self._store, self._line, self._say = store, line, say
        self._edges: dict[str, list[api.Edge]] = {}
        self._driven: set[str] = set()
        self._rows: dict[tuple[int, str], Row] = {}
        self._examples: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        store.listen(self._hear)

    def drive(self, edges: Iterable[api.Edge]) -> int:
        """These requests from now on; of how many workloads."""
        self._edges = {}
        for edge in edges:
            self._edges.setdefault(edge.workload, []).append(edge)
        before, self._driven = self._driven, set()
        for pod in list(self._store.of(POD)):
            self._consider(pod, stops=str(pod["metadata"]["uid"]) in before)
        return len(self._edges)

    def heard(self, event: Driven) -> None:
        """What an agent tells."""
        for row in event.rows:
            key = (row.second, row.edge)
            found = self._rows.get(key)
            kept = row.examples[: max(0, _EXAMPLES - self._examples.get(row.edge, 0))]
            self._examples[row.edge] = self._examples.get(row.edge, 0) + len(kept)
            counted = structs.replace(row, examples=kept, uid="")
            self._rows[key] = counted if found is None else _together(found, counted)

    def told(self, since: int) -> list[Any]:
        """All seconds from one on."""
        return [msgspec.to_builtins(row, str_keys=True) for key, row in sorted(self._rows.items()) if key[0] >= since]

    def _hear(self, change: Change) -> None:
        if change.ref.kind == POD.key:
            if change.verb is Verb.DELETED:
                self._driven.discard(str(change.tree["metadata"]["uid"]))
            else:
                self._consider(change.tree)

    def _consider(self, pod: Tree, *, stops: bool = False) -> None:
        """Have a pod send what its workload is to send, once it is ready."""
        uid = str(pod["metadata"]["uid"])
        if uid in self._driven or is_leaving(pod) or not is_ready(pod):
            return
        workload, number = self._workload(pod)
        edges = self._edges.get(workload, [])
        if not edges and not stops:
            return
        if edges:
            self._driven.add(uid)
        command = Drive(0, uid, tuple(_edge(each, uid, each.rate / number) for each in edges))
        ref = Ref(POD.key, str(pod["metadata"].get("namespace", "")), str(pod["metadata"]["name"]))
        task = asyncio.create_task(self._send(ref, command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, ref: Ref, command: Drive) -> None:
        line = self._line(ref)
        try:
            if line is not None:
                await line.do(command)
        except SidestepError as error:
            self._driven.discard(command.uid)
            self._say(str(ref), f"it sends nothing: {error.message}")

    def _workload(self, pod: Tree) -> tuple[str, int]:
        """What a pod belongs to in the end, and how many pods that has."""
        tree, namespace = pod, str(pod["metadata"].get("namespace", ""))
        while (above := controller_of(tree, namespace)) is not None and (owner := self._store.get(above)) is not None:
            tree = owner
        number = 1 if tree is pod else max(1, replicas(tree))
        return f"{namespace}/{tree.get('kind', 'Pod')}/{tree['metadata']['name']}", number


def _edge(edge: api.Edge, uid: str, rate: float) -> Edge:
    asked = Request(edge.url, edge.method, tuple(edge.headers.items()), edge.body, edge.timeout)
    return Edge(
        edge.name, uid, asked, rate, edge.connections, edge.fresh, tuple(edge.expect), tuple(edge.accept), edge.uses
    )


def _together(one: Row, other: Row) -> Row:
    failures = dict(one.failures)
    for kind, count in other.failures.items():
        failures[kind] = failures.get(kind, 0) + count
    return Row(
        one.edge,
        "",
        one.second,
        one.sent + other.sent,
        one.ok + other.ok,
        failures,
        [*one.examples, *other.examples],
        merged((one.latency, other.latency)),
    )

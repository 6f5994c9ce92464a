"""What the machine does when a verb asks: one function for each request."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, assert_never

import msgspec

from sidestep.errors import UsageError, WorldError
from sidestep.lab.agent import messages as agent
from sidestep.lab.api import messages as api
from sidestep.lab.api.server import Reply
from sidestep.lab.cluster.objects import Change, Ref, Tree, Verb, meta_of, ref_of
from sidestep.lab.cluster.ownership import CONTROLLERS
from sidestep.lab.machine.agents import AgentLine
from sidestep.lab.machine.condition import full_summary, summary, unfinished, untaken
from sidestep.lab.machine.faults import Faults
from sidestep.lab.machine.machine import Machine
from sidestep.lab.machine.scratch import issuer_key, spans_folder
from sidestep.lab.machine.service_graph import service_graph
from sidestep.lab.machine.written import workloads_wrote
from sidestep.lab.traces.files import kept
from sidestep.lab.traces.traces import traces
from sidestep.lab.workload.issuer import Issuer, claims
from sidestep.model.kinds import POD

_LOOK, _TELL = 0.02, 0.1
_SHARE = 9
"""A look whether the lab is as wanted is followed by a pause of so many times its length: it is nobody's main work."""
_NODE = "node:"
_MOST_GRAPH = 86400
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_ROTATED = ("root", "intermediate")
_SCALABLE = frozenset(CONTROLLERS.values()) - {"daemonsets.apps"}


class Requests:
    """Answers verbs."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._store = machine.store
        self._faults = Faults(machine)

    def handle(self, request: api.Request) -> Reply:  # noqa: C901, PLR0912 - one line per request
        """The result of a request, or its events."""
        match request:
            case api.Watch(kinds=kinds):
                return self._watch(frozenset(kinds))
            case api.Status():
                return full_summary(self._machine)
            case api.List(kind=kind, namespace=namespace):
                return self._now(list(self._store.of(kind, namespace)))
            case api.Get(kind=kind, namespace=namespace, name=name):
                return self._now(self._store.get(Ref(kind, namespace, name)))
            case api.Exchange():
                return self._exchange(request)
            case api.Apply(objects=objects):
                return self._apply(objects)
            case api.Delete(objects=objects):
                return self._delete(objects)
            case api.Label():
                return self._label(request)
            case api.Scale():
                return self._scale(request)
            case api.Restart():
                return self._restart(request)
            case api.Await(timeout=seconds):
                return self._await(seconds)
            case api.Taken(object=tree):
                return untaken(self._machine, tree)
            case api.Call():
                return self._call(request)
            case api.Load():
                return self._load(request)
            case api.Drive(edges=edges):
                return self._now(self._machine.driving.drive(edges))
            case api.Driven(since=since):
                return self._now(self._machine.driving.told(since))
            case api.Logs():
                return self._now(self._machine.log(request.name, request.container, request.lines))
            case api.Top(interval=interval):
                return self._top(interval)
            case api.Certificates():
                return self._machine.certificates()
            case api.ConfigDump(name=name):
                return self._machine.config_dump(name)
            case api.Verify():
                return self._machine.verify()
            case api.Fault():
                return self._faults(request)
            case api.Metrics():
                return self._machine.telemetry.text(self._machine.nodes)
            case api.Rotate(what=what):
                return self._rotate(what)
            case api.Token():
                return self._token(request)
            case api.Traces(id=wanted, most=most):
                return self._traces(wanted, most)
            case api.Graph(seconds=seconds):
                return self._graph(seconds)
            case api.Enter(pod=name):
                return self._enter(name)
            case api.Down():
                return self._down()
            case _:
                assert_never(request)

    async def _now(self, value: Any) -> Any:
        return value

    async def _apply(self, objects: list[Tree]) -> list[dict[str, str]]:
        for tree in objects:
            ref_of(tree)
        rows = []
        for tree in objects:
            change = self._store.put(tree)
            rows.append({"object": str(ref_of(tree)), "what": _WORDS[change.verb] if change else "unchanged"})
        return rows

    async def _exchange(self, request: api.Exchange) -> dict[str, bool]:
        """Whether it was of that version still, and is exchanged."""
        before = self._store.get(ref_of(request.object))
        version = str(before["metadata"]["resourceVersion"]) if before is not None else ""
        if version != request.version:
            return {"exchanged": False}
        await (self._delete([request.object]) if request.delete else self._apply([request.object]))
        return {"exchanged": True}

    async def _delete(self, objects: list[Tree]) -> list[dict[str, str]]:
        rows = []
        for ref in [ref_of(tree) for tree in objects]:
            is_pod = ref.kind == POD.key
            gone = self._store.edit(ref, self._machine.leaving) if is_pod else self._store.remove(ref)
            rows.append({"object": str(ref), "what": "deleted" if gone else "not found"})
        return rows

    async def _label(self, request: api.Label) -> dict[str, str]:
        def edit(tree: Tree) -> None:
            labels = tree["metadata"].setdefault("labels", {})
            for key, value in request.labels.items():
                if value is None:
                    labels.pop(key, None)
                else:
                    labels[key] = value

        return self._edited(Ref(request.kind, request.namespace, request.name), edit, "labeled")

    async def _scale(self, request: api.Scale) -> dict[str, str]:
        if request.kind not in _SCALABLE:
            raise UsageError(f"{request.kind} cannot be scaled", remedy=f"name one of {', '.join(sorted(_SCALABLE))}")

        def edit(tree: Tree) -> None:
            tree.setdefault("spec", {})["replicas"] = request.replicas

        return self._edited(Ref(request.kind, request.namespace, request.name), edit, "scaled")

    async def _restart(self, request: api.Restart) -> dict[str, str]:
        def edit(tree: Tree) -> None:
            template = tree.setdefault("spec", {}).setdefault("template", {})
            template.setdefault("metadata", {}).setdefault("annotations", {})[_RESTARTED] = self._machine.now()

        return self._edited(Ref(request.kind, request.namespace, request.name), edit, "restarted")

    def _edited(self, ref: Ref, edit: Any, word: str) -> dict[str, str]:
        if self._store.get(ref) is None:
            raise WorldError("there is no such object", where=str(ref), remedy=self._elsewhere(ref))
        changed = self._store.edit(ref, edit)
        return {"object": str(ref), "what": word if changed else "unchanged"}

    def _elsewhere(self, ref: Ref) -> str:
        """Where an object of that name is, for who forgot to say the namespace."""
        found = [each.namespace for each in map(ref_of, self._store.of(ref.kind)) if each.name == ref.name]
        return f"say -n {found[0]}, where one is called so" if found else f"see `sidestep lab ls {ref.kind}`"

    async def _await(self, seconds: float) -> AsyncIterator[Any]:
        """How the lab is, from now until it is as wanted."""
        end = time.monotonic() + seconds
        told = 0.0
        while True:
            looked = time.monotonic()
            if not await unfinished(self._machine, most=1):
                break
            if looked > end:
                left = await unfinished(self._machine)
                few = "; ".join(left[:3])
                raise WorldError(
                    f"{len(left)} still not as wanted after {seconds:g} s: {few}", remedy="see `sidestep lab status`"
                )
            if time.monotonic() - told > _TELL:
                told = time.monotonic()
                yield summary(self._machine)
            await asyncio.sleep(max(_LOOK, _SHARE * (time.monotonic() - looked)))
        yield await full_summary(self._machine)

    async def _call(self, request: api.Call) -> Any:
        line, uid = self._from(request.client)
        asked = agent.Request(
            request.url, request.method, tuple(request.headers.items()), request.body, request.timeout
        )
        command = agent.Call(0, uid, asked, request.count, fresh=request.fresh)
        answer = await line.do(command, request.timeout * request.count + 10)
        return msgspec.to_builtins(answer)["outcomes"]

    def _from(self, client: str) -> tuple[AgentLine, str]:
        """The agent that speaks for a client, and the pod's uid; none for a process on the node."""
        if client.startswith(_NODE):
            return self._machine.node(client.removeprefix(_NODE)).agent, ""
        life = self._machine.pod(client)
        return self._machine.agent_of(life), life.uid

    async def _load(self, request: api.Load) -> Any:
        life = self._machine.pod(request.client)
        asked = agent.Request(request.url, headers=tuple(request.headers.items()))
        edge = agent.Edge("load", life.uid, asked, request.rate, request.connections, request.fresh)
        command = agent.Load(0, (edge,), request.seconds)
        answer = await self._machine.agent_of(life).do(command, request.seconds + 60)
        return msgspec.to_builtins(answer)["edges"][0]

    async def _top(self, interval: float) -> list[dict[str, Any]]:
        if not interval > 0:
            raise UsageError(f"nothing can be measured over {interval:g} s", remedy="name a time above 0")
        before = {each.pid: each for each in self._machine.processes.usage()}
        await asyncio.sleep(interval)
        return [
            {
                **msgspec.to_builtins(each),
                "role": each.name.partition("/")[0],
                "share": (each.cpu - before[each.pid].cpu) / interval,
                "waiting": max(0.0, each.waited - before[each.pid].waited) / interval,
            }
            for each in self._machine.processes.usage()
            if each.pid in before
        ]

    async def _token(self, request: api.Token) -> Any:
        issuer = Issuer(issuer_key(self._machine.scratch.logs))
        if request.keys:
            return issuer.jwks()
        return issuer.token(claims(request.claims), request.seconds)

    async def _traces(self, wanted: str, most: int) -> list[dict[str, Any]]:
        await workloads_wrote([each.agent for each in self._machine.nodes.values()])
        found = traces(await asyncio.to_thread(kept, spans_folder(self._machine.scratch.logs)))
        return [msgspec.to_builtins(each) for each in found if each.id.startswith(wanted)][:most]

    async def _graph(self, seconds: float) -> Any:
        if not 0 <= seconds <= _MOST_GRAPH:
            remedy = f"name a time of at most {_MOST_GRAPH} s"
            raise UsageError(f"nobody can look for {seconds:g} s", remedy=remedy)
        return msgspec.to_builtins(await service_graph(self._machine, seconds))

    async def _rotate(self, what: str) -> dict[str, str]:
        if what not in _ROTATED:
            raise UsageError(f"there is no {what!r} to be exchanged", remedy=f"say one of {', '.join(_ROTATED)}")
        await self._machine.control_plane.rotate(what)
        return {"object": what, "what": "rotated"}

    async def _enter(self, name: str) -> dict[str, str]:
        return self._machine.entrance(name)

    async def _down(self) -> dict[str, str]:
        asyncio.get_running_loop().call_later(0.05, self._machine.end)
        return {"object": "lab", "what": "ends"}

    async def _watch(self, kinds: frozenset[str]) -> AsyncIterator[Any]:
        queue: asyncio.Queue[Change] = asyncio.Queue()
        number = self._store.changes
        present = [tree for kind in sorted(kinds) for tree in self._store.of(kind)]

        def hear(change: Change) -> None:
            if change.ref.kind in kinds:
                self._machine.told = change.number
                queue.put_nowait(change)

        self._store.listen(hear)
        try:
            for tree in present:
                yield {"type": Verb.ADDED.value, "object": tree}
            yield {"type": "SYNCED", "number": number}
            while True:
                change = await queue.get()
                yield {"type": change.verb.value, "object": change.tree, "number": change.number}
        finally:
            self._store.deafen(hear)


_WORDS = {Verb.ADDED: "created", Verb.MODIFIED: "configured", Verb.DELETED: "deleted"}


def named(tree: Tree) -> str:
    """`namespace/name` of an object."""
    meta = meta_of(tree)
    return f"{meta.get('namespace', '')}/{meta.get('name', '')}".lstrip("/")

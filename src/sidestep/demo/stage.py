"""A lab that becomes one mesh after the other, and is asked."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from sidestep.demo.scene import Object, Question
from sidestep.lab.agent.messages import Outcome
from sidestep.lab.api import messages as api
from sidestep.lab.cluster.names import addresses_of
from sidestep.lab.lab import Lab
from sidestep.model.kinds import KINDS, NAMESPACE, POD, SERVICE
from sidestep.model.mesh import SourceInfo, SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.model.origin import ClusterOrigin
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Client, GatewayClient, Http, Request, Tcp, WorkloadClient
from sidestep.sources.objects.builder import MeshBuilder

_NAMED = re.compile(r"\{(vip )?([a-z0-9/-]+)\}")
_KEYS = "keys"
_GATEWAY = "gateway:"
_BEHIND = "outside/caller"
"""Who comes in through the gateway."""
_TIMEOUT, _LIFE = 4.0, 600
_A_SECOND, _EVER = 10, 10**9


class Kept(Struct, frozen=True):
    """What became of a connection that is kept open.

    Attributes:
        answered: how often it was answered.
        failed: how often not: a connection that was cut is opened again, which fails where it is refused.
    """

    answered: int
    failed: int


class Stage:
    """A lab and what is on it.

    Args:
        lab: that is up, and empty.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._there: list[Object] = []
        self._named: dict[str, str] = {}
        self._holding = 0

    def become(self, objects: Iterable[Object]) -> MeshIndex:
        """Be a mesh: what was before goes; what names an address comes when that is known.

        Returns:
            the mesh, to decide about.
        """
        self._clear()
        listed = list(objects)
        late = [each for each in listed if _NAMED.search(json.dumps(each))]
        early = [each for each in listed if each not in late]
        self._there = [each for each in listed if each["kind"] != NAMESPACE.name]
        self._lab.apply(*early)
        self._lab.settle()
        self._learn()
        if late:
            self._lab.apply(*(_filled(each, self._named) for each in late))
            self._lab.settle()
        return self._index()

    def request(self, question: Question) -> Request:
        """As it is decided."""
        host = self._text(question.host)
        if question.first or question.kept:
            return Request(_client(question), host, question.port, Tcp(server_first=question.first))
        token = Token(question.token, dict(question.claims))
        payload = Http(question.method, question.path, question.authority, dict(question.headers), token)
        return Request(_client(question), host, question.port, payload, question.authorizer)

    def ask(self, question: Question) -> list[Outcome]:
        """What becomes of it, each time; of one that is kept open, what becomes of another one."""
        if question.first or question.kept:
            url = f"tcp{'-first' if question.first else ''}://{self._text(question.host)}:{question.port}"
            return self._lab.call(question.client, url, question.times, timeout=_TIMEOUT)
        client, host = question.client, self._text(question.host)
        headers = {**question.headers, **self._bearer(question)}
        if question.authority:
            headers["host"] = question.authority
        if client.startswith(_GATEWAY):
            headers["host"] = host
            space, _, name = client.removeprefix(_GATEWAY).partition("/")
            client, host = _BEHIND, f"{name}-istio.{space}"
        url = f"http://{host}:{question.port}{question.path}"
        return self._lab.call(client, url, question.times, method=question.method, headers=headers, timeout=_TIMEOUT)

    @contextmanager
    def holding(self, question: Question) -> Iterator[Callable[[], Kept]]:
        """Keep a connection open meanwhile, and say on it ten times a second; told is what became of it so far."""
        space, _, name = question.client.partition("/")
        url = f"tcp://{self._text(question.host)}:{question.port}"
        self._holding += 1
        held = f"held {self._holding}"
        edge = api.Edge(held, f"{space}/Deployment/{name}", url, _A_SECOND, connections=1, uses=_EVER)
        self._lab.client.ask(api.Drive([edge]))
        try:
            yield lambda: self._kept(held)
        finally:
            self._lab.client.ask(api.Drive([]))

    def change(self, objects: Iterable[Object]) -> MeshIndex:
        """Have more objects; the mesh then."""
        listed = [_filled(each, self._named) for each in objects]
        new = {(each["kind"], _name(each)) for each in listed}
        self._there = [*(each for each in self._there if (each["kind"], _name(each)) not in new), *listed]
        self._lab.apply(*listed)
        self._lab.settle()
        return self._index()

    def _kept(self, held: str) -> Kept:
        rows = [row for row in self._lab.client.ask(api.Driven()) if row["edge"] == held]
        return Kept(sum(each["ok"] for each in rows), sum(sum(each["failures"].values()) for each in rows))

    def _clear(self) -> None:
        if self._there:
            self._lab.client.ask(api.Delete([_filled(each, self._named) for each in reversed(self._there)]))
            self._lab.settle()

    def _learn(self) -> None:
        pods = {_workload(each): addresses_of(each)[0] for each in self._list(POD.key)}
        vips = {f"vip {_name(each)}": str(each["spec"].get("clusterIP", "")) for each in self._list(SERVICE.key)}
        self._named = {_KEYS: json.dumps(self._lab.client.ask(api.Token(keys=True))), **pods, **vips}

    def _text(self, text: str) -> str:
        return _text(text, self._named)

    def _bearer(self, question: Question) -> dict[str, str]:
        if question.token is TokenState.NONE:
            return {}
        seconds = -_LIFE if question.token is TokenState.EXPIRED else _LIFE
        signed = str(self._lab.client.ask(api.Token(dict(question.claims), seconds)))
        if question.token is TokenState.INVALID:
            body, _, signature = signed.rpartition(".")
            signed = f"{body}.{signature[::-1]}"
        return {"authorization": f"Bearer {signed}"}

    def _list(self, kind: str) -> list[Object]:
        found: list[Object] = self._lab.client.ask(api.List(kind))
        return found

    def _index(self) -> MeshIndex:
        builder = MeshBuilder()
        for kind in KINDS:
            for tree in self._list(kind.key):
                builder.add(json.dumps(tree).encode(), ClusterOrigin("lab"))
        return MeshIndex.of(builder.build(SourceInfo(SourceKind.CLUSTER, "lab")))


def _client(question: Question) -> Client:
    space, _, name = question.client.removeprefix(_GATEWAY).partition("/")
    if question.client.startswith(_GATEWAY):
        return GatewayClient(space, name)
    return WorkloadClient(WorkloadRef(space, "Deployment", name))


def _filled(value: Any, named: Mapping[str, str]) -> Any:
    """An object with what it names filled in."""
    match value:
        case str():
            return _text(value, named)
        case dict():
            return {key: _filled(each, named) for key, each in value.items()}
        case list():
            return [_filled(each, named) for each in value]
        case _:
            return value


def _text(text: str, named: Mapping[str, str]) -> str:
    def address(found: re.Match[str]) -> str:
        name = found[2] if "/" in found[2] or found[2] == _KEYS else f"shop/{found[2]}"
        return named.get(f"{found[1] or ''}{name}", found[0])

    return _NAMED.sub(address, text)


def _name(tree: Object) -> str:
    return f"{tree['metadata']['namespace']}/{tree['metadata']['name']}"


def _workload(pod: Object) -> str:
    return _name(pod).rsplit("-", 2)[0]

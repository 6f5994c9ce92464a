"""ConfigMaps in which a run keeps things: made once, extended only by who knows their version."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sidestep.actions.worlds.cluster.refusals import Refusal, error_of
from sidestep.actions.worlds.cluster.server import MERGE, METADATA, Ask, Params, Server
from sidestep.actions.worlds.cluster.world import MANAGER
from sidestep.actions.worlds.interface import Tree, Version
from sidestep.errors import SidestepError

RUN, RECORD = "sidestep.dev/run", "sidestep.dev/record"
"""Labels of everything that is kept of a run: which run, and what."""
_HOW: Params = (("fieldManager", MANAGER),)
_PAGE = "50"


class Kept(Struct, frozen=True):
    """One ConfigMap.

    Attributes:
        name: of it.
        version: of it.
        run: of which it tells.
        data: texts by key.
        binary: bytes by key, in base64.
    """

    name: str
    version: Version
    run: str
    data: Mapping[str, str]
    binary: Mapping[str, str]


class Maps:
    """The ConfigMaps of a namespace that are ours.

    Args:
        server: of the cluster.
        namespace: which.
    """

    def __init__(self, server: Server, namespace: str) -> None:
        self._server, self._path = server, f"/api/v1/namespaces/{namespace}/configmaps"
        self.where = f"ConfigMaps of namespace {namespace}"
        self._namespace = namespace

    def listed(self, record: str, run: str = "") -> tuple[Kept, ...]:
        """Those of a sort, by their names.

        Args:
            record: what they keep.
            run: only of this one.
        """
        selector = f"{RECORD}={record}" + (f",{RUN}={run}" if run else "")
        found: list[Kept] = []
        more = ""
        while True:
            params = (("labelSelector", selector), ("limit", _PAGE), *((("continue", more),) if more else ()))
            told = self._server.demand(Ask("GET", self._path, params), self.where)
            found += map(_kept, told.get("items") or ())
            more = (told.get("metadata") or {}).get("continue") or ""
            if not more:
                return tuple(sorted(found, key=lambda each: each.name))

    def get(self, name: str) -> Kept | None:
        """One of them; None where there is none."""
        told = self._server.ask(Ask("GET", f"{self._path}/{name}"))
        if isinstance(told, Refusal):
            if told.is_absent:
                return None
            raise error_of(told, f"ConfigMap {self._namespace}/{name}")
        return _kept(told)

    def make(self, name: str, record: str, run: str, *, data: Tree | None = None, binary: Tree | None = None) -> Kept:
        """A new one.

        Raises:
            ConflictError: there is one of that name.
            WorldError: the server refuses; there may be no such namespace.
            TransportError: it cannot be told whether it was made.
        """
        metadata = {"name": name, "labels": {RECORD: record, RUN: run}}
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        body |= ({"data": data} if data else {}) | ({"binaryData": binary} if binary else {})
        told = self._server.ask(Ask("POST", self._path, _HOW, body))
        if isinstance(told, Refusal):
            raise self._unmade(told, name)
        return _kept(told)

    def extend(self, name: str, data: Mapping[str, str], version: Version) -> Kept:
        """Put texts into one that is still of a version; of what is told of it then, its texts are left out.

        Raises:
            ConflictError: it is not.
            WorldError, TransportError: as `make`.
        """
        patch = {"metadata": {"resourceVersion": version}, "data": dict(data)}
        ask = Ask("PATCH", f"{self._path}/{name}", _HOW, patch, MERGE, METADATA)
        return _kept(self._server.demand(ask, f"ConfigMap {self._namespace}/{name}"))

    def _unmade(self, told: Refusal, name: str) -> SidestepError:
        error = error_of(told, f"ConfigMap {self._namespace}/{name}")
        if told.is_absent:
            error.remedy = f"kubectl create namespace {self._namespace}, or name another one"
        return error


def _kept(tree: Tree) -> Kept:
    meta = tree["metadata"]
    labels = meta.get("labels") or {}
    return Kept(
        meta["name"], Version(meta["resourceVersion"]), labels.get(RUN, ""), tree.get("data") or {},
        tree.get("binaryData") or {},
    )  # fmt: skip

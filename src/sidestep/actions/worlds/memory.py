"""A world of objects in memory: writes happen at once, and pods follow at once. For dry runs and for tests."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sidestep.actions.in_memory import trees
from sidestep.actions.worlds.interface import ConflictError, Found, Tree, Version
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.measures import Query
from sidestep.plan.steps import Probe, Wait

Key = tuple[str, str, str, str]


class MemoryWorld:
    """Objects, each with a version that grows with every change.

    Args:
        objects: to begin with.
        metrics: values by PromQL; none is known where it is not there.
        answers: what becomes of a request; as foretold where nobody says.
    """

    def __init__(
        self,
        objects: Iterable[Tree],
        metrics: Mapping[str, float] = {},
        answers: Callable[[Probe], str] = lambda probe: probe.expect,
    ) -> None:
        self._metrics, self._answers = metrics, answers
        self._objects: dict[Key, tuple[Tree, int]] = {}
        self._writes = 0
        for tree in objects:
            self._put(_key(named(tree)), tree)

    @property
    def name(self) -> str:
        """It has only one."""
        return "memory"

    def moment(self) -> str:
        """Always the same."""
        return "2000-01-01T00:00:00Z"

    @property
    def writes(self) -> int:
        """How often anything was changed."""
        return self._writes

    def objects(self) -> list[Tree]:
        """All objects, by their names."""
        return [tree for _, (tree, _) in sorted(self._objects.items())]

    def read(self, named: ObjectId) -> Found:
        """As it stands."""
        tree, version = self._objects.get(_key(named), (None, 0))
        return Found(tree, Version(str(version) if tree is not None else ""))

    def patch(self, named: ObjectId, patch: Tree, version: Version) -> None:
        """By merge patch."""
        found = self._expected(named, version)
        if found is None:
            raise WorldError("there is none", where=str(named))
        self._put(_key(named), _tidy(trees.merge_patched(found, patch)))

    def apply(self, named: ObjectId, manifest: Tree, version: Version) -> None:
        """As a whole."""
        self._put(_key(named), trees.applied(self._expected(named, version), manifest))

    def delete(self, named: ObjectId, version: Version) -> None:
        """Away."""
        if self._expected(named, version) is not None:
            self._writes += 1
            del self._objects[_key(named)]

    def rolled_out(self, workload: WorkloadRef) -> str:
        """At once, where there is such a workload."""
        there = any(key[1:] == (workload.kind, workload.namespace, workload.name) for key in self._objects)
        return "" if there or workload.kind == "Pod" else f"{workload} is absent"

    def held_up_by(self, _: WorkloadRef) -> str:
        """There are no pods."""
        return ""

    def holds(self, _: Wait) -> str:
        """At once."""
        return ""

    def measure(self, query: Query, _: float) -> float | None:
        """What was given."""
        return self._metrics.get(query.promql)

    def answer(self, probe: Probe) -> str:
        """What was given."""
        return self._answers(probe)

    def _expected(self, named: ObjectId, version: Version) -> Tree | None:
        found = self.read(named)
        if found.version != version:
            raise ConflictError("somebody else has changed it meanwhile", where=str(named))
        return found.tree

    def _put(self, key: Key, tree: Tree) -> None:
        self._writes += 1
        self._objects[key] = (tree, self._writes)


def named(tree: Tree) -> ObjectId:
    """The name of a manifest's object."""
    metadata: dict[str, Any] = tree.get("metadata") or {}
    return ObjectId(
        str(tree.get("apiVersion", "")), str(tree.get("kind", "")), str(metadata.get("namespace", "")),
        str(metadata.get("name", "")),
    )  # fmt: skip


def _key(named: ObjectId) -> Key:
    return (named.api_version.rpartition("/")[0], named.kind, named.namespace, named.name)


def _tidy(tree: Tree) -> Tree:
    """Without tables in metadata that say nothing any more, as the API server leaves them out."""
    metadata = tree.get("metadata")
    if not isinstance(metadata, dict):
        return tree
    kept = {key: value for key, value in metadata.items() if value or key not in {"labels", "annotations"}}
    return {**tree, "metadata": kept}

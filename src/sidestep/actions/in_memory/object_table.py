"""The objects of a mesh by name: those of touched kinds can be exchanged, the others stay the very same tuples."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from sidestep.model.build import known_kind
from sidestep.model.in_order import Apart, InOrder, InPieces
from sidestep.model.kinds import NAMESPACE, Kind
from sidestep.model.mesh import Mesh, place_of_object
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource

Key = tuple[str, str]
_Rows = dict[Key | int, Resource[Any]]
_OTHERS = ""
_MANY = 1024
"""Of so many objects a mesh has pieces that it shares with those before it: to copy them all, each must be touched."""


class ObjectTable:
    """Objects of one mesh; takes each kind apart only when it is first asked about."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._in_order = mesh.is_in_order
        self._tables: dict[str, _Table] = {}
        self._resources: Mapping[str, Sequence[Resource[Any]]] | None = mesh.resources

    def find(self, name: ObjectId) -> Resource[Any] | None:
        """An object, in whichever version of its group it stands."""
        kind = known_kind(name.api_version, name.kind)
        found = self.of_kind(kind, name.namespace, name.name) if kind else None
        return found or self._table(_OTHERS).rows.get(_other_key(name))

    def of_kind(self, kind: Kind[Any], namespace: str, name: str) -> Resource[Any] | None:
        """An object of a kind that we know."""
        return self._table(kind.key).rows.get(_key(kind, namespace, name))

    def namespace_labels(self, namespace: str) -> Labels | None:
        """Labels of a namespace; None when it was not read."""
        found = self.of_kind(NAMESPACE, "", namespace)
        return found.meta.labels if found else None

    def put(self, resource: Resource[Any]) -> None:
        """Add an object, or exchange it in its place."""
        kind = known_kind(resource.api_version, resource.kind)
        if kind is None or resource.view is None:
            self._table(_OTHERS).put(_other_key(resource.id), resource)
        else:
            self._table(_OTHERS).drop(_other_key(resource.id))
            self._table(kind.key).put(_key(kind, resource.meta.namespace, resource.meta.name), resource)
        self._resources = None

    def drop(self, name: ObjectId) -> None:
        """Take an object away."""
        kind = known_kind(name.api_version, name.kind)
        if kind:
            self._table(kind.key).drop(_key(kind, name.namespace, name.name))
        self._table(_OTHERS).drop(_other_key(name))
        self._resources = None

    def resources(self) -> Mapping[str, Sequence[Resource[Any]]]:
        """Typed objects by `Kind.key`: the very same mapping while nothing changes."""
        if self._resources is None:
            touched = {key: table.values() for key, table in self._tables.items() if table.changed and key != _OTHERS}
            found = {key: found for key, found in {**self._mesh.resources, **touched}.items() if found}
            self._resources = dict(sorted(found.items())) if self._in_order else found
        return self._resources

    def changed(self) -> Iterator[tuple[str, Sequence[Resource[Any]], Apart[Resource[Any]]]]:
        """By kind, what there was in order when somebody asked this last, and how that differs from what is there."""
        for key, table in self._tables.items():
            if table.ordered is not None and table.ordered.is_changed:
                yield key, *table.ordered.changed()

    def others(self) -> tuple[Resource[None], ...]:
        """Objects of kinds that we do not know."""
        table = self._tables.get(_OTHERS)
        return tuple(table.values()) if table and table.changed else self._mesh.others

    def _table(self, key: str) -> "_Table":
        table = self._tables.get(key)
        if table is None:
            found = self._mesh.others if key == _OTHERS else self._mesh.resources.get(key, ())
            rows = _rows(found, others=key == _OTHERS)
            many = InPieces if len(found) > _MANY else InOrder
            ordered = many(found, place_of_object) if self._in_order and key != _OTHERS else None
            table = self._tables[key] = _Table(rows, ordered)
        return table


class _Table(Struct):
    """The objects of one kind, in the order in which they were read; those without a name are only carried.

    Attributes:
        rows: by name.
        ordered: all of them, where the mesh is in order; None where it is not.
        changed: whether they are others than in the mesh.
        cached: all of them.
    """

    rows: _Rows
    ordered: InOrder[Resource[Any]] | None = None
    changed: bool = False
    cached: Sequence[Resource[Any]] | None = None

    def put(self, key: Key, resource: Resource[Any]) -> None:
        """Add or exchange."""
        self._exchange(self.rows.get(key), resource)
        self.rows[key] = resource

    def drop(self, key: Key) -> None:
        """Take away, if it is there."""
        old = self.rows.pop(key, None)
        if old is not None:
            self._exchange(old, None)

    def values(self) -> Sequence[Resource[Any]]:
        """All of them."""
        if self.cached is None:
            self.cached = tuple(self.rows.values()) if self.ordered is None else self.ordered.all()
        return self.cached

    def _exchange(self, old: Resource[Any] | None, new: Resource[Any] | None) -> None:
        self.changed, self.cached = True, None
        if self.ordered is not None:
            self.ordered.exchange(old, new)


def _rows(found: Iterable[Resource[Any]], *, others: bool) -> _Rows:
    rows: _Rows = {}
    for number, resource in enumerate(found):
        key = _other_key(resource.id) if others else (resource.meta.namespace, resource.meta.name)
        rows[key if resource.meta.name and key not in rows else number] = resource
    return rows


def _key(kind: Kind[Any], namespace: str, name: str) -> Key:
    return ((namespace or "default") if kind.namespaced else "", name)


def _other_key(name: ObjectId) -> Key:
    group, _, _ = name.api_version.rpartition("/")
    return f"{group}/{name.kind}/{name.namespace}", name.name

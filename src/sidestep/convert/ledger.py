"""What becomes of each object as rewrites follow one another: its state at once, and its state at the end."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.convert.deltas import carried
from sidestep.convert.rewrite import Change, ChangeKind, Loss, Severity, Tree
from sidestep.model.build import carried as untyped
from sidestep.model.build import known_kind, typed
from sidestep.model.kinds import Kind
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource

Key = tuple[str, str, str, str]
"""Group, kind, namespace and name: an object is the same in whichever version it is written."""


class _Entry(Struct):
    """One object on its way."""

    object: ObjectId
    first: Tree | None
    now: Tree | None
    then: Tree | None
    origin: ObjectId
    early: list[str]
    late: list[str]
    source: ObjectId | None = None


class Ledger:
    """The objects of one mesh that rewrites change."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._entries: dict[Key, _Entry] = {}
        self._contested: dict[Loss, None] = {}

    @cached_property
    def _others(self) -> dict[Key, Resource[Any]]:
        return {key_of(each.id): each for each in self._mesh.others}

    @property
    def contested(self) -> tuple[Loss, ...]:
        """Objects that rewrites of two objects make, and not alike."""
        return tuple(self._contested)

    def now(self, resource: Resource[Any]) -> Resource[Any] | None:
        """An object as it stands at once; None for one that is gone.

        Raises:
            msgspec.MsgspecError: a rewrite gave a field another type than the API's.
        """
        entry = self._entries.get(key_of(resource.id))
        if entry is None or entry.now == entry.first:
            return resource
        if entry.now is None:
            return None
        kind = known_kind(resource.api_version, resource.kind)
        raw, read = msgspec.json.encode(entry.now), (resource.api_version, resource.kind, resource.origin)
        return untyped(raw, *read) if kind is None else typed(kind, raw, *read)

    def enter(self, change: Change, seen: Resource[Any]) -> None:
        """Take a change over.

        Args:
            change: of any object.
            seen: the object that the rewrite was given, as the mesh has it.
        """
        entry = self._entry(change)
        own = key_of(seen.id) == key_of(change.object)
        base = entry.now if own else entry.first
        if base is None and not own:
            self._note_contest(entry, change, seen)
        manifest = None if change.kind is ChangeKind.REMOVE else change.manifest
        if not change.late:
            entry.now = _after(base, manifest, entry.now)
            _note(entry.early, change.rule)
        entry.then = _after(base, manifest, entry.then)
        if change.late:
            _note(entry.late, change.rule)
        entry.origin, entry.source = change.origin, seen.id

    def changes(self) -> Iterator[Change]:
        """What differs in the end, by object."""
        for _, entry in sorted(self._entries.items()):
            yield from _differing(entry, entry.first, entry.now, late=False)
            yield from _differing(entry, entry.now, entry.then, late=True)

    def _entry(self, change: Change) -> _Entry:
        key = key_of(change.object)
        if key not in self._entries:
            standing = self._standing(change.object)
            tree = standing.tree() if standing is not None and standing.body else None
            identity = standing.id if standing is not None else change.object
            self._entries[key] = _Entry(identity, tree, tree, tree, change.origin, [], [])
        return self._entries[key]

    def _standing(self, named: ObjectId) -> Resource[Any] | None:
        kind: Kind[Any] | None = known_kind(named.api_version, named.kind)
        if kind is not None:
            found = self._mesh.find(kind, named.namespace if kind.namespaced else "", named.name)
            if found is not None:
                return found
        return self._others.get(key_of(named))

    def _note_contest(self, entry: _Entry, change: Change, seen: Resource[Any]) -> None:
        """One name for what two objects ask for: the later one stands, and it is said."""
        stands = entry.then if change.late else entry.now
        if entry.source in (None, seen.id) or stands is None or _says(stands) == _says(change.manifest):
            return
        loss = Loss(
            change.object, "spec", f"rewriting {entry.source} makes it too, with another content",
            f"both would have the same name; that of {seen.id} stands", "rename one of the two objects",
            Severity.SECURITY, change.rule,
        )  # fmt: skip
        self._contested[loss] = None


def key_of(named: ObjectId) -> Key:
    """What names an object, whatever its version."""
    return named.api_version.rpartition("/")[0], named.kind, named.namespace, named.name


def _says(tree: Tree | None) -> Tree:
    """All but the metadata, which tells the origin."""
    return {name: value for name, value in (tree or {}).items() if name != "metadata"}


def _after(base: Tree | None, manifest: Tree | None, standing: Tree | None) -> Tree | None:
    """What a change makes of what stands; what is gone stays so, unless a rewrite makes it anew."""
    if manifest is None or base is None:
        return manifest
    return None if standing is None else carried(base, manifest, standing)


def _note(codes: list[str], code: str) -> None:
    if code not in codes:
        codes.append(code)


def _differing(entry: _Entry, before: Tree | None, after: Tree | None, *, late: bool) -> Iterator[Change]:
    if before == after:
        return
    kind = ChangeKind.REMOVE if after is None else ChangeKind.ADD if before is None else ChangeKind.REPLACE
    codes = entry.late if late else entry.early
    yield Change(kind, entry.object, after, entry.origin, ", ".join(codes or entry.late), late)

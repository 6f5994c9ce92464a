"""Patches of kustomizations: whose object they may touch, and which of its fields."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from sidestep.convert.editing.chunks import chunks
from sidestep.convert.editing.document import read_value
from sidestep.convert.editing.operations import Operation, as_patch, operations
from sidestep.convert.editing.written import Manner, lines
from sidestep.convert.repository.values import joined
from sidestep.convert.rewrite import Tree
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId

_JSON6902 = "patchesJson6902"
_EVERYTHING = ("",)
_IDENTITY = frozenset({"/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"})


class Patch(Struct, frozen=True):
    """A patch of a kustomization.

    Attributes:
        kind: expression for the kinds that it is for; empty for any.
        name: expression for names; empty for any.
        fields: JSON pointers to what it touches; the empty one is the whole object.
        late: made after everything else that the kustomization does.
    """

    kind: str
    name: str
    fields: tuple[str, ...]
    late: bool = False

    def may_be_for(self, kind: str, names: tuple[str, ...]) -> bool:
        """Whether it may be for an object, by any of the names that it has on its way."""
        return _fits(self.kind, kind) and any(_fits(self.name, name) for name in names)

    def touches(self, fields: tuple[str, ...]) -> str:
        """The first of some fields that it may touch; any of them, or of its own, may be part of the other."""
        return next((own or "all of it" for own in self.fields for field in fields if overlap(own, field)), "")


def patches_of(tree: Tree, folder: str, files: Mapping[str, str]) -> tuple[Patch, ...]:
    """The patches of a kustomization."""
    found: list[Patch] = []
    for field in ("patches", _JSON6902):
        for each in trees(tree.get(field)):
            text, target = _text(each, folder, files), each.get("target")
            found += _patches(text, target if isinstance(target, dict) else None, late=field == _JSON6902)
    for named in texts(tree.get("patchesStrategicMerge")):
        found += _patches(named if "\n" in named else files.get(joined(folder, named)), None)
    return tuple(found)


def patch_files(tree: Tree, folder: str, files: Mapping[str, str]) -> Iterator[str]:
    """Files that hold patches of a kustomization, and no objects."""
    named = [each.get("path") for field in ("patches", _JSON6902) for each in trees(tree.get(field))]
    for path in texts([*named, *texts(tree.get("patchesStrategicMerge"))]):
        if joined(folder, path) in files:
            yield joined(folder, path)


def entry_of(target: ObjectId, before: Tree, after: Tree | None) -> Tree:
    """An entry of `patches` that changes, or removes, an object.

    What changes only in mappings is said as the object says it; what changes in lists, as operations, since a list of a
    kind that Kustomize does not know would be replaced as a whole.

    Args:
        target: as it is called where the patch is made.
        before: as it is rendered.
        after: as it is to be rendered; None if it goes.
    """
    group, _, version = target.api_version.rpartition("/")
    chosen = {**({"group": group} if group else {}), "version": version, "kind": target.kind}
    chosen |= {"name": _exactly(target.name)} | ({"namespace": _exactly(target.namespace)} if target.namespace else {})
    named: Tree = {"apiVersion": target.api_version, "kind": target.kind, "metadata": {"name": target.name}}
    if after is None:
        return {"target": chosen, "patch": _written({**named, "$patch": "delete"})}
    changes = operations(before, after)
    if any(_in_list(each, before) for each in changes):
        return {"target": chosen, "patch": as_patch(before, after) + "\n"}
    return {"target": chosen, "patch": _written(_merged(named, _merge(before, after)))}


def overlap(one: str, other: str) -> bool:
    """Whether of two JSON pointers one may be to a part of what the other is to; places in lists may move."""
    pairs = zip(one.split("/")[1:], other.split("/")[1:], strict=False)
    return all(a == b or (_is_place(a) and _is_place(b)) for a, b in pairs)


def texts(value: Any) -> list[str]:
    """The texts of a list; none for anything else."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def trees(value: Any) -> list[Tree]:
    """The mappings of a list; none for anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _patches(text: str | None, target: Tree | None, *, late: bool = False) -> Iterator[Patch]:
    """The patches of a text; one that may touch everything where it cannot be read."""
    chosen = target or {}
    kind, name = (str(chosen.get(field) or "") for field in ("kind", "name"))
    try:
        values = None if text is None else [read_value(each.text) for each in chunks(text) if each.number]
    except WorldError:
        values = None
    if values is None:
        yield Patch(kind, name, _EVERYTHING, late)
        return
    for value in values:
        if isinstance(value, list):
            yield Patch(kind, name, tuple(str(each.get("path")) for each in trees(value)), late)
        elif isinstance(value, dict) and target is not None:
            yield Patch(kind, name, tuple(_fields(value, "")), late)
        elif isinstance(value, dict):
            meta = value.get("metadata")
            own = str(meta.get("name", "")) if isinstance(meta, dict) else ""
            yield Patch(_exactly(str(value.get("kind"))), _exactly(own), tuple(_fields(value, "")), late)


def _text(entry: Tree, folder: str, files: Mapping[str, str]) -> str | None:
    inline, path = entry.get("patch"), entry.get("path")
    if isinstance(inline, str):
        return inline
    return files.get(joined(folder, path)) if isinstance(path, str) else None


def _fields(value: Any, path: str) -> Iterator[str]:
    """What a strategic merge patch says; lists as a whole."""
    if isinstance(value, dict) and "$patch" in value:
        yield path
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _fields(member, f"{path}/{name.replace('~', '~0').replace('/', '~1')}")
    elif path not in _IDENTITY:
        yield path


def _fits(expression: str, text: str) -> bool:
    try:
        return not expression or re.fullmatch(expression, text) is not None
    except re.error:
        return True


def _exactly(name: str) -> str:
    """An expression for a name: of what names are made of, only dots mean more than themselves."""
    return name.replace(".", r"\.")


def _is_place(part: str) -> bool:
    return part.isdigit() or part == "-"


def _in_list(change: Operation, tree: Any) -> bool:
    if isinstance(change.get("value"), list):
        return True
    for part in str(change["path"]).split("/")[1:]:
        if isinstance(tree, list):
            return True
        tree = tree.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(tree, dict) else None
    return isinstance(tree, list)


def _merge(before: Tree, after: Tree) -> Tree:
    """A merge patch of mappings: what goes is null."""
    found: Tree = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            inner = _merge(old, value)
            found |= {name: inner} if inner else {}
        elif name not in before or old != value:
            found[name] = value
    return found


def _merged(named: Tree, patch: Tree) -> Tree:
    meta = {**named["metadata"], **patch.get("metadata", {})}
    return {**named, **patch, "metadata": meta}


def _written(tree: Tree) -> str:
    return "\n".join(lines(tree, Manner())) + "\n"

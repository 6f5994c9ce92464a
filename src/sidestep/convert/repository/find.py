"""Find the file that says an object."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache, cached_property
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.convert.editing.alignment import same
from sidestep.convert.editing.chunks import chunks
from sidestep.convert.editing.document import read_value
from sidestep.convert.repository.helm import CHART, VALUES, chart_of
from sidestep.convert.repository.kustomize import NAMES, Kustomizations, Way
from sidestep.convert.repository.values import Located, Repository, folder_of, joined
from sidestep.convert.repository.ways import becomes, names_on
from sidestep.convert.rewrite import Tree
from sidestep.errors import WorldError
from sidestep.model.build import without_nulls
from sidestep.model.metadata import ObjectId
from sidestep.model.origin import FileOrigin
from sidestep.model.resource import Resource

_encode = msgspec.json.Encoder(order="sorted").encode
_MANIFESTS = (".yaml", ".yml", ".json", ".injected")
_Named = tuple[str, str, str]
"""Group, kind and name."""


class Standing(Struct, frozen=True):
    """An object of the repository that is, or becomes, one that is asked for.

    Attributes:
        located: where it stands.
        ways: on which it becomes that one; none where no kustomization lists its file.
        others: on which it becomes another.
    """

    located: Located
    ways: tuple[Way, ...]
    others: tuple[Way, ...]


class Finder:
    """Objects of a repository by who they are.

    Args:
        repository: in which.
        kustomizations: of it.
    """

    def __init__(self, repository: Repository, kustomizations: Kustomizations) -> None:
        self._repository = repository
        self._kustomizations = kustomizations
        self.values = cache(self._said)
        self._in_file = cache(self._read)
        self._by_content = cache(self._encoded)
        self.ways = cache(kustomizations.ways)

    def at_origin(self, resource: Resource[Any]) -> Located | None:
        """The object where it was read, if that was a plain file of the repository.

        Its file may say null besides, which is read as nothing.
        """
        origin = resource.origin
        if not isinstance(origin, FileOrigin) or origin.path not in self._plain:
            return None
        tree = resource.tree()
        found = self._by_content(origin.path).get((origin.document, _encode(tree)))
        if found is not None:
            return found
        there = [each for each in self._in_file(origin.path) if each.document == origin.document]
        return next((each for each in there if same(each.tree, tree) or same(without_nulls(each.tree), tree)), None)

    def rendered_from(self, identity: ObjectId) -> list[Standing]:
        """Plain objects that are, or through their kustomizations become, the one of an identity."""
        group = identity.api_version.rpartition("/")[0]
        named = self._by_name.get((group, identity.kind, identity.name), [])
        found = (self._standing(each, identity) for each in named)
        return [each for each in found if each is not None]

    def told_again(self, located: Located, identity: ObjectId) -> list[Located]:
        """Other plain objects that say they are the same one: nobody can tell here which of them is applied."""
        group = identity.api_version.rpartition("/")[0]
        named = self._by_name.get((group, identity.kind, identity.name), [])
        return [each for each in named if each is not located and _space_of(each.tree) in _read_as(identity)]

    def is_patch(self, path: str) -> bool:
        """Whether a file holds a patch of a kustomization."""
        return path in self._kustomizations.patch_files

    def alone_in(self, folder: str) -> dict[str, Tree]:
        """Objects of a folder that have a file of their own, by its name."""
        here = ((path, self._in_file(path)) for path in self._by_folder.get(folder, []))
        return {path.rpartition("/")[2]: each.tree for path, found in here for each in found if each.alone}

    @cached_property
    def _plain(self) -> frozenset[str]:
        """Files of whole objects: no templates, no patches, nothing of the tools' own."""
        return frozenset(path for path in self._repository.files if self._is_plain(path))

    def _is_plain(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        is_of_chart = name in (CHART, VALUES) and joined(folder_of(path), CHART) in self._repository.files
        is_own = name in NAMES or is_of_chart or chart_of(self._repository, path) is not None
        return path.endswith(_MANIFESTS) and not is_own and not self.is_patch(path)

    @cached_property
    def _by_folder(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in sorted(self._plain):
            found.setdefault(folder_of(path), []).append(path)
        return found

    @cached_property
    def _by_name(self) -> dict[_Named, list[Located]]:
        """By each name that an object is rendered with."""
        found: dict[_Named, list[Located]] = {}
        for each in (each for path in sorted(self._plain) for each in self._in_file(path)):
            kind, group = str(each.tree.get("kind")), str(each.tree.get("apiVersion", "")).rpartition("/")[0]
            for name in self._names(each, kind):
                found.setdefault((group, kind, name), []).append(each)
        return found

    def _names(self, located: Located, kind: str) -> frozenset[str]:
        meta = located.tree.get("metadata")
        name = str(meta.get("name", "")) if isinstance(meta, dict) else ""
        ways = self.ways(located.path)
        return frozenset(names_on(way, kind, name)[-1] for way in ways) if ways else frozenset({name})

    def _read(self, path: str) -> tuple[Located, ...]:
        return tuple(_objects(path, self.values(path)))

    def _said(self, path: str) -> dict[int, Any]:
        return dict(_values(path, self._repository))

    def _encoded(self, path: str) -> dict[tuple[int, bytes], Located]:
        """Objects of a file by document and content: a list may hold thousands."""
        return {(each.document, _encode(each.tree)): each for each in self._in_file(path)}

    def _standing(self, located: Located, identity: ObjectId) -> Standing | None:
        meta = located.tree.get("metadata")
        if not isinstance(meta, dict):
            return None
        name, namespace = str(meta.get("name", "")), str(meta.get("namespace") or "")
        every = self.ways(located.path)
        if not every:
            is_it = name == identity.name and namespace in ("", identity.namespace)
            return Standing(located, (), ()) if is_it else None
        ways = tuple(each for each in every if becomes(each, identity.kind, name, namespace, identity))
        return Standing(located, ways, tuple(each for each in every if each not in ways)) if ways else None


def _space_of(tree: Tree) -> str:
    meta = tree.get("metadata")
    return str(meta.get("namespace") or "") if isinstance(meta, dict) else ""


def _read_as(identity: ObjectId) -> tuple[str, ...]:
    """What a file may say for a namespace: who names none is read as of the one that is called default."""
    return (identity.namespace, "") if identity.namespace == "default" else (identity.namespace,)


def _values(path: str, repository: Repository) -> Iterator[tuple[int, Any]]:
    """What the documents of a file say, as far as they can be read, by number."""
    for piece in chunks(repository.files[path]):
        known = repository.documents.get((path, piece.number))
        if known is not None:
            yield piece.number, msgspec.json.decode(known)
        elif piece.number:
            with suppress(WorldError):
                yield piece.number, read_value(piece.text, path)


def _objects(path: str, values: Mapping[int, Any]) -> Iterator[Located]:
    found = [(number, tree) for number, value in values.items() for tree in _trees(value)]
    for number, tree in found:
        yield Located(path, number, tree, len(found) == 1)


def _trees(value: Any) -> list[Tree]:
    members = value if isinstance(value, list) else [value]
    found: list[Tree] = []
    for member in members:
        items = member.get("items") if isinstance(member, dict) and str(member.get("kind")).endswith("List") else None
        declared = {"apiVersion": member.get("apiVersion"), "kind": str(member["kind"])[:-4]} if items else {}
        inner = items if isinstance(items, list) else [member]
        found += [each if "kind" in each else {**declared, **each} for each in inner if isinstance(each, dict)]
    return found

"""Find the file that says an object."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from sidestep.convert.editing.alignment import same
from sidestep.convert.editing.chunks import chunks
from sidestep.convert.editing.document import read_value
from sidestep.convert.repository.helm import chart_of
from sidestep.convert.repository.kustomize import NAMES, Kustomizations
from sidestep.convert.repository.values import Located, Repository
from sidestep.convert.rewrite import Tree
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId
from sidestep.model.origin import FileOrigin
from sidestep.model.resource import Resource


class Finder:
    """Objects of a repository by who they are.

    Args:
        repository: in which.
        kustomizations: of it.
    """

    def __init__(self, repository: Repository, kustomizations: Kustomizations) -> None:
        self._repository = repository
        self._kustomizations = kustomizations

    def at_origin(self, resource: Resource[Any]) -> Located | None:
        """The object where it was read, if that was a plain file of the repository."""
        origin = resource.origin
        if not isinstance(origin, FileOrigin) or origin.path not in self._plain:
            return None
        tree = resource.tree()
        found = list(_objects(origin.path, self._repository.files[origin.path]))
        here = [each for each in found if each.document == origin.document and same(each.tree, tree)]
        return here[0] if here else None

    def rendered_from(self, identity: ObjectId) -> list[Located]:
        """Plain objects that are, or through their kustomizations become, the one of an identity."""
        return [each for each in self._all if self._becomes(each, identity)]

    @cached_property
    def _plain(self) -> frozenset[str]:
        """Files of whole objects: no templates, no patches, nothing of the tools' own."""
        return frozenset(
            path
            for path in self._repository.files
            if path.endswith((".yaml", ".yml", ".json", ".injected"))
            and path.rpartition("/")[2] not in (*NAMES, "Chart.yaml", "values.yaml")
            and path not in self._kustomizations.patch_files
            and chart_of(self._repository, path) is None
        )

    @cached_property
    def _all(self) -> list[Located]:
        return [each for path in sorted(self._plain) for each in _objects(path, self._repository.files[path])]

    def alone_in(self, folder: str) -> dict[str, Tree]:
        """Objects of a folder that have a file of their own, by its name."""
        return {
            each.path.rpartition("/")[2]: each.tree
            for each in self._all
            if each.alone and each.path.rpartition("/")[0] == folder
        }

    def is_patch(self, path: str) -> bool:
        """Whether a file holds a patch of a kustomization."""
        return path in self._kustomizations.patch_files

    def _becomes(self, located: Located, identity: ObjectId) -> bool:
        meta = located.tree.get("metadata")
        group = str(located.tree.get("apiVersion", "")).rpartition("/")[0]
        if not isinstance(meta, dict) or located.tree.get("kind") != identity.kind:
            return False
        name, namespace = str(meta.get("name", "")), str(meta.get("namespace") or "")
        for each in self._kustomizations.above(located.path):
            prefix, suffix = each.affixes
            name, namespace = f"{prefix}{name}{suffix}", str(each.tree.get("namespace") or namespace)
        return (
            group == identity.api_version.rpartition("/")[0]
            and name == identity.name
            and namespace in ("", identity.namespace)
        )


def _objects(path: str, text: str) -> Iterator[Located]:
    """All objects of a file, as far as it can be read."""
    found = [(piece.number, tree) for piece in chunks(text) if piece.number for tree in _trees(piece.text, path)]
    for number, tree in found:
        yield Located(path, number, tree, len(found) == 1)


def _trees(text: str, path: str) -> list[Tree]:
    try:
        value = read_value(text, path)
    except WorldError:
        return []
    members = value if isinstance(value, list) else [value]
    found: list[Tree] = []
    for member in members:
        items = member.get("items") if isinstance(member, dict) and str(member.get("kind")).endswith("List") else None
        declared = {"apiVersion": member.get("apiVersion"), "kind": str(member["kind"])[:-4]} if items else {}
        inner = items if isinstance(items, list) else [member]
        found += [each if "kind" in each else {**declared, **each} for each in inner if isinstance(each, dict)]
    return found

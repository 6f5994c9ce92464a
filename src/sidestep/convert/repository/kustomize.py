"""Kustomizations: what they take in, and how a change gets into one.

Fields: Kustomize's reference, kustomization file (`resources`, `components`, `patches`, `patchesStrategicMerge`,
`patchesJson6902`, `namePrefix`, `nameSuffix`, `namespace`).
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from sidestep.convert.editing.document import read_value
from sidestep.convert.editing.operations import as_patch
from sidestep.convert.editing.written import Manner, lines
from sidestep.convert.repository.values import Repository, folder_of, joined
from sidestep.convert.rewrite import Tree
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_TAKEN_IN = ("resources", "bases", "components")
_MAKES_MORE = ("helmCharts", "helmChartInflationGenerator", "generators", "configMapGenerator", "secretGenerator")


class Kustomization(Struct, frozen=True):
    """One kustomization.

    Attributes:
        path: of its file.
        tree: what it says.
        takes: paths of files and folders that it takes in.
        patches: paths of the files that hold its patches.
    """

    path: str
    tree: Tree
    takes: tuple[str, ...]
    patches: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Where it stands."""
        return folder_of(self.path)

    @property
    def affixes(self) -> tuple[str, str]:
        """What it puts before and after names."""
        return str(self.tree.get("namePrefix") or ""), str(self.tree.get("nameSuffix") or "")


class Kustomizations:
    """All kustomizations of a repository."""

    def __init__(self, repository: Repository) -> None:
        self._files = repository.files
        found = (_read(path, text) for path, text in repository.files.items() if path.rpartition("/")[2] in NAMES)
        self._by_folder = {each.folder: each for each in found if each is not None}
        self.patch_files = {path for each in self._by_folder.values() for path in each.patches}

    def listing(self, path: str) -> list[Kustomization]:
        """Those that take a file in."""
        return [each for each in self._by_folder.values() if path in each.takes]

    def in_folder(self, folder: str) -> Kustomization | None:
        """The one of a folder."""
        return self._by_folder.get(folder)

    def above(self, path: str) -> list[Kustomization]:
        """All through which a file goes, from the one that lists it up to the outermost."""
        found: list[Kustomization] = []
        waiting = self.listing(path)
        while waiting:
            each = waiting.pop(0)
            if each not in found:
                found.append(each)
                waiting += [outer for outer in self._by_folder.values() if each.folder in outer.takes]
        return found

    def roots(self, namespace: str) -> list[Kustomization]:
        """The outermost that may render objects of a namespace."""
        taken = {path for each in self._by_folder.values() for path in each.takes}
        outermost = [each for each in self._by_folder.values() if each.folder not in taken]
        return [each for each in outermost if each.tree.get("namespace") in (None, "", namespace)]

    def makes_more(self, root: Kustomization) -> bool:
        """Whether it renders what no file of the repository says: remote resources, charts, generators."""
        if any(root.tree.get(name) for name in _MAKES_MORE):
            return True
        inner = [self._by_folder.get(path) for path in root.takes if path not in self._files]
        return any(each is None or self.makes_more(each) for each in inner if each is not root)


def with_resources(kustomization: Tree, added: Iterable[str], removed: Iterable[str], folder: str) -> Tree:
    """A kustomization that takes in other files, by their paths seen from its folder."""
    gone = set(removed)
    kept = [each for each in _texts(kustomization.get("resources")) if joined(folder, each) not in gone]
    return {**kustomization, "resources": [*kept, *added]}


def patch_of(identity: ObjectId, before: Tree, after: Tree | None) -> Tree:
    """An entry of `patches` that changes, or removes, an object."""
    group, _, version = identity.api_version.rpartition("/")
    target = {**({"group": group} if group else {}), "version": version, "kind": identity.kind, "name": identity.name}
    if after is not None:
        return {"target": target, "patch": as_patch(before, after) + "\n"}
    meta = {"name": identity.name}
    removal = {"apiVersion": identity.api_version, "kind": identity.kind, "metadata": meta, "$patch": "delete"}
    return {"target": target, "patch": "\n".join(lines(removal, Manner())) + "\n"}


def _read(path: str, text: str) -> Kustomization | None:
    try:
        tree = read_value(text, path)
    except WorldError:
        return None
    if not isinstance(tree, dict):
        return None
    folder = folder_of(path)
    takes = [
        joined(folder, each) if "://" not in each else each for name in _TAKEN_IN for each in _texts(tree.get(name))
    ]
    named = [each.get("path") for name in ("patches", "patchesJson6902") for each in _trees(tree.get(name))]
    patches = _texts([*named, *_texts(tree.get("patchesStrategicMerge"))])
    return Kustomization(path, tree, tuple(takes), tuple(joined(folder, each) for each in patches))


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _trees(value: Any) -> list[Tree]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []

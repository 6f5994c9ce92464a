"""Walk a folder of manifests: what is to be read, and what must be rendered first."""

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from sidestep.model.gaps import Remark
from sidestep.sources.archive import ARCHIVES

_MANIFESTS = (".yaml", ".yml", ".json", ".jsonl", ".injected")
READ = (*_MANIFESTS, *(f"{suffix}.gz" for suffix in _MANIFESTS), *ARCHIVES)
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CHART = "Chart.yaml"
_TEMPLATES = "templates"


class Unrendered(Struct, frozen=True):
    """A source of manifests that somebody must render, or rename, before they can be read."""

    place: str
    what: str
    remedy: str


class Folder(Struct, frozen=True):
    """A folder that was looked into: what there is to be read is the same while all of them are."""

    place: str


Found = Path | Unrendered | Remark


def walk(root: Path) -> Iterator[Found]:
    """All files to read below a folder, in the order of their names.

    Hidden folders are left out. Templates of a Helm chart and kustomizations are named once each, not guessed; plain
    manifests beside them are read. Links that leave the folder are not followed.
    """
    return (found for found in walk_folders(root) if not isinstance(found, Folder))


def walk_folders(root: Path) -> Iterator[Found | Folder]:
    """The same, with each folder before what it holds."""
    home = root.resolve()
    for folder, folders, files in os.walk(root):
        yield Folder(folder)
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from _unrendered(here, folders, files)
        for name in sorted(files):
            path = here / name
            if not name.endswith(READ) or name in (*_KUSTOMIZATIONS, _CHART):
                continue
            yield _found(path, home)


def _found(path: Path, home: Path) -> Found:
    """A file, or why it is not read."""
    name = os.fspath(path)
    if path.is_symlink() and not _stays(path, home):
        return Remark(name, "a link that leaves the folder was not followed")
    return path if path.is_file() else Remark(name, "is no regular file and was not read")


def _unrendered(here: Path, folders: list[str], files: list[str]) -> Iterator[Unrendered]:
    if _CHART in files and _TEMPLATES in folders:
        folders.remove(_TEMPLATES)
        yield Unrendered(os.fspath(here), "a Helm chart", f"render it first: helm template {here}")
    if any(name in files for name in _KUSTOMIZATIONS):
        yield Unrendered(os.fspath(here), "a kustomization", f"render it first: kubectl kustomize {here}")


def _stays(path: Path, home: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(home)
    except (OSError, RuntimeError):
        return False

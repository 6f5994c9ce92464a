"""Walk a folder of manifests: what is to be read, and what must be rendered first."""

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.sources.archive import ARCHIVES

_MANIFESTS = (".yaml", ".yml", ".json", ".jsonl", ".injected")
READ = (*_MANIFESTS, *(f"{suffix}.gz" for suffix in _MANIFESTS), *ARCHIVES)
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CHART = "Chart.yaml"
_TEMPLATES = "templates"
STAGED = ".sidestep-staged"
"""The journal of who edits a folder of manifests; one that lies there was left by a run that was cut off."""
_LEAVES = "a link that leaves the folder was not followed"


class Unrendered(Struct, frozen=True):
    """A source of manifests that somebody must render, or rename, before they can be read."""

    place: str
    what: str
    remedy: str


Found = Path | Unrendered | Gap | Remark


class Folder(Struct, frozen=True):
    """What is in one folder.

    Attributes:
        found: what is to be read, and what is not, in the order of their names.
        folders: to be looked into too, in the same order.
    """

    found: tuple[Found, ...] = ()
    folders: tuple[str, ...] = ()


def walk(root: Path) -> Iterator[Found]:
    """All files to read below a folder, in the order of their names.

    Hidden folders are left out. Templates of a Helm chart and kustomizations are named once each, not guessed; plain
    manifests beside them are read. Links that leave the folder are not followed.
    """
    home, waiting = root.resolve(), [os.fspath(root)]
    while waiting:
        folder = look_into(waiting.pop(), home)
        yield from folder.found
        waiting.extend(reversed(folder.folders))


def look_into(place: str, home: Path) -> Folder:
    """One folder of such a walk; nothing, where it cannot be looked into.

    Args:
        place: of the folder.
        home: where the walk began, without links on the way there.
    """
    here, folders, files = next(os.walk(place), (place, [], []))
    folders[:] = sorted(name for name in folders if not name.startswith("."))
    found: list[Found] = [*_interrupted(place, files), *_unrendered(Path(here), folders, files)]
    wanted = (name for name in sorted(files) if name.endswith(READ) and name not in (*_KUSTOMIZATIONS, _CHART))
    found += [_found(Path(here) / name, home) for name in wanted]
    below = [os.path.join(place, name) for name in folders]  # noqa: PTH118 - as the walk of folders does it
    links = [each for each in below if os.path.islink(each)]  # noqa: PTH114
    found += [Remark(each, _LEAVES) for each in links if not _stays(Path(each), home)]
    return Folder(tuple(found), tuple(each for each in below if each not in links))


def _interrupted(place: str, files: list[str]) -> Iterator[Gap]:
    """An edit of which some files may be written and others not."""
    if STAGED in files:
        detail = "`sidestep convert --in-place` was cut off, or is at it: some files may be written and others not"
        remedy = f"run it again with the folder {place}: it finishes what was begun, or takes it back"
        yield Gap(place, GapReason.TRUNCATED, detail, remedy)


def _found(path: Path, home: Path) -> Found:
    """A file, or why it is not read."""
    name = os.fspath(path)
    if path.is_symlink() and not _stays(path, home):
        return Remark(name, _LEAVES)
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

"""Meshes beside which somebody stays: of each side of a proof, whether it has changed, and what it is now."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from sidestep.cli.options import SourceOptions
from sidestep.cli.reading import REVISION, SNAPSHOT_SUFFIX, open_source
from sidestep.errors import UsageError
from sidestep.model.mesh import Mesh
from sidestep.sources.files import NO_SUCH, STDIN
from sidestep.sources.held_files import HeldFiles
from sidestep.sources.interface import Report, unheard
from sidestep.sources.snapshot import SnapshotSource, is_snapshot
from sidestep.sources.stamps import Stamp, may_hide_another, stamp_of


class Side(Protocol):
    """One of two meshes; what was seen of it is compared, and nothing else is known of that."""

    changed: tuple[str, ...]
    """What was found to be another when it was read last."""

    def look(self) -> Any:
        """What tells whether it has changed; it costs little."""
        ...

    def holds(self, sight: Any) -> bool:
        """Whether nothing has changed since it was read."""
        ...

    def read(self, sight: Any, report: Report = unheard) -> Mesh:
        """All of it; the very same mesh where nothing is another."""
        ...


class Fixed:
    """A mesh that is read once, whatever becomes of it.

    Args:
        options: which one.
    """

    def __init__(self, options: SourceOptions) -> None:
        self._options = options
        self._mesh: Mesh | None = None
        self.changed: tuple[str, ...] = ()

    def look(self) -> object:
        """Nothing: nobody looks."""

    def holds(self, _sight: object) -> bool:
        """Always, once it was read."""
        return self._mesh is not None

    def read(self, _sight: object, report: Report = unheard) -> Mesh:
        """All of it."""
        if self._mesh is None:
            self._mesh = open_source(self._options).read(report)
        return self._mesh


class Snapshot:
    """A snapshot, read whole when it is another.

    Args:
        path: of the file.
        now: the time, in nanoseconds of the epoch.
    """

    def __init__(self, path: str, now: Callable[[], int] = time.time_ns) -> None:
        self._path, self._now = path, now
        self._stamp: Stamp = None
        self._read = 0
        self._mesh: Mesh | None = None
        self.changed: tuple[str, ...] = ()

    def look(self) -> Stamp:
        """The stamp of the file."""
        return stamp_of(self._path)

    def holds(self, sight: Stamp) -> bool:
        """Whether it is as it was."""
        return bool(self._read) and self._stamp == sight and not may_hide_another(sight, self._read, self._now())

    def read(self, sight: Stamp, report: Report = unheard) -> Mesh:
        """All of it, where it is another."""
        self.changed = ()
        if self._mesh is None or not self.holds(sight):
            self._stamp, self._read = sight, self._now()
            last, self._mesh, self.changed = self._mesh, None, (self._path,)
            self._mesh = SnapshotSource(self._path).read(report)
            if self._mesh == last:
                self._mesh, self.changed = last, ()
        return self._mesh


def contents(paths: Sequence[str]) -> tuple[bytes | None, ...]:
    """What small files say; None for one that cannot be read."""
    return tuple(map(_content, paths))


def _content(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except OSError:
        return None


def sides_of(sources: Sequence[SourceOptions]) -> tuple[Side, ...]:
    """Who watches each of two meshes.

    Raises:
        UsageError: there are not two, or none of them can be watched.
    """
    if len(sources) < 2:
        raise UsageError("only two meshes are watched", where="--watch", remedy="name them with --before and --after")
    sides = tuple(map(_side, sources))
    if all(isinstance(each, Fixed) for each in sides):
        told = "neither mesh can be watched: revisions and clusters are read once"
        raise UsageError(told, where="--watch", remedy="name a file or a folder as one of them")
    return sides


def _side(options: SourceOptions) -> Side:
    paths = options.paths
    if not paths or any(path.startswith(REVISION) for path in paths):
        return Fixed(options)
    for path in paths:
        _check(path)
    if any(path.endswith(SNAPSHOT_SUFFIX) or is_snapshot(path) for path in paths):
        open_source(options)
        return Snapshot(paths[0])
    return HeldFiles(paths)


def _check(path: str) -> None:
    if path == STDIN:
        raise UsageError("stdin cannot be watched", where=path, remedy="save it to a file")
    found = Path(path)
    if not found.exists():
        raise UsageError(NO_SUCH, where=path, remedy="check the path")
    if not (found.is_file() or found.is_dir()):
        raise UsageError("only files and folders can be watched", where=path, remedy="save it to a file")

"""Files that are read again and again: only what has changed is, and the mesh is made anew of what is held.

Whether a file has changed is told by its stamp; one that had changed so shortly before it was read that another change
might not show is read once more when some time has passed. Folders are looked through again when they have changed.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.model.gaps import Gap, Remark
from sidestep.model.mesh import Mesh
from sidestep.model.sharing import groups_of
from sidestep.sources.file_reader import FileReader, told_of_foreign
from sidestep.sources.files import NO_SUCH, note, something, source_info
from sidestep.sources.interface import Report, unheard
from sidestep.sources.objects.builder import MeshBuilder
from sidestep.sources.objects.part import Part
from sidestep.sources.objects.part_builder import PartBuilder
from sidestep.sources.objects.pods import PodDecoder
from sidestep.sources.stamps import Stamp, may_hide_another, stamp_of
from sidestep.sources.tree import Folder, Found, Unrendered, look_into


class Sight(Struct, frozen=True):
    """What files there are at a moment, and what tells that they are as they were.

    Attributes:
        listed: what is found at each path of the user's; None where there is nothing.
        stamps: of the files among it.
    """

    listed: tuple[tuple[Found, ...] | None, ...]
    stamps: Mapping[str, Stamp]


class _Seen(Struct, frozen=True):
    """A folder when it was looked into."""

    stamp: Stamp
    at: int
    folder: Folder


class _Held(Struct, frozen=True):
    """What a file said when it was read."""

    stamp: Stamp
    read: int
    part: Part


class HeldFiles:
    """Manifests in files that change.

    Args:
        paths: files, folders and archives.
        now: the time, in nanoseconds of the epoch.

    Attributes:
        changed: what was found to be another when it was read last.
    """

    def __init__(self, paths: Sequence[str], now: Callable[[], int] = time.time_ns) -> None:
        self._paths, self._now = tuple(paths), now
        self._folders: dict[str, _Seen] = {}
        self._held: dict[str, _Held] = {}
        self._listed: tuple[tuple[Found, ...] | None, ...] = ()
        self._pods = PodDecoder()
        self._mesh: Mesh | None = None
        self._last: Mesh | None = None
        self.changed: tuple[str, ...] = ()

    def look(self) -> Sight:
        """What files there are now; none of them is read."""
        folders, listed = dict[str, _Seen](), tuple[tuple[Found, ...] | None, ...]()
        for path in self._paths:
            listed += (self._found_at(path, folders),)
        self._folders = folders
        files = (os.fspath(found) for each in listed for found in each or () if isinstance(found, Path))
        return Sight(listed, {name: stamp_of(name) for name in files})

    def holds(self, sight: Sight) -> bool:
        """Whether nothing has changed since it was read."""
        if sight.listed != self._listed or sight.stamps.keys() != self._held.keys():
            return False
        now = self._now()
        return not any(self._is_due(name, stamp, now) for name, stamp in sight.stamps.items())

    def read(self, sight: Sight, report: Report = unheard) -> Mesh:
        """Everything that the paths hold, as `FilesSource` reads it; the very same mesh where nothing is another.

        Args:
            sight: what was looked at.
            report: is told how far it has come.

        Raises:
            WorldError: a path does not exist, or none of them holds an object that can be read.
        """
        self.changed = tuple(self._read_again(sight, report))
        if self.changed or self._mesh is None:
            last, self._mesh = self._last, None
            made = self._made()
            self._mesh = self._last = made if last is None else groups_of(made, last)
        return self._mesh

    def _found_at(self, path: str, folders: dict[str, _Seen]) -> tuple[Found, ...] | None:
        """What there is at a path; folders that are as they were are not looked into again."""
        root = Path(path)
        if not root.exists():
            return None
        if not root.is_dir():
            return (root,)
        home, waiting, found = root.resolve(), [path], list[Found]()
        while waiting:
            place = waiting.pop()
            seen = folders[place] = self._looked_into(place, home)
            found += seen.folder.found
            waiting.extend(reversed(seen.folder.folders))
        return tuple(found)

    def _looked_into(self, place: str, home: Path) -> _Seen:
        known, stamp, now = self._folders.get(place), stamp_of(place), self._now()
        if known is not None and known.stamp == stamp and not may_hide_another(stamp, known.at, now):
            return known
        return _Seen(stamp, now, look_into(place, home))

    def _is_due(self, name: str, stamp: Stamp, now: int) -> bool:
        held = self._held.get(name)
        return held is None or held.stamp != stamp or may_hide_another(stamp, held.read, now)

    def _read_again(self, sight: Sight, report: Report) -> Iterator[str]:
        """Read what may have changed, and name what has."""
        now = self._now()
        for name, stamp in sight.stamps.items():
            if self._is_due(name, stamp, now):
                known, part = self._held.get(name), self._part(name, report)
                if known is not None:
                    part = part.like(known.part)
                self._held[name] = _Held(stamp, now, part)
                if known is None or part is not known.part:
                    yield name
        for name in sorted(self._held.keys() - sight.stamps.keys()):
            del self._held[name]
            yield name
        before, self._listed = self._listed, sight.listed
        if before and before != sight.listed:
            yield from sorted(_unread(sight.listed) ^ _unread(before))
            pairs = zip(self._paths, before, sight.listed, strict=True)
            yield from (path for path, one, other in pairs if (one is None) is not (other is None))

    def _part(self, name: str, report: Report) -> Part:
        builder = PartBuilder(self._pods)
        reader = FileReader(builder, report)
        reader.file(Path(name))
        return builder.part(reader.foreign.get(name, 0))

    def _made(self) -> Mesh:
        """The mesh, by the builder that makes all of them."""
        builder, foreign = MeshBuilder(), dict[str, int]()
        for path, listed in zip(self._paths, self._listed, strict=True):
            if listed is None:
                raise WorldError(NO_SUCH, where=path, remedy="check the path")
            for found in listed:
                if isinstance(found, Path):
                    part = self._held[os.fspath(found)].part
                    if part.foreign:
                        foreign[os.fspath(found)] = foreign.get(os.fspath(found), 0) + part.foreign
                    builder.take(part)
                else:
                    note(found, builder)
        for path, count in foreign.items():
            builder.remark(told_of_foreign(path, count))
        return something(builder.build(source_info(self._paths)))


def _unread(listed: tuple[tuple[Found, ...] | None, ...]) -> set[str]:
    """What is found and not read, in words that tell one thing from another."""
    every = (each for found in listed for each in found or ())
    return {_told(each) for each in every if not isinstance(each, Path)}


def _told(found: Unrendered | Gap | Remark) -> str:
    return f"{found.place} ({found.what})" if isinstance(found, Unrendered) else str(found)

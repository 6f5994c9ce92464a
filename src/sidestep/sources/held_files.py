"""Files that are read again and again: only what has changed is, and the mesh is made anew of what is held.

Whether a file has changed is told by its stamp; one that had changed so shortly before it was read that another change
might not show is read once more when some time has passed. Folders are looked through again when they have changed.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.model.gaps import Remark
from sidestep.model.mesh import Mesh
from sidestep.sources.file_reader import FileReader, told_of_foreign
from sidestep.sources.files import NO_SUCH, note, something, source_info
from sidestep.sources.interface import Report, unheard
from sidestep.sources.objects.builder import MeshBuilder
from sidestep.sources.objects.part import Part
from sidestep.sources.objects.part_builder import PartBuilder
from sidestep.sources.objects.pods import PodDecoder
from sidestep.sources.stamps import Stamp, is_settled, stamp_of
from sidestep.sources.tree import Folder, Found, Unrendered, walk_folders


class Sight(Struct, frozen=True):
    """What files there are at a moment, and what tells that they are as they were.

    Attributes:
        listed: what is found at each path of the user's; None where there is nothing.
        stamps: of the files among it.
    """

    listed: tuple[tuple[Found, ...] | None, ...]
    stamps: Mapping[str, Stamp]


class _Listing(Struct, frozen=True):
    """What was found at a path, what it hangs on, and when that was seen."""

    found: tuple[Found, ...] | None
    stamps: Mapping[str, Stamp]
    seen: int


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
        self._listings: dict[str, _Listing] = {}
        self._held: dict[str, _Held] = {}
        self._listed: tuple[tuple[Found, ...] | None, ...] = ()
        self._pods = PodDecoder()
        self._mesh: Mesh | None = None
        self.changed: tuple[str, ...] = ()

    def look(self) -> Sight:
        """What files there are now; none of them is read."""
        listings = [self._looked_at(path) for path in self._paths]
        files = (found for each in listings for found in each.found or () if isinstance(found, Path))
        return Sight(tuple(each.found for each in listings), {name: stamp_of(name) for name in map(str, files)})

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
            self._mesh = None
            self._mesh = self._made()
        return self._mesh

    def _looked_at(self, path: str) -> _Listing:
        known, now = self._listings.get(path), self._now()
        if known is None or any(_is_another(name, stamp, known.seen, now) for name, stamp in known.stamps.items()):
            found, stamps = _found_at(path)
            same = known is not None and known.found == found
            known = self._listings[path] = _Listing(known.found if known and same else found, stamps, now)
        return known

    def _is_due(self, name: str, stamp: Stamp, now: int) -> bool:
        held = self._held.get(name)
        return held is None or held.stamp != stamp or _may_hide_another(stamp, held.read, now)

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
                    part = self._held[str(found)].part
                    foreign[str(found)] = foreign.get(str(found), 0) + part.foreign
                    builder.take(part)
                else:
                    note(found, builder)
        for path, count in foreign.items():
            if count:
                builder.remark(told_of_foreign(path, count))
        return something(builder.build(source_info(self._paths)))


def _found_at(path: str) -> tuple[tuple[Found, ...] | None, dict[str, Stamp]]:
    """What there is at a path, and on which folders that hangs."""
    stamps, found = {path: stamp_of(path)}, list[Found]()
    root = Path(path)
    if not root.exists():
        return None, stamps
    if not root.is_dir():
        return (root,), stamps
    for each in walk_folders(root):
        if isinstance(each, Folder):
            stamps[each.place] = stamp_of(each.place)
        else:
            found.append(each)
    return tuple(found), stamps


def _is_another(name: str, stamp: Stamp, seen: int, now: int) -> bool:
    return stamp_of(name) != stamp or _may_hide_another(stamp, seen, now)


def _may_hide_another(stamp: Stamp, seen: int, now: int) -> bool:
    """Whether something changed right after it was seen would look the same, and that can be told by now."""
    return not is_settled(stamp, seen) and is_settled(stamp, now)


def _unread(listed: tuple[tuple[Found, ...] | None, ...]) -> set[str]:
    """What is found and not read, in words that tell one thing from another."""
    every = (each for found in listed for each in found or ())
    return {_told(each) for each in every if not isinstance(each, Path)}


def _told(found: Unrendered | Remark) -> str:
    return f"{found.place} ({found.what})" if isinstance(found, Unrendered) else str(found)

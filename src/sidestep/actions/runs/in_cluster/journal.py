"""The journal as a series of ConfigMaps: a line is a key, a full one is followed by the next.

Every line is written to the version that this process has seen last, so that of two writers one is refused. A write of
which nothing was heard is looked for before it is tried again.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct, structs

from sidestep.actions.runs.events import Event
from sidestep.actions.runs.in_cluster.maps import Kept, Maps
from sidestep.actions.runs.journal import SEED, Entry, following, verified
from sidestep.actions.worlds.interface import ConflictError, Version
from sidestep.errors import TransportError

RECORD = "journal"
PART = 16 * 1024
"""Bytes of lines in one ConfigMap: the store writes the whole of it anew with each line, and takes 1 MiB at most."""
Patiently = Callable[[Callable[[], Kept]], Kept]


class _End(Struct, frozen=True):
    """Where the journal ends.

    Attributes:
        number: of the next line.
        seal: of the last line.
        parts: how many ConfigMaps there are.
        part: the last of them; None before the first line.
        size: bytes of lines in it.
    """

    number: int = 0
    seal: str = SEED
    parts: int = 0
    part: Kept | None = None
    size: int = 0


class ClusterJournal:
    """Of one run.

    Args:
        maps: in which it is kept.
        run: its name.
        now: the time, RFC 3339.
        patiently: does something until the cluster can be asked, for a time.
    """

    def __init__(self, maps: Maps, run: str, now: Callable[[], str], patiently: Patiently = lambda act: act()) -> None:
        self._maps, self._run, self._now, self._patiently = maps, run, now, patiently
        self._end: _End | None = None

    def entries(self) -> tuple[Entry, ...]:
        """All so far, out of all parts."""
        parts = self._maps.listed(RECORD, self._run)
        lines = [part.data[key] for part in parts for key in sorted(part.data)]
        found = tuple(verified("".join(f"{line}\n" for line in lines).encode(), f"{self._maps.where}, run {self._run}"))
        last = parts[-1] if parts else None
        size = sum(map(len, last.data.values())) if last else 0
        self._end = _End(len(found), found[-1].checksum if found else SEED, len(parts), last, size)
        return found

    def append(self, *events: Event) -> None:
        """Into the last part, or into the next where that is full.

        Raises:
            ConflictError: somebody else writes this journal.
            TransportError: the cluster cannot be asked, for too long.
        """
        if self._end is None:
            self.entries()
        end = self._end or _End()
        entries = following(end.number, end.seal, self._now(), events)
        lines = {f"{entry.number:08}": msgspec.json.encode(entry).decode() for entry in entries}
        size = sum(map(len, lines.values()))
        if end.part is None or end.size + size > PART:
            name, version = f"sidestep-{self._run}-journal-{end.parts:05}", None
            end = structs.replace(end, parts=end.parts + 1, size=0)
        else:
            name, version = end.part.name, end.part.version
        part = self._patiently(_Writing(self._maps, self._run, _Lines(name, version, lines)).once)
        self._end = _End(end.number + len(entries), entries[-1].checksum, end.parts, part, end.size + size)


class _Lines(Struct, frozen=True):
    """Lines and their place.

    Attributes:
        name: of the ConfigMap.
        version: of it; None for one that is to be made.
        texts: of the lines, by the keys under which they are kept.
    """

    name: str
    version: Version | None
    texts: dict[str, str]


class _Writing:
    """Lines on their way.

    Args:
        maps: in which they are kept.
        run: of the journal.
        lines: what is kept.
    """

    def __init__(self, maps: Maps, run: str, lines: _Lines) -> None:
        self._maps, self._run, self._lines = maps, run, lines
        self._unheard = False

    def once(self) -> Kept:
        """Write them; who heard nothing of an earlier try looks whether that came through."""
        lines = self._lines
        try:
            if lines.version is None:
                return self._maps.make(lines.name, RECORD, self._run, data=lines.texts)
            return self._maps.extend(lines.name, lines.texts, lines.version)
        except TransportError:
            self._unheard = True
            raise
        except ConflictError as error:
            part = self._maps.get(lines.name) if self._unheard else None
            if part is not None and max(part.data) == max(lines.texts) and lines.texts.items() <= part.data.items():
                return part
            raise ConflictError(
                "somebody else writes this journal", where=f"{self._maps.where}, run {self._run}",
                remedy="let the other one go on, or end it and resume",
            ) from error  # fmt: skip

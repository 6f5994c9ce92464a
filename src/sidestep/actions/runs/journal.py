"""The journal: append-only lines, each bound to the one before by a checksum, written through before anybody goes on.

Who finds the last line torn (a crash while it was written) leaves it out: what it was to say had not been done yet,
or is found in the world.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from sidestep.actions.runs.events import Event
from sidestep.errors import WorldError

SEED = "sidestep"
"""What the first line is bound to."""


class Entry(Struct, frozen=True):
    """A line of a journal.

    Attributes:
        number: from 0.
        at: when, RFC 3339.
        event: what.
        checksum: of this and, by it, of all before.
    """

    number: int
    at: str
    event: Event
    checksum: str = ""


class Journal(Protocol):
    """Where events are kept."""

    def entries(self) -> tuple[Entry, ...]:
        """All so far.

        Raises:
            WorldError: somebody has altered it.
        """

    def append(self, *events: Event) -> None:
        """Keep more; they are safe when this returns."""


class FileJournal:
    """In a file of JSON lines.

    Args:
        path: of the file, made when the first event is kept.
        now: the time, RFC 3339.
    """

    def __init__(self, path: Path, now: Callable[[], str]) -> None:
        self._path, self._now = path, now
        self._number, self._last = 0, SEED
        self._whole = 0
        self._read = False

    def entries(self) -> tuple[Entry, ...]:
        """All so far; a torn last line is left out."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            data = b""
        found = tuple(verified(data, str(self._path)))
        self._number, self._last = len(found), found[-1].checksum if found else SEED
        self._whole, self._read = data.rfind(b"\n") + 1, True
        return found

    def append(self, *events: Event) -> None:
        """Write them through to the disk."""
        if not self._read:
            self.entries()
        entries = following(self._number, self._last, self._now(), events)
        lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, self._whole)
            os.pwrite(descriptor, lines, self._whole)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._number, self._last = self._number + len(entries), entries[-1].checksum
        self._whole += len(lines)


class MemoryJournal:
    """For as long as the process lives."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def entries(self) -> tuple[Entry, ...]:
        """All so far."""
        return tuple(self._entries)

    def append(self, *events: Event) -> None:
        """Keep more."""
        last = self._entries[-1].checksum if self._entries else SEED
        self._entries += following(len(self._entries), last, "", events)


def following(number: int, last: str, at: str, events: Iterable[Event]) -> list[Entry]:
    """Entries for more events.

    Args:
        number: of the first of them.
        last: checksum of the one before it.
        at: the time, RFC 3339.
        events: in their order.
    """
    found: list[Entry] = []
    for place, event in enumerate(events):
        found.append(sealed(Entry(number + place, at, event), found[-1].checksum if found else last))
    return found


def sealed(entry: Entry, last: str) -> Entry:
    """An entry with its checksum, which binds it to the one before."""
    bare = msgspec.structs.replace(entry, checksum="")
    return msgspec.structs.replace(entry, checksum=_seal(bare, last))


def _seal(bare: object, last: str) -> str:
    return hashlib.sha256(last.encode() + msgspec.json.encode(bare)).hexdigest()


def verified(data: bytes, where: str) -> Iterator[Entry]:
    """The entries of a journal's bytes.

    The checksum is that of the line as it stands, whatever this version knows of its event: a newer sidestep goes on
    with what an older one began.

    Raises:
        WorldError: a line is none of ours, or does not follow the one before it.
    """
    last = SEED
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines()):
        try:
            entry = msgspec.json.decode(line, type=Entry)
            bare = {**msgspec.json.decode(line), "checksum": ""}
        except msgspec.MsgspecError as error:
            raise _altered(where, number, str(error)) from error
        if entry.number != number or _seal(bare, last) != entry.checksum:
            raise _altered(where, number, "it does not follow the line before it")
        last = entry.checksum
        yield entry


def _altered(where: str, number: int, why: str) -> WorldError:
    return WorldError(
        f"the journal is altered: line {number + 1}: {why}",
        where=where,
        remedy="restore it from a copy, or take the run's records away; it is not gone on with by guesses",
    )

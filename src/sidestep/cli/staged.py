"""Several files that change at once: none or all of them, whatever interrupts.

New contents are written beside their targets first. The journal lists them: as long as it says `staging`, a run that
finds it throws them away; once it says `moving`, all of them are on the disk, and a run that finds it moves the rest.
A journal is believed only in what an honest one can say: names within the folder, contents of the listed hash.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sidestep.errors import WorldError
from sidestep.sources.tree import STAGED

JOURNAL = STAGED
_SUFFIX = ".sidestep-staged"


class Phase(StrEnum):
    """How far a run came."""

    STAGING = "staging"
    MOVING = "moving"


class Move(Struct, frozen=True):
    """What becomes of one file.

    Attributes:
        path: relative to the folder, with slashes.
        old: SHA-256 of what it holds; None for a file that comes.
        new: SHA-256 of what it will hold; None for one that goes.
    """

    path: str
    old: str | None
    new: str | None


class Journal(Struct, frozen=True):
    """What a run is about to do."""

    phase: Phase
    moves: tuple[Move, ...]
    version: int = 1


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs away from a folder.

    Raises:
        WorldError: one is at it.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=os.fspath(folder), remedy="check the path") from error
    try:
        _lock(handle, folder)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise WorldError("another run writes here", where=os.fspath(folder), remedy="wait until it is done") from error


def perform(folder: Path, moves: Sequence[Move], contents: Sequence[bytes | None]) -> None:
    """Make all changes; the folder is locked, and nothing is staged in it.

    Raises:
        OSError: nothing was changed, or, once the journal says `moving`, `finish` makes the rest.
    """
    journal = Journal(Phase.STAGING, tuple(moves))
    try:
        _note(folder, journal)
        mask = _mask()
        for move, content in zip(moves, contents, strict=True):
            if content is not None:
                _stage(folder / move.path, content, mask)
        _sync_parents(folder, moves)
        journal = replace(journal, phase=Phase.MOVING)
        _note(folder, journal)
    except BaseException:
        _discard(folder, journal)
        raise
    _move(folder, journal)


def finish(folder: Path) -> str:
    """Bring what an interrupted run left to an end; the folder is locked.

    Returns:
        What was done, in words; empty when there was nothing to do.

    Raises:
        WorldError: the journal says what no run of ours writes, or files were changed since.
    """
    path = folder / JOURNAL
    try:
        if path.is_symlink():
            raise _dubious(path, "is a link")
        journal = msgspec.json.decode(path.read_bytes(), type=Journal)
    except FileNotFoundError:
        return ""
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _dubious(path, str(error)) from error
    for move in journal.moves:
        _check(folder, move, path)
    if journal.phase is Phase.STAGING:
        _discard(folder, journal)
        return "an interrupted run had changed nothing yet; what it had prepared was removed"
    for move in journal.moves:
        _check_contents(folder, move, path)
    _move(folder, journal)
    return f"an interrupted run was finished: {len(journal.moves)} files"


def staged_name(target: Path) -> Path:
    """Where the new content of a file waits."""
    return target.with_name(f".{target.name}{_SUFFIX}")


def crosses_link(folder: Path, path: str) -> bool:
    """Whether a relative path leads over a link, or out of the folder."""
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts:
        return True
    return any(folder.joinpath(*parts[:count]).is_symlink() for count in range(1, len(parts) + 1))


def _note(folder: Path, journal: Journal) -> None:
    scratch = folder / f"{JOURNAL}.new"
    scratch.unlink(missing_ok=True)
    _write(scratch, msgspec.json.encode(journal), 0o644)
    scratch.replace(folder / JOURNAL)
    _sync(folder)


def _stage(target: Path, content: bytes, mask: int) -> None:
    scratch = staged_name(target)
    scratch.unlink(missing_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~mask
    _write(scratch, content, mode)


def _write(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        os.fchmod(stream.fileno(), mode)
        stream.flush()
        os.fsync(stream.fileno())


def _move(folder: Path, journal: Journal) -> None:
    for move in journal.moves:
        target = folder / move.path
        if move.new is None:
            target.unlink(missing_ok=True)
        elif staged_name(target).exists():
            staged_name(target).replace(target)
    _sync_parents(folder, journal.moves)
    (folder / JOURNAL).unlink()
    _sync(folder)


def _discard(folder: Path, journal: Journal) -> None:
    with contextlib.suppress(OSError):
        for move in journal.moves:
            staged_name(folder / move.path).unlink(missing_ok=True)
        (folder / f"{JOURNAL}.new").unlink(missing_ok=True)
        (folder / JOURNAL).unlink(missing_ok=True)


def _check(folder: Path, move: Move, journal: Path) -> None:
    if crosses_link(folder, move.path):
        raise _dubious(journal, f"names {move.path!r}, which is not in this folder")


def _check_contents(folder: Path, move: Move, journal: Path) -> None:
    """Either a file is as it was and its new content waits, or it is done."""
    target = folder / move.path
    now, waiting = _digest_of(target), _digest_of(staged_name(target))
    is_done = now == move.new and waiting is None
    is_next = now == move.old and waiting == move.new
    if not (is_done or is_next):
        raise _dubious(journal, f"{move.path} was changed since")


def _digest_of(path: Path) -> str | None:
    return digest(path.read_bytes()) if path.is_file() and not path.is_symlink() else None


def _dubious(path: Path, why: str) -> WorldError:
    remedy = f"look at the files *{_SUFFIX}, keep what you want, and remove {JOURNAL}"
    return WorldError(f"the journal of an interrupted run cannot be followed: {why}", where=str(path), remedy=remedy)


def _sync_parents(folder: Path, moves: Sequence[Move]) -> None:
    """Put on the disk which files the folders hold, each once."""
    for parent in dict.fromkeys((folder / move.path).parent for move in moves):
        _sync(parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

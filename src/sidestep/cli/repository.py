"""Write a folder of manifests: all changes or none, and none that its owner would not want.

Files that are read-only, that changed since they were read, or that lie outside the folder are refused before anything
is written; so is a folder with changes that nobody committed.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePath

from msgspec import Struct

from sidestep.cli.git import check_committed
from sidestep.cli.staged import JOURNAL, Move, crosses_link, digest, finish, locked, perform
from sidestep.errors import WorldError

_ANY_WRITER = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class Written(Struct, frozen=True):
    """What was done to a folder.

    Attributes:
        changed: files with new content, by their paths as given.
        added: files that came.
        removed: files that went.
    """

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def finish_interrupted(folder: Path) -> str:
    """Bring what an interrupted run left to an end; to be called before the folder is read.

    Returns:
        What was done, in words; empty when there was nothing to do.

    Raises:
        WorldError: it cannot be told what to do, or another run is at it.
    """
    if not (folder / JOURNAL).is_file():
        return ""
    try:
        with locked(folder):
            return finish(folder)
    except OSError as error:
        raise _failed(folder, error) from error


def write_repository(
    folder: Path, before: Mapping[str, bytes], after: Mapping[str, bytes | None], *, force: bool = False
) -> Written:
    """Give files of a folder new contents, all at once.

    Args:
        folder: that they are in.
        before: what was read, by path as the user would type it (so it starts with the folder).
        after: what they are to hold; None for those that go. A path that was not read is a file that comes.
        force: write although there are changes that nobody committed.

    Raises:
        WorldError: something stands in the way; nothing was changed, unless the error says otherwise.
    """
    wanted = {path: content for path, content in after.items() if before.get(path) != content}
    if not wanted:
        return Written()
    with locked(folder):
        _check_nothing_staged(folder)
        if not force:
            check_committed(folder)
        moves = [_move(folder, path, before.get(path), content) for path, content in sorted(wanted.items())]
        _check_distinct(folder, moves)
        try:
            perform(folder, moves, [content for _, content in sorted(wanted.items())])
        except OSError as error:
            raise _failed(folder, error) from error
    return _told(before, wanted)


def _move(folder: Path, path: str, old: bytes | None, new: bytes | None) -> Move:
    """What becomes of a file, after everything that forbids it was looked at."""
    relative = _relative(folder, path)
    target = folder / relative
    try:
        now = target.read_bytes() if target.is_file() else None
        modes = [target.parent.stat().st_mode, *([target.stat().st_mode] if now is not None else [])]
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=path, remedy="check the file") from error
    if now != old or (now is None and target.exists()):
        what = "exists already" if old is None else "was changed since it was read"
        raise WorldError(f"{what}; nothing was written", where=path, remedy="run again")
    if not all(mode & _ANY_WRITER for mode in modes) or not os.access(target.parent, os.W_OK):
        raise WorldError("is read-only; nothing was written", where=path, remedy="make it writable, or leave it out")
    return Move(relative, digest(old) if old is not None else None, digest(new) if new is not None else None)


def _relative(folder: Path, path: str) -> str:
    """A path within the folder, behind all links; a link is never written through to the outside."""
    try:
        inside = PurePath(path).relative_to(folder).as_posix()
    except ValueError:
        inside = ""
    if inside and not crosses_link(folder, inside):
        return inside
    home, real = folder.resolve(), Path(path).resolve()
    if not inside or ".." in PurePath(inside).parts or not real.is_relative_to(home):
        raise WorldError("leads out of the folder; nothing was written", where=path, remedy=f"name files of {folder}")
    return real.relative_to(home).as_posix()


def _check_distinct(folder: Path, moves: list[Move]) -> None:
    """No file twice, by two names of it."""
    seen: dict[str, Move] = {}
    for move in moves:
        if seen.setdefault(move.path, move) is not move:
            where = os.fspath(folder / move.path)
            raise WorldError("is reached by two names; nothing was written", where=where, remedy="leave out the link")


def _check_nothing_staged(folder: Path) -> None:
    if (folder / JOURNAL).exists():
        raise WorldError("an interrupted run left files", where=str(folder / JOURNAL), remedy="run again")


def _failed(folder: Path, error: OSError) -> WorldError:
    """What an error of the system means for the folder: half moved if the journal still stands."""
    told = error.strerror or str(error)
    if (folder / JOURNAL).exists():
        return WorldError(
            f"{told}; some files are written and the others wait beside them",
            where=error.filename or str(folder),
            remedy="mend the cause and run again: it finishes what was begun",
        )
    return WorldError(f"{told}; nothing was written", where=error.filename or str(folder), remedy="check the folder")


def _told(before: Mapping[str, bytes], wanted: Mapping[str, bytes | None]) -> Written:
    paths = sorted(wanted)
    return Written(
        changed=tuple(path for path in paths if path in before and wanted[path] is not None),
        added=tuple(path for path in paths if path not in before),
        removed=tuple(path for path in paths if wanted[path] is None),
    )

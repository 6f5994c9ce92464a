"""Where results go: stdout, or a file that appears whole or not at all."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from sidestep.errors import WorldError
from sidestep.report.formats import Look

_PIPED_WIDTH = 120
_NARROWEST = 40


def look(*, no_color: bool, to_file: bool) -> Look:
    """The width and colours of where the text goes: a terminal's own, else 120 columns and none."""
    terminal = sys.stdout.isatty() and not to_file
    width = shutil.get_terminal_size().columns if terminal or os.environ.get("COLUMNS") else _PIPED_WIDTH
    plain = no_color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Look(max(width, _NARROWEST), color=terminal and not plain)


def emit(text: str, path: str | None) -> bool:
    """Print a result, or write it to a file; a reader of stdout that goes away has what it wanted.

    Returns:
        Whether more would be read.

    Raises:
        WorldError: the file cannot be written; nothing of it is left behind.
    """
    if path is None or path == "-":
        return _print(text)
    write_whole(Path(path), text.encode(errors="replace"))
    return True


def _print(text: str) -> bool:
    """To stdout in its own encoding; what that cannot say reads `?`."""
    content = text.encode(sys.stdout.encoding or "utf-8", "replace")
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    except OSError as error:
        raise WorldError(error.strerror or str(error), where="stdout", remedy="make room, or use --out") from error
    return True


def check_writable(path: str, option: str = "--out") -> None:
    """Say early, before a mesh is read, that a file cannot be made there.

    Raises:
        WorldError: there is no such folder, or the path is one.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise WorldError("no such folder", where=str(target.parent), remedy=f"make it, or check {option}")
    if target.is_dir():
        raise WorldError("is a folder, not a file", where=path, remedy="name a file in it")


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file so that nobody ever sees half of it; a private one nobody else sees at all.

    Raises:
        WorldError: the folder does not exist, is not writable, or is full.
    """
    try:
        handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            if not private:
                _permit(scratch)
            Path(scratch).replace(path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=str(path), remedy="check the folder of --out") from error


def _permit(path: str) -> None:
    """The rights that a file gets when it is made in the usual way."""
    mask = os.umask(0)
    os.umask(mask)
    Path(path).chmod(0o666 & ~mask)

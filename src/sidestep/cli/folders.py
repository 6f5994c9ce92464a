"""Folders of results: they appear whole or not at all, and replace only what was written the same way."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sidestep.errors import WorldError

MARK = "plan.json"
"""What tells a folder of ours from anybody else's."""


def check_folder(folder: Path, mark: str = MARK) -> None:
    """Say early, before a mesh is read, that a folder cannot be written.

    Args:
        folder: which.
        mark: a file that every folder of the same kind holds.

    Raises:
        WorldError: its parent is missing, it is a file, or it holds something else.
    """
    if not folder.parent.is_dir():
        raise WorldError("no such folder", where=str(folder.parent), remedy="make it, or check --out")
    if folder.exists() and not folder.is_dir():
        raise WorldError("is a file, not a folder", where=str(folder), remedy="name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / mark).is_file():
        raise WorldError(
            f"holds something else: there is no {mark} in it", where=str(folder), remedy="name a new or an empty folder"
        )


def write_folder(folder: Path, files: Mapping[str, str], mark: str = MARK) -> None:
    """Write files by their relative paths; what an earlier run wrote there is replaced as a whole.

    Raises:
        WorldError: something cannot be written; what was there stays.
    """
    check_folder(folder, mark)
    try:
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name, text in files.items():
                target = fresh / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8", newline="\n")
            fresh.chmod(0o755)
            _exchange(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=str(folder), remedy="check --out") from error


def _exchange(fresh: Path, folder: Path) -> None:
    """The new folder in the place of the old one, which is gone only once the new one stands."""
    if not folder.exists():
        fresh.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent)) / "plan"
    folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    finally:
        shutil.rmtree(old.parent, ignore_errors=True)

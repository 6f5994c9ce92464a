"""Read a folder of manifests to write it: the bytes of every file that manifests are made of, templates included."""

import os
from collections.abc import Sequence
from pathlib import Path

from sidestep.errors import WorldError

LARGEST = 64 * 2**20
_SUFFIXES = (".yaml", ".yml", ".json", ".tpl", ".injected")
_PLAIN = (".yaml", ".yml", ".json")
_NAMES = ("Kustomization",)


def read_repository(folder: Path) -> dict[str, bytes]:
    """Contents by path, as origins of objects read from the same folder say it.

    Hidden folders are left out, as when a mesh is read; so are links that leave the folder and files too large to be
    written by anybody.

    Raises:
        WorldError: there is no such folder, or a file of it cannot be read.
    """
    if not folder.is_dir():
        raise WorldError("no such folder", where=os.fspath(folder), remedy="name the folder of the manifests")
    home = folder.resolve()
    found: dict[str, bytes] = {}
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(here) / name
            if (name.endswith(_SUFFIXES) or name in _NAMES) and not name.startswith(".") and _is_ours(path, home):
                found[os.fspath(path)] = _content(path)
    return found


def read_file(path: Path) -> dict[str, bytes]:
    """The same of one file alone.

    Raises:
        WorldError: it cannot be read.
    """
    return {os.fspath(path): _content(path)}


def plain_texts(paths: Sequence[str], marks: Sequence[bytes]) -> dict[str, str]:
    """Texts of JSON and YAML files below some paths that hold any of some marks; none of archives and streams."""
    found: dict[str, bytes] = {}
    for path in map(Path, paths):
        if path.is_dir():
            found |= read_repository(path)
        elif path.suffix in _PLAIN and path.is_file() and path.stat().st_size <= LARGEST:
            found |= read_file(path)
    marked = {path: content for path, content in found.items() if any(mark in content for mark in marks)}
    return {path: text for path, text in texts(marked).items() if Path(path).suffix in _PLAIN}


def texts(contents: dict[str, bytes]) -> dict[str, str]:
    """The texts of those that are UTF-8, line ends and byte order marks kept."""
    found = {}
    for path, content in contents.items():
        try:
            found[path] = content.decode()
        except UnicodeDecodeError:
            continue
    return found


def _is_ours(path: Path, home: Path) -> bool:
    """Whether a path is a file of this folder, of a size that people write."""
    try:
        os.fspath(path).encode()
        real = path.resolve(strict=True)
        return real.is_relative_to(home) and real.is_file() and real.stat().st_size <= LARGEST
    except (OSError, RuntimeError, UnicodeEncodeError):
        return False


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=os.fspath(path), remedy="make it readable") from error

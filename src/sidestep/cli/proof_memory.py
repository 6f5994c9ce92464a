"""What proofs found, kept from one run to the next: `$XDG_CACHE_HOME/sidestep/proofs`, or below `~/.cache`.

A file holds what was found of the namespaces of two meshes: counts and counterexamples as a proof prints them, by
digests of all that they rest on, the program itself included. So nothing in it can be out of date, and it may be thrown
away at any time. A file that is damaged, that others own or may write, or that anything is wrong with is not looked at;
files appear whole or not at all, so that runs side by side disturb each other in nothing.
"""

import contextlib
import hashlib
import os
import platform
import stat
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

import sidestep
from sidestep.cli.output import write_whole
from sidestep.errors import WorldError
from sidestep.prove.remembered import Remembered

_HEAD = b"sidestep proof 1\n"
_DECIDING = ("model", "semantics", "explain", "prove")
_LIBRARIES = ("msgspec", "google-re2")
_MOST_FILES = 16
_MOST_ENTRIES = 20_000
_MOST_BYTES = 256 * 1024 * 1024
_Entries = dict[str, msgspec.Raw]
_entries = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_remembered = msgspec.msgpack.Decoder(Remembered)


class ProofMemory:
    """What is known of two meshes.

    Args:
        name: of their file: a digest of what counts for all of their namespaces.
        folder: where files are; None for the user's.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._folder = folder or _folder()
        self._path = self._folder / f"{name}.proof"
        self._known = _read(self._path)
        self._used: _Entries = {}
        self._is_new = False

    def recall(self, digest: str) -> Remembered | None:
        """What was found where all was the same."""
        found = self._known.get(digest)
        if found is None:
            return None
        try:
            told = _remembered.decode(found)
        except msgspec.MsgspecError:
            return None
        self._used[digest] = found
        return told

    def keep(self, digest: str, found: Remembered) -> None:
        """Remember what was found; it is written by `save`."""
        self._used[digest] = msgspec.Raw(msgspec.msgpack.encode(found))
        self._is_new = True

    def save(self) -> None:
        """Write what is new, beside what other runs wrote meanwhile; a folder that cannot be written is left alone."""
        if not self._is_new:
            return
        others = {digest: found for digest, found in _read(self._path).items() if digest not in self._used}
        newest = list({**others, **self._used}.items())[-_MOST_ENTRIES:]
        payload = msgspec.msgpack.encode(dict(newest))
        with contextlib.suppress(OSError, WorldError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path, _HEAD + _sum(payload) + payload, private=True)
            self._tidy()

    def _tidy(self) -> None:
        """Only the newest files stay."""
        files = sorted(self._folder.glob("*.proof"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[_MOST_FILES:]:
            path.unlink(missing_ok=True)


@cache
def program() -> str:
    """A digest of all code that decides."""
    found = hashlib.blake2b(digest_size=20)
    home = Path(sidestep.__file__).parent
    libraries = (f"{name} {version(name)}" for name in _LIBRARIES)
    found.update("\n".join((sidestep.__version__, platform.python_version(), *libraries)).encode())
    for path in sorted(path for folder in _DECIDING for path in (home / folder).rglob("*.py")):
        found.update(f"\n{path.relative_to(home)}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _folder() -> Path:
    told = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(told) if told.startswith("/") else Path.home() / ".cache") / "sidestep" / "proofs"


def _read(path: Path) -> _Entries:
    """The entries of a file; none where there is anything wrong with it."""
    try:
        content = _own(path)
        head, checked, payload = content[: len(_HEAD)], content[len(_HEAD) :][:_LENGTH], content[len(_HEAD) + _LENGTH :]
        return _entries.decode(payload) if head == _HEAD and checked == _sum(payload) else {}
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def _own(path: Path) -> bytes:
    """The content of a file that is the user's own."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        told = os.fstat(stream.fileno())
        mine = told.st_uid == os.getuid() and not told.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        fits = stat.S_ISREG(told.st_mode) and told.st_size <= _MOST_BYTES
        return stream.read() if mine and fits else b""


_LENGTH = 32


def _sum(payload: Any) -> bytes:
    return hashlib.blake2b(payload, digest_size=_LENGTH).digest()

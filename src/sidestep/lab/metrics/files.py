"""A log that a proxy writes without end: read as it grows, and exchanged before it grows too large."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

import msgspec

LineT = TypeVar("LineT")
_MOST = 16 * 1024 * 1024
_AT_ONCE = 4 * 1024 * 1024


class Log(Generic[LineT]):
    """One proxy's.

    Args:
        path: of the log.
        reopen: has the proxy open its log again by its name.
        read: a line.
    """

    def __init__(self, path: Path, reopen: Callable[[], object], read: Callable[[bytes], LineT]) -> None:
        self._path, self._reopen, self._read_line = path, reopen, read
        self._file: BinaryIO | None = None
        self._rest = b""
        self._exchanged = False

    def lines(self) -> Iterator[LineT]:
        """What has come since the last time; what cannot be read is passed over."""
        for text in self._texts():
            try:
                yield self._read_line(text)
            except msgspec.MsgspecError:
                continue

    def close(self) -> None:
        """Read no more."""
        if self._file is not None:
            self._file.close()

    def _texts(self) -> Iterator[bytes]:
        if self._file is None:
            if not self._path.exists():
                return
            self._file = self._path.open("rb")
        told = self._file.read(_AT_ONCE)
        if not told:
            self._turn_over()
            return
        *whole, self._rest = (self._rest + told).split(b"\n")
        yield from whole

    def _turn_over(self) -> None:
        """All was read: go on with the new file, or have one begun."""
        if self._file is None:
            return
        if self._exchanged and self._path.exists():
            self._file.close()
            self._file, self._exchanged = None, False
        elif not self._exchanged and os.fstat(self._file.fileno()).st_size > _MOST:
            self._path.replace(self._path.with_suffix(".old"))
            self._exchanged = True
            self._reopen()

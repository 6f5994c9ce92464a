"""Spans in files, a line each: every writer has a file of its own, which never grows beyond a bound."""

import asyncio
import itertools
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from sidestep.lab.traces.spans import Span

_SUFFIX, _OLD = ".spans", ".old"
_LIMIT = 8 * 1024 * 1024
_MOMENT = 0.2
_MOST_AT_ONCE = 5000
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Span).decode


class SpanFile:
    """Writes spans down.

    Args:
        folder: of all files of spans.
        name: of the writer.
        limit: bytes; as many more are kept of what came before.
    """

    def __init__(self, folder: Path, name: str, limit: int = _LIMIT) -> None:
        self._path, self._limit = folder / f"{name}{_SUFFIX}", limit
        self._waiting: list[Span] = []
        self._due: asyncio.TimerHandle | None = None

    def keep(self, spans: Iterable[Span]) -> None:
        """Write some down, soon; of very many at once not all."""
        room = _MOST_AT_ONCE - len(self._waiting)
        self._waiting.extend(itertools.islice(spans, room))
        if self._due is None and self._waiting:
            self._due = asyncio.get_running_loop().call_later(_MOMENT, self.write)

    def write(self) -> None:
        """Write what waits, now; nothing where there is no room."""
        if self._due is not None:
            self._due.cancel()
        self._due = None
        spans, self._waiting = self._waiting, []
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > self._limit:
                self._path.replace(self._path.with_suffix(_OLD))
            with self._path.open("ab") as file:
                file.write(b"".join(_encode(each) + b"\n" for each in spans))


def kept(folder: Path) -> list[Span]:
    """All spans that are kept; a line that cannot be read is passed over."""
    found: dict[tuple[str, str], Span] = {}
    for path in sorted((*folder.glob(f"*{_OLD}"), *folder.glob(f"*{_SUFFIX}"))):
        for line in path.read_bytes().splitlines():
            with suppress(msgspec.MsgspecError):
                span = _decode(line)
                found[span.trace, span.id] = span
    return list(found.values())

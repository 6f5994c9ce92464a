"""What a built-in container answered, a line each, in a file that never grows beyond a bound."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sidestep.lab.workload.exchange import Asked, Reply

_MOMENT = 0.1
"""Seconds in which lines are gathered before they are written."""
_MOST_AT_ONCE = 1000
"""Lines of one moment; the rest is only counted, for it would cost the workload its speed."""
_LIMIT = 512 * 1024


class Diary:
    """Writes down answers.

    Args:
        path: of the file; beside it `.old` has what did not fit any more.
        limit: bytes of each of the two.
    """

    def __init__(self, path: Path, limit: int = _LIMIT) -> None:
        self._path, self._limit = path, limit
        self._lines: list[str] = []
        self._left_out = 0
        self._due: asyncio.TimerHandle | None = None

    def note(self, asked: Asked, reply: Reply) -> None:
        """Write down an answer, soon."""
        if len(self._lines) < _MOST_AT_ONCE:
            when = datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3]
            what = f"{asked.protocol} {asked.method} {asked.path}"
            self._lines.append(f"{when} {reply.status} {what} from {asked.peer.remote}, {len(reply.body)} bytes\n")
        else:
            self._left_out += 1
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(_MOMENT, self.write)

    def write(self) -> None:
        """Write what was gathered; nothing where there is no room."""
        self._due = None
        lines, self._lines = self._lines, []
        if self._left_out:
            lines.append(f"… and {self._left_out} more in the same moment\n")
            self._left_out = 0
        with suppress(OSError):
            if self._path.exists() and self._path.stat().st_size > self._limit:
                self._path.replace(self._path.with_suffix(".old"))
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.writelines(lines)

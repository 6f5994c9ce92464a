"""A command in a terminal of its own, and what the screen showed from moment to moment."""

import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pyte

STEP = 0.1
"""Seconds that a picture stays at least; what the screen showed for less is not seen by people either."""
LIMIT = 300.0
"""Seconds after which a command that has not ended is an error."""


class Run(NamedTuple):
    """Letters of one look, side by side."""

    column: int
    text: str
    colour: str
    bold: bool


Row = tuple[Run, ...]


class Picture(NamedTuple):
    """The screen at a moment.

    Attributes:
        at: seconds since the command began.
        rows: from the top; rows without letters are empty.
    """

    at: float
    rows: tuple[Row, ...]


class Terminal:
    """A screen on which commands write one after another."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._screen.set_mode(pyte.modes.LNM)
        self._stream = pyte.ByteStream(self._screen)

    def write(self, text: str) -> None:
        self._stream.feed(text.encode())

    def rows(self) -> tuple[Row, ...]:
        return tuple(self._row(number) for number in range(self._screen.lines))

    def run(self, command: list[str], folder: Path) -> Iterator[Picture]:
        """Run a command; yields what the screen shows each time that it has changed.

        Raises:
            TimeoutError: it did not end.
        """
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", self._screen.lines, self._screen.columns, 0, 0))
        surroundings = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(self._screen.columns)}
        began = time.monotonic()
        with subprocess.Popen(
            command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=surroundings, start_new_session=True
        ) as process:
            os.close(theirs)
            try:
                yield from self._seen(ours, began)
            finally:
                os.close(ours)
                process.terminate()

    def _seen(self, ours: int, began: float) -> Iterator[Picture]:
        shown, due, open_ = self.rows(), 0.0, True
        while open_:
            ready, _, _ = select.select([ours], [], [], STEP)
            now = time.monotonic() - began
            if now > LIMIT:
                raise TimeoutError(f"it did not end within {LIMIT:g} s")
            if ready:
                open_ = self._fed(ours)
            if now >= due or not open_:
                rows = self.rows()
                if rows != shown:
                    shown, due = rows, now + STEP
                    yield Picture(now, rows)

    def _fed(self, ours: int) -> bool:
        try:
            data = os.read(ours, 65536)
        except OSError:
            return False
        self._stream.feed(data)
        return bool(data)

    def _row(self, number: int) -> Row:
        line = self._screen.buffer[number]
        letters = [(column, line[column]) for column in range(self._screen.columns)]
        runs: list[Run] = []
        for (colour, bold), same in groupby(letters, key=lambda letter: (letter[1].fg, letter[1].bold)):
            group = list(same)
            text = "".join(letter.data for _, letter in group)
            if text.strip():
                column = group[0][0] + len(text) - len(text.lstrip())
                runs.append(Run(column, text.strip(), colour, bold))
        return tuple(runs)

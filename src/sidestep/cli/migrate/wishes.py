"""What is wished of a run while it is performed: by the keyboard here, and from elsewhere by its records."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from sidestep.actions.runs.control import Wish
from sidestep.actions.runs.records import Records
from sidestep.errors import SidestepError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"
"""What drew the waves has hidden it."""
_LOOK = 2.0
"""Seconds between two looks at what somebody else wishes."""
_ONE = 0.3
"""Seconds in which signals are one wish: who ends a command for somebody, as `timeout` does, sends it two."""
INTERRUPTED = 130


class Interrupts:
    """Ctrl-C: once to pause after what is running, twice to stop where it is.

    Args:
        run: that is performed, with the options of its place: as one says it to resume it.
        clock: seconds.
    """

    def __init__(self, run: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._run, self._clock = run, clock
        self._first = 0.0
        self.leaving = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen, for as long as the block lasts."""
        before = {each: signal.signal(each, self._hear) for each in _SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        if self.leaving and self._clock() - self._first < _ONE:
            return
        if self.leaving:
            shown = _SHOW_CURSOR if sys.stderr.isatty() else ""
            _say(f"{shown}stopped where it is; the journal says where: sidestep migrate resume {self._run}")
            os._exit(INTERRUPTED)  # threads wait for the cluster; the journal is whole whenever a process ends
        self.leaving, self._first = True, self._clock()
        _say("pausing once what is running is done; Ctrl-C again stops at once")


class Wishes:
    """The newest wish about a run.

    Args:
        records: in which others leave theirs.
        run: its name.
        interrupts: of the keyboard.
        clock: seconds.
    """

    def __init__(
        self, records: Records, run: str, interrupts: Interrupts, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._records, self._run, self._interrupts, self._clock = records, run, interrupts, clock
        self._known, self._due = Wish.GO_ON, 0.0

    def wish(self) -> Wish:
        """Of whoever sits here, else of others, as far as they can be heard."""
        if self._interrupts.leaving:
            return Wish.LEAVE
        if self._clock() >= self._due:
            self._due = self._clock() + _LOOK
            try:
                self._known = self._records.wish(self._run)
            except SidestepError:  # who cannot write the journal either hears of that there
                return self._known
        return self._known


def _say(text: str) -> None:
    click.echo(f"\n{text}", err=True)

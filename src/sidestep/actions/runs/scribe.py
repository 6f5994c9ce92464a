"""Writes what several threads tell into one journal: who comes while a line is being written waits, and whoever is next
writes for all who wait. A journal that is far away is then no bottleneck of steps that run beside each other.

What nobody has to wait for, as the world tells it again to whoever lost the line, is written with the next line, or
when somebody says that it is time.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future

from sidestep.actions.runs.events import Event
from sidestep.actions.runs.journal import Journal

_Told = tuple[Event, Future[None] | None]


class Scribe:
    """Of one journal.

    Args:
        journal: that is written.
        kept: told of every event, one after the other: once it is safe, or at once where nobody waits for that.
    """

    def __init__(self, journal: Journal, kept: Callable[[Event], None]) -> None:
        self._journal, self._kept = journal, kept
        self._queueing, self._writing, self._keeping = threading.Lock(), threading.Lock(), threading.Lock()
        self._queue: list[_Told] = []

    def tell(self, event: Event) -> None:
        """Have an event kept; it is safe when this returns.

        Raises:
            Whatever the journal does.
        """
        safe: Future[None] = Future()
        with self._queueing:
            self._queue.append((event, safe))
        with self._writing:
            if not safe.done():
                self._write()
        safe.result()

    def note(self, event: Event) -> None:
        """Have an event kept that need not be safe yet: whoever goes on without it finds in the world what it says."""
        with self._queueing:
            self._queue.append((event, None))
        self._keep(event)

    def write_out(self) -> None:
        """Write what waits.

        Raises:
            Whatever the journal does.
        """
        with self._writing:
            self._write()

    def _write(self) -> None:
        with self._queueing:
            told, self._queue = self._queue, []
        if not told:
            return
        try:
            self._journal.append(*(event for event, _ in told))
        except BaseException as error:
            with self._queueing:
                self._queue = [each for each in told if each[1] is None] + self._queue
            waiting = [safe for _, safe in told if safe is not None]
            for each in waiting:  # who told something gets it, whatever it is
                each.set_exception(error)
            if not waiting:
                raise
            return
        for event, safe in told:
            if safe is not None:
                self._keep(event)
                safe.set_result(None)

    def _keep(self, event: Event) -> None:
        with self._keeping:
            self._kept(event)

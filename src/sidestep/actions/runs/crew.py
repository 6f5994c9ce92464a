"""Steps beside each other, so many at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice

from sidestep.actions.runs.performing import Clock
from sidestep.plan.steps import Step

_SEEN = 2.0
"""Seconds after which the journal says what it need not say at once: others look into it."""


class Crew:
    """Threads that perform steps of one run.

    Args:
        executor: that has so many threads.
        size: how many.
        clock: time.
        poll: seconds after which it is seen at the latest what somebody wishes.
        write_out: writes into the journal what is not safe yet.
    """

    def __init__(self, executor: Executor, size: int, clock: Clock, poll: float, write_out: Callable[[], None]) -> None:
        self._executor, self._size, self._clock, self._poll = executor, size, clock, poll
        self._write_out = write_out

    def work(
        self,
        act: Callable[[Step], None],
        found: Callable[[frozenset[str]], Iterable[Step]],
        goes_on: Callable[[], bool],
    ) -> None:
        """Until none can be begun.

        Args:
            act: what is done with each step.
            found: those that may begin beside some others, by their ids.
            goes_on: whether any is to begin now.
        """
        running: dict[Future[None], str] = {}
        due = self._clock.now() + _SEEN
        while True:
            if self._clock.now() >= due:
                self._write_out()
                due = self._clock.now() + _SEEN
            if goes_on():
                busy = frozenset(running.values())
                for step in islice(found(busy), max(self._size - len(busy), 0)):
                    running[self._executor.submit(act, step)] = step.id
            if not running:
                return
            done, _ = wait(running, self._poll, FIRST_COMPLETED)
            for each in done:
                del running[each]
                each.result()

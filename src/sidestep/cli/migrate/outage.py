"""A place that cannot be asked for a while: said once, and once more when it can."""

import threading
from collections.abc import Callable

import click


class Outage:
    """Of one run, whose steps wait beside each other.

    Args:
        seconds: for which it is waited at most.
        say: tells people.
    """

    def __init__(self, seconds: float, say: Callable[[str], object]) -> None:
        self._seconds, self._say = seconds, say
        self._waiting: set[int] = set()
        self._lock = threading.Lock()

    def __call__(self, why: str) -> None:
        """Somebody waits, and why; or does no more, by no reason."""
        me = threading.get_ident()
        with self._lock:
            if why and not self._waiting:
                self._say(f"{why}; waiting for it, {self._seconds:g} s at most: what was begun is in the journal")
            elif not why and self._waiting == {me}:
                self._say("it can be asked again: going on")
            self._waiting = self._waiting | {me} if why else self._waiting - {me}


def on_stderr(text: str) -> None:
    """To whoever sits there."""
    click.echo(text, err=True)

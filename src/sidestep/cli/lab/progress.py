"""How bringing up goes, on stderr: live on a terminal, a line for each tenth elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from sidestep.cli.live import live_line
from sidestep.cli.reading import Manner

_STEPS = 4


class Heard:
    """Told how the lab is; says how many pods are ready."""

    def __init__(self, update: Callable[[str], None] | None) -> None:
        self._update, self._step = update, -1

    def __call__(self, status: dict[str, Any]) -> None:
        """The lab is so now."""
        text = f"{status['ready']} of {status['pods']} pods ready"
        if self._update is not None:
            self._update(text)
            return
        step = status["ready"] * _STEPS // max(status["pods"], 1)
        if status["pods"] and step != self._step:
            self._step = step
            click.echo(text, err=True)


@contextmanager
def pods_ready(manner: Manner) -> Iterator[Heard]:
    """Who hears, for as long as this lasts."""
    if manner.quiet:
        yield Heard(lambda _: None)
        return
    with live_line("bringing up") as update:
        yield Heard(update)

"""How bringing up goes, on stderr: live on a terminal, a line for each tenth elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from sidestep.cli.reading import Manner

_STEPS = 4


class Heard:
    """Told how the lab is; says how many pods are ready."""

    def __init__(self, live: Any) -> None:
        self._live, self._step = live, -1

    def __call__(self, status: dict[str, Any]) -> None:
        """The lab is so now."""
        text = f"{status['ready']} of {status['pods']} pods ready"
        if self._live is not None:
            self._live.update(text)
            return
        step = status["ready"] * _STEPS // max(status["pods"], 1)
        if status["pods"] and step != self._step:
            self._step = step
            click.echo(text, err=True)


@contextmanager
def pods_ready(manner: Manner) -> Iterator[Heard]:
    """Who hears, for as long as this lasts."""
    if manner.quiet:
        yield Heard(_Nobody())
    elif sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - only who watches pays for it

        with Console(stderr=True).status("bringing up") as live:
            yield Heard(live)
    else:
        yield Heard(None)


class _Nobody:
    def update(self, _: str) -> None:
        """Nothing is said."""

"""How a run goes: live on a terminal, a line for each event elsewhere, or as a stream that programs read."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import msgspec

from sidestep.actions.runs.events import Ended, Event, StepBegan, StepDone
from sidestep.actions.runs.history import so_far_told
from sidestep.actions.runs.progress import Progress, after
from sidestep.cli.migrate.place import now
from sidestep.plan.document import Plan
from sidestep.plan.steps import Gate
from sidestep.report.migration.runs import wave_lines
from sidestep.report.migration.words import descriptions, in_words

Heard = Callable[[Event], None]
_ROWS = 12
"""Lines of waves that are shown at most: those that are under way."""


@contextmanager
def watched(run: str, plan: Plan, before: Progress, output: str, *, quiet: bool) -> Iterator[Heard]:
    """Who hears of events, for as long as the block lasts.

    Args:
        run: its name.
        plan: that it carries out.
        before: how far it was.
        output: `jsonl` for a stream on stdout.
        quiet: nothing for people.
    """
    if output == "jsonl":
        yield _stream(run)
    elif quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _live(run, plan, before) as heard:
            yield heard
    else:
        yield _lines(plan)


def _stream(run: str) -> Heard:
    """A JSON object a line, each written through at once."""

    def heard(event: Event) -> None:
        line = {"at": now(), "run": run, **msgspec.to_builtins(event)}
        click.echo(msgspec.json.encode(line))
        sys.stdout.flush()

    return heard


def _lines(plan: Plan) -> Heard:
    """What begins, what gates saw, and what goes wrong."""
    steps = descriptions(plan)
    looks = {step.id for step in plan.steps if isinstance(step.effect, Gate)}

    def heard(event: Event) -> None:
        if isinstance(event, StepDone) and event.step not in looks:
            return
        if not isinstance(event, Ended):
            click.echo(in_words(event, steps), err=True)

    return heard


class _Picture:
    """The waves, with what is under way; drawn anew as often as the terminal likes."""

    def __init__(self, run: str, plan: Plan, before: Progress) -> None:
        self._run, self._plan, self._so_far = run, plan, before
        self._steps = descriptions(plan)
        self._last = ""
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        with self._lock:
            self._so_far = after(self._so_far, event)
            if not isinstance(event, StepBegan):
                self._last = in_words(event, self._steps)

    def text(self) -> str:
        """Lines; a terminal cuts those that are too long for it."""
        with self._lock:
            told, last = so_far_told(self._run, self._so_far, self._plan, "here"), self._last
        return "\n".join((f"run {told.run}: {told.state.value}", *_window(list(wave_lines(told))), last))


def _window(lines: list[str]) -> list[str]:
    """Those around what is under way, where there are many."""
    if len(lines) <= _ROWS:
        return lines
    first = next((place for place, line in enumerate(lines) if not line.startswith("✓")), len(lines))
    start = max(0, min(first - 2, len(lines) - _ROWS))
    return lines[start : start + _ROWS]


@contextmanager
def _live(run: str, plan: Plan, before: Progress) -> Iterator[Heard]:
    from rich.console import Console  # noqa: PLC0415 - only who watches pays for it
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    picture = _Picture(run, plan, before)

    def drawn() -> Text:
        return Text(picture.text(), no_wrap=True, overflow="ellipsis")

    with Live(get_renderable=drawn, console=Console(stderr=True), refresh_per_second=4):
        yield picture.hear

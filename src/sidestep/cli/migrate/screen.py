"""How a run goes: live on a terminal, a line for each event elsewhere, or as a stream that programs read."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sidestep.actions.runs.events import Ended, Event, StepBegan, StepDone
from sidestep.actions.runs.history import so_far_told
from sidestep.actions.runs.progress import Progress, after
from sidestep.actions.worlds.effects import BACK
from sidestep.cli.migrate.place import now
from sidestep.plan.document import Plan
from sidestep.plan.steps import Gate
from sidestep.report.migration.runs import wave_lines
from sidestep.report.migration.words import descriptions, in_words

Heard = Callable[[Event], None]
Waits = Callable[[str, str], None]
_ROWS = 12
"""Lines of waves that are shown at most: those that are under way."""
_AGAIN = 30.0
"""Seconds after which it is said again, where lines are not drawn anew, what a step waits for."""


class Watcher(Struct, frozen=True):
    """Who looks at a run.

    Attributes:
        heard: told of every event.
        waits: told again and again which step waits, and for what.
    """

    heard: Heard
    waits: Waits = lambda _step, _why: None


@contextmanager
def watched(run: str, plan: Plan, before: Progress, output: str, *, quiet: bool) -> Iterator[Watcher]:
    """Who hears of a run, for as long as the block lasts.

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
        yield Watcher(lambda _: None)
    elif sys.stderr.isatty():
        with _live(run, plan, before) as watcher:
            yield watcher
    else:
        yield _lines(plan)


def _stream(run: str) -> Watcher:
    """A JSON object a line, each written through at once."""

    def said(what: dict[str, object]) -> None:
        click.echo(msgspec.json.encode({"at": now(), "run": run, **what}))
        sys.stdout.flush()

    return Watcher(
        lambda event: said(msgspec.to_builtins(event)),
        seldom(lambda step, why: said({"type": "waits", "step": step, "why": why})),
    )


def seldom(said: Waits, clock: Callable[[], float] = time.monotonic) -> Waits:
    """Says of each step what it waits for once it has waited for a while, and again after as long.

    Args:
        said: says it.
        clock: seconds.
    """
    last: dict[str, float] = {}

    def waits(step: str, why: str) -> None:
        if clock() - last.setdefault(step, clock()) >= _AGAIN:
            last[step] = clock()
            said(step, why)

    return waits


def _lines(plan: Plan) -> Watcher:
    """What begins, what gates saw, and what goes wrong."""
    steps = descriptions(plan)
    looks = {step.id for step in plan.steps if isinstance(step.effect, Gate)}

    def heard(event: Event) -> None:
        if isinstance(event, StepDone) and event.step not in looks:
            return
        if not isinstance(event, Ended):
            click.echo(in_words(event, steps), err=True)

    return Watcher(heard, seldom(lambda step, why: click.echo(f"{step} waits: {why}", err=True)))


class _Picture:
    """The waves, with what is under way; drawn anew as often as the terminal likes."""

    def __init__(self, run: str, plan: Plan, before: Progress) -> None:
        self._run, self._plan, self._so_far = run, plan, before
        self._steps = descriptions(plan)
        self._last = ""
        self._waits: dict[str, str] = {}
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        with self._lock:
            self._so_far = after(self._so_far, event)
            if not isinstance(event, StepBegan):
                self._last = in_words(event, self._steps)

    def wait(self, step: str, why: str) -> None:
        with self._lock:
            self._waits[self._steps.get(step.removesuffix(BACK), step)] = why

    def text(self) -> str:
        """Lines; a terminal cuts those that are too long for it."""
        with self._lock:
            told, last = so_far_told(self._run, self._so_far, self._plan, "here"), self._last
            running = tuple(f"{each}: {self._waits[each]}" if each in self._waits else each for each in told.running)
            told = replace(told, running=running)
        return "\n".join((f"run {told.run}: {told.state.value}", *_window(list(wave_lines(told))), last))


def _window(lines: list[str]) -> list[str]:
    """Those around what is under way, where there are many."""
    if len(lines) <= _ROWS:
        return lines
    first = next((place for place, line in enumerate(lines) if not line.startswith("✓")), len(lines))
    start = max(0, min(first - 2, len(lines) - _ROWS))
    return lines[start : start + _ROWS]


@contextmanager
def _live(run: str, plan: Plan, before: Progress) -> Iterator[Watcher]:
    from rich.console import Console  # noqa: PLC0415 - only who watches pays for it
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    picture = _Picture(run, plan, before)

    def drawn() -> Text:
        return Text(picture.text(), no_wrap=True, overflow="ellipsis")

    with Live(get_renderable=drawn, console=Console(stderr=True), refresh_per_second=4):
        yield Watcher(picture.hear, picture.wait)

"""One run performed: begun, gone on with, or taken back; by one process at a time."""

import getpass
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import click
from msgspec import Struct
from msgspec.structs import replace

from sidestep.actions.gates.observed import Observer
from sidestep.actions.gates.watching import Measure
from sidestep.actions.runs.events import Answers, Began, Ended, Ending, Event
from sidestep.actions.runs.performing import Clock, Patience, until_asked
from sidestep.actions.runs.progress import Progress, progress
from sidestep.actions.runs.runner import Runner, Terms
from sidestep.cli.migrate.outage import Outage, on_stderr
from sidestep.cli.migrate.place import Place
from sidestep.cli.migrate.screen import watched
from sidestep.cli.migrate.wishes import INTERRUPTED, Interrupts, Wishes
from sidestep.cli.options import Duration
from sidestep.errors import SidestepError
from sidestep.plan.document import Plan
from sidestep.report.migration.words import first_line

_CODES = {Ending.COMPLETED: 0, Ending.REVERSED: 5, Ending.STOPPED: 6, Ending.PAUSED: INTERRUPTED}
LEFT = 6
_REMEMBERED = {
    "parallel": "--parallel", "no_rollback": "--no-rollback", "no_gates": "--no-gates", "patience": "--patience",
    "rollout": "--rollout-within",
}  # fmt: skip
"""Options that a run keeps for who goes on with it."""
Act = Callable[[Runner], Ended]


class Manners(Struct, frozen=True):
    """How a run is told.

    Attributes:
        output: `table`, or `jsonl` for a stream.
        quiet: nothing for people.
    """

    output: str = "table"
    quiet: bool = False


def how_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """How a run is carried out, whoever begins it or goes on with it."""
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
        click.option(
            "--patience", type=Duration(), default="5m", show_default=True, metavar="TIME",
            help="How long a cluster, or a Prometheus, that cannot be asked is waited for.",
        ),
        click.option(
            "--rollout-within", "rollout", type=Duration(), default="10m", show_default=True, metavar="TIME",
            help="Fail a step whose pods are not all new and ready after this long.",
        ),
        click.option("--parallel", type=click.IntRange(1, 64), default=4, show_default=True, help="Steps at a time."),
        click.option(
            "--no-rollback/--rollback", "no_rollback", help="Stop where a step fails, and take nothing back."
        ),
        click.option("--no-gates/--gates", "no_gates", help="Tell what gates say, and go on whatever it is."),
    ):  # fmt: skip
        function = option(function)
    return function


def taken_over(values: dict[str, Any], before: Answers, given: Callable[[str], bool]) -> tuple[dict[str, Any], str]:
    """Options with what whoever performed a run before had said, where nobody says otherwise; and that in words.

    Args:
        values: of `how_options`.
        before: what was said.
        given: whether an option was said now.
    """
    kept = {name: getattr(before, name) for name in _REMEMBERED if not given(name)}
    words = (f"{option} {value:g}" if value is not True else option for option, value in _said(kept))
    return {**values, **kept}, " ".join(words)


def _said(kept: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Options that are not as they are by themselves."""
    for name, value in kept.items():
        if value != getattr(Answers(), name):
            yield _REMEMBERED[name], value


def terms_of(began: Began, measure: Measure | None, values: dict[str, Any]) -> Terms:
    """How a run is carried out.

    Args:
        began: what it was begun with.
        measure: what gates see; where nobody measures, they have nothing to wait for.
        values: of `how_options`.
    """
    patience = Patience(transport=values["patience"], rollout=values["rollout"])
    if measure is None:
        patience = replace(patience, window=1.0, past=1.0)
    return Terms(
        began.run, began.plan, began.waves, values["parallel"],
        reverse=not values["no_rollback"], enforce=not values["no_gates"], patience=patience, by=by(),
    )  # fmt: skip


def by() -> str:
    """Who we are: user, machine and process."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}/{os.getpid()}"


def performed(
    place: Place,
    plan: Plan,
    terms: Terms,
    manners: Manners,
    act: Act,
    *,
    document: bytes | None = None,
    observes: bool = False,
) -> int:
    """Perform a run as its holder; the exit code.

    Args:
        place: where.
        plan: what.
        terms: how.
        manners: how it is told.
        act: what of the runner: `run`, or `take_back` of a wave.
        document: of the plan, for a run that begins; None for one that has begun.
        observes: after each wave the mesh is read again, and held against the plan; without it nothing is held, and
            a mesh that cannot be read is no reason not to take back, one step at a time.

    Raises:
        SidestepError: it did not begin.
    """
    run = terms.run
    interrupts = Interrupts(f"{run}{place.again}")
    with place.records.hold(run, terms.by) as may_write, interrupts.heard():
        place.guard.check = may_write
        if document is not None:
            place.records.begin(run, document)
        known = _observer(plan, place, needed=observes) if observes or terms.parallel > 1 else None
        outage = Outage(terms.patience.transport, (lambda _: None) if manners.quiet else on_stderr)
        clock = Clock(time.monotonic, time.sleep, outage)
        journal = place.records.journal(run, until_asked(clock, terms.patience))
        before = progress(each.event for each in journal.entries())
        with watched(run, plan, before, manners.output, quiet=manners.quiet) as watcher:
            control = Wishes(place.records, run, interrupts)
            noticed = place.noticed(run)

            def told(event: Event) -> None:
                watcher.heard(event)
                noticed(event)

            runner = Runner(
                plan, place.world, journal, terms, clock,
                control=control, heard=told, known=known, waits=watcher.waits,
            )  # fmt: skip
            try:
                ended = act(runner)
            except SidestepError as error:
                return _left(f"{run}{place.again}", runner.so_far, error)
    return _told(run, ended, manners, place.again)


def _observer(plan: Plan, place: Place, *, needed: bool) -> Observer | None:
    """Who knows the mesh and what the plan foretells of it; None where nobody can."""
    if place.observe is None:
        return None
    try:
        return Observer(plan, place.observe)
    except SidestepError:
        if needed:
            raise
        return None


def _left(run: str, so_far: Progress, error: SidestepError) -> int:
    """A run that could not even say how it ended."""
    if so_far.began is None:
        raise error
    click.echo(f"error: {error}", err=True)
    click.echo(f"the run is left as it stands; its journal says where. Then: sidestep migrate resume {run}", err=True)
    return LEFT


def _told(run: str, ended: Ended, manners: Manners, again: str) -> int:
    if not manners.quiet:
        click.echo(f"run {run} {_WORDS[ended.how]}" + (f": {first_line(ended.why)}" if ended.why else ""), err=True)
        for line in ended.why.splitlines()[1:]:
            click.echo(line, err=True)
        click.echo(_NEXT[ended.how].format(run=f"{run}{again}"), err=True)
    return _CODES[ended.how]


_WORDS = {
    Ending.COMPLETED: "is carried out",
    Ending.REVERSED: "is taken back",
    Ending.PAUSED: "is paused",
    Ending.STOPPED: "stopped half-way",
}
_NEXT = {
    Ending.COMPLETED: "  to take it back: sidestep migrate rollback {run}",
    Ending.REVERSED: "  what it did, and why: sidestep migrate status {run}",
    Ending.PAUSED: "  to go on: sidestep migrate resume {run}",
    Ending.STOPPED: "  look, mend what it says, then: sidestep migrate resume {run}, or rollback {run}",
}

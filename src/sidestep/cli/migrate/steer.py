"""`sidestep migrate pause|resume|abort|rollback`: a run is steered from any terminal, whoever performs it."""

import sys
from contextlib import ExitStack
from typing import Any

import click
from click.core import ParameterSource

from sidestep.actions.gates.watching import Measure
from sidestep.actions.runs.control import Wish
from sidestep.actions.runs.events import Began
from sidestep.actions.runs.history import RunTold, State
from sidestep.actions.runs.progress import progress, wanted
from sidestep.actions.runs.records import Records
from sidestep.cli.migrate.checked import check_gates, drifted
from sidestep.cli.migrate.look import known_run, told_of
from sidestep.cli.migrate.perform import Act, Manners, how_options, performed, taken_over, terms_of
from sidestep.cli.migrate.place import Place, chosen_place, kept, opened, where_options
from sidestep.cli.migrate.prometheus import gate_options, gates_measured
from sidestep.errors import UsageError
from sidestep.plan.document import Plan
from sidestep.plan.reading import read_plan

_named = click.argument("run", required=False)
_output = click.option("-o", "--output", type=click.Choice(("table", "jsonl")), default="table", help="Format.")
_WISHED = "somebody wished it"


@click.command("pause")
@_named
@where_options
def pause(**values: Any) -> None:
    """Let a run begin nothing new until it is resumed; what is running comes to its end."""
    where = chosen_place(values)
    with kept(where) as records:
        found = _open_run(records, values["run"], where.again)
        if not found.holder:
            raise UsageError(
                f"run {found.run} is {found.state.value}: nobody performs it",
                where=records.place,
                remedy=f"sidestep migrate resume {found.run}{where.again} goes on with it",
            )
        records.ask(found.run, Wish.PAUSE)
        _say(found, "is to pause once what is running is done")


@click.command("resume")
@_named
@where_options
@gate_options
@how_options
@click.option("--force", is_flag=True, help="Although the mesh changed since planning.")
@_output
def resume(**values: Any) -> int:
    """Go on with a run: tell who performs it, or where nobody does perform it here."""
    with ExitStack() as stack:
        measure = gates_measured(values, stack)
        place = stack.enter_context(opened(chosen_place(values), measure, values["run"]))
        found = _open_run(place.records, values["run"], place.again)
        place.records.ask(found.run, Wish.GO_ON)
        if found.holder:
            _say(found, "goes on")
            return 0
        return _performed(place, found, values, lambda runner: runner.run(), measure, observes=True)


@click.command("abort")
@_named
@where_options
@how_options
@_output
def abort(**values: Any) -> int:
    """Take the wave back that is under way, and end the run; waves that are done stay."""
    with opened(chosen_place(values), run=values["run"]) as place:
        found = _open_run(place.records, values["run"], place.again)
        if found.holder:
            place.records.ask(found.run, Wish.ABORT)
            _say(found, "is to take its wave back once what is running is done")
            return 0
        undone = [wave.number for wave in found.waves if wave.done < wave.steps]
        if not undone:
            remedy = f"sidestep migrate rollback {found.run}{place.again}"
            raise UsageError(f"all of run {found.run} is done", where=place.records.place, remedy=remedy)
        place.records.ask(found.run, Wish.GO_ON)
        code = _performed(place, found, values, lambda runner: runner.take_back(undone[0], _WISHED))
        return 0 if code == _REVERSED else code


@click.command("rollback")
@_named
@click.option(
    "--to",
    "first",
    type=click.IntRange(min=0),
    default=0,
    metavar="WAVE",
    help="Only this wave and those after it.",
)
@where_options
@click.option("-y", "--yes", is_flag=True, help="Do not ask before writing.")
@how_options
@_output
def rollback(**values: Any) -> int:
    """Take a run back, the last step first, to what stood before each of its steps; by its journal."""
    with opened(chosen_place(values), run=values["run"]) as place:
        found = told_of(place.records, known_run(place.records, values["run"]))
        if found.holder:
            raise UsageError(
                f"{found.holder} performs run {found.run} now", where=place.records.place,
                remedy=f"sidestep migrate abort {found.run}{place.again} takes its wave back; then roll back the rest",
            )  # fmt: skip
        done = [wave for wave in found.waves if wave.number >= values["first"]]
        if not values["yes"]:
            _confirm(f"Take {sum(wave.done for wave in done)} steps of run {found.run} back in {place.named}?")
        place.records.ask(found.run, Wish.GO_ON)
        code = _performed(place, found, values, lambda runner: runner.take_back(values["first"], _WISHED))
        return 0 if code == _REVERSED else code


_REVERSED, _DRIFTED = 5, 2
"""Asked for, what is taken back is no failure."""


def _open_run(records: Records, asked: str | None, again: str) -> RunTold:
    """A run that is not over.

    Raises:
        UsageError: it is, or there is none.
    """
    found = told_of(records, known_run(records, asked))
    if found.state in {State.COMPLETED, State.REVERSED}:
        remedy = f"sidestep migrate rollback {found.run}{again} takes it back" if found.state is State.COMPLETED else ""
        raise UsageError(f"run {found.run} is over: {found.state.value}", where=records.place, remedy=remedy)
    return found


def _performed(
    place: Place,
    found: RunTold,
    values: dict[str, Any],
    act: Act,
    measure: Measure | None = None,
    *,
    observes: bool = False,
) -> int:
    """Perform a run that was begun, with the plan that its records hold."""
    plan = read_plan(place.records.plan(found.run), found.run)
    so_far = progress(each.event for each in place.records.journal(found.run).entries())
    known = so_far.began or Began(found.run, plan.signature.digest, place.world.name)
    values, kept_as = taken_over(values, so_far.answers, _given)
    if kept_as and not values["quiet"]:
        click.echo(f"as it was performed before: {kept_as}", err=True)
    if observes and so_far.reversing is None:
        left = (step for step in wanted(plan, known.waves) if step.id not in so_far.done)
        check_gates(left, measure, f"resume {found.run}", no_gates=values["no_gates"])
        if not values["force"] and _has_drifted(plan, place, found.run):
            return _DRIFTED
    terms = terms_of(known, measure, values)
    return performed(place, plan, terms, Manners(values["output"], values["quiet"]), act, observes=observes)


def _has_drifted(plan: Plan, place: Place, run: str) -> bool:
    """Whether the mesh is not as the plan knew it; that is said."""
    lines = drifted(plan, place)
    for line in lines:
        click.echo(line, err=True)
    if lines:
        click.echo(f"nothing was written; run {run} is left as it stands (--force goes on all the same)", err=True)
    return bool(lines)


def _given(option: str) -> bool:
    """Whether whoever sits here said it."""
    return click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked", where="rollback", remedy="say --yes")
    if not click.confirm(question, err=True):
        raise UsageError("nothing was written, as you said")


def _say(found: RunTold, what: str) -> None:
    click.echo(f"run {found.run} {what}; {found.holder} performs it", err=True)

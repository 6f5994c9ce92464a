"""`sidestep migrate status` and `history`: how runs are, from any terminal."""

from typing import Any

import click

from sidestep.actions.runs.history import RunTold, State, told
from sidestep.actions.runs.records import Records
from sidestep.cli.lab.choices import terminal_width
from sidestep.cli.migrate.place import chosen_place, kept, where_options
from sidestep.cli.output import emit
from sidestep.errors import UsageError, WorldError
from sidestep.plan.reading import read_plan
from sidestep.report.migration.runs import Runs, as_json, history_text, run_text
from sidestep.report.migration.words import descriptions, in_words

_output = click.option("-o", "--output", type=click.Choice(("table", "json")), default="table", help="Format.")
_MOST = 200
"""Runs that are listed."""


@click.command("status")
@click.argument("run", required=False)
@click.option("--lines", type=click.IntRange(min=0), default=8, show_default=True, help="Of the journal, the last.")
@where_options
@_output
def status(**values: Any) -> None:
    """Say how a run is: the newest, unless another is named."""
    where = chosen_place(values)
    with kept(where) as records:
        run = known_run(records, values["run"])
        found = told_of(records, run)
        if values["output"] == "json":
            emit(as_json(found), None)
            return
        steps = descriptions(read_plan(records.plan(run), run))
        last = records.journal(run).entries()[-values["lines"] :] if values["lines"] else ()
        lately = [f"{each.at}  {in_words(each.event, steps)}" for each in last]
        emit(run_text(found, lately, terminal_width(), where.again), None)


@click.command("history")
@where_options
@_output
def history(**values: Any) -> None:
    """List all runs, the newest first."""
    with kept(chosen_place(values)) as records:
        names = records.runs()[::-1][:_MOST]
        found = Runs(records.place, tuple(_told_or_altered(records, each) for each in names))
        emit(as_json(found) if values["output"] == "json" else history_text(found, terminal_width()), None)


def _told_or_altered(records: Records, run: str) -> RunTold:
    """One run that cannot be read hides no other."""
    try:
        return told_of(records, run)
    except WorldError as error:
        return RunTold(run, State.ALTERED, error.message)


def known_run(records: Records, asked: str | None) -> str:
    """The run that is asked for: the newest where none is named.

    Raises:
        UsageError: there is none.
    """
    if asked is not None:
        return asked
    names = records.runs()
    if not names:
        remedy = "carry a plan out with sidestep migrate --plan DIR --apply"
        raise UsageError("there is no run yet", where=records.place, remedy=remedy)
    return names[-1]


def told_of(records: Records, run: str) -> RunTold:
    """How a run is.

    Raises:
        UsageError: there is none of that name.
        WorldError: its journal or plan was altered.
    """
    plan = read_plan(records.plan(run), run)
    holder = records.holder()
    by = holder.by if holder is not None and holder.run in {run, ""} else ""
    return told(run, records.journal(run).entries(), plan, by)

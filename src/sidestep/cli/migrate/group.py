"""`sidestep migrate`."""

import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from msgspec import Struct

from sidestep.actions.gates.watching import Measure
from sidestep.actions.runs.events import Began
from sidestep.actions.runs.history import State
from sidestep.actions.runs.names import name_of_run
from sidestep.actions.runs.outlook import foresee
from sidestep.cli.main import LazyGroup
from sidestep.cli.migrate.checked import (
    Document,
    Now,
    check_cluster,
    check_gates,
    check_reached,
    chosen,
    mesh_now,
    notes,
    saved_plan,
    waves_of,
)
from sidestep.cli.migrate.git import Git
from sidestep.cli.migrate.gitops import gitops_options, prepared, settings_of
from sidestep.cli.migrate.look import told_of
from sidestep.cli.migrate.perform import Manners, how_options, performed, terms_of
from sidestep.cli.migrate.place import Place, Where, chosen_place, opened, where_options
from sidestep.cli.migrate.prometheus import gate_options, gates_measured
from sidestep.cli.output import emit
from sidestep.errors import UsageError, WorldError
from sidestep.report.migration import outlook as report
from sidestep.report.migration.outlook import Outlook
from sidestep.report.migration.runs import as_json
from sidestep.report.units import count

VERBS: dict[str, tuple[str, str]] = {
    "abort": ("sidestep.cli.migrate.steer:abort", "Take the wave back that is under way, and end the run."),
    "history": ("sidestep.cli.migrate.look:history", "List all runs."),
    "pause": ("sidestep.cli.migrate.steer:pause", "Let a run begin nothing new until it is resumed."),
    "resume": ("sidestep.cli.migrate.steer:resume", "Go on with a run, from any machine."),
    "rollback": ("sidestep.cli.migrate.steer:rollback", "Take a run back, by its journal."),
    "status": ("sidestep.cli.migrate.look:status", "Say how a run is."),
}
_EXIT_CODES = """\b
Exit codes:
  0    carried out; without --apply: it could be
  1    tool or usage error; nothing was written
  2    the mesh is not as the plan knew it, or the cluster would refuse a write; nothing was written
  5    a step could not be done or a gate did not hold, and its wave was taken back
  6    stopped half-way: what was begun is neither done nor taken back
  130  paused by Ctrl-C
"""
_DRIFTED = 2
_FORMATS = ("table", "diff", "json", "jsonl")
_LOOKED = frozenset({"diff", "json"})
"""Formats of what would be."""


class _Begun(Struct, frozen=True):
    """What is to be carried out, after everything that could be checked was."""

    document: Document
    waves: tuple[int, ...]
    outlook: Outlook
    now: Now


@click.group("migrate", cls=LazyGroup, table=VERBS, invoke_without_command=True, epilog=_EXIT_CODES)
@click.option("--plan", "plan_path", metavar="DIR|FILE", help="The plan, as `sidestep plan --out` wrote it.")
@click.option("--apply", "applies", is_flag=True, help="Carry it out; without it nothing is written.")
@click.option("--wave", type=click.IntRange(min=0), metavar="N", help="Only this wave; those before it must be done.")
@click.option("--until", type=click.IntRange(min=0), metavar="N", help="Up to this wave, and with it.")
@click.option(
    "--dry-run",
    type=click.Choice(["server", "client"]),
    default="server",
    show_default=True,
    help="Who says what writes would make: the API server, with its admission, or we alone.",
)
@where_options
@gitops_options
@gate_options
@how_options
@click.option("--force", is_flag=True, help="Although the mesh changed since planning, or a prerequisite is not met.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before writing.")
@click.option(
    "-o", "--output", type=click.Choice(_FORMATS), default="table", show_default=True,
    help="Format; jsonl streams what happens, an object a line.",
)  # fmt: skip
@click.pass_context
def command(context: click.Context, /, **values: Any) -> int:
    """Carry a plan out in a cluster: waves with gates, journal, pause, resume and undo.

    Without --apply nothing is written: it says what would be, wave by wave, and what somebody changed since the plan
    was made.

    \b
      sidestep migrate --plan plan/
      sidestep migrate --plan plan/ --apply --prometheus https://prometheus.example.com
      sidestep migrate status
    """  # noqa: D301 - click's mark for a paragraph that is not wrapped
    if context.invoked_subcommand is not None:
        _check_nothing_given(context)
        return 0
    if values["plan_path"] is None:
        raise click.UsageError("name the plan with --plan DIR, or a verb: " + ", ".join(sorted(VERBS)))
    return _run(values)


def _check_nothing_given(context: click.Context) -> None:
    """Options before a verb would be read by nobody."""
    for parameter in context.command.params:
        if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"write {parameter.opts[0]} after {context.invoked_subcommand}")


def _run(values: dict[str, Any]) -> int:
    if values["applies"] and values["output"] in _LOOKED:
        remedy = "say -o jsonl for what happens, an object a line; the end of it is in status -o json"
        raise UsageError(f"{values['output']} shows what would be written", where="-o with --apply", remedy=remedy)
    if values["wave"] is not None and values["until"] is not None:
        raise click.UsageError("--wave and --until contradict each other")
    where = chosen_place(values)
    document = saved_plan(values["plan_path"])
    with ExitStack() as stack:
        measure = gates_measured(values, stack)
        if where.gitops:
            return _by_commits(document, where, measure, stack, values)
        place = stack.enter_context(opened(where, measure))
        return _carried_out(document, place, measure, values)


def _carried_out(document: Document, place: Place, measure: Measure | None, values: dict[str, Any]) -> int:
    """In the place itself; or what that would do."""
    waves = waves_of(document.plan, values["wave"], values["until"])
    check_cluster(document.plan, place, values["plan_path"])
    check_reached(document.plan, place, waves)
    found = _foreseen(document, waves, place, asks=values["dry_run"] == "server")
    return _applied(found, place, measure, values) if values["applies"] else _shown(found, values)


def _by_commits(
    document: Document, where: Where, measure: Measure | None, stack: ExitStack, values: dict[str, Any]
) -> int:
    """As commits; or what they would say."""
    git = Git(Path(where.gitops or ""))
    settings = settings_of(values, git)
    made = stack.enter_context(prepared(document.plan, git, settings, where, measure))
    if values["output"] == "diff" and not values["applies"]:
        emit(made.looked_at(), None)
        return 0
    code = _carried_out(Document(made.content, made.plan), made.place, measure, values)
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    if code == 0 and values["applies"] and values["patches"]:
        for name in made.as_patches(Path(values["patches"])):
            click.echo(name)
    return code


def _foreseen(document: Document, waves: tuple[int, ...], place: Place, *, asks: bool) -> _Begun:
    state = mesh_now(document.plan, place)
    steps = chosen(document.plan, waves)
    tried = place.tried if asks else None
    foreseen = tuple(foresee(place.world, steps, tried=tried))
    asked = "client" if tried is None else "server"
    outlook = report.outlook(place.named, asked, foreseen, state.changed, notes(document.plan, place, state))
    return _Begun(document, waves, outlook, state)


def _shown(found: _Begun, values: dict[str, Any]) -> int:
    match values["output"]:
        case "json" | "jsonl":
            emit(as_json(found.outlook), None)
        case "diff":
            emit(report.diff(found.outlook), None)
            for line in report.drift(found.outlook):
                click.echo(line, err=True)
        case _:
            waves = {wave.number: wave for wave in found.document.plan.waves}
            emit(report.text(found.outlook, waves), None)
    return _DRIFTED if found.outlook.drifted or found.outlook.refused else 0


def _applied(found: _Begun, place: Place, measure: Measure | None, values: dict[str, Any]) -> int:
    plan = found.document.plan
    if (found.outlook.drifted or found.outlook.refused) and not values["force"]:
        for line in report.drift(found.outlook):
            click.echo(line, err=True)
        click.echo("nothing was written (--force writes all the same what is as the plan knew it)", err=True)
        return _DRIFTED
    _check_prerequisites(found, values)
    check_gates(chosen(plan, found.waves), measure, "--apply", no_gates=values["no_gates"])
    _check_none_open(place)
    _confirm(found, place, values)
    run = name_of_run(datetime.now(UTC), plan.signature.digest, place.records.runs())
    terms = terms_of(Began(run, plan.signature.digest, place.world.name, found.waves), measure, values)
    manners = Manners(values["output"], values["quiet"])
    content = found.document.content
    return performed(place, plan, terms, manners, lambda runner: runner.run(), document=content, observes=True)


def _check_prerequisites(found: _Begun, values: dict[str, Any]) -> None:
    if found.now.unmet and not values["force"]:
        first = found.now.unmet[0]
        raise WorldError(
            f"is not met, and a plan requires it before its first step: {first.evidence}; nothing was written",
            where=first.name,
            remedy=first.fix,
        )


def _check_none_open(place: Place) -> None:
    """One run at a time: one that was left half-way is gone on with, or taken back, first.

    Raises:
        UsageError: there is one.
    """
    for run in place.records.runs()[-1:]:
        found = told_of(place.records, run)
        if found.lines and found.state not in {State.COMPLETED, State.REVERSED, State.STOPPED}:
            raise UsageError(
                f"run {run} is {found.state.value}; nothing was written",
                where=place.records.place,
                remedy=f"sidestep migrate resume {run}{place.again}, abort, or rollback in its place",
            )


def _confirm(found: _Begun, place: Place, values: dict[str, Any]) -> None:
    """Ask whoever sits there.

    Raises:
        UsageError: nobody does, or he says no.
    """
    if values["yes"]:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked", where="--apply", remedy="say --yes; look first without --apply")
    writes = sum(each.doing is report.Doing.WRITE for each in found.outlook.steps)
    waves = len({each.wave for each in found.outlook.steps})
    if not click.confirm(f"Write {count(writes, 'step')} in {count(waves, 'wave')} to {place.named}?", err=True):
        raise UsageError("nothing was written, as you said")

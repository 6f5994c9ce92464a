"""`sidestep rehearse`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from sidestep.actions.runs.events import Ending
from sidestep.cli.lab.choices import terminal_width
from sidestep.cli.options import Duration, chosen_source, source_options
from sidestep.cli.output import check_writable, emit, look
from sidestep.cli.plan_states import fitting, plan_option
from sidestep.cli.reading import Manner, read_mesh
from sidestep.lab.cluster.intake import objects_of
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.rehearse.rehearsal import Asked, rehearse
from sidestep.rehearse.result import Rehearsal
from sidestep.rehearse.scaling import lingering, scaled
from sidestep.rehearse.traffic import traffic
from sidestep.report.json_document import render as json_document
from sidestep.report.rehearsal.table import text, verdict

_EXIT_CODES = """\b
Exit codes:
  0  carried out and taken back; nothing was lost, and nothing admitted
  2  requests were lost or admitted
  5  a step could not be done, and its wave was taken back
  6  a step could not be done or taken back
  1  tool or usage error
"""


@click.command("rehearse", epilog=_EXIT_CODES)
@source_options
@click.option(
    "--plan",
    default="planned",
    show_default=True,
    metavar="DIR|FILE|planned|labels",
    help="A saved plan, the one that `sidestep plan` would make, or labels flipped and nothing else.",
)
@click.option("--rate", type=click.FloatRange(1, 5000), default=100.0, show_default=True, help="Requests a second.")
@click.option("--baseline", type=Duration(), default="10s", show_default=True, help="Of load before and after.")
@click.option("--window", type=Duration(), default="3s", show_default=True, help="Over which gates look.")
@click.option("--replicas", type=click.IntRange(1, 10), default=2, show_default=True, help="At most, of a workload.")
@click.option(
    "--linger",
    type=click.FloatRange(0, 60),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How long workloads serve on after they are asked to end.",
)
@click.option("--nodes", type=click.IntRange(1, 20), default=2, show_default=True, help="Of the lab.")
@click.option("--no-rollback", is_flag=True, help="Do not take the waves back at the end.")
@click.option("-o", "--output", type=click.Choice(("table", "json", "html")), default="table", help="Format.")
@click.option("--out", metavar="FILE", help="Write there instead of to stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def command(**values: Any) -> int:
    """Carry a plan out in a lab on this machine, under load, wave by wave, and take it back.

    What is answered today is sent all the time and must be answered; what is refused today must stay refused. Every
    request that is lost or admitted is told with its step. No cluster is touched.
    """
    if values["out"]:
        check_writable(values["out"])
    option = plan_option(values["plan"], end_only=False)
    manner = Manner(quiet=values["quiet"])
    mesh = read_mesh(chosen_source(values), manner, require_complete=False)
    plan = fitting(option, mesh)
    objects, merged = scaled(objects_of(mesh), values["replicas"])
    asked = Asked(
        f"{mesh.source.kind.value} {mesh.source.name}", lingering(objects, values["linger"]), merged, plan,
        traffic(mesh, inferred_calls(mesh), values["rate"]),
        values["baseline"], values["window"], not values["no_rollback"], values["nodes"],
    )  # fmt: skip
    with _progress(quiet=values["quiet"]) as heard:
        found = rehearse(asked, heard)
    if values["out"] and not values["quiet"]:
        for line in verdict(found):
            click.echo(line, err=True)
    emit(_rendered(found, values["output"], to_file=bool(values["out"])), values["out"])
    return _code(found)


def _rendered(found: Rehearsal, output: str, *, to_file: bool) -> str:
    match output:
        case "json":
            return json_document(found, look(no_color=True, to_file=True))
        case "html":
            from sidestep.report.rehearsal.page import page  # noqa: PLC0415 - templates are for who asks for a page

            return page(found)
        case _:
            return text(found, None if to_file else terminal_width())


def _code(found: Rehearsal) -> int:
    if found.ended is Ending.STOPPED or found.taken_back is Ending.STOPPED:
        return 6
    if found.ended is Ending.REVERSED:
        return 5
    return 0 if found.total.clean else 2


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Live on a terminal; a line for each step elsewhere."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - only who watches pays for it

        with Console(stderr=True).status("bringing the lab up") as live:
            yield live.update
    else:
        yield lambda what: click.echo(what, err=True)

"""`sidestep rehearse`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from msgspec import structs

from sidestep.actions.memory import apply
from sidestep.actions.runs.events import Ending
from sidestep.cli.calls import CallOptions, call_options, call_reader
from sidestep.cli.lab.choices import terminal_width
from sidestep.cli.live import live_line
from sidestep.cli.options import Duration, chosen_source, source_options
from sidestep.cli.output import check_writable, emit, look
from sidestep.cli.plan_states import fitting, plan_option
from sidestep.cli.reading import Manner, read_mesh
from sidestep.cli.telemetry import TelemetryOptions, telemetry_options
from sidestep.errors import UsageError
from sidestep.lab.cluster.intake import objects_of
from sidestep.lab.workload.issuer import Issuer
from sidestep.model.call_graph import CallGraph
from sidestep.model.kinds import REQUEST_AUTHENTICATION
from sidestep.model.mesh import Mesh
from sidestep.plan.document import Plan
from sidestep.rehearse.faults import Fault, Injection, injection
from sidestep.rehearse.merging import Merging, fitting_in
from sidestep.rehearse.rehearsal import Asked, rehearse
from sidestep.rehearse.result import Rehearsal
from sidestep.rehearse.scaling import behaving, most_replicas, scaled, spaced
from sidestep.rehearse.shapes.smaller import Whole
from sidestep.rehearse.tokens import Signed
from sidestep.rehearse.traffic import traffic
from sidestep.report.json_document import render as json_document
from sidestep.report.rehearsal.table import text
from sidestep.report.rehearsal.words import verdict
from sidestep.semantics.index import MeshIndex

_OF_A_POD = 36 * 2**20
"""Bytes that a pod takes at most: its sidecar some 24 MiB, and its successors in rollouts beside it."""
_EXIT_CODES = """\b
Exit codes:
  0  carried out and taken back; nothing was lost, and nothing admitted
  2  requests were lost or admitted
  4  requests were lost only while this machine was late: nobody can tell why
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
    metavar="DIR|FILE|planned|labels|policies-first|late-waypoint",
    help="A saved plan, the one that `sidestep plan` would make, or one that fails to look at (see the guide).",
)
@click.option("--rate", type=click.FloatRange(1, 5000), default=100.0, show_default=True, help="Requests a second.")
@click.option("--baseline", type=Duration(), default="10s", show_default=True, help="Of load before and after.")
@click.option("--gate-window", type=Duration(), default="5s", show_default=True, help="Longest for which gates look.")
@click.option("--replicas", type=click.IntRange(1, 10), default=2, show_default=True, help="At most, of a workload.")
@click.option(
    "--pods",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="In the lab at most, once it is up; as many as this machine has memory for unless you say so.",
)
@click.option(
    "--merge",
    type=click.Choice([each.value for each in Merging]),
    default=Merging.NEEDED.value,
    show_default=True,
    help="Whether one workload may stand for others of its shape.",
)
@click.option(
    "--linger",
    type=click.FloatRange(0, 60),
    default=4.0,
    show_default=True,
    metavar="SECONDS",
    help="How long workloads serve on after they are asked to end.",
)
@click.option("--name", default="rehearsal", show_default=True, help="Of the lab: two at a time need two names.")
@click.option("--nodes", type=click.IntRange(1, 20), default=2, show_default=True, help="Of the lab.")
@click.option(
    "--inject",
    multiple=True,
    metavar="FAULT@WAVE",
    help=f"Break something in the middle of a wave: {', '.join(Fault)}. Repeatable.",
)
@call_options
@telemetry_options
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
    source = chosen_source(values)
    calls = CallOptions(values["access_log"], values["graph"])
    telemetry = TelemetryOptions(**{name: values[name] for name in TelemetryOptions.__struct_fields__})
    listen = call_reader(calls, telemetry, source)
    injections = tuple(injection(each) for each in values["inject"])
    mesh = read_mesh(source, manner, require_complete=False)
    plan = fitting(option, mesh)
    _check_waves(injections, plan)
    asked = _asked(mesh, plan, listen(mesh), injections, values)
    with _progress(quiet=values["quiet"]) as heard:
        found = rehearse(asked, heard)
    if values["out"] and not values["quiet"]:
        for line in verdict(found):
            click.echo(line, err=True)
    emit(_rendered(found, values["output"], to_file=bool(values["out"])), values["out"])
    return _code(found)


def _asked(
    mesh: Mesh, plan: Plan, graph: CallGraph, injections: tuple[Injection, ...], values: dict[str, Any]
) -> Asked:
    """What to rehearse, made fit for this machine."""
    index = MeshIndex.of(mesh)
    room = values["pods"] or _room()
    objects, added = spaced(objects_of(mesh), index)
    whole = fitting_in(Whole(mesh, objects, plan, graph), Merging(values["merge"]), values["nodes"], room)
    mesh, objects, plan = whole.mesh, whole.objects, whole.plan
    index = MeshIndex.of(mesh)
    sent = traffic(index, MeshIndex.of(apply(plan, mesh)), whole.graph, values["rate"])
    if mesh.of(REQUEST_AUTHENTICATION):
        signed = Signed(Issuer())
        mesh, plan, objects = signed.mesh(mesh), signed.plan(plan), signed.objects(objects)
        sent = structs.replace(sent, questions=signed.questions(sent.questions))
    most, fewer = most_replicas(objects, values["replicas"], values["nodes"], room)
    objects, merged = scaled(objects, most)
    return Asked(
        f"{mesh.source.kind.value} {mesh.source.name}", mesh, behaving(objects, values["linger"], sent.sizes),
        (*added, *fewer, *merged, *whole.notes),
        plan, sent, values["baseline"], values["gate_window"], not values["no_rollback"], injections, values["nodes"],
        values["name"], whole.stand_ins,
    )  # fmt: skip


def _room() -> int:
    """Pods for which this machine has memory now."""
    told = Path("/proc/meminfo").read_text(encoding="ascii")
    free = next(int(line.split()[1]) for line in told.splitlines() if line.startswith("MemAvailable:"))
    return free * 1024 // _OF_A_POD


def _check_waves(injections: tuple[Injection, ...], plan: Plan) -> None:
    waves = sorted({step.wave for step in plan.steps})
    for each in injections:
        if each.wave not in waves:
            known = ", ".join(str(wave) for wave in waves) or "none"
            raise UsageError(f"the plan has no wave {each.wave}", where="--inject", remedy=f"its waves are {known}")


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
    if found.untold:
        return 4
    return 0 if found.total.clean else 2


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Live on a terminal; a line for each step elsewhere."""
    if quiet:
        yield lambda _: None
        return
    with live_line("bringing the lab up") as update:
        yield update or (lambda what: click.echo(what, err=True))

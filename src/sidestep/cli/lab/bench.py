"""`sidestep lab bench`: what each data plane costs, measured on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from sidestep.cli.lab.choices import terminal_width
from sidestep.cli.live import live_line
from sidestep.cli.options import Duration
from sidestep.cli.output import check_writable, emit, look
from sidestep.errors import UsageError
from sidestep.lab.bench.outcome import Asked
from sidestep.lab.bench.run import Heard, run
from sidestep.lab.bench.scenarios import LARGE, SCENARIOS
from sidestep.report.json_document import render as json_document
from sidestep.report.lab.bench import text

_NAMES = tuple(each.name for each in (*SCENARIOS, *LARGE))


@click.command("bench")
@click.option(
    "--scenario", "scenarios", multiple=True, type=click.Choice(_NAMES), help="Repeatable; default all but large."
)
@click.option("--rate", type=click.FloatRange(1, 20_000), default=2000.0, show_default=True, help="Requests a second.")
@click.option("--sweep", default="", metavar="RATE,RATE", help="Further rates, one after the other.")
@click.option("--connections", type=click.IntRange(1, 500), default=32, show_default=True, help="That stay open.")
@click.option("--duration", type=Duration(), default="3s", show_default=True, help="Of each load.")
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True, help="In which all take turns.")
@click.option("--pods", type=click.IntRange(0, 200), default=20, show_default=True, help="Whose proxies are weighed.")
@click.option("--starts", type=click.IntRange(0, 50), default=3, show_default=True, help="Pods started and timed.")
@click.option("--streams", type=click.IntRange(0, 5000), default=200, show_default=True, help="That are seldom used.")
@click.option("--sizes", default="", metavar="KIB,KIB", help="Further sizes of answers, in KiB; 1 is always measured.")
@click.option("--bodies", default="", metavar="KIB,KIB", help="Sizes of requests, in KiB, besides none.")
@click.option("--saturation/--no-saturation", default=True, help="Also ask as fast as answers come.")
@click.option("--knee", is_flag=True, help="Also raise the rate in steps until answers come late.")
@click.option(
    "--edits", type=click.IntRange(0, 50), default=3, show_default=True, help="Of policies and routes, timed."
)
@click.option("-o", "--output", type=click.Choice(("table", "json", "html")), default="table", help="Format.")
@click.option("--out", metavar="FILE", help="Write there instead of to stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def bench(**values: Any) -> int:
    """Measure what no mesh, sidecars and ambient cost here: latency, CPU, memory, start of pods.

    A lab of its own is brought up with the same client and server in each mode, which take turns; medians are compared.
    Each request's latency counts from when it was due. `-o json` keeps every sample, and `sidestep plan --coefficients`
    reads it. Exits with 4 when a scenario could not be measured.
    """
    asked = Asked(
        values["scenarios"], values["rate"], values["connections"], values["duration"], values["rounds"],
        _rates(values["sweep"]), values["pods"], values["starts"], values["streams"],
        _sizes(values["sizes"], "--sizes"), values["saturation"], _sizes(values["bodies"], "--bodies"), values["knee"],
        values["edits"],
    )  # fmt: skip
    if values["out"]:
        check_writable(values["out"])
    with _progress(quiet=values["quiet"]) as heard:
        found = run(asked, heard)
    match values["output"]:
        case "json":
            told = json_document(found, look(no_color=True, to_file=True))
        case "html":
            from sidestep.report.lab.bench_page import page  # noqa: PLC0415 - templates are for who asks for a page

            told = page(found)
        case _:
            told = text(found, None if values["out"] else terminal_width())
    emit(told, values["out"])
    return 4 if found.failures else 0


def _rates(words: str) -> tuple[float, ...]:
    return _numbers(words, "--sweep", 20_000, "requests a second")


def _sizes(words: str, option: str) -> tuple[int, ...]:
    return tuple(round(each * 1024) for each in _numbers(words, option, 65_536, "KiB"))


def _numbers(words: str, option: str, most: int, of: str) -> tuple[float, ...]:
    """Numbers between commas.

    Raises:
        UsageError: one is none, or too large.
    """
    try:
        found = tuple(float(each) for each in words.split(",") if each.strip())
    except ValueError as error:
        raise UsageError(
            f"{words!r} are no numbers of {of}", where=option, remedy="write e.g. 500,1000,4000"
        ) from error
    if not all(0 < each <= most for each in found):
        raise UsageError(
            f"expected numbers above 0 and up to {most:,} {of}, found {words!r}",
            where=option,
            remedy="write e.g. 16,256",
        )
    return found


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Heard]:
    """Live on a terminal; a line for each tenth elsewhere."""
    if quiet:
        yield lambda *_: None
        return
    tenths = [-1]

    def by_tenths(what: str, done: int, parts: int) -> None:
        if 10 * done // parts > tenths[0]:
            tenths[0] = 10 * done // parts
            click.echo(f"{done} of {parts}: {what}", err=True)

    with live_line("bringing the lab up") as update:
        yield by_tenths if update is None else lambda what, done, parts: update(f"{done} of {parts}: {what}")

"""`sidestep audit`."""

from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import click
from msgspec.structs import replace

from sidestep import __version__
from sidestep.audit.audit import Request, audit
from sidestep.audit.facts import Options
from sidestep.audit.finding import Finding, Severity
from sidestep.audit.result import Audit
from sidestep.cli.main import EXIT_CODES
from sidestep.cli.options import chosen_source, manner_options, source_options
from sidestep.cli.output import check_writable, emit, look
from sidestep.cli.reading import Manner, demand_complete, garbage_untouched, read_mesh
from sidestep.cli.telemetry import TelemetryOptions, telemetry_options, telemetry_reader, tell
from sidestep.errors import UsageError
from sidestep.model.prices import PriceBook
from sidestep.report.formats import FORMATS, Format, format_named, format_of_file
from sidestep.sources.prices import load_prices

_NEVER = "never"
_FOR_PEOPLE = ("table", "wide")


@click.command("audit", epilog=EXIT_CODES)
@source_options
@telemetry_options
@click.option("--prices", metavar="FILE", help="Your prices (YAML, see docs/cost.md) over the built-in ones.")
@click.option("--opencost", metavar="URL", help="Take node prices from OpenCost's API.")
@click.option(
    "-o", "--output", type=click.Choice([f.name for f in FORMATS]), help="Format.  [default: by --out, or table]"
)
@click.option("--out", metavar="FILE", help="Write there, whole or not at all, instead of stdout.")
@click.option("--explain-cost", is_flag=True, help="Print every figure with its formula and inputs.")
@click.option(
    "--fail-on",
    type=click.Choice([*(severity.value for severity in Severity), _NEVER]),
    default=_NEVER,
    show_default=True,
    help="Exit with 2 when a finding is at least this severe.",
)
@click.option("--require-complete", is_flag=True, help="Exit with 1 when anything could not be read.")
@click.option(
    "--suppress",
    multiple=True,
    metavar="CODE[=GLOB]",
    help="Do not count a finding, e.g. 'SID106=Deployment shop/*'. Repeatable.",
)
@click.option(
    "--sidecar-threshold",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Sidecars from which a namespace without layer 7 is a cheap win.",
)
@manner_options
def command(**values: Any) -> int:
    """Show who carries a sidecar and why, what it costs, and what is wrong already.

    Reads the current cluster, or files with --from. Nothing is written to the cluster, and no Secret is read.
    """
    chosen = _format(values["output"], values["out"])
    source = chosen_source(values)
    suppress = _suppressions(values["suppress"])
    telemetry = TelemetryOptions(**{name: values.pop(name) for name in TelemetryOptions.__struct_fields__})
    manner = Manner(values["quiet"], values["verbose"])
    prices = _prices(values["prices"], values["opencost"])
    measure = telemetry_reader(telemetry, source)
    mesh = read_mesh(source, manner, require_complete=values["require_complete"])
    with garbage_untouched():
        measured = measure(mesh)
        tell(measured, manner)
        if measured.gaps:
            mesh = replace(mesh, gaps=(*mesh.gaps, *measured.gaps))
        if values["require_complete"]:
            demand_complete(mesh)
        options = Options(values["sidecar_threshold"], suppress, source.namespaces)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        result = audit(Request(mesh, prices, measured, options, now, __version__))
        _print(result, chosen, values)
    return 2 if _fails(result.findings, values["fail_on"]) else 0


def _format(asked: str | None, path: str | None) -> Format[Audit]:
    """The format that is asked for, by name or by the extension of the file; also checks that the file can be made."""
    if path is not None and path != "-":
        check_writable(path)
    if asked is not None:
        return format_named(asked, FORMATS)
    if path is None or not PurePath(path).suffix:
        return format_named("table", FORMATS)
    found = format_of_file(path, FORMATS)
    if found is None:
        known = " ".join(extension for each in FORMATS for extension in each.extensions)
        raise UsageError("no format has that extension", where=path, remedy=f"give -o, or one of {known}")
    return found


def _print(result: Audit, chosen: Format[Audit], values: dict[str, Any]) -> None:
    path = values["out"]
    seen = look(no_color=values["no_color"], to_file=path is not None)
    emit(chosen.render(result, seen), path)
    if values["explain_cost"]:
        from sidestep.report.cost_table import render  # noqa: PLC0415 - only for who asks

        _print_beside(render(result, seen), with_data=chosen.name in _FOR_PEOPLE and path is None)


def _print_beside(text: str, *, with_data: bool) -> None:
    """After a table on stdout; on stderr where stdout is for programs."""
    if with_data:
        emit(f"\n{text}", None)
    else:
        click.echo(text, nl=False, err=True)


def _prices(path: str | None, opencost: str | None) -> PriceBook:
    book = load_prices(path)
    if opencost is None:
        return book
    from sidestep.sources.prices.opencost import with_opencost  # noqa: PLC0415 - only for who asks

    return with_opencost(book, opencost)


def _suppressions(flags: tuple[str, ...]) -> tuple[str, ...]:
    for flag in flags:
        code, _, _ = flag.partition("=")
        if not (code.startswith("SID") and code[3:].isdigit()):
            raise UsageError(
                f"{flag!r} names no finding", where="--suppress", remedy="write CODE or CODE=GLOB, e.g. SID106"
            )
    return flags


def _fails(findings: tuple[Finding, ...], threshold: str) -> bool:
    if threshold == _NEVER:
        return False
    least = Severity(threshold).rank
    return any(finding.suppressed is None and finding.severity.rank >= least for finding in findings)

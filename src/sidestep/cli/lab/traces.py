"""`sidestep lab traces`: what proxies and workloads told of requests."""

import json
from datetime import UTC, datetime

import click
import msgspec

from sidestep.cli.lab.choices import client, lab_name
from sidestep.errors import WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.traces.traces import Trace

_NANOSECONDS = 10**9


@click.command("traces")
@lab_name
@click.option("--json", "as_json", is_flag=True, help="As JSON, with everything that spans say.")
@click.option("--limit", default=20, show_default=True, help="How many of the newest.")
@click.argument("trace", default="")
def traces(lab: str, trace: str, limit: int, *, as_json: bool) -> None:
    """List the newest traces, or show the one whose id begins with TRACE span by span.

    Workloads keep their own spans. Those of proxies come to a pod whose behaviour is `{"service": "collector"}` and
    that the mesh configuration names as provider of tracing.
    """
    told = client(lab).ask(api.Traces(trace, limit))
    if as_json:
        click.echo(json.dumps(told))
        return
    found = msgspec.convert(told, list[Trace])
    if trace and not found:
        raise WorldError(f"no trace begins with {trace}", remedy="see `sidestep lab traces`")
    for each in found:
        click.echo("\n".join(_shown(each)) if trace else _line(each))


def _line(trace: Trace) -> str:
    when = datetime.fromtimestamp(trace.start / _NANOSECONDS, UTC).strftime("%H:%M:%S")
    services = len({each.service for each in trace.rows})
    first = trace.rows[0] if trace.rows else None
    what = f"{first.service}: {first.name}" if first else ""
    gaps = "" if trace.whole else ", with gaps"
    return f"{trace.id}  {when}  {trace.milliseconds:8.1f} ms  {len(trace.rows)} spans of {services}{gaps}  {what}"


def _shown(trace: Trace) -> list[str]:
    lines = [f"{trace.id}, {trace.milliseconds:.1f} ms"]
    for each in trace.rows:
        marks = "".join(
            (" failed" if each.failed else "", " (what it was part of is not there)" if each.orphan else "")
        )
        place = f"{'  ' * each.depth}{each.service}"
        lines.append(f"{each.offset:8.1f} {each.milliseconds:8.1f} ms  {place}  {each.kind} {each.name}{marks}")
    return lines

"""Who calls whom: from where to take it."""

from collections.abc import Callable
from typing import Any

import click
from msgspec import Struct

from sidestep.cli.options import SourceOptions
from sidestep.cli.telemetry import TelemetryOptions
from sidestep.model.call_graph import CallGraph, merge
from sidestep.model.mesh import Mesh
from sidestep.plan.inferred_calls import inferred_calls


class CallOptions(Struct, frozen=True):
    """Where calls are known from; what configuration names is always added."""

    access_log: tuple[str, ...]
    graph: str | None


def call_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Files that tell who calls whom; Prometheus is asked where it is named."""
    for option in (
        click.option("--graph", metavar="FILE", help="Who calls whom, in Isotope's format."),
        click.option("--access-log", multiple=True, metavar="FILE", help="Access log of proxies. Repeatable."),
    ):
        function = option(function)
    return function


def call_reader(
    options: CallOptions, telemetry: TelemetryOptions, source: SourceOptions
) -> Callable[[Mesh], CallGraph]:
    """Everything that tells who calls whom, merged; not asked before it is called.

    Raises:
        UsageError: an option of Prometheus is wrong.
    """
    readers: list[Callable[[Mesh], CallGraph]] = [inferred_calls]
    if telemetry.prometheus:
        from sidestep.sources.calls.prometheus import PrometheusCalls  # noqa: PLC0415 - only for who asks
        from sidestep.sources.telemetry.prometheus import PrometheusSource  # noqa: PLC0415

        access = PrometheusSource.access(
            telemetry.prometheus,
            telemetry.prometheus_token_file,
            telemetry.prometheus_ca,
            telemetry.prometheus_header,
            source.request_timeout,
        )
        readers.append(PrometheusCalls(access, telemetry.window).read)
    if options.access_log:
        from sidestep.sources.calls.access_log import AccessLogCalls  # noqa: PLC0415

        readers.append(AccessLogCalls(options.access_log).read)
    if options.graph:
        from sidestep.sources.calls.graph_file import GraphFileCalls  # noqa: PLC0415

        readers.append(GraphFileCalls(options.graph).read)
    return lambda mesh: merge(*(read(mesh) for read in readers))

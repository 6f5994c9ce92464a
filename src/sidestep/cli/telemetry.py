"""Which measurements to ask for, and where."""

from collections.abc import Callable
from typing import Any

import click
from msgspec import Struct

from sidestep.cli.options import SourceOptions
from sidestep.cli.reading import Manner
from sidestep.model.mesh import Mesh
from sidestep.model.telemetry import Telemetry


class TelemetryOptions(Struct, frozen=True):
    """Where measurements come from."""

    prometheus: str | None
    prometheus_token_file: str | None
    prometheus_ca: str | None
    prometheus_header: tuple[str, ...]
    window: str


def prometheus_options(purpose: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Prometheus' address and manners.

    Args:
        purpose: what it is asked for.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--prometheus-header", multiple=True, metavar="'NAME: VALUE'", help="Header for Prometheus. Repeatable."
            ),
            click.option("--prometheus-ca", metavar="FILE", help="Certificate authority of Prometheus."),
            click.option("--prometheus-token-file", metavar="FILE", help="File with the bearer token for Prometheus."),
            click.option("--prometheus", metavar="URL", help=purpose),
        ):
            function = option(function)
        return function

    return decorate


def telemetry_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Prometheus' address and manners, and over which time it is asked."""
    function = click.option("--window", default="7d", show_default=True, help="How far back to measure.")(function)
    return prometheus_options("Measure what sidecars use with this Prometheus.")(function)


def telemetry_reader(options: TelemetryOptions, source: SourceOptions) -> Callable[[Mesh], Telemetry]:
    """Prometheus where it is named, else the cluster's metrics-server, else nothing; not asked before it is called.

    Raises:
        UsageError: an option of Prometheus is wrong, which is better known before a mesh is read.
    """
    if options.prometheus:
        from sidestep.sources.telemetry.prometheus import PrometheusSource  # noqa: PLC0415 - only for who asks

        access = PrometheusSource.access(
            options.prometheus,
            options.prometheus_token_file,
            options.prometheus_ca,
            options.prometheus_header,
            source.request_timeout,
        )
        return PrometheusSource(access, options.window).read
    if source.paths:
        return lambda _: Telemetry()
    from sidestep.sources.cluster import cluster_access  # noqa: PLC0415 - only for clusters
    from sidestep.sources.telemetry.metrics_server import read_metrics_server  # noqa: PLC0415

    access_to_cluster = cluster_access(source.kubeconfig, source.context, source.request_timeout)
    return lambda mesh: read_metrics_server(access_to_cluster, mesh)


def tell(measured: Telemetry, manner: Manner) -> None:
    """Say on stderr what could not be measured, and on request what was."""
    for gap in measured.gaps:
        click.echo(f"partial: {gap}", err=True)
    if manner.verbose:
        click.echo(f"measured {len(measured.proxies):,} workloads with {measured.kind.value}", err=True)

"""The Helm command lines, forth and back. Every part that came from outside is quoted for a POSIX shell."""

from shlex import quote
from typing import assert_never

from sidestep.plan.install.values import Chart, Owner

UNKNOWN_VERSION = '"$ISTIO_VERSION"'


def install_commands(charts: tuple[Chart, ...], repository: str, version: str) -> tuple[str, ...]:
    """One line per chart: installs what is not there, upgrades what is, and keeps what a release was given before."""
    return tuple(_install(chart, repository, version) for chart in charts)


def rollback_commands(charts: tuple[Chart, ...]) -> tuple[str, ...]:
    """Last first: what was new goes, what was there goes back by one revision of its release.

    Nothing that another installer made is uninstalled, and the chart `base` never: Istio's kinds would go with it, and
    every object of them.
    """
    return tuple(_rollback(chart) for chart in reversed(charts))


def _install(chart: Chart, repository: str, version: str) -> str:
    parts = [
        f"helm upgrade --install {quote(chart.release)} {quote(repository.rstrip('/') + '/' + chart.name)}",
        f"--namespace {quote(chart.namespace)}",
        f"--version {quote(version) if version else UNKNOWN_VERSION}",
        f"--values install/{chart.name}.yaml",
        *_EXTRA[chart.owner],
        "--wait",
    ]
    return " ".join(parts)


_EXTRA = {Owner.NOBODY: (), Owner.HELM: ("--reset-then-reuse-values",), Owner.OTHER: ("--take-ownership",)}


def _rollback(chart: Chart) -> str:
    match chart.owner:
        case Owner.HELM:
            return f"helm rollback {quote(chart.release)} --namespace {quote(chart.namespace)} --wait"
        case Owner.OTHER:
            return f"# {chart.name}: install again with the installer and the values of before; do not uninstall"
        case Owner.NOBODY if chart.name == "base":
            return "# base: leave it; with it would go every object of Istio's kinds"
        case Owner.NOBODY:
            return f"helm uninstall {quote(chart.release)} --namespace {quote(chart.namespace)} --wait"
        case _:
            assert_never(chart.owner)

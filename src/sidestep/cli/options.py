"""Options that several verbs share, declared once."""

import re
from collections.abc import Callable
from typing import Any

import click
from msgspec import Struct

_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6}(?:\.\d{1,3})?)s)?(?:(\d{1,8})ms)?")
_NUMBER = re.compile(r"[\d.]+")
_UNITS = (3600.0, 60.0, 1.0, 0.001)
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Duration(click.ParamType[float]):
    """A length of time as kubectl takes it, in seconds: `30`, `30s`, `1m30s`, `500ms`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds."""
        text = f"{value}s" if _NUMBER.fullmatch(str(value)) else str(value)
        parts = _DURATION.fullmatch(text)
        seconds = (
            sum(float(part or 0) * unit for part, unit in zip(parts.groups(), _UNITS, strict=True)) if parts else 0.0
        )
        if not seconds:
            self.fail(f"{value!r} is no time above zero: write 30s, 2m or 1m30s", param, ctx)
        return seconds


class SourceOptions(Struct, frozen=True):
    """Which mesh to read: files or a snapshot where `paths` are given, else a cluster."""

    paths: tuple[str, ...]
    context: str | None
    kubeconfig: str | None
    namespaces: tuple[str, ...]
    selector: str
    request_timeout: float


def source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--from`, or kubectl's own options for a cluster."""
    return _apply(
        function,
        click.option(
            "--from",
            "paths",
            multiple=True,
            metavar="FILE|DIR|-",
            help="Read manifests, a dump, an archive or a snapshot instead of a cluster. Repeatable.",
        ),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig.  [default: the current one]"),
        click.option("--kubeconfig", metavar="FILE", help="Path of the kubeconfig.  [default: as kubectl]"),
        click.option(
            "-n", "--namespace", "namespaces", multiple=True, metavar="NS", help="Only this namespace. Repeatable."
        ),
        click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces (the default)."),
        click.option(
            "-l", "--selector", default="", metavar="LABELS", help="Only pods and controllers with these (cluster)."
        ),
        click.option(
            "--request-timeout",
            type=Duration(),
            default="60s",
            show_default=True,
            metavar="TIME",
            help="Give up on a request of the cluster after this long.",
        ),
    )


def manner_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """How much to say on stderr, and whether in colour."""
    return _apply(
        function,
        click.option("-q", "--quiet", is_flag=True, help="No progress on stderr."),
        click.option("-v", "--verbose", is_flag=True, help="Say on stderr what is read, and what was noticed."),
        click.option("--no-color", is_flag=True, help="No colours (also: NO_COLOR)."),
    )


def chosen_source(values: dict[str, Any]) -> SourceOptions:
    """Take the shared options out of a command's values.

    Raises:
        click.UsageError: options that contradict each other.
    """
    everywhere = values.pop("all_namespaces")
    chosen = SourceOptions(**{name: values.pop(name) for name in SourceOptions.__struct_fields__ if name in values})
    if everywhere and chosen.namespaces:
        raise click.UsageError("-A and -n contradict each other")
    if chosen.paths and (chosen.context or chosen.kubeconfig):
        raise click.UsageError("--from reads files; --context and --kubeconfig name a cluster: give one of them")
    if chosen.paths and chosen.selector:
        raise click.UsageError("-l asks a cluster to select; --from reads what is there: leave one of them out")
    return chosen


def _apply(function: Callable[..., Any], *decorators: Decorator) -> Callable[..., Any]:
    for decorator in reversed(decorators):
        function = decorator(function)
    return function

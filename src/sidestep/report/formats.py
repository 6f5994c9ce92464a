"""Formats of what is reported, and those an audit can be printed in."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Generic, TypeVar

from msgspec import Struct

from sidestep.audit.result import Audit

ReportedT = TypeVar("ReportedT")


class Look(Struct, frozen=True):
    """Where text will be read.

    Attributes:
        width: columns of the terminal.
        color: whether ANSI colours are wanted.
    """

    width: int = 120
    color: bool = False


class Format(Struct, Generic[ReportedT], frozen=True):
    """One format of a kind of report.

    Attributes:
        name: on the command line.
        extensions: of files, as usual.
        module: its `render` makes the text.
    """

    name: str
    extensions: tuple[str, ...]
    module: str

    def render(self, reported: ReportedT, look: Look) -> str:
        """The report as text; the module is only imported here, so that `--help` pays for none."""
        function: Callable[[ReportedT, Look], str] = import_module(self.module).render
        return function(reported, look)


FORMATS: tuple[Format[Audit], ...] = (
    Format("table", (".txt",), "sidestep.report.table"),
    Format("wide", (), "sidestep.report.wide"),
    Format("json", (".json",), "sidestep.report.json_document"),
    Format("yaml", (".yaml", ".yml"), "sidestep.report.yaml_document"),
    Format("csv", (".csv",), "sidestep.report.csv_rows"),
    Format("markdown", (".md",), "sidestep.report.markdown"),
    Format("html", (".html", ".htm"), "sidestep.report.html"),
    Format("sarif", (".sarif", ".sarif.json"), "sidestep.report.sarif"),
    Format("junit", (".xml",), "sidestep.report.junit"),
)


def format_named(name: str, formats: Sequence[Format[ReportedT]]) -> Format[ReportedT]:
    """The format of a name."""
    return next(each for each in formats if each.name == name)


def format_of_file(path: str, formats: Sequence[Format[ReportedT]]) -> Format[ReportedT] | None:
    """The format that a file's name asks for by its longest extension; None where it asks for none we know."""
    asked = [(extension, each) for each in formats for extension in each.extensions if path.lower().endswith(extension)]
    return max(asked, key=lambda pair: len(pair[0]))[1] if asked else None

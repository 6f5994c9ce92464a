"""The formats an audit can be printed in."""

from collections.abc import Callable
from importlib import import_module

from msgspec import Struct

from sidestep.audit.result import Audit


class Look(Struct, frozen=True):
    """Where text will be read.

    Attributes:
        width: columns of the terminal.
        color: whether ANSI colours are wanted.
    """

    width: int = 120
    color: bool = False


Render = Callable[[Audit, Look], str]


class Format(Struct, frozen=True):
    """One format: its name on the command line, its usual file extensions, and the module that renders it."""

    name: str
    extensions: tuple[str, ...]
    module: str

    def render(self, audit: Audit, look: Look) -> str:
        """The audit as text; the module is only imported here, so that `--help` pays for none."""
        function: Render = import_module(self.module).render
        return function(audit, look)


FORMATS: tuple[Format, ...] = (
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


def format_named(name: str) -> Format:
    """The format of a name."""
    return next(each for each in FORMATS if each.name == name)


def format_of_file(path: str) -> Format | None:
    """The format that a file's name asks for by its longest extension; None where it asks for none we know."""
    asked = [(extension, each) for each in FORMATS for extension in each.extensions if path.lower().endswith(extension)]
    return max(asked, key=lambda pair: len(pair[0]))[1] if asked else None

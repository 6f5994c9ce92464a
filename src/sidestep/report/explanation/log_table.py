"""One line of a log, explained, for a terminal."""

from rich.console import Console
from rich.text import Text

from sidestep.explain.agreement import Agreement
from sidestep.explain.log_answer import LogExplanation
from sidestep.report.columns import console, plain, prose
from sidestep.report.explanation.drawn import print_item, print_list
from sidestep.report.explanation.table import print_explanation
from sidestep.report.formats import Look
from sidestep.report.table import trimmed

TITLES = {
    Agreement.AGREES: "The mesh agrees",
    Agreement.CONTRADICTS: "The mesh contradicts the line",
    Agreement.UNEXPLAINED: "The mesh does not explain it",
    Agreement.UNKNOWN: "The mesh cannot be compared",
    Agreement.NOT_ASKED: "The mesh was not asked",
}
_STYLES = {Agreement.AGREES: "bold green", Agreement.CONTRADICTS: "bold red"}


def render(told: LogExplanation, look: Look) -> str:
    """Text of at most `look.width` columns."""
    out = console(look)
    with out.capture() as captured:
        _print(told, out)
    return trimmed(captured.get())


def written_by(told: LogExplanation) -> str:
    """The proxy that wrote the line, and what says so."""
    line = told.line
    why = f" ({line.told_by})" if line.told_by else ""
    fetched = f", fetched from {line.logged_by}" if line.logged_by else ""
    return f"{line.format}, written by: {line.reporter}{why}{fetched}"


def _print(told: LogExplanation, out: Console) -> None:
    prose(out, plain(told.line.request, "bold"))
    prose(out, plain(written_by(told), "dim"), 2)
    for statement in told.statements:
        out.print()
        prose(out, plain(statement.about, "bold"), 2)
        prose(out, plain(statement.meaning), 4)
        for cause in statement.causes:
            print_item(out, "-", plain(cause), 4)
    print_list(out, "Nothing was made of", told.line.unparsed)
    out.print()
    comparison = told.comparison
    out.print(Text(TITLES[comparison.agreement], _STYLES.get(comparison.agreement, "bold yellow")))
    prose(out, plain(comparison.text), 2)
    if told.explanation is not None:
        out.print()
        print_explanation(told.explanation, out)

"""One line of a log, explained, as Markdown."""

from collections.abc import Iterator

from sidestep.explain.log_answer import LogExplanation
from sidestep.report.explanation.log_table import TITLES, written_by
from sidestep.report.explanation.markdown import explanation_lines, points
from sidestep.report.formats import Look
from sidestep.report.markup import escaped
from sidestep.report.units import UNSEEN


def render(told: LogExplanation, _look: Look) -> str:
    """One page."""
    return "\n".join(_lines(told)).translate(UNSEEN) + "\n"


def _lines(told: LogExplanation) -> Iterator[str]:
    yield from (
        "# One line of a log, explained",
        "",
        f"**{escaped(told.line.request)}**",
        "",
        escaped(written_by(told)),
    )
    for statement in told.statements:
        yield from ("", f"- **{escaped(statement.about)}**: {escaped(statement.meaning)}")
        yield from (f"  - {escaped(cause)}" for cause in statement.causes)
    yield from points("Nothing was made of", told.line.unparsed)
    yield from ("", f"## {TITLES[told.comparison.agreement]}", "", escaped(told.comparison.text))
    if told.explanation is not None:
        yield from explanation_lines(told.explanation)

"""One line of a log, explained, as a page."""

from sidestep.explain.log_answer import LogExplanation
from sidestep.report.explanation import html
from sidestep.report.explanation.log_table import TITLES, written_by
from sidestep.report.formats import Look
from sidestep.report.html.frame import Frame, fill

_FRAME = Frame("log.html", (), html.STYLES)


def render(told: LogExplanation, _look: Look) -> str:
    """The page."""
    explanation = html.told(told.explanation) if told.explanation is not None else None
    parts = {"title": TITLES[told.comparison.agreement], "written_by": written_by(told), "told": explanation}
    return fill(_FRAME, {"log": told, **parts}, {})

"""The answer as a page: one self-contained file, the states side by side."""

from typing import Any

from sidestep.explain.explanation import DifferenceReport, Explanation
from sidestep.report.explanation.table import NOTHING
from sidestep.report.explanation.view import view
from sidestep.report.formats import Look
from sidestep.report.html.frame import Frame, fill
from sidestep.report.places import page

STYLES = ("page.css", "explanation.css")
_FRAME = Frame("explanation.html", (), STYLES)


def render(explanation: Explanation, _look: Look) -> str:
    """The page."""
    return fill(_FRAME, {"told": told(explanation)}, {})


def told(explanation: Explanation) -> dict[str, Any]:
    """What templates tell of it."""
    return {
        "request": explanation.request,
        "client": explanation.client,
        "states": [view(state) for state in explanation.states],
        "differences": [_difference(each) for each in explanation.differences],
        "nothing": f"{NOTHING.capitalize()}." if len(explanation.states) > 1 and not explanation.differences else "",
        "assumptions": explanation.assumptions,
    }


def _difference(each: DifferenceReport) -> dict[str, str]:
    docs = page(each.docs.removeprefix("docs/")) if each.docs else ""
    return {"code": each.code, "direction": each.direction, "text": each.text, "docs": docs}

"""Who may call whom, as a page; each cell says why to who points at it."""

from sidestep.explain.matrix import Matrix
from sidestep.report.explanation.html import STYLES
from sidestep.report.explanation.matrix_cells import LEGEND, heading, tells_tcp
from sidestep.report.formats import Look
from sidestep.report.html.frame import Frame, fill

_FRAME = Frame("matrix.html", (), STYLES)


def render(matrix: Matrix, _look: Look) -> str:
    """The page."""
    told = {"matrix": matrix, "heading": heading(matrix), "legend": LEGEND.replace("`", ""), "tells_tcp": tells_tcp}
    return fill(_FRAME, told, {})

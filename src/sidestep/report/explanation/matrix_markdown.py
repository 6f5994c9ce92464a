"""Who may call whom, as a Markdown table."""

from collections.abc import Iterator

from sidestep.explain.matrix import Matrix
from sidestep.report.explanation.markdown import points
from sidestep.report.explanation.matrix_cells import LEGEND, cells, heading
from sidestep.report.formats import Look
from sidestep.report.markup import escaped, row
from sidestep.report.units import UNSEEN


def render(matrix: Matrix, _look: Look) -> str:
    """One page."""
    return "\n".join(_lines(matrix)).translate(UNSEEN) + "\n"


def _lines(matrix: Matrix) -> Iterator[str]:
    yield from (f"# {escaped(heading(matrix))}", "", row(["Caller", *map(escaped, matrix.columns)]))
    yield row(["---"] * (len(matrix.columns) + 1))
    yield from (row([escaped(each.caller), *map(escaped, cells(matrix, each))]) for each in matrix.rows)
    yield from ("", LEGEND, *points("Left out", matrix.cut), *points("Taken for granted", matrix.assumptions))

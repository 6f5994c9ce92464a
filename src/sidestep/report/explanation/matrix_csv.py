"""Who may call whom, one row for each caller and service port; docs/output.md names the columns."""

from sidestep.explain.matrix import Matrix
from sidestep.report.csv_rows import csv_text
from sidestep.report.formats import Look

COLUMNS = ("namespace", "state", "service", "caller", "members", "tcp", "http", "why")


def render(matrix: Matrix, _look: Look) -> str:
    """A header and rows."""
    rows = (
        (matrix.namespace, matrix.state, name, row.caller, " ".join(row.members), call.tcp, call.http, call.why)
        for row in matrix.rows
        for name, call in zip(matrix.columns, row.calls, strict=True)
    )
    return csv_text(COLUMNS, rows)

"""The cells of a matrix as words."""

from sidestep.explain.matrix import Call, Cell, Matrix

LEGEND = (
    "Words are for HTTP, asked with GET /; `some`: it depends on method, path, headers or token; `(tcp …)` where bytes "
    "that no proxy reads are treated otherwise."
)


def cell(call: Call) -> str:
    """HTTP, and TCP where it differs; a port that only takes HTTP is not worth a word."""
    if call.tcp in (call.http, Cell.NOT_TCP):
        return call.http.value
    return f"{call.http} (tcp {call.tcp})"


def heading(matrix: Matrix) -> str:
    """What it shows."""
    when = {"today": "today", "planned": "after the plan", "labels": "by labels alone"}
    return (
        f"Who may call the services of namespace {matrix.namespace}, {when.get(matrix.state, f'after {matrix.state}')}"
    )

"""The cells of a matrix as words."""

from sidestep.explain.matrix import Call, Cell, Matrix, Row
from sidestep.semantics.protocols import Declared

LEGEND = (
    "Words are for HTTP, asked with GET /; `some`: it depends on method, path, headers or token; `(tcp …)` where bytes "
    "that no proxy reads are treated otherwise."
)


def cells(matrix: Matrix, row: Row) -> list[str]:
    """One for each column."""
    return [
        f"{call.http} (tcp {call.tcp})" if tells_tcp(call, protocol) else call.http.value
        for call, protocol in zip(row.calls, matrix.protocols, strict=True)
    ]


def tells_tcp(call: Call, protocol: str) -> bool:
    """Whether TCP is worth a word: on a port that speaks HTTP only where bytes get further than requests."""
    if protocol == Declared.HTTP:
        return call.tcp is Cell.ALLOWED and call.http is not Cell.ALLOWED
    return call.tcp is not call.http


def heading(matrix: Matrix) -> str:
    """What it shows."""
    when = {"today": "today", "planned": "after the plan", "labels": "by labels alone"}
    return (
        f"Who may call the services of namespace {matrix.namespace}, {when.get(matrix.state, f'after {matrix.state}')}"
    )

"""Who may call whom, for a terminal: as many columns beside each other as fit, the others below."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console

from sidestep.explain.matrix import Matrix
from sidestep.report.columns import Column, console, plain, print_table, prose
from sidestep.report.explanation.drawn import print_list
from sidestep.report.explanation.matrix_cells import LEGEND, cells, heading
from sidestep.report.formats import Look
from sidestep.report.table import trimmed

_WIDEST_NAME, _LEAST_NAME, _LEAST_CELL = 44, 18, 12
_GAP = 2


def render(matrix: Matrix, look: Look) -> str:
    """Text of at most `look.width` columns."""
    out = console(look)
    with out.capture() as captured:
        _print(matrix, out)
    return trimmed(captured.get())


def _print(matrix: Matrix, out: Console) -> None:
    prose(out, plain(heading(matrix), "bold"))
    told = [cells(matrix, row) for row in matrix.rows]
    names = [row.caller for row in matrix.rows]
    widths = [max(cell_len(name), *(cell_len(row[place]) for row in told)) for place, name in enumerate(matrix.columns)]
    for places in _blocks(widths, out.width - min(_WIDEST_NAME, max(map(cell_len, names)), out.width // 2)):
        out.print()
        columns = [
            Column("CALLER", least=_LEAST_NAME),
            *(Column(matrix.columns[place], least=_LEAST_CELL) for place in places),
        ]
        print_table(out, columns, [[name, *(row[at] for at in places)] for name, row in zip(names, told, strict=True)])
    out.print()
    prose(out, plain(LEGEND, "dim"))
    print_list(out, "Left out", matrix.cut)
    print_list(out, "Taken for granted", matrix.assumptions)


def _blocks(widths: Sequence[int], room: int) -> Iterator[list[int]]:
    """Columns that fit beside each other; at least one at a time."""
    block: list[int] = []
    used = 0
    for place, width in enumerate(widths):
        if block and used + width + _GAP > room:
            yield block
            block, used = [], 0
        block.append(place)
        used += width + _GAP
    yield block

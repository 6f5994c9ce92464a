"""Tables: what may leave goes before what matters is cut, and no terminal is overrun by what may be cut."""

import pytest
from rich.cells import cell_len

from sidestep.report.columns import Column, console, print_table
from sidestep.report.formats import Look

NAME = "AuthorizationPolicy bookinfo/productpage-productpage-admin"
COLUMNS = (Column("STAGE"), Column("OBJECT", least=57), Column("BECOMES", 1), Column("WHY", 3, least=30))


def drawn(width: int) -> list[str]:
    out = console(Look(width))
    with out.capture() as captured:
        print_table(out, COLUMNS, [("waves/01", NAME, "rewritten", "because of what the plan asks for " * 3)])
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "heads"), [(140, 4), (100, 3), (81, 3), (70, 2)])
def test_columns_leave_before_a_name_is_cut(width, heads):
    head, line = drawn(width)
    assert len(head.split()) == heads
    assert NAME in line


@pytest.mark.parametrize("width", [40, 50, 60, 80])
def test_a_name_is_cut_where_nothing_else_can_leave(width):
    assert all(cell_len(line) <= width for line in drawn(width))

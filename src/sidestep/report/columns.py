"""Tables and prose for a terminal of any width: columns leave in the order of their rank until the rest fits."""

from collections.abc import Iterable, Sequence
from io import StringIO

from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sidestep.report.formats import Look
from sidestep.report.units import UNSEEN

_UNPRINTABLE = UNSEEN | dict.fromkeys(map(ord, "\t\n\r"), "\N{REPLACEMENT CHARACTER}")
_GAP = 2
_WIDEST_PROSE = 110
_LEAST = 20


def plain(text: str, style: str = "") -> Text:
    """Text from outside, without the control characters that could drive the reader's terminal."""
    return Text(text.translate(_UNPRINTABLE), style=style)


class Column(Struct, frozen=True):
    """A column of a table.

    Attributes:
        title: its head.
        rank: those with the highest leave first where the terminal is narrow; 0 always stays.
        right: whether it is aligned to the right, as numbers are.
        least: columns to which its text may be cut with an ellipsis while others could leave; 0 for never. Once no
            other can leave it is cut further, to what the terminal has.
    """

    title: str
    rank: int = 0
    right: bool = False
    least: int = 0


def console(look: Look) -> Console:
    """A console that records; `capture` gives the text."""
    return Console(
        file=StringIO(),
        width=look.width,
        no_color=not look.color,
        force_terminal=look.color,
        color_system="standard" if look.color else None,
        highlight=False,
        legacy_windows=False,
    )


def prose(out: Console, text: Text, indent: int = 0) -> None:
    """Print words, wrapped between them, with every line indented."""
    out.print(Padding(text, (0, 0, 0, indent)), width=min(out.width, _WIDEST_PROSE))


def pairs(out: Console, rows: Iterable[tuple[str, str]], indent: int = 0) -> None:
    """Print labels with their texts beside them; long texts wrap in their own column."""
    drawn = Table.grid(padding=(0, _GAP, 0, 0))
    drawn.add_column(no_wrap=True, overflow="ellipsis")
    drawn.add_column(overflow="fold")
    for label, text in rows:
        drawn.add_row(plain(label), plain(text))
    out.print(Padding(drawn, (0, 0, 0, indent)), width=min(out.width, _WIDEST_PROSE))


def print_table(
    out: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]], footer: Sequence[str] = ()
) -> None:
    """Print a table that fits: whole columns leave, and what is left is cut with an ellipsis rather than wrapped."""
    widths = _fitted(columns, _natural(columns, [*rows, footer] if footer else rows), out.width)
    out.out(_row([column.title for column in columns], columns, widths), style="bold", highlight=False)
    if rows:
        out.out("\n".join(_row(row, columns, widths) for row in rows), highlight=False)
    if footer:
        out.out(_row(footer, columns, widths), style="bold", highlight=False)


def _row(cells: Sequence[str], columns: Sequence[Column], widths: dict[int, int]) -> str:
    """One line; rich draws tables too, at half a millisecond a row."""
    shown = (_cell(cells[index], width, right=columns[index].right) for index, width in widths.items())
    return (" " * _GAP).join(shown).rstrip()


def _cell(text: str, width: int, *, right: bool) -> str:
    clean = text.translate(_UNPRINTABLE)
    size = cell_len(clean)
    if size > width:
        clean = set_cell_size(clean, width - 1) + "…"
        size = width
    return " " * (width - size) + clean if right else clean + " " * (width - size)


def _natural(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max([len(column.title), *(cell_len(row[i]) for row in rows)]) for i, column in enumerate(columns)]


def _fitted(columns: Sequence[Column], natural: Sequence[int], width: int) -> dict[int, int]:
    """Widths of the columns that stay, by index."""
    floor = [min(wide, column.least or wide) for column, wide in zip(columns, natural, strict=True)]
    shown = list(range(len(columns)))
    while (spare := width - sum(floor[index] + _GAP for index in shown)) < 0:
        last = max(shown, key=lambda index: (columns[index].rank, index))
        if columns[last].rank == 0:
            break
        shown.remove(last)
    widths = {index: floor[index] for index in shown}
    for index in shown:
        short = min(max(-spare, 0), widths[index] - _LEAST) if columns[index].least > _LEAST else 0
        widths[index] -= short
        spare += short
    for index in shown:
        grown = min(natural[index] - floor[index], max(spare, 0))
        widths[index] += grown
        spare -= grown
    return widths

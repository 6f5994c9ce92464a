"""Tables for a terminal of any width: columns leave in the order of their rank until the rest fits."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sidestep.report.formats import Look

_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), "�")


def plain(text: str, style: str = "") -> Text:
    """Text from outside, without the control characters that could drive the reader's terminal."""
    return Text(text.translate(_CONTROL), style=style)


class Column(Struct, frozen=True):
    """A column; those with the highest `rank` leave first, rank 0 always stays."""

    title: str
    rank: int = 0
    right: bool = False


def console(look: Look) -> Console:
    """A console that records; `capture` gives the text."""
    return Console(
        width=look.width,
        no_color=not look.color,
        force_terminal=look.color,
        color_system="standard" if look.color else None,
        highlight=False,
        legacy_windows=False,
    )


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], look: Look, footer: Sequence[str] = ()) -> Table:
    """A table that fits: whole columns leave, and what is left is cut with an ellipsis rather than wrapped."""
    listed = [*rows]
    measured = [*listed, footer] if footer else listed
    shown = _shown(columns, measured, look.width)
    drawn = Table(box=None, pad_edge=False, show_footer=bool(footer), header_style="bold", padding=(0, 2, 0, 0))
    for index in shown:
        column = columns[index]
        drawn.add_column(
            column.title,
            plain(footer[index], "bold") if footer else "",
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in listed:
        drawn.add_row(*(plain(row[index]) for index in shown))
    return drawn


def _shown(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    widths = [max([len(column.title), *(len(row[index]) for row in rows)]) + 2 for index, column in enumerate(columns)]
    shown = list(range(len(columns)))
    while sum(widths[index] for index in shown) > width:
        last = max(shown, key=lambda index: (columns[index].rank, index))
        if columns[last].rank == 0:
            break
        shown.remove(last)
    return shown

"""Things one by one for a terminal: a head on one line, and what is to be said of each below it."""

from msgspec import Struct
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from sidestep.report.columns import plain, prose

_INDENT = 4


class Item(Struct, frozen=True):
    """One thing.

    Attributes:
        mark: the word that it is sorted by, e.g. its severity, as wide as all of its kind.
        style: of the mark.
        name: of the thing; below its mark where it does not fit beside it.
        code: between mark and name; may be empty.
        place: beside the name where it fits, else below.
        texts: paragraphs with their styles.
    """

    mark: str
    style: str
    name: str
    code: str = ""
    place: str = ""
    texts: tuple[tuple[str, str], ...] = ()


def print_item(out: Console, item: Item) -> None:
    """Print it."""
    line = Text("  ")
    line.append_text(plain(item.mark, item.style))
    line.append_text(plain(f" {item.code}  " if item.code else "  "))
    name = plain(item.name, "bold")
    below = cell_len(line.plain) + cell_len(name.plain) > out.width
    if not below:
        line.append_text(name)
    place = plain(item.place, "dim") if item.place else None
    beside = place is not None and not below and cell_len(line.plain) + 2 + cell_len(place.plain) <= out.width
    if place is not None and beside:
        line.append("  ")
        line.append_text(place)
    out.print(line, no_wrap=True, overflow="ellipsis")
    if below:
        prose(out, name, _INDENT)
    if place is not None and not beside:
        prose(out, place, _INDENT)
    for text, style in item.texts:
        prose(out, plain(text, style), _INDENT)

"""Pieces of answers for a terminal: pictures of paths, and lists that hang under their marks."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from sidestep.report.columns import plain, prose
from sidestep.report.explanation.stops import Sign, Stop
from sidestep.report.explanation.view import Picture

STYLES = {Sign.ALLOW: "green", Sign.DENY: "bold red", Sign.UNREACHABLE: "bold red", Sign.UNKNOWN: "bold yellow"}
LISTED = 8
_MARGIN = "  "
_LINE, _ARROW, _TOP, _END = "│ ", "▼ ", "┌ ", "● "
_CARRIED_ON = (_LINE, _TOP)
_WIDEST, _LEAST = 110, 16


def print_picture(client: str, picture: Picture, out: Console) -> None:
    """Stops from top to bottom; the verdict stands at the end of the line."""
    _line(out, _END, plain(client, "bold"))
    for stop in picture.stops:
        _line(out, _LINE, Text())
        _line(out, _ARROW, plain(stop.way or "in its own pod", "dim"))
        _line(out, _TOP, plain(stop.name, "bold"))
        for text in _said(stop):
            _line(out, _LINE, text)
    _line(out, _LINE, Text())
    style = STYLES[picture.sign]
    _line(out, f"{picture.sign.mark} ", plain(picture.end, style), style)


def print_list(out: Console, name: str, texts: Sequence[str], shown: int = LISTED) -> None:
    """A heading and its points; nothing for none."""
    if not texts:
        return
    out.print()
    out.print(plain(name, "bold"))
    for text in texts[:shown]:
        print_item(out, "-", plain(text))
    if len(texts) > shown:
        prose(out, plain(f"… and {len(texts) - shown} more (-o json shows all)", "dim"), 2)


def print_item(out: Console, mark: str, text: Text, indent: int = len(_MARGIN)) -> None:
    """One thing of a list: what does not fit goes on under its first word."""
    width = max(min(out.width, _WIDEST) - indent - len(mark) - 1, _LEAST)
    for place, part in enumerate(text.wrap(out, width)):
        head = f"{' ' * indent}{mark if place == 0 else ' ' * len(mark)} "
        out.print(Text(head).append_text(part), no_wrap=True, overflow="ellipsis")


def _said(stop: Stop) -> Iterator[Text]:
    for fact in stop.facts:
        yield plain(fact, "dim")
    for sign, why in stop.checks:
        text = Text(f"{sign.mark} ", STYLES[sign])
        yield text.append_text(plain(why, "" if sign is Sign.ALLOW else STYLES[sign]))


def _line(out: Console, mark: str, text: Text, style: str = "dim") -> None:
    """A piece of the picture: what does not fit goes on below, with the line drawn on."""
    width = max(min(out.width, _WIDEST) - len(_MARGIN) - len(mark), _LEAST)
    for place, part in enumerate(text.wrap(out, width) or [Text()]):
        drawn = Text(_MARGIN)
        drawn.append(mark if place == 0 else _LINE if mark in _CARRIED_ON else "  ", style=style)
        drawn.append_text(part)
        out.print(drawn, no_wrap=True, overflow="ellipsis")

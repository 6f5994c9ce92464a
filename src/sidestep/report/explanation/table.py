"""The answer for a terminal: a picture of the path in each state, the verdict, and what would change."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from sidestep.explain.explanation import DifferenceReport, Explanation, StateReport, Way
from sidestep.report.columns import console, plain, prose
from sidestep.report.explanation.stops import Sign, Stop, stops, title, verdict_line, way_line, ways_apart
from sidestep.report.formats import Look
from sidestep.report.places import page
from sidestep.report.table import trimmed

STYLES = {Sign.ALLOW: "green", Sign.DENY: "bold red", Sign.UNREACHABLE: "bold red", Sign.UNKNOWN: "bold yellow"}
_MARGIN = "  "
_LINE, _ARROW, _TOP, _END = "│ ", "▼ ", "┌ ", "● "
_WIDEST = 110
_WAYS_SHOWN = 8
_DIRECTIONS = {"open": "bold red", "closed": "bold yellow"}


def render(explanation: Explanation, look: Look) -> str:
    """Text of at most `look.width` columns."""
    out = console(look)
    with out.capture() as captured:
        print_explanation(explanation, out)
    return trimmed(captured.get())


def print_explanation(explanation: Explanation, out: Console) -> None:
    """All of it."""
    prose(out, plain(explanation.request, "bold"))
    for state in explanation.states:
        out.print()
        _print_state(explanation.client, state, out)
    _print_differences(explanation, out)
    _print_list(out, "Taken for granted", explanation.assumptions)


def _print_state(client: str, state: StateReport, out: Console) -> None:
    sign = Sign(state.verdict)
    head = Text(f"{title(state)}: ", "bold")
    head.append(f"{sign.mark} {verdict_line(state)}", STYLES[sign])
    out.print(head)
    prose(out, plain(_sentence(state.why)), 2)
    out.print()
    apart = ways_apart(state)
    if len(apart) < 2:
        _picture(client, stops(state.path, state.route), sign, _end(state.path[-1].at, state), out)
    for way in apart if len(apart) > 1 else ():
        out.print(plain(f"{_MARGIN}{way_line(way)}", "bold"), no_wrap=True, overflow="ellipsis")
        _picture(client, stops(way.path, way.route), Sign(way.verdict), _way_end(way), out)
    if len(state.ways) > len(apart):
        _print_list(out, "Ways it may take", tuple(way_line(way) for way in state.ways))
    if state.verdict == Sign.UNKNOWN and len(state.unknowns) > 1:
        _print_list(out, "Not known", state.unknowns)


def _end(last: str, state: StateReport) -> str:
    ends = dict.fromkeys(way.destination or way.path[-1].at for way in state.ways)
    return ", ".join(ends) or last


def _way_end(way: Way) -> str:
    return way.destination or way.path[-1].at


def _picture(client: str, drawn: tuple[Stop, ...], sign: Sign, end: str, out: Console) -> None:
    """Stops from top to bottom; the verdict stands at the end of the line."""
    _line(out, _END, plain(client, "bold"))
    for stop in drawn:
        _line(out, _LINE, Text())
        _line(out, _ARROW, plain(stop.way or "in its own pod", "dim"))
        _line(out, _TOP, plain(stop.name, "bold"))
        for text in _said(stop):
            _line(out, _LINE, text)
    _line(out, _LINE, Text())
    arrives = f"reaches {end}" if sign is Sign.ALLOW else f"{sign.word} at {drawn[-1].name}" if drawn else sign.word
    _line(out, f"{sign.mark} ", plain(arrives, STYLES[sign]), STYLES[sign])


def _said(stop: Stop) -> Iterator[Text]:
    for fact in stop.facts:
        yield plain(fact, "dim")
    for sign, why in stop.checks:
        text = Text(f"{sign.mark} ", STYLES[sign])
        yield text.append_text(plain(why, "" if sign is Sign.ALLOW else STYLES[sign]))


def _line(out: Console, mark: str, text: Text, style: str = "dim") -> None:
    """A piece of the picture: what does not fit goes on below, with the line drawn on."""
    width = max(min(out.width, _WIDEST) - len(_MARGIN) - len(mark), 16)
    for place, part in enumerate(text.wrap(out, width) or [Text()]):
        drawn = Text(_MARGIN)
        drawn.append(mark if place == 0 else "│ " if mark in (_TOP, _LINE) else "  ", style=style)
        drawn.append_text(part)
        out.print(drawn, no_wrap=True, overflow="ellipsis")


def _print_differences(explanation: Explanation, out: Console) -> None:
    if len(explanation.states) < 2:
        return
    out.print()
    out.print(plain("What would change", "bold"))
    for each in explanation.differences:
        _print_difference(out, each)
    if not explanation.differences:
        out.print(f"{_MARGIN}nothing that this request would notice")


def _print_difference(out: Console, each: DifferenceReport) -> None:
    text = Text(f"{each.direction}: ", _DIRECTIONS.get(each.direction, ""))
    item(out, each.code or "-", text.append_text(plain(each.text)))
    if each.docs:
        prose(out, plain(page(each.docs), "dim"), 3 + len(each.code))


def item(out: Console, mark: str, text: Text) -> None:
    """One thing of a list: what does not fit goes on under its first word."""
    width = max(min(out.width, _WIDEST) - len(_MARGIN) - len(mark) - 1, 16)
    for place, part in enumerate(text.wrap(out, width)):
        out.print(Text(f"{_MARGIN}{mark if place == 0 else ' ' * len(mark)} ").append_text(part), no_wrap=True)


def _print_list(out: Console, name: str, texts: tuple[str, ...]) -> None:
    if not texts:
        return
    out.print()
    out.print(plain(name, "bold"))
    for text in texts[:_WAYS_SHOWN]:
        item(out, "-", plain(text))
    if len(texts) > _WAYS_SHOWN:
        prose(out, plain(f"… and {len(texts) - _WAYS_SHOWN} more (-o json shows all)", "dim"), 2)


def _sentence(text: str) -> str:
    return f"It {text}." if text.startswith(("reaches", "does not")) else f"{text[:1].upper()}{text[1:]}."

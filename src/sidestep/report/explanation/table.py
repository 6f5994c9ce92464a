"""The answer for a terminal: a picture of the path in each state, the verdict, and what would change."""

from rich.console import Console
from rich.text import Text

from sidestep.explain.explanation import DifferenceReport, Explanation
from sidestep.report.columns import console, plain, prose
from sidestep.report.explanation.drawn import STYLES, print_item, print_list, print_picture
from sidestep.report.explanation.view import StateView, view
from sidestep.report.formats import Look
from sidestep.report.places import page
from sidestep.report.table import trimmed

NOTHING = "nothing that this request would notice"
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
        _print_state(explanation.client, view(state), out)
    _print_differences(explanation, out)
    print_list(out, "Taken for granted", explanation.assumptions)


def _print_state(client: str, told: StateView, out: Console) -> None:
    head = Text(f"{told.title}: ", "bold")
    head.append(f"{told.sign.mark} {told.verdict}", STYLES[told.sign])
    out.print(head)
    prose(out, plain(told.sentence), 2)
    for picture in told.pictures:
        out.print()
        if picture.head:
            prose(out, plain(picture.head, "bold"), 2)
        print_picture(client, picture, out)
    print_list(out, "Ways it may take", told.ways)
    print_list(out, "Not known", told.unknowns)


def _print_differences(explanation: Explanation, out: Console) -> None:
    if len(explanation.states) < 2:
        return
    out.print()
    out.print(plain("What would change", "bold"))
    for each in explanation.differences:
        _print_difference(out, each)
    if not explanation.differences:
        out.print(f"  {NOTHING}")


def _print_difference(out: Console, each: DifferenceReport) -> None:
    text = plain(f"{each.direction}: ", _DIRECTIONS.get(each.direction, ""))
    print_item(out, each.code or "-", text.append_text(plain(each.text)))
    if each.docs:
        prose(out, plain(page(each.docs.removeprefix("docs/")), "dim"), 3 + len(each.code))

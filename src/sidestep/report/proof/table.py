"""A proof for a terminal: the verdict in a line, then one request after the other with both paths."""

from rich.console import Console
from rich.text import Text

from sidestep.prove.proof import Proof
from sidestep.report.columns import console, plain, prose
from sidestep.report.explanation.drawn import STYLES, print_item, print_list
from sidestep.report.formats import Look
from sidestep.report.proof.view import ExampleView, InvariantView, ProofView, SideView, likewise, view
from sidestep.report.table import trimmed

DIRECTIONS = {"open": "bold red", "closed": "bold yellow", "route": "bold cyan", "seen": "cyan", "shape": "cyan"}
SHOWN = 10
_LIKEWISE = 4


def render(proof: Proof, look: Look) -> str:
    """Text of at most `look.width` columns."""
    out, told = console(look), view(proof)
    with out.capture() as captured:
        _print_head(told, out)
        print_examples(told, out, SHOWN, "-o json or html")
        _print_invariants(told.invariants, out)
        print_list(out, "Undecided", told.undecided)
        print_list(out, "Accepted", told.accepted)
        print_list(out, "Accepted differences to look at again", told.findings)
        print_list(out, "Taken for granted", told.assumptions)
    return trimmed(captured.get())


def print_examples(told: ProofView, out: Console, most: int, others: str) -> None:
    """Requests that are decided otherwise.

    Args:
        told: the proof.
        out: where to.
        most: how many.
        others: what shows those that are left out.
    """
    for each in told.examples[:most]:
        _print_example(each, out)
    if len(told.examples) > most:
        out.print()
        prose(out, plain(f"… and {len(told.examples) - most:,} more ({others} shows all)", "dim"))


def _print_head(told: ProofView, out: Console) -> None:
    prose(out, plain(f"{told.sign.mark} {told.line}", STYLES[told.sign]))
    if told.what:
        prose(out, plain(told.what, "dim"), 2)


def _print_example(each: ExampleView, out: Console) -> None:
    out.print()
    head = plain(f"{each.direction} ", DIRECTIONS.get(each.direction, ""))
    print_item(out, "✗", head.append_text(plain(each.request, "bold")), 0)
    prose(out, plain(f"{each.meaning}{f' (state {each.step})' if each.step else ''}", "dim"), 2)
    for side in each.sides:
        _print_side(side, out)
    for line in each.changed:
        print_item(out, "≠", plain(line, "bold"))
    if each.likewise:
        prose(out, plain(likewise(each.likewise, _LIKEWISE), "dim"), 2)
    for code, address in each.pages:
        print_item(out, code, plain(address, "dim"))
    _print_command(each.command, out)


def _print_side(side: SideView, out: Console) -> None:
    text = plain(f"{side.sign.mark} {side.verdict}", STYLES[side.sign])
    print_item(out, f"{side.head}:".ljust(7), text.append_text(plain(f": {side.why}")))
    for stop in side.path:
        print_item(out, "→", plain(stop, "dim"), 10)


def _print_command(command: str, out: Console) -> None:
    """Whole words that a terminal may wrap, so that it can be copied."""
    if command:
        print_item(out, "$", plain(command))


def _print_invariants(invariants: tuple[InvariantView, ...], out: Console) -> None:
    if not invariants:
        return
    out.print()
    out.print(plain("Invariants", "bold"))
    for each in invariants:
        name = f"{each.name}: {each.text}" if each.text else each.name
        print_item(out, each.sign.mark, Text().append_text(plain(name, STYLES[each.sign])))
        for line in each.lines:
            prose(out, plain(line), 4)
        for stop in each.path:
            print_item(out, "→", plain(stop, "dim"), 6)
        if each.command:
            print_item(out, "$", plain(each.command), 4)

"""A conversion for a terminal: what becomes of each object, then what is lost, the worst first."""

from rich.console import Console

from sidestep.convert.repository.values import Unplaced
from sidestep.convert.rewrite import Loss, Severity
from sidestep.prove.proof import Proof
from sidestep.report.columns import Column, console, plain, print_table, prose
from sidestep.report.conversion.document import Conversion, HeldBack, grouped, told
from sidestep.report.conversion.verdict import verdict
from sidestep.report.explanation.drawn import print_item, print_list
from sidestep.report.formats import Look
from sidestep.report.proof.table import print_examples
from sidestep.report.proof.view import view
from sidestep.report.table import trimmed

_CHANGES = (
    Column("STAGE"),
    Column("OBJECT", least=57),
    Column("BECOMES", 1),
    Column("RULE", 2, least=6),
    Column("WHY", 3, least=30),
)
_STYLES = {Severity.SECURITY: "bold red", Severity.TRAFFIC: "bold yellow", Severity.OBSERVABILITY: "cyan"}
_BECOMES = {"add": "added", "replace": "rewritten", "remove": "removed"}
SHOWN = 20
_REQUESTS = 3


def render(conversion: Conversion, look: Look) -> str:
    """Text of at most `look.width` columns."""
    out = console(look)
    with out.capture() as captured:
        prose(out, plain(conversion.summary, "bold"))
        if conversion.changes:
            out.print()
            rows = [
                (each.stage, str(each.object), _BECOMES[each.change.value], each.rule, each.why)
                for each in conversion.changes
            ]
            print_table(out, _CHANGES, rows)
        _print_losses(conversion.losses, out)
        print_list(out, "Plain files with queries", tuple(map(told, conversion.files)))
        _print_held_back(conversion.held_back, out)
        print_list(out, "Not read, and so not rewritten", conversion.missing)
        _print_by_hand(conversion.by_hand, out)
        if conversion.proof is not None:
            _print_proof(conversion.proof, out)
    return trimmed(captured.get())


def _print_losses(losses: tuple[Loss, ...], out: Console) -> None:
    if not losses:
        return
    out.print()
    out.print(plain("What could not be carried", "bold"))
    for loss in losses[:SHOWN]:
        place = f"{loss.object} {loss.field}".strip()
        head = plain(f"{loss.severity.value} ", _STYLES.get(loss.severity, "dim"))
        print_item(out, "-", head.append_text(plain(f"{place} ({loss.rule})", "bold")))
        prose(out, plain(f"did: {loss.did}"), 4)
        prose(out, plain(f"why: {loss.why}"), 4)
        prose(out, plain(f"instead: {loss.instead}"), 4)
    if len(losses) > SHOWN:
        prose(out, plain(f"… and {len(losses) - SHOWN:,} more (-o json or markdown shows all)", "dim"), 2)


def _print_held_back(held: tuple[HeldBack, ...], out: Console) -> None:
    if not held:
        return
    out.print()
    out.print(plain("Kept on sidecars by the plan", "bold"))
    for each in held[:SHOWN]:
        print_item(out, "-", plain(str(each.workload), "bold"))
        prose(out, plain(f"why: {each.why or 'the plan says no more'}"), 4)
        if each.way_out:
            prose(out, plain(f"instead: {each.way_out}"), 4)
    if len(held) > SHOWN:
        prose(out, plain(f"… and {len(held) - SHOWN:,} more (-o json or markdown shows all)", "dim"), 2)


def _print_by_hand(unplaced: tuple[Unplaced, ...], out: Console) -> None:
    """All of them, and each patch as it is: whoever reads this has to make them."""
    if not unplaced:
        return
    out.print()
    out.print(plain("To be done by hand: no file could be given it", "bold"))
    for (where, reason), group in grouped(unplaced).items():
        out.print()
        prose(out, plain(f"{where}: {reason}" if where else reason), 2)
        for each in group:
            print_item(out, "-", plain(str(each.object), "bold"))
            for line in each.patch.splitlines():
                out.print(plain(f"      {line}"), soft_wrap=True)


def _print_proof(proof: Proof, out: Console) -> None:
    out.print()
    prose(out, plain(verdict(proof), "bold"))
    print_examples(view(proof), out, _REQUESTS, "-o json")

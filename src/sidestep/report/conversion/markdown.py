"""A conversion as Markdown: for a review, and `losses.md` of a folder."""

from collections.abc import Iterator

from sidestep.convert.repository.values import Unplaced
from sidestep.convert.rewrite import Loss
from sidestep.report.conversion.document import Conversion, HeldBack, grouped, told
from sidestep.report.conversion.verdict import verdict
from sidestep.report.formats import Look
from sidestep.report.markup import escaped, row
from sidestep.report.proof.markdown import examples
from sidestep.report.proof.view import view
from sidestep.report.units import UNSEEN

_REQUESTS = 3
_BECOMES = {"add": "added", "replace": "rewritten", "remove": "removed"}


def render(conversion: Conversion, _look: Look) -> str:
    """The whole page."""
    return _page(_lines(conversion))


def losses_page(conversion: Conversion) -> str:
    """What could not be carried, alone."""
    return _page(_losses_page(conversion))


def _page(lines: Iterator[str]) -> str:
    return "\n".join(lines).translate(UNSEEN) + "\n"


def _lines(conversion: Conversion) -> Iterator[str]:
    yield from ("# Conversion", "", escaped(conversion.summary))
    if conversion.proof is not None:
        yield from ("", f"**{escaped(verdict(conversion.proof))}**")
        yield from examples(view(conversion.proof), _REQUESTS)
    if conversion.changes:
        yield from ("", "## Changes", "", row(("Stage", "Object", "Becomes", "Rule", "Why")), "|---|---|---|---|---|")
        for each in conversion.changes:
            cells = (each.stage, str(each.object), _BECOMES[each.change.value], each.rule, each.why)
            yield row([escaped(cell) for cell in cells])
    if conversion.losses:
        yield from ("", "## What could not be carried", *_losses(conversion.losses))
    if conversion.files:
        yield from ("", "## Plain files with queries", "", *(f"- {escaped(told(each))}" for each in conversion.files))
    yield from _held_back(conversion.held_back)
    yield from _by_hand(conversion.by_hand)
    yield from _missing(conversion.missing)


def _losses_page(conversion: Conversion) -> Iterator[str]:
    yield from ("# What could not be carried", "", escaped(conversion.summary))
    if not conversion.losses:
        yield from ("", "Nothing: every field was carried over.")
    yield from _losses(conversion.losses)
    yield from _held_back(conversion.held_back)
    yield from _missing(conversion.missing)


def _held_back(held: tuple[HeldBack, ...]) -> Iterator[str]:
    if held:
        yield from ("", "## Kept on sidecars by the plan", "", row(("Workload", "Why", "What to do")), "|---|---|---|")
        for each in held:
            yield row([escaped(cell) for cell in (str(each.workload), each.why, each.way_out)])


def _by_hand(unplaced: tuple[Unplaced, ...]) -> Iterator[str]:
    if unplaced:
        yield from ("", "## What is to be done by hand", "")
    for (where, reason), group in grouped(unplaced).items():
        yield from (f"{escaped(where)}: {escaped(reason)}" if where else escaped(reason), "")
        for each in group:
            yield from (
                f"- {escaped(str(each.object))}",
                "",
                *(f"      {line}" for line in each.patch.splitlines()),
                "",
            )


def _missing(missing: tuple[str, ...]) -> Iterator[str]:
    if missing:
        yield from ("", "## What was not read, and so not rewritten", "", *(f"- {escaped(text)}" for text in missing))


def _losses(losses: tuple[Loss, ...]) -> Iterator[str]:
    for severity in dict.fromkeys(loss.severity for loss in losses):
        yield from ("", f"### {severity.value.capitalize()}", "")
        yield row(("Object", "Field", "What it did", "Why it is lost", "What to do", "Rule"))
        yield "|---|---|---|---|---|---|"
        for loss in losses:
            if loss.severity is severity:
                cells = (str(loss.object), loss.field, loss.did, loss.why, loss.instead, loss.rule)
                yield row([escaped(cell) for cell in cells])

"""The answer for a pull request or a ticket: GitHub-flavoured Markdown."""

from collections.abc import Iterator

from sidestep.explain.explanation import DifferenceReport, Explanation
from sidestep.report.columns import console
from sidestep.report.explanation.drawn import print_picture
from sidestep.report.explanation.table import NOTHING
from sidestep.report.explanation.view import StateView, view
from sidestep.report.formats import Look
from sidestep.report.markup import escaped, fenced
from sidestep.report.places import page
from sidestep.report.units import UNSEEN

_WIDTH = 90
_LISTED = 50


def render(explanation: Explanation, _look: Look) -> str:
    """One page."""
    return "\n".join(["# One request, explained", *explanation_lines(explanation)]).translate(UNSEEN) + "\n"


def explanation_lines(explanation: Explanation) -> Iterator[str]:
    """All of it but the heading."""
    yield from ("", f"**{escaped(explanation.request)}**")
    for state in explanation.states:
        yield from _state(explanation.client, view(state))
    if len(explanation.states) > 1:
        yield from ("", "## What would change", "")
        yield from map(_difference, explanation.differences)
        if not explanation.differences:
            yield f"{NOTHING.capitalize()}."
    yield from points("Taken for granted", explanation.assumptions)


def points(name: str, texts: tuple[str, ...], level: int = 2) -> Iterator[str]:
    """A heading and its points; nothing for none."""
    if not texts:
        return
    yield from ("", f"{'#' * level} {name}", "")
    yield from (f"- {escaped(text)}" for text in texts[:_LISTED])
    if len(texts) > _LISTED:
        yield f"- … and {len(texts) - _LISTED} more"


def _state(client: str, told: StateView) -> Iterator[str]:
    yield from ("", f"## {told.title}: {told.sign.mark} {escaped(told.verdict)}", "", escaped(told.sentence))
    for picture in told.pictures:
        out = console(Look(_WIDTH))
        with out.capture() as captured:
            print_picture(client, picture, out)
        lines = [line.removeprefix("  ").rstrip() for line in captured.get().splitlines()]
        yield from ("", *([f"{escaped(picture.head)}:", ""] if picture.head else []), fenced(lines, "text"))
    yield from points("Ways it may take", told.ways, 3)
    yield from points("Not known", told.unknowns, 3)


def _difference(each: DifferenceReport) -> str:
    code = f"[{each.code}]({page(each.docs.removeprefix('docs/'))})" if each.docs else each.code
    return f"- {f'{code} ' if code else ''}**{escaped(each.direction)}**: {escaped(each.text)}"

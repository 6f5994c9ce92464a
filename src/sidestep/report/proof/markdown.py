"""A proof as a comment of a pull request: GitHub-flavoured Markdown, details folded, short enough for a forge."""

from collections.abc import Iterator

from sidestep.prove.proof import Proof
from sidestep.report.explanation.markdown import points
from sidestep.report.formats import Look
from sidestep.report.markup import escaped, fenced
from sidestep.report.proof.view import ExampleView, InvariantView, ProofView, SideView, likewise, view
from sidestep.report.units import UNSEEN

_LISTED = 20
_LIKEWISE = 4


def render(proof: Proof, _look: Look) -> str:
    """One comment."""
    return "\n".join(_lines(view(proof))).translate(UNSEEN) + "\n"


def _lines(told: ProofView) -> Iterator[str]:
    yield f"# {told.sign.mark} {told.title} {told.verdict[:1].upper()}{told.verdict[1:]}"
    yield from ("", f"**{escaped(told.line)}**")
    if told.what:
        yield from ("", f"Compared: {escaped(told.what)}")
    yield from examples(told, _LISTED)
    if told.invariants:
        yield from ("", "## Invariants", "", *(line for each in told.invariants for line in _invariant(each)))
    yield from points("Undecided", told.undecided)
    yield from points("Accepted", told.accepted)
    yield from points("Accepted differences to look at again", told.findings)
    yield from _granted(told.assumptions)


def examples(told: ProofView, most: int) -> Iterator[str]:
    """At most so many of the requests that are decided otherwise."""
    for each in told.examples[:most]:
        yield from _example(each)
    if len(told.examples) > most:
        yield from ("", f"… and {len(told.examples) - most:,} more.")


def _example(each: ExampleView) -> Iterator[str]:
    step = f" (state {escaped(each.step)})" if each.step else ""
    pages = " ".join(f"[{code}]({address})" for code, address in each.pages)
    yield from ("", f"### {each.direction}: {escaped(each.request)}")
    yield from ("", f"{each.meaning[:1].upper()}{each.meaning[1:]}{step}{f'. {pages}' if pages else ''}")
    yield from ("", *(_answer(side) for side in each.sides), *(f"- changed: {escaped(line)}" for line in each.changed))
    if each.likewise:
        yield f"- {escaped(likewise(each.likewise, _LIKEWISE))}"
    yield from ("", "<details><summary>Both paths</summary>", "")
    yield fenced([line for side in each.sides for line in _path(side)], "text")
    if each.command:
        yield from ("", fenced([each.command], "console"))
    yield from ("", "</details>")


def _answer(side: SideView) -> str:
    return f"- {side.head}: {side.sign.mark} **{escaped(side.verdict)}**: {escaped(side.why)}"


def _path(side: SideView) -> Iterator[str]:
    yield f"{side.head}: {side.verdict}"
    yield from (f"  → {stop}" for stop in side.path)


def _invariant(each: InvariantView) -> Iterator[str]:
    text = f": {escaped(each.text)}" if each.text else ""
    yield f"- {each.sign.mark} **{escaped(each.name)}**{text}"
    yield from (f"  - {escaped(line)}" for line in each.lines)


def _granted(assumptions: tuple[str, ...]) -> Iterator[str]:
    if assumptions:
        yield from ("", "<details><summary>Taken for granted</summary>", "")
        yield from (f"- {escaped(text)}" for text in assumptions)
        yield from ("", "</details>")

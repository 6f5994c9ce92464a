"""Differences shown in the lab, for a terminal."""

import textwrap
from collections.abc import Iterable, Iterator

from sidestep.demo.result import Demo, Shown, Side
from sidestep.report.lab.tables import table
from sidestep.semantics.differences.difference import Difference

_WIDEST, _INDENT = 110, 25


def listed(differences: Iterable[Difference], scenes: Iterable[str], unshown: dict[str, str], width: int | None) -> str:
    """All differences: how many scenes show each, or why none can.

    Args:
        differences: in order.
        scenes: the code of each scene.
        unshown: by code, why not.
        width: of the terminal; None for none.
    """
    codes = list(scenes)
    rows = [{"of": each, "scenes": codes.count(each.code), "why": unshown.get(each.code, "")} for each in differences]
    return table(
        rows,
        {
            "CODE": lambda row: str(row["of"].code),
            "DIRECTION": lambda row: str(row["of"].direction.value),
            "SCENES": lambda row: str(row["scenes"] or "-"),
            "DIFFERENCE": lambda row: str(row["of"].title),
            "WHY NOT": lambda row: str(row["why"]),
        },
        width,
    )


def text(demo: Demo, width: int | None = None) -> str:
    """What was shown, difference by difference."""
    room = min(width or _WIDEST, _WIDEST)
    lines: list[str] = []
    title = ""
    for each in demo.shown:
        if each.title != title:
            lines += ["", f"{each.code}: {each.title}"] if lines else [f"{each.code}: {each.title}"]
            title = each.title
        lines += ["", *shown(each, room)]
    return "\n".join((*lines, "", verdict(demo), ""))


def shown(each: Shown, room: int) -> Iterator[str]:
    """One scene."""
    yield f"  {each.scene}: {each.request}"
    for side in (each.sidecars, each.ambient):
        yield from _side(side, room)


def verdict(demo: Demo) -> str:
    """In one sentence."""
    wrong = [each for each in demo.shown if not each.agrees]
    if not wrong:
        return "Packets did what was foretold."
    return f"Packets did otherwise than foretold in {len(wrong)} of {len(demo.shown)}."


def _side(side: Side, room: int) -> Iterator[str]:
    rows = [("foretold", side.foretold), ("seen", side.seen)]
    rows += [("got", "; ".join(side.got))] if side.got else []
    rows += [("OTHERWISE", each) for each in side.disagreements]
    for place, (what, words) in enumerate(rows):
        head = f"    {side.name if place == 0 else '':<10} {what:<9} "
        yield from textwrap.wrap(
            words, room, initial_indent=head, subsequent_indent=" " * _INDENT, break_on_hyphens=False
        )

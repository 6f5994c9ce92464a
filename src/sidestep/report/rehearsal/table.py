"""A rehearsal for a terminal: the verdict first, then step by step."""

from collections.abc import Iterable, Iterator, Mapping
from textwrap import fill
from typing import Any

from sidestep.actions.gates.judging import Answer
from sidestep.rehearse.result import Part, Phase, Rehearsal
from sidestep.report.lab.tables import table
from sidestep.report.rehearsal.words import agreement, faults, figures, manner, stand_ins, verdict, windows

_FEW = 10
_NARROW = 100
"""Characters below which what a step was is left out: its name says where to look."""
_ANSWERS = {Answer.HOLDS: "holds", Answer.FAILS: "FAILS", Answer.NOT_YET: "cannot be told"}


def text(rehearsal: Rehearsal, width: int | None = None) -> str:
    """All of it.

    Args:
        rehearsal: what was seen.
        width: of the terminal; None for none.
    """
    narrow = width is not None and width < _NARROW
    parts = (
        _lines(verdict(rehearsal), width),
        _table([_phase(each) for each in rehearsal.phases], width),
        _table([_row(part, narrow=narrow) for part in rehearsal.parts], width),
        _lines(_wrong(rehearsal), width),
        _lines(faults(rehearsal), width),
        _lines((f"{_ANSWERS[each.answer]}: {each.told}" for each in rehearsal.gates), width),
        _lines(windows(rehearsal), width),
        _lines(figures(rehearsal), width),
        _lines(stand_ins(rehearsal), width),
        _lines((f"note: {each}" for each in (*rehearsal.merged, *rehearsal.left_out)), width),
    )
    return "\n".join(each for each in parts if each)


def _lines(found: Iterable[str], width: int | None) -> str:
    """Each on a line of its own, wrapped between words where a terminal is narrower."""
    return "".join(f"{fill(line, width, subsequent_indent='  ') if width else line}\n" for line in found)


def _table(rows: list[Mapping[str, Any]], width: int | None) -> str:
    columns = {name: (lambda row, name=name: str(row[name])) for name in rows[0]} if rows else {}
    return table(rows, columns, width) if rows else ""


def _phase(phase: Phase) -> dict[str, str]:
    counted, used = phase.counted, phase.used.values()
    return {
        "PHASE": phase.name,
        "TOOK": f"{phase.seconds:.1f} s",
        "SENT": f"{counted.sent:,}",
        "LOST": _bad(counted.lost),
        "ADMITTED": _bad(counted.admitted),
        "P50 ms": _milliseconds(counted.p50),
        "P99 ms": _milliseconds(counted.p99),
        "CPU": f"{sum(each.cores for each in used) * 1000:.0f}m",
        "MEMORY": f"{sum(each.memory for each in used) / 2**20:.0f} MiB",
    }


def _row(part: Part, *, narrow: bool) -> dict[str, str]:
    counted = part.counted
    name = ("back " if part.back else "") + part.name
    found = {
        "AT": f"{part.began:.1f} s",
        "STEP": name,
        "WHAT": part.title,
        "TOOK": f"{part.seconds:.1f} s",
        "SENT": f"{counted.sent:,}",
        "LOST": _bad(counted.lost),
        "ADMITTED": _bad(counted.admitted),
        "P99 ms": _milliseconds(counted.p99),
        "SEEN": part.failed or agreement(part) or part.told,
    }
    return {key: value for key, value in found.items() if not narrow or key not in {"TOOK", "P99 ms", "SEEN"}}


def _milliseconds(value: float) -> str:
    return f"{value / 1000:.1f}" if value else "-"


def _bad(count: int) -> str:
    return f"{count:,} !" if count else "0"


def _wrong(rehearsal: Rehearsal) -> Iterator[str]:
    for each in rehearsal.wrong[:_FEW]:
        yield f"{each.count:,} {each.what} from {each.at:.1f} s on: {each.request}: {manner(each)}"
    if len(rehearsal.wrong) > _FEW:
        yield f"and {len(rehearsal.wrong) - _FEW} ways more"

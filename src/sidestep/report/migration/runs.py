"""Runs for a terminal: all of them, or how one of them is."""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from sidestep.actions.runs.history import RunTold, State
from sidestep.report.encoded import indented
from sidestep.report.lab.tables import table
from sidestep.report.units import UNSEEN

_DONE, _UNDER_WAY, _TO_DO = "✓", "▸", "·"


class Runs(Struct, frozen=True, rename="camel"):
    """All runs of a place.

    Attributes:
        place: where they are kept.
        runs: the newest first.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `Runs`.
    """

    place: str
    runs: tuple[RunTold, ...]
    api_version: Literal["sidestep.dev/v1"] = "sidestep.dev/v1"
    kind: Literal["Runs"] = "Runs"


def history_text(found: Runs, width: int | None = None) -> str:
    """A line for each run."""
    if not found.runs:
        return f"No plan was carried out yet ({found.place}).\n"
    columns = {
        "RUN": lambda row: str(row["run"]),
        "BEGAN": lambda row: str(row["began"]),
        "LAST": lambda row: str(row["last"]),
        "WAVES": lambda row: str(row["waves"]),
        "STEPS": lambda row: str(row["steps"]),
        "STATE": lambda row: str(row["state"]),
    }
    rows = [
        {
            "run": each.run,
            "began": each.began,
            "last": each.last,
            "waves": _span([wave.number for wave in each.waves]),
            "steps": f"{sum(wave.done for wave in each.waves)}/{sum(wave.steps for wave in each.waves)}",
            "state": each.state.value,
        }
        for each in found.runs
    ]
    return table(rows, columns, width)


def run_text(found: RunTold, lately: Sequence[str] = (), width: int | None = None, again: str = "") -> str:
    """How a run is.

    Args:
        found: the run.
        lately: what its journal says at last, in words.
        width: of the terminal; None for none.
        again: options by which another command means the same place.
    """
    lines = (*(_cut(line, width) for line in _lines(found, lately)), next_word(found, again))
    return "".join(f"{line}\n" for line in lines).translate(UNSEEN)


def _lines(found: RunTold, lately: Sequence[str]) -> Iterator[str]:
    yield f"run {found.run} in {found.world or 'no world yet'}: {found.state.value}"
    if found.why:
        yield from (f"  {line.strip()}" for line in found.why.splitlines())
    if found.holder:
        yield f"  performed by {found.holder}"
    yield ""
    yield from wave_lines(found)
    if lately:
        yield ""
        yield from lately
    yield ""


def wave_lines(found: RunTold) -> Iterator[str]:
    """A line for each wave, and for what is under way."""
    for wave in found.waves:
        mark = _DONE if wave.done == wave.steps else _UNDER_WAY if wave.done else _TO_DO
        yield f"{mark} wave {wave.number:>2}  {wave.done:>4}/{wave.steps:<4} {wave.title}"
    for each in found.running:
        yield f"    {each}"


def next_word(found: RunTold, again: str = "") -> str:
    """What can be done about it; as it is to be typed, and so never cut."""
    verb, run = "sidestep migrate", f"{found.run}{again}"
    match found.state:
        case State.RUNNING | State.REVERSING:
            return f"{verb} pause {run} · abort {run}"
        case State.WAITING | State.PAUSED | State.INTERRUPTED | State.STOPPED:
            return f"{verb} resume {run} · abort {run} · rollback {run}"
        case State.COMPLETED:
            return f"{verb} rollback {run}"
        case State.ALTERED:
            return "restore its journal from a copy, or take its records away: it is not gone on with by guesses"
        case State.REVERSED if any(wave.done for wave in found.waves):
            return f"what was before it stays: carry it out again, plan again, or {verb} rollback {run}"
        case State.REVERSED:
            return "nothing of it is left; plan again, or carry the same plan out again"


def as_json(document: Struct) -> str:
    """The same as data."""
    return indented(document, 2)


def _span(numbers: list[int]) -> str:
    if not numbers:
        return "-"
    whole = numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"{numbers[0]}-{numbers[-1]}" if whole and len(numbers) > 1 else ",".join(map(str, numbers))


def _cut(line: str, width: int | None) -> str:
    return line if width is None or len(line) <= width else f"{line[: width - 1]}…"

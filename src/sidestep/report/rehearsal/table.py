"""A rehearsal for a terminal: the verdict first, then step by step."""

from collections.abc import Iterator, Mapping

from sidestep.actions.runs.events import Ending
from sidestep.rehearse.result import Part, Rehearsal, Used
from sidestep.report.lab.tables import table

_MIB = 2**20
_FEW = 10


def text(rehearsal: Rehearsal, width: int | None = None) -> str:
    """All of it.

    Args:
        rehearsal: what was seen.
        width: of the terminal; None for none.
    """
    rows = [_row(part) for part in rehearsal.parts]
    columns = {name: (lambda row, name=name: str(row[name])) for name in rows[0]} if rows else {}
    parts = ["\n".join(verdict(rehearsal)) + "\n", table(rows, columns, width), "".join(_wrong(rehearsal))]
    parts.append("".join(f"{line}\n" for line in proxies(rehearsal)))
    parts.append("".join(f"note: {each}\n" for each in (*rehearsal.merged, *rehearsal.left_out)))
    return "\n".join(each for each in parts if each)


def verdict(rehearsal: Rehearsal) -> Iterator[str]:
    """In sentences."""
    total = rehearsal.total
    match rehearsal.ended:
        case Ending.COMPLETED:
            yield "The plan was carried out" + _back(rehearsal.taken_back)
        case Ending.REVERSED:
            yield f"The plan was not carried out, and its wave was taken back: {rehearsal.why}"
        case Ending.STOPPED:
            yield f"The plan stopped half-way: {rehearsal.why}"
    yield (
        f"{total.sent:,} requests that are answered today: {total.lost:,} lost. "
        f"{total.probed:,} that are refused today: {total.admitted:,} admitted."
    )


def _back(taken_back: Ending | None) -> str:
    if taken_back is None:
        return "."
    return ", and taken back." if taken_back is Ending.REVERSED else ", but could not be taken back."


def _row(part: Part) -> dict[str, str]:
    counted = part.counted
    return {
        "AT": f"{part.began:.1f} s",
        "STEP": ("back " if part.back else "") + part.name,
        "WHAT": part.title,
        "TOOK": f"{part.seconds:.1f} s",
        "SENT": f"{counted.sent:,}",
        "LOST": _bad(counted.lost),
        "ADMITTED": _bad(counted.admitted),
        "P99 ms": f"{counted.p99 / 1000:.1f}" if counted.p99 else "-",
        "SEEN": part.failed or part.told,
    }


def _bad(count: int) -> str:
    return f"{count:,} !" if count else "0"


def _wrong(rehearsal: Rehearsal) -> Iterator[str]:
    for each in rehearsal.wrong[:_FEW]:
        detail = f": {each.detail}" if each.detail else ""
        yield f"{each.count:,} {each.what} from {each.at:.1f} s on: {each.request}: {each.how}{detail}\n"


def proxies(rehearsal: Rehearsal) -> Iterator[str]:
    """What they use, a sentence for each role."""
    for role in sorted(rehearsal.before.keys() | rehearsal.after.keys()):
        before, after = _used(rehearsal.before, role), _used(rehearsal.after, role)
        yield f"{role} proxies: {before} before, {after} after"


def _used(by_role: Mapping[str, Used], role: str) -> str:
    found = by_role.get(role)
    if found is None:
        return "none"
    return f"{found.processes} with {found.cores * 1000:.0f}m CPU and {found.memory / _MIB:.0f} MiB"

"""From what happened, and when, to what is told of it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil, floor

from msgspec import structs

from sidestep.plan.document import Exposure, Plan
from sidestep.rehearse.counting import Counts, Expected
from sidestep.rehearse.prediction import Foretold
from sidestep.rehearse.result import Money, Part, Struck, Window

AFTERMATH = 15.0
"""Seconds after a fault in which what goes wrong is its cost."""
_NONE: frozenset[str] = frozenset()


def expected(parts: Iterable[Part], foretold: Foretold, began: float) -> Expected:
    """By second of Unix time, what the plan's states decide otherwise: during a part, and a second before and after it.

    Args:
        parts: steps, when they were performed.
        foretold: of each step.
        began: Unix time of the rehearsal's beginning.
    """
    found: dict[int, set[str]] = {}
    for part in parts:
        names = foretold.get((part.name, part.back), _NONE)
        first = began + part.began
        for second in range(floor(first) - 1, ceil(first + part.seconds) + 1) if names else ():
            found.setdefault(second, set()).update(names)
    return found


def told(parts: Iterable[Part], counts: Counts, foretold: Foretold) -> tuple[Part, ...]:
    """Each part, in order, with what became of requests meanwhile, and whether the plan's states say so."""
    return tuple(_told(part, counts, foretold) for part in sorted(parts, key=lambda each: each.began))


def _told(part: Part, counts: Counts, foretold: Foretold) -> Part:
    end = part.began + part.seconds
    wrong = counts.wrong_between(part.began, end)
    return structs.replace(
        part,
        counted=counts.between(part.began, end),
        foretold=tuple(sorted(foretold.get((part.name, part.back), _NONE))),
        unforetold=tuple(sorted({each.request for each in counts.unforetold_between(part.began, end)})),
        example=f"{wrong[0].request}: {wrong[0].how}" if wrong else "",
        late=counts.late_between(part.began, end),
    )


def struck(found: Iterable[Struck], counts: Counts) -> tuple[Struck, ...]:
    """Faults with what they cost."""
    return tuple(
        structs.replace(
            each,
            counted=counts.between(each.at, each.at + AFTERMATH),
            recovered=max(counts.last_wrong(each.at, each.at + AFTERMATH) - each.at, 0.0),
        )
        for each in found
    )


def windows(plan: Plan, parts: Iterable[Part], counts: Counts, end: float) -> Iterator[Window]:
    """Exposures that the plan names, by when their steps were."""
    at = {part.name: part for part in parts if not part.back}
    for each in plan.exposures:
        if each.opens in at:
            first = at[each.opens].began
            last = _closed(each, at, end)
            counted = counts.between(first, last)
            yield Window(each.wave, each.requests, each.seconds, last - first, counted.lost + counted.admitted)


def _closed(exposure: Exposure, at: Mapping[str, Part], end: float) -> float:
    closes = at.get(exposure.closes)
    return closes.began + closes.seconds if closes is not None else end


def money(plan: Plan) -> Money | None:
    """What proxies cost a month before the plan and after it; None where the plan does not know."""
    own = plan.money
    if own.saved is None:
        return None
    after = (own.sidecars or 0.0) + (own.ambient or 0.0)
    return Money(after + own.saved, after, plan.currency)

"""From what happened, and when, to what is told of it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil, floor

from msgspec import structs

from sidestep.plan.document import Exposure, Plan
from sidestep.rehearse.counting import Counts
from sidestep.rehearse.prediction import Foretold
from sidestep.rehearse.result import Money, Part, Struck, Window

AFTERMATH = 15.0
"""Seconds after a fault in which what goes wrong is its cost."""
_NONE: frozenset[str] = frozenset()


def told(parts: Iterable[Part], counts: Counts, foretold: Foretold) -> tuple[Part, ...]:
    """Each part with what became of requests meanwhile, and whether the plan's states say so.

    Requests are counted by whole seconds, so what any part in the same seconds foretells is foretold.
    """
    ordered = sorted(parts, key=lambda each: each.began)
    return tuple(_told(part, ordered, counts, foretold) for part in ordered)


def _told(part: Part, parts: list[Part], counts: Counts, foretold: Foretold) -> Part:
    end = part.began + part.seconds
    wrong, surely = counts.wrong_between(part.began, end), counts.surely_wrong_between(part.began, end)
    own = foretold.get((part.name, part.back), _NONE)
    near = own.union(*(foretold.get((each.name, each.back), _NONE) for each in parts if _meets(part, each)))
    return structs.replace(
        part,
        counted=counts.between(part.began, end),
        foretold=tuple(sorted(own)),
        unforetold=tuple(sorted({each.request for each in surely} - near)),
        example=f"{wrong[0].request}: {wrong[0].how}" if wrong else "",
        late=counts.late_between(part.began, end),
    )


def _meets(one: Part, other: Part) -> bool:
    first, last = floor(one.began) - 1, ceil(one.began + one.seconds) + 1
    return other.began < last and other.began + other.seconds > first


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

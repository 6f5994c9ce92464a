"""Let conditions without a path stand before a path that must stay a prefix, though the longer path goes first.

What both take gets a case of its own: the prefix with the other's conditions, leading where the first one leads.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from sidestep.convert.routes.cases import Case
from sidestep.convert.routes.overlap import apart
from sidestep.convert.routes.reshape import Rewrites
from sidestep.semantics.routing.text_match import Form

Pairs = AbstractSet[tuple[int, int]]
"""Places of cases of which the second may go first, because what both take is taken before either."""


def with_intersections(cases: Sequence[Case], rewrites: Rewrites) -> tuple[list[Case], Pairs]:
    """Cases with those that are put in, and the pairs whose order then is nothing."""
    found: list[Case] = []
    origin: list[int] = []
    settled: set[tuple[int, int]] = set()
    for at, case in enumerate(cases):
        put_in = _before(at, cases, rewrites) if case.path.form is Form.SEGMENTS and rewrites[case.rule] else {}
        for first, shared in put_in.items():
            found.append(shared)
            origin.append(first)
        found.append(case)
        origin.append(at)
        mine = range(len(found) - len(put_in) - 1, len(found))
        settled |= {(origin.index(first), place) for first in put_in for place in mine}
    return found, settled


def _before(at: int, cases: Sequence[Case], rewrites: Rewrites) -> dict[int, Case]:
    """What a prefix shares with cases before it that name no path, by their places."""
    case, found = cases[at], {}
    for first, other in enumerate(cases[:at]):
        if other.any_path and not rewrites[other.rule] and other.rule != case.rule and not apart(other, case):
            shared = _both(other, case)
            if shared is not None:
                found[first] = shared
    return found


def _both(first: Case, second: Case) -> Case | None:
    """The second's path under both conditions; None where a route cannot ask a header for two things."""
    headers = tuple(dict.fromkeys((*first.headers, *second.headers)))
    queries = tuple(dict.fromkeys((*first.queries, *second.queries)))
    if any(len({each.name for each in named}) < len(named) for named in (headers, queries)):
        return None
    method = first.method or second.method
    return replace(first, path=second.path, headers=headers, queries=queries, method=method)

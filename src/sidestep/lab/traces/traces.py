"""Traces, put together of spans."""

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct

from sidestep.lab.traces.spans import Span

_MILLISECOND = 1_000_000


class Row(Struct, frozen=True):
    """A span in its trace.

    Attributes:
        depth: how many spans it is within.
        service: whose work it was.
        name: what was done.
        kind: which side of a request.
        offset: milliseconds after the trace's beginning.
        milliseconds: how long.
        failed: it did not succeed.
        attributes: what else is known.
        orphan: the span within which it was is not there.
    """

    depth: int
    service: str
    name: str
    kind: str
    offset: float
    milliseconds: float
    failed: bool = False
    attributes: dict[str, str] = {}
    orphan: bool = False


class Trace(Struct, frozen=True):
    """One trace.

    Attributes:
        id: of it.
        start: nanoseconds since 1970.
        milliseconds: from its first beginning to its last end.
        rows: its spans, each after the one within which it was.
    """

    id: str
    start: int
    milliseconds: float
    rows: tuple[Row, ...]

    @property
    def whole(self) -> bool:
        """Whether it hangs together."""
        return sum(each.depth == 0 for each in self.rows) == 1 and not any(each.orphan for each in self.rows)


def traces(spans: Iterable[Span]) -> list[Trace]:
    """All traces, the newest first."""
    by_trace: dict[str, list[Span]] = defaultdict(list)
    for each in spans:
        by_trace[each.trace].append(each)
    return sorted((_trace(name, group) for name, group in by_trace.items()), key=lambda each: (-each.start, each.id))


def _trace(name: str, spans: list[Span]) -> Trace:
    start, end = min(each.start for each in spans), max(each.end for each in spans)
    ids = {each.id for each in spans}
    within: dict[str, list[Span]] = defaultdict(list)
    for each in sorted(spans, key=lambda span: (span.start, span.id)):
        within[each.parent if each.parent in ids and each.parent != each.id else ""].append(each)
    rows: list[Row] = []
    waiting = [(each, 0) for each in reversed(within[""])]
    while waiting:
        span, depth = waiting.pop()
        rows.append(_row(span, depth, start, orphan=bool(span.parent) and depth == 0))
        waiting += [(each, depth + 1) for each in reversed(within[span.id])]
    return Trace(name, start, (end - start) / _MILLISECOND, tuple(rows))


def _row(span: Span, depth: int, start: int, *, orphan: bool) -> Row:
    offset, lasting = (span.start - start) / _MILLISECOND, (span.end - span.start) / _MILLISECOND
    return Row(depth, span.service, span.name, span.kind, offset, lasting, span.failed, span.attributes, orphan)

"""From what the lab counted by edge and second to what became of requests meanwhile. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum

from msgspec import structs

from sidestep.lab.agent.histogram import Histogram, merged
from sidestep.lab.agent.messages import LATENESS, Row
from sidestep.rehearse.question import Question
from sidestep.rehearse.result import Counted, Late, Second, Wrong

_ANSWERED = "answered"
_LATE = "timeout"
"""How a request ends of which nothing was heard."""


Expected = Mapping[int, AbstractSet[str]]
_NOTHING: Expected = {}
_MICROSECONDS = 1_000_000
_TELLS = _MICROSECONDS // 2
"""Microseconds after which a request was begun from which on the machine is late: a plan has no part in that."""
_REACH = 10
"""Seconds before and after such a one in which what is lost may be lost by it: as long as an answer counts."""


class First(StrEnum):
    """What became of the first requests of a question, before anything has happened."""

    AS_DECIDED = "as-decided"
    OTHERWISE = "otherwise"
    UNTOLD = "untold"
    """None has come to an end yet, or only because nobody waited for its answer any longer."""


def firsts(questions: Mapping[str, Question], rows: Iterable[Row]) -> dict[str, First]:
    """What became of the first requests, by question: an answer may still come, a refusal may be silence."""
    answered, refused = Counter[str](), Counter[str]()
    for row in rows:
        question = questions.get(row.edge)
        answered[row.edge] += row.ok
        late = row.failures.get(_LATE, 0) if question is None or question.allowed else 0
        refused[row.edge] += row.sent - row.ok - late
    return {name: _first(each.allowed, answered[name], refused[name]) for name, each in questions.items()}


def _first(allowed: bool, answered: int, refused: int) -> First:
    if not answered and not refused:
        return First.UNTOLD
    otherwise = refused if allowed else answered
    return First.OTHERWISE if otherwise else First.AS_DECIDED


class Counts:
    """All rows of a rehearsal.

    Args:
        rows: as the lab told them.
        questions: that were sent, by name.
        began: Unix time.
        expected: questions that the plan's states decide otherwise than today, by second of Unix time.
    """

    def __init__(
        self, rows: Iterable[Row], questions: Mapping[str, Question], began: float, expected: Expected = _NOTHING
    ) -> None:
        self._questions, self._began, self._expected = questions, began, expected
        self._by_second: dict[int, list[Row]] = {}
        self._begun_after: dict[int, int] = {}
        for row in rows:
            if row.edge in questions:
                self._by_second.setdefault(row.second, []).append(row)
            elif row.edge == LATENESS:
                self._begun_after[row.second] = row.latency.largest
        late = (second for second, after in self._begun_after.items() if after >= _TELLS)
        self._excused = frozenset(each for second in late for each in range(second - _REACH, second + _REACH + 1))

    def between(self, first: float, last: float) -> Counted:
        """What was due from the second in which one moment lies to before that of another.

        Args:
            first: seconds since it began.
            last: likewise; a time within one second is counted as the whole of it.
        """
        return self._counted(self._within(first, last))

    def wrong_between(self, first: float, last: float) -> tuple[Wrong, ...]:
        """What went wrong of that, as `wrong`."""
        return _joined(each for row in self._within(first, last) for each in self._wrong(row))

    def unforetold_between(self, first: float, last: float) -> tuple[Wrong, ...]:
        """The same without what the plan's states foretell, and without what was lost while the machine was late."""
        rows = (row for row in self._within(first, last) if not self._is_excused(row) and not self._is_foretold(row))
        return _joined(each for row in rows for each in self._wrong(row))

    def late_between(self, first: float, last: float) -> int:
        """What was lost of that while the machine was late."""
        return sum(row.sent - row.ok for row in self._within(first, last) if self._is_excused(row))

    def late(self) -> Late | None:
        """How late the machine was, since it began; None where it was not."""
        start = int(self._began)
        late = [after for second, after in self._begun_after.items() if second >= start and after >= _TELLS]
        if not late:
            return None
        rows = (row for rows in self._by_second.values() for row in rows)
        lost = sum(row.sent - row.ok for row in rows if self._is_excused(row))
        return Late(len(late), max(late) / _MICROSECONDS, lost)

    def _is_excused(self, row: Row) -> bool:
        return row.second in self._excused and self._questions[row.edge].allowed

    def _is_foretold(self, row: Row) -> bool:
        return row.edge in self._expected.get(row.second, ())

    def last_wrong(self, first: float, last: float) -> float:
        """Until the end of which second anything of that went wrong; the first moment where nothing did."""
        seconds = (row.second + 1 - self._began for row in self._within(first, last) if any(self._wrong(row)))
        return max(seconds, default=first)

    def _within(self, first: float, last: float) -> Iterator[Row]:
        start = int(self._began + first)
        end = max(int(self._began + last), start + 1)
        return (row for second in range(start, end) for row in self._by_second.get(second, ()))

    def total(self) -> Counted:
        """All of it."""
        return self._counted(row for rows in self._by_second.values() for row in rows)

    def timeline(self) -> tuple[Second, ...]:
        """Second by second."""
        start = int(self._began)
        return tuple(
            Second(second - start, self._counted(rows), self._begun_after.get(second, 0) / _MICROSECONDS)
            for second, rows in sorted(self._by_second.items())
            if second >= start
        )

    def wrong(self) -> tuple[Wrong, ...]:
        """What went wrong, each way of a request once, the first to happen first."""
        rows = (row for _, rows in sorted(self._by_second.items()) for row in rows)
        return _joined(each for row in rows for each in self._wrong(row))

    def _wrong(self, row: Row) -> Iterator[Wrong]:
        question, foretold = self._questions[row.edge], self._is_foretold(row)
        first = {each.outcome.kind: each for each in reversed(row.examples)}
        for kind, count in (row.failures if question.allowed else {_ANSWERED: row.ok}).items():
            if count:
                found = first.get(kind) if question.allowed else None
                yield Wrong(
                    row.edge,
                    "lost" if question.allowed else "admitted",
                    kind,
                    found.outcome.detail if found else "",
                    max((found.at if found else row.second) - self._began, 0.0),
                    count,
                    foretold=count if foretold else 0,
                    called=question.called,
                )

    def _counted(self, rows: Iterable[Row]) -> Counted:
        sent = lost = probed = admitted = 0
        latencies: list[Histogram] = []
        for row in rows:
            if self._questions[row.edge].allowed:
                sent, lost = sent + row.sent, lost + row.sent - row.ok
                latencies.append(row.latency)
            else:
                probed, admitted = probed + row.sent, admitted + row.ok
        latency = merged(latencies)
        return Counted(sent, lost, probed, admitted, latency.quantile(0.5), latency.quantile(0.99))


def _joined(found: Iterable[Wrong]) -> tuple[Wrong, ...]:
    by_way: dict[tuple[str, str], Wrong] = {}
    for each in found:
        key = (each.request, each.how)
        before = by_way.get(key)
        by_way[key] = each if before is None else _sum(before, each)
    return tuple(sorted(by_way.values(), key=lambda each: each.at))


def _sum(one: Wrong, more: Wrong) -> Wrong:
    return structs.replace(one, count=one.count + more.count, foretold=one.foretold + more.foretold)

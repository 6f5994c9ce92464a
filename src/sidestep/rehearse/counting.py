"""From what the lab counted by edge and second to what became of requests meanwhile. Pure."""

from collections.abc import Iterable, Mapping

from msgspec import structs

from sidestep.lab.agent.histogram import Histogram, merged
from sidestep.lab.agent.messages import Row
from sidestep.rehearse.result import Counted, Second, Wrong
from sidestep.rehearse.traffic import Question


class Counts:
    """All rows of a rehearsal.

    Args:
        rows: as the lab told them.
        questions: that were sent, by name.
        began: Unix time.
    """

    def __init__(self, rows: Iterable[Row], questions: Mapping[str, Question], began: float) -> None:
        self._questions, self._began = questions, began
        self._by_second: dict[int, list[Row]] = {}
        for row in rows:
            if row.edge in questions:
                self._by_second.setdefault(row.second, []).append(row)

    def between(self, first: float, last: float) -> Counted:
        """What was due from the second in which one moment lies to before that of another.

        Args:
            first: seconds since it began.
            last: likewise; a time within one second is counted as the whole of it.
        """
        start = int(self._began + first)
        end = max(int(self._began + last), start + 1)
        return self._counted(row for second in range(start, end) for row in self._by_second.get(second, ()))

    def total(self) -> Counted:
        """All of it."""
        return self._counted(row for rows in self._by_second.values() for row in rows)

    def timeline(self) -> tuple[Second, ...]:
        """Second by second."""
        start = int(self._began)
        return tuple(
            Second(second - start, self._counted(rows))
            for second, rows in sorted(self._by_second.items())
            if second >= start
        )

    def wrong(self) -> tuple[Wrong, ...]:
        """What went wrong, each way of a request once, the first to happen first."""
        found: dict[tuple[str, str], Wrong] = {}
        for _, rows in sorted(self._by_second.items()):
            for row in rows:
                for each in self._wrong(row):
                    key = (each.request, each.how)
                    before = found.get(key)
                    found[key] = each if before is None else structs.replace(before, count=before.count + each.count)
        return tuple(sorted(found.values(), key=lambda each: each.at))

    def _wrong(self, row: Row) -> list[Wrong]:
        if not self._questions[row.edge].allowed:
            at = max(row.second - self._began, 0.0)
            return [Wrong(row.edge, "admitted", "answered", "", at, row.ok)] if row.ok else []
        first = {each.outcome.kind: each for each in reversed(row.examples)}
        return [
            Wrong(
                row.edge,
                "lost",
                kind,
                first[kind].outcome.detail if kind in first else "",
                (first[kind].at if kind in first else row.second) - self._began,
                count,
            )
            for kind, count in row.failures.items()
        ]

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

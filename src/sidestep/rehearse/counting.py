"""From what the lab counted by edge and second to what became of requests meanwhile. Pure."""

from collections.abc import Iterable, Mapping

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

    def wrong(self, most: int) -> tuple[Wrong, ...]:
        """The first examples of what went wrong, of each request one before a second of any."""
        found: list[tuple[int, float, Wrong]] = []
        seen: dict[str, int] = {}
        for _, rows in sorted(self._by_second.items()):
            for row in rows:
                for each in self._examples(row):
                    seen[row.edge] = seen.get(row.edge, 0) + 1
                    found.append((seen[row.edge], each.at, each))
        return tuple(each for _, _, each in sorted(found, key=lambda row: row[:2])[:most])

    def _examples(self, row: Row) -> list[Wrong]:
        if not self._questions[row.edge].allowed:
            at = row.second - self._began
            return [Wrong(row.edge, "admitted", "answered", f"{row.ok} in that second", at)] if row.ok else []
        return [
            Wrong(row.edge, "lost", each.outcome.kind, each.outcome.detail, each.at - self._began)
            for each in row.examples
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

"""What gates of a plan see in a rehearsal: what was sent to the workloads of their wave.

The plan's queries are for a Prometheus of Istio's metrics; here the same quantities come of what was sent and counted.
"""

import time
from collections.abc import Callable, Mapping

from sidestep.lab.agent.histogram import merged
from sidestep.lab.agent.messages import Row
from sidestep.plan.document import Plan
from sidestep.plan.steps import Gate
from sidestep.rehearse.traffic import Question

Rows = Callable[[int], list[Row]]
_LATE = 2
"""Seconds until rows of a second have come."""


class Gates:
    """Answers gates.

    Args:
        rows: counted from a second on.
        plan: whose gates.
        questions: that are sent, by name.
    """

    def __init__(self, rows: Rows, plan: Plan, questions: Mapping[str, Question]) -> None:
        self._rows, self._questions = rows, questions
        self._gates = {step.effect.query: step.effect.name for step in plan.steps if isinstance(step.effect, Gate)}

    def measure(self, query: str, seconds: int) -> float | None:
        """What a gate sees over the last seconds; None for no data."""
        name = self._gates.get(query, "")
        now = int(time.time())
        sent = [
            row
            for row in self._rows(now - seconds - _LATE)
            if row.edge in self._questions and self._questions[row.edge].allowed
        ]
        asked = sum(row.sent for row in sent)
        if name == "restarts":
            return 0.0
        if not asked:
            return None
        if name == "latency-p99":
            return merged(row.latency for row in sent).quantile(0.99) / 1000
        failed = sum(row.sent - row.ok for row in sent)
        return failed / asked if name == "error-rate" else failed / max(seconds, 1)

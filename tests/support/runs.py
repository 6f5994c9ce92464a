"""Runs of plans: a clock that nobody waits for, journals that end their process at a chosen line."""

import time
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sidestep.actions.runs.events import Event
from sidestep.actions.runs.journal import Entry, MemoryJournal
from sidestep.actions.runs.performing import Clock, Patience
from sidestep.actions.runs.runner import Runner, Terms
from sidestep.actions.worlds.interface import World
from sidestep.plan.document import Plan
from sidestep.plan.measures import Count, Level, Quantity, Query, Shares, Slower
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Gate
from sidestep.sources.files import FilesSource
from sidestep.sources.prices import load_prices

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "shop.yaml"
PATIENCE = Patience(poll=1, transport=5, rollout=10, probe=5, look=1, window=8)


class Crash(BaseException):
    """The process ends here."""


class CrashingJournal:
    """Ends the process before or after a line is written: nobody of it writes anything any more."""

    def __init__(self, kept: MemoryJournal, line: int, *, after: bool) -> None:
        self._kept, self._line, self._after = kept, line, after
        self._over = False

    def entries(self) -> tuple[Entry, ...]:
        return self._kept.entries()

    def append(self, *events: Event) -> None:
        for event in events:
            self._append(event)

    def _append(self, event: Event) -> None:
        self._end(self._over or (len(self._kept.entries()) == self._line and not self._after))
        self._kept.append(event)
        self._end(len(self._kept.entries()) == self._line + 1 and self._after)

    def _end(self, now: bool) -> None:
        self._over = now
        if now:
            raise Crash


class Passing:
    """A clock that passes when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds


def manifests(path: Path = EXAMPLE) -> list[dict[str, Any]]:
    return [tree for tree in yaml.safe_load_all(path.read_text()) if tree]


@cache
def example_plan() -> Plan:
    return make_plan(PlanRequest(FilesSource([str(EXAMPLE)]).read(), load_prices(None)))


MANY = frozenset(
    {Quantity.REQUESTS, Quantity.REQUESTS_WITHIN, Quantity.CONNECTIONS, Quantity.TAKEN_CONNECTIONS, Quantity.LATENCY}
)


def healthy(plan: Plan) -> dict[str, float]:
    """Metrics by which every gate holds: there is a lot, and nothing of it is bad."""
    found = {}
    for step in plan.steps:
        for query in queries(step.effect) if isinstance(step.effect, Gate) else ():
            found[query.promql] = 10_000.0 if query.quantity in MANY else 0.0
    return found


def queries(gate: Gate) -> tuple[Query, ...]:
    """All that a gate asks for."""
    match gate.reading:
        case Shares(bad=bad, all=all_):
            return (bad, all_)
        case Slower(latency=latency, within=within, all=all_):
            return (latency, within, all_)
        case Level(value=value) | Count(value=value):
            return (value,)
        case None:
            return (Query(Quantity.OTHER, gate.query),)


def runner(plan: Plan, world: World, journal: Any = None, *, real: bool = False, **more: Any) -> Runner:
    """By a clock that nobody waits for, unless the world is a real one."""
    clock = Clock(time.monotonic, time.sleep) if real else Passing().clock()
    patience = more.pop("patience", Patience(poll=0.05, rollout=60) if real else PATIENCE)
    terms = Terms("r1", "digest", parallel=more.pop("parallel", 1), patience=patience, **more.pop("terms", {}))
    return Runner(plan, world, journal if journal is not None else MemoryJournal(), terms, clock, **more)


def events(journal: MemoryJournal, kind: type) -> list[Any]:
    return [each.event for each in journal.entries() if isinstance(each.event, kind)]

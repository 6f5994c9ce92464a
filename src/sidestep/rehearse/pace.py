"""How much of what is to be sent this machine carries, seen before anything happens: beyond that, a rehearsal tells of
the machine and not of the plan. Pure.
"""

from collections.abc import Callable, Iterable, Mapping

from msgspec import structs

from sidestep.lab.agent.histogram import merged
from sidestep.lab.agent.messages import Row
from sidestep.rehearse.question import Question

_PROMPT = 1_000_000
"""Microseconds from when a request is due, in which 99 of 100 are to be answered."""
_MOST = 0.9
"""Share of what was due that must have ended, beside one request of each kind that may be about to."""
_SELDOM = 0.5
"""Requests a second of a kind, below which it tells too little to be sent more seldom still."""
LEAST = 1 / 64
"""Share of what was asked for, below which nothing is tried."""
_UP = (2.0, 1.5)
"""Steps by which more is tried again."""


def carried(questions: Mapping[str, Question], rows: Iterable[Row], seconds: int) -> bool:
    """Whether what must be answered was answered in time.

    Args:
        questions: that are sent, by name.
        rows: of some seconds that are over.
        seconds: how many those are.
    """
    load = {name: each.rate for name, each in questions.items() if each.allowed}
    found = [row for row in rows if row.edge in load]
    enough = sum(row.sent for row in found) >= sum(load.values()) * seconds * _MOST - len(load)
    return enough and merged(row.latency for row in found).quantile(0.99) <= _PROMPT


def found_share(carries: Callable[[float], bool]) -> float | None:
    """The share of what was asked for that is carried; None where not even the least is.

    By halves from all of it; then more again, for what was too much in a bad moment may not be so any longer.

    Args:
        carries: sends a share, and sees whether it is carried.
    """
    share = 1.0
    while not carries(share):
        if share <= LEAST:
            return None
        share /= 2
    return raised(share, carries)


def raised(share: float, carries: Callable[[float], bool]) -> float:
    """A share that is carried, or a greater one that is, too; what was tried last may have been too much."""
    for step in _UP:
        while share < 1 and carries(min(share * step, 1.0)):
            share = min(share * step, 1.0)
    return share


def part_of(questions: Mapping[str, Question], share: float) -> dict[str, Question]:
    """The same, more seldom by a share; what is seldom sent stays as it is."""
    return {
        name: structs.replace(each, rate=max(each.rate * share, min(each.rate, _SELDOM)))
        for name, each in questions.items()
    }


def gently(questions: Mapping[str, Question]) -> dict[str, Question]:
    """The same, each once a second at most: any machine carries that."""
    return {name: structs.replace(each, rate=min(each.rate, 1.0)) for name, each in questions.items()}


def in_words(questions: Mapping[str, Question], share: float | None) -> tuple[str, ...]:
    """What is said of it; nothing where all is sent, and in time."""
    if share is None:
        return ("this machine answers late even before any step: what is lost to a timeout tells nothing of the plan",)
    if share >= 1:
        return ()
    asked, sent = _rate(questions), _rate(part_of(questions, share))
    return (f"this machine does not carry {asked:,.0f} requests a second: {sent:,.0f} are sent (see --rate)",)


def _rate(questions: Mapping[str, Question]) -> float:
    """Requests a second that must be answered."""
    return sum(each.rate for each in questions.values() if each.allowed)

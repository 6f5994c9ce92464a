"""What the first mesh does, as far as anybody asked: it is the same whatever mesh is held against it."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from msgspec import Struct

from sidestep.prove.outcome import Outcome
from sidestep.prove.programs import Program, Reading

AnswerT = TypeVar("AnswerT")
_MOST = 500_000
"""More than half of the largest mesh asks, so that it is not asked again in every wave of its plan."""


class Answers(Generic[AnswerT]):
    """Answers by what was asked, equal ones held once; so many that they would not fit are found again."""

    def __init__(self) -> None:
        self._known: dict[Hashable, AnswerT] = {}
        self._alike: dict[AnswerT, AnswerT] = {}

    def get(self, question: Hashable, find: Callable[[], AnswerT]) -> AnswerT:
        """What is known, or is found now."""
        known = self._known.get(question)
        if known is None:
            if len(self._known) >= _MOST:
                self._known.clear()
                self._alike.clear()
            found = find()
            known = self._known[question] = self._alike.setdefault(found, found)
        return known


class FirstMesh(Struct, frozen=True):
    """What is known of it.

    Attributes:
        programs: of requests on a way.
        beside: of the same on other ways to the same pods.
        streams: how bytes end.
    """

    programs: Answers[Reading]
    beside: Answers[frozenset[Program]]
    streams: Answers[Outcome]

    @classmethod
    def unknown(cls) -> "FirstMesh":
        """Of which nothing is known yet."""
        return cls(Answers(), Answers(), Answers())

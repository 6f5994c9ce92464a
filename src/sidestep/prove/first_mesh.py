"""What the first mesh does, as far as anybody asked: it is the same whatever mesh is held against it."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from msgspec import Struct

from sidestep.prove.outcome import Outcome
from sidestep.prove.programs import Program

AnswerT = TypeVar("AnswerT")
_MOST = 50_000


class Answers(Generic[AnswerT]):
    """Answers by what was asked; so many that they would not fit are forgotten, and found again."""

    def __init__(self) -> None:
        self._known: dict[Hashable, AnswerT] = {}

    def get(self, question: Hashable, find: Callable[[], AnswerT]) -> AnswerT:
        """What is known, or is found now."""
        known = self._known.get(question)
        if known is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[question] = find()
        return known


class FirstMesh(Struct, frozen=True):
    """What is known of it.

    Attributes:
        programs: of requests on a way.
        beside: of the same on other ways to the same pods.
        streams: how bytes end.
    """

    programs: Answers[Program]
    beside: Answers[frozenset[Program]]
    streams: Answers[Outcome]

    @classmethod
    def unknown(cls) -> "FirstMesh":
        """Of which nothing is known yet."""
        return cls(Answers(), Answers(), Answers())

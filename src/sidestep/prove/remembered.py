"""What was found for the destinations of one namespace, and who may remember it from one proof to the next."""

from typing import Protocol

from msgspec import Struct

from sidestep.prove.content import Content
from sidestep.prove.proof import Counterexample, Direction, Undecided

MOST_UNDECIDED = 1_000
"""So many ways that could not be decided are told; nobody reads more."""


class Remembered(Struct, frozen=True, array_like=True):
    """All that differs on the ways to one namespace.

    Attributes:
        ways: how many were compared.
        requests: how many requests stood for all.
        examples: what differs.
        undecided: what could not be told.
        hidden: how many differences of a direction are not among the examples, because so many others are shown.
    """

    ways: int
    requests: int
    examples: tuple[Counterexample, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    hidden: dict[Direction, int] = {}

    @property
    def tells_all(self) -> bool:
        """Whether nothing was left out that another proof would tell, unless it shows fewer others."""
        return len(self.undecided) < MOST_UNDECIDED


NOTHING = Remembered(0, 0)
"""Of ways that are none."""


class Memory(Protocol):
    """Keeps what was found by a digest of all that it rests on."""

    def recall(self, digest: str) -> Remembered | None:
        """What was found where all was the same; None where nobody knows."""

    def keep(self, digest: str, found: Remembered) -> None:
        """Remember it."""


class Recollection(Struct, frozen=True):
    """A memory, asked about namespaces.

    Attributes:
        content: of both meshes.
        memory: what is known.
    """

    content: Content
    memory: Memory

    def recall(self, namespace: str) -> Remembered | None:
        """What was found of a namespace when it rested on the same."""
        digest = self.content.digest(namespace)
        return self.memory.recall(digest) if digest else None

    def keep(self, namespace: str, found: Remembered) -> None:
        """Remember it, where it is known what it rests on."""
        digest = self.content.digest(namespace)
        if digest:
            self.memory.keep(digest, found)

"""What every door of a mesh has in common."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from sidestep.model.mesh import Mesh


class Progress(Struct, frozen=True):
    """How far a long reading has come.

    Attributes:
        what: the thing being read, e.g. `pods` or a file.
        done: units read so far.
        total: units expected; None when nobody knows.
        unit: `objects` or `bytes`.
    """

    what: str
    done: int
    total: int | None = None
    unit: str = "objects"


Report = Callable[[Progress], None]


def unheard(_: Progress) -> None:
    """The `Report` of somebody who does not listen."""


class Source(Protocol):
    """A door by which a mesh comes in: cluster, files or snapshot."""

    def read(self, report: Report = unheard) -> Mesh:
        """Everything that the door leads to.

        What cannot be read is a gap in the mesh.

        Raises:
            WorldError: nothing at all could be read because the input is wrong.
            TransportError: nothing at all could be read because nobody answered.
        """
        ...

"""What every world can do. What an effect means is said once, in `effects`; a world only reads, writes and looks.

A write names the version of the object that it was decided by, so that what somebody else changed meanwhile is never
overwritten.
"""

from typing import Any, NewType, Protocol

from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.measures import Query
from sidestep.plan.steps import Probe, Wait

Tree = dict[str, Any]
Version = NewType("Version", str)
"""Of an object, as the world counts; empty for an object that is not there."""


class ConflictError(WorldError):
    """Somebody else changed an object after it was read."""


class Found(Struct, frozen=True):
    """An object as it stands.

    Attributes:
        tree: the whole of it; None where there is none.
        version: of it.
    """

    tree: Tree | None = None
    version: Version = Version("")


class World(Protocol):
    """One world.

    Every method may raise `TransportError` when the world cannot be asked at this moment, which another try may mend,
    and `WorldError` when it refuses.
    """

    @property
    def name(self) -> str:
        """Which one it is: a journal that was begun in another one is not gone on with."""

    def moment(self) -> str:
        """Its time, RFC 3339, by which its controllers are told when something is to happen."""

    def read(self, named: ObjectId) -> Found:
        """An object as it stands now."""

    def patch(self, named: ObjectId, patch: Tree, version: Version) -> None:
        """Change an object by a JSON merge patch (RFC 7396).

        Raises:
            ConflictError: it is not of that version any more.
        """

    def apply(self, named: ObjectId, manifest: Tree, version: Version) -> None:
        """Put an object there as a whole; fields that others own stay theirs.

        Raises:
            ConflictError: it is not of that version any more, or somebody else owns a field that the manifest sets.
        """

    def delete(self, named: ObjectId, version: Version) -> None:
        """Take an object away.

        Raises:
            ConflictError: it is not of that version any more.
        """

    def rolled_out(self, workload: WorkloadRef) -> str:
        """What is missing until all pods of a workload are of its newest template and ready; empty for nothing."""

    def held_up_by(self, workload: WorkloadRef) -> str:
        """Why a pod of a workload does not come up, as is said of the pod itself; empty where nothing is."""

    def holds(self, wait: Wait) -> str:
        """What is missing until a condition holds; empty for nothing."""

    def measure(self, query: Query, seconds: float) -> float | None:
        """A value over the last seconds; None where there is no data."""

    def answer(self, probe: Probe) -> str:
        """What becomes of a request: `allow` or `deny`, or in words why it cannot be told."""

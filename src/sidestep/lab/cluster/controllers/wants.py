"""What a controller asks for."""

from msgspec import Struct

from sidestep.lab.cluster.objects import Ref, Tree


class Wants(Struct, frozen=True):
    """What should change.

    Attributes:
        create: objects to make.
        scale: ReplicaSets by name, with the number that each should have.
        end: pods to end, with their time of grace.
        remove: objects to take away.
        status: the controller's status as it should be.
    """

    create: tuple[Tree, ...] = ()
    scale: tuple[tuple[str, int], ...] = ()
    end: tuple[Ref, ...] = ()
    remove: tuple[Ref, ...] = ()
    status: Tree | None = None

"""Addresses whose pods, and all that stands before them, are as they were in the state before.

Who dials pods by their own address meets those pods alone: what is asked of a Service's name, of its labels and of the
waypoint that they name counts for nothing there.
"""

from msgspec import Struct
from msgspec.structs import replace

from sidestep.prove.affected import Named
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances


class Steady(Struct, frozen=True):
    """What is known of two states, one after the other.

    Attributes:
        last: the state before; None for nothing.
        now: the state that is asked.
        changed: whom what has changed is about; None where that is not known.
    """

    last: MeshIndex | None
    now: MeshIndex
    changed: Named | None

    def at(self, address: str) -> bool:
        """Whether who dials an address meets what he met in the state before."""
        last, changed = self.last, self.changed
        if last is None or changed is None or changed.accounts:
            return False
        then, pods = last.by_address.get(address), self.now.by_address.get(address)
        if pods is None or then is None or not _are_alike(then, pods):
            return False
        if last.workload_waypoint(then) is not None or self.now.workload_waypoint(pods) is not None:
            return False
        return not any(wanted.items() <= pods.labels.items() for wanted in changed.labels)


def _are_alike(one: Instances, other: Instances) -> bool:
    """Whether pods are the same for who dials them: how many of their workload come before them tells senders apart."""
    return one is other or one == (other if one.place == other.place else replace(other, place=one.place))

"""Connections of bytes that have lasted, found before the pods behind them are made anew."""

from msgspec import Struct

from sidestep.actions.gates.watching import Measure
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.gates import LONG_LIVED, bytes_moved, old_connections
from sidestep.plan.measures import Count


class Lasting(Struct, frozen=True):
    """What was found of a workload.

    Attributes:
        connections: that are open, and were opened more than ten minutes ago.
        bytes: that all connections to it moved in ten minutes, both ways; None where nobody counted.
    """

    connections: float
    bytes: float | None


def lasting(measure: Measure, workload: WorkloadRef) -> Lasting | None:
    """What would be cut; None where nothing would, or where nobody counted.

    Raises:
        As `measure`.
    """
    reading = old_connections(workload).reading
    connections = measure(reading.value, LONG_LIVED) if isinstance(reading, Count) else None
    if not connections:
        return None
    return Lasting(connections, measure(bytes_moved(workload), LONG_LIVED))

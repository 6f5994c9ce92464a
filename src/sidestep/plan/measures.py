"""What is measured of workloads: a query says it in PromQL, for a cluster, and as a quantity, for who counts alone."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct, structs

from sidestep.model.metadata import WorkloadRef

WINDOW, BOUND = "$window", "$le"
"""In PromQL: the time to look over, and milliseconds as buckets of histograms spell them."""


class Quantity(StrEnum):
    """What a query asks for, over a time and of some workloads."""

    OTHER = "other"
    """Only PromQL says it."""
    REQUESTS = "requests"
    FAILED_REQUESTS = "failed-requests"
    REQUESTS_WITHIN = "requests-within"
    """Answered within so many milliseconds."""
    LATENCY = "latency"
    """A quantile, in milliseconds."""
    CONNECTIONS = "connections"
    """Those that were tried."""
    FAILED_CONNECTIONS = "failed-connections"
    TAKEN_CONNECTIONS = "taken-connections"
    """Those that a proxy of the mesh took for a server."""
    PLAIN_CONNECTIONS = "plain-connections"
    """Those of them in which the peer showed no certificate."""
    OLD_CONNECTIONS = "old-connections"
    """Those of bytes that are open, and were opened before the time that is looked over."""
    RESTARTS = "restarts"
    SIDECAR_CPU = "sidecar-cpu"
    """Cores that all sidecars in the mesh use, per sidecar."""
    APPLICATION_CPU = "application-cpu"
    """The largest share of its CPU limit that the application in a pod uses."""
    WAYPOINT_CPU = "waypoint-cpu"
    """The largest share of its CPU limit that a waypoint uses."""


class Query(Struct, frozen=True, rename="camel"):
    """One number to ask for.

    Attributes:
        quantity: what.
        promql: the same for a Prometheus of Istio's metrics; `$window` stands for the time, `$le` for the bound.
        workloads: of whom; none where it does not matter.
        quantile: of a latency, 0 to 1.
        bound: milliseconds, of what is counted within them.
    """

    quantity: Quantity
    promql: str
    workloads: tuple[WorkloadRef, ...] = ()
    quantile: float = 0.0
    bound: float = 0.0

    def text(self, seconds: float, labels: Iterable[tuple[str, str]] = ()) -> str:
        """As a Prometheus is asked.

        Args:
            seconds: of the window, at least 1.
            labels: that all series must have, with their values.
        """
        spelled = f"{self.bound:g}" if self.bound < 1 else str(int(self.bound))
        window = f"{max(1, round(seconds))}s"
        more = "".join(f"{name}={_quoted(value)}," for name, value in labels)
        return self.promql.replace("{", f"{{{more}").replace(WINDOW, window).replace(BOUND, f"{spelled}([.]0)?")

    def average_of_looks(self, every: int) -> "Query":
        """The same on the average of looks that follow each other.

        A rate over a time for which a pod was not there throughout is too low; looks at which it was not there do not
        count.

        Args:
            every: seconds between two looks, over which each looks.
        """
        each = self.promql.replace(WINDOW, f"{every}s")
        return structs.replace(self, promql=f"avg_over_time(({each})[{WINDOW}:{every}s])")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Shares(Struct, frozen=True, tag="shares", rename="camel"):
    """How many of all are bad.

    Attributes:
        bad: how many are.
        all: how many there are.
        tolerance: a share that is added to the limit, so that where nothing was bad before one is not too much.
    """

    bad: Query
    all: Query
    tolerance: float = 0.0


class Slower(Struct, frozen=True, tag="slower", rename="camel"):
    """How many take longer than nearly all did before.

    Attributes:
        latency: the quantile before.
        within: how many are answered within a bound.
        all: how many there are.
        tolerance: a share that is added to what the quantile leaves.
    """

    latency: Query
    within: Query
    all: Query
    tolerance: float = 0.0


class Level(Struct, frozen=True, tag="level", rename="camel"):
    """How high something stands, on the average of many looks.

    Attributes:
        value: it.
        every: seconds between two looks, over which each looks.
        tolerance: added to the limit.
    """

    value: Query
    every: int = 60
    tolerance: float = 0.0


class Count(Struct, frozen=True, tag="count", rename="camel"):
    """A number without chance in it.

    Attributes:
        value: the number.
        over: seconds that it looks back; 0 for the time that the gate looks.
        patient: it is about this moment: what is too much is waited for, and what is little enough is so at once.
    """

    value: Query
    over: int = 0
    patient: bool = False


Reading = Shares | Slower | Level | Count

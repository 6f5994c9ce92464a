"""What was measured: use of resources and traffic per workload over a window."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from sidestep.model.gaps import Gap, Remark
from sidestep.model.metadata import WorkloadRef


class TelemetryKind(StrEnum):
    """Where measurements come from, strongest first."""

    PROMETHEUS = "prometheus"
    METRICS_SERVER = "metrics-server"
    NONE = "none"


class Spread(Struct, frozen=True):
    """A quantity over the window."""

    p50: float
    p95: float
    max: float

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(self.p50 + other.p50, self.p95 + other.p95, self.max + other.max)


class ProxyUse(Struct, frozen=True):
    """What the containers called `istio-proxy` of one workload used, all its pods together.

    The workload tells whether they are sidecars: ztunnel, waypoints and gateways name their container the same.

    Attributes:
        cpu_millis: thousandths of a core.
        memory_bytes: working set.
        per_proxy_memory_max: the largest working set of a single container, to hold against its limit.
        per_proxy_cpu_p95: 95th percentile of the busiest single container, thousandths of a core.
        samples: data points behind the figures; few points make weak percentiles.
    """

    cpu_millis: Spread
    memory_bytes: Spread
    per_proxy_memory_max: float | None = None
    per_proxy_cpu_p95: float | None = None
    samples: int = 0


class Telemetry(Struct, frozen=True):
    """Everything measured, and what could not be.

    Attributes:
        kind: the strongest source that answered.
        name: URL or context it was asked of.
        window_seconds: the window; 0 for a single sample.
        proxies: use by workload.
        bytes_per_second: traffic received by each workload, where Istio's TCP or HTTP metrics know it.
        requests_per_second: HTTP requests received by each workload.
        gaps: what was asked and not answered.
        remarks: what weakens the figures though nothing is missing, e.g. a past shorter than the window.
    """

    kind: TelemetryKind = TelemetryKind.NONE
    name: str = ""
    window_seconds: int = 0
    proxies: Mapping[WorkloadRef, ProxyUse] = {}
    bytes_per_second: Mapping[WorkloadRef, float] = {}
    requests_per_second: Mapping[WorkloadRef, float] = {}
    gaps: tuple[Gap, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def samples(self) -> int:
        """Data points behind the figures of the workload that has most."""
        return max((use.samples for use in self.proxies.values()), default=0)

    @property
    def strength(self) -> str:
        """How much the figures are worth, in a phrase."""
        if self.kind is TelemetryKind.PROMETHEUS and self.proxies:
            return f"{_span(self.window_seconds)} of Prometheus, percentiles over {self.samples} points"
        if self.kind is TelemetryKind.METRICS_SERVER and self.proxies:
            return "one sample: peaks are unseen, and percentiles are that sample"
        return "requests only: what sidecars really use cannot be told; give --prometheus URL"


def _span(seconds: int) -> str:
    """A duration in the largest unit of which it has two or more, rounded."""
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{round(seconds / unit)} {name}"
    return f"{seconds} seconds"

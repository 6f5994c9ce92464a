"""The questions we ask of Prometheus, as text; docs/telemetry.md shows them verbatim.

Series of cAdvisor are reduced to one per pod by `max`, because highly available pairs and restarted containers double
them. Pods are joined with their owner by kube-state-metrics, so that percentiles are those of a workload's sum over
time, pods that are gone included. Without kube-state-metrics the name that a controller gave its pods stands in.
"""

from msgspec import Struct

PROXY = 'container="istio-proxy"'
_RATE = "5m"
_POINTS = 300
_SHORTEST_STEP = 60

HAS_OWNERS = "count(kube_pod_owner)"

_OF_POD = (
    "max by (namespace, pod, owner_kind, owner_name) "
    '(kube_pod_owner{owner_is_controller="true", owner_kind!~"ReplicaSet|Job"})'
)
_OF_REPLICA_SET = (
    "max by (namespace, pod, replicaset) "
    '(label_replace(kube_pod_owner{owner_kind="ReplicaSet"}, "replicaset", "$1", "owner_name", "(.+)")) '
    "* on (namespace, replicaset) group_left (owner_kind, owner_name) "
    "max by (namespace, replicaset, owner_kind, owner_name) (kube_replicaset_owner)"
)
_OF_JOB = (
    "max by (namespace, pod, job_name) "
    '(label_replace(kube_pod_owner{owner_kind="Job"}, "job_name", "$1", "owner_name", "(.+)")) '
    "* on (namespace, job_name) group_left (owner_kind, owner_name) "
    "max by (namespace, job_name, owner_kind, owner_name) (kube_job_owner)"
)
OWNERS = " or ".join(
    f"max by (namespace, pod, owner_kind, owner_name) ({part})" for part in (_OF_POD, _OF_REPLICA_SET, _OF_JOB)
)
NAME_OF_CONTROLLER = "(.+?)(-[bcdfghjklmnpqrstvwxz2456789]{5}|-[0-9]+)"
"""A pod's name is its controller's with five letters of a small alphabet, or an ordinal, behind."""


class Window(Struct, frozen=True):
    """How far back, in seconds."""

    seconds: int

    @property
    def step(self) -> int:
        """Seconds between points: some hundred points, at least a minute apart."""
        return max(_SHORTEST_STEP, self.seconds // _POINTS)

    @property
    def points(self) -> int:
        """How many points a full window has."""
        return self.seconds // self.step

    @property
    def range(self) -> str:
        """As a subquery's range."""
        return f"[{self.seconds}s:{self.step}s]"


class Scope(Struct, frozen=True):
    """Which series: whose owners are known or not, and of which namespaces (a regular expression; empty for all)."""

    owned: bool
    namespaces: str = ""

    @property
    def labels(self) -> str:
        """What a workload's series are called by."""
        return "namespace, owner_kind, owner_name" if self.owned else "namespace, controller"


def cpu(scope: Scope, total: str = "sum") -> str:
    """Thousandths of a core by workload now; `total` is `sum` for all its proxies, `max` for the busiest."""
    return _by_workload(f"rate(container_cpu_usage_seconds_total{_selector(scope)}[{_RATE}]) * 1000", scope, total)


def memory(scope: Scope, total: str = "sum") -> str:
    """Bytes of the working set by workload now."""
    return _by_workload(f"container_memory_working_set_bytes{_selector(scope)}", scope, total)


def quantile(fraction: float, query: str, window: Window) -> str:
    """A percentile over the window."""
    return f"quantile_over_time({fraction}, ({query}){window.range})"


def highest(query: str, window: Window) -> str:
    """The maximum over the window."""
    return f"max_over_time(({query}){window.range})"


def samples(query: str, window: Window) -> str:
    """How many points stand behind a figure."""
    return f"count_over_time(({query}){window.range})"


def requests(window: Window) -> str:
    """HTTP requests per second received by each workload."""
    return _received((_rate("istio_requests_total", window),))


def traffic(window: Window) -> str:
    """Bytes per second received and answered by each workload, HTTP and TCP.

    `rate` takes the metric's name away, by which alone the four differ, so each is marked before they are added.
    """
    return _received(tuple(f'label_replace({_rate(name, window)}, "metric", "{name}", "", "")' for name in _BYTES))


_BYTES = (
    "istio_tcp_received_bytes_total",
    "istio_tcp_sent_bytes_total",
    "istio_request_bytes_sum",
    "istio_response_bytes_sum",
)


def _rate(metric: str, window: Window) -> str:
    return f'rate({metric}{{reporter=~"destination|waypoint"}}[{window.seconds}s])'


def _received(rates: tuple[str, ...]) -> str:
    return f"sum by (destination_workload_namespace, destination_workload) ({' or '.join(rates)})"


def _selector(scope: Scope) -> str:
    chosen = f', namespace=~"{scope.namespaces}"' if scope.namespaces else ""
    return f"{{{PROXY}{chosen}}}"


def _by_workload(series: str, scope: Scope, total: str) -> str:
    per_pod = f"max by (namespace, pod) ({series})"
    if scope.owned:
        joined = f"{per_pod} * on (namespace, pod) group_left (owner_kind, owner_name) ({OWNERS})"
        return f"{total} by ({scope.labels}) ({joined})"
    named = f'label_replace({per_pod}, "controller", "$1", "pod", "{NAME_OF_CONTROLLER}")'
    return f"{total} by ({scope.labels}) ({named})"

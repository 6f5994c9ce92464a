"""The questions we ask of Prometheus, as text; docs/telemetry.md shows them verbatim.

Series of cAdvisor are reduced to one per pod by `max`, because highly available pairs and restarted containers double
them. Pods are joined with their owner by kube-state-metrics, so that percentiles are those of a workload's sum over
time, pods that are gone included. Without kube-state-metrics the form of a pod's name stands in (`pod_names`).
`topk` takes one owner where several are told at once: a join with two would fail as a whole.
"""

import json
import re

from msgspec import Struct

from sidestep.sources.telemetry.pod_names import PATTERNS, Form

_PROXY = 'container="istio-proxy"'
_CPU = "container_cpu_usage_seconds_total"
_MEMORY = "container_memory_working_set_bytes"
_CONTROLLED = 'owner_is_controller="true"'
_UNCONTROLLED = 'owner_kind=~"|<none>"'
_RECEIVER = 'reporter=~"destination|waypoint"'
_BYTES = (
    "istio_tcp_received_bytes_total",
    "istio_tcp_sent_bytes_total",
    "istio_request_bytes_sum",
    "istio_response_bytes_sum",
)
_POINTS = 300
_SAMPLES = 10_000_000
_SHORTEST_STEP = 60


class Window(Struct, frozen=True):
    """How far back, in seconds, and how many points at most."""

    seconds: int
    most_points: int = _POINTS

    def affordable(self, proxies: int) -> "Window":
        """With fewer points where proxies are many: 300 for up to 33,000 proxies, 66 for 150,000."""
        return Window(self.seconds, min(self.most_points, max(1, _SAMPLES // max(1, proxies))))

    @property
    def step(self) -> int:
        """Seconds between points, at least a minute."""
        return max(_SHORTEST_STEP, self.seconds // self.most_points)

    @property
    def points(self) -> int:
        """How many points a full window has."""
        return self.seconds // self.step

    @property
    def range(self) -> str:
        """As a subquery's range."""
        return f"[{self.seconds}s:{self.step}s]"


class Scope(Struct, frozen=True):
    """Which series.

    Attributes:
        owned: their owners are known to kube-state-metrics.
        namespaces: only those in these; empty for all.
        excluded: all but those in `namespaces`.
        labels: label and value that all have, e.g. a cluster's.
    """

    owned: bool = True
    namespaces: tuple[str, ...] = ()
    excluded: bool = False
    labels: tuple[tuple[str, str], ...] = ()

    def select(self, metric: str, *matchers: str, namespace: str = "namespace") -> str:
        """The series of a metric; `namespace` is the label that names it."""
        chosen = [*matchers, *(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in self.labels)]
        if self.namespaces:
            pattern = "|".join(re.escape(name) for name in self.namespaces).replace("\\-", "-")
            operator = "!~" if self.excluded else "=~"
            chosen.append(f"{namespace}{operator}{json.dumps(pattern, ensure_ascii=False)}")
        return f"{metric}{{{', '.join(chosen)}}}" if chosen else metric


EVERYTHING = Scope()


def proxies(scope: Scope = EVERYTHING) -> str:
    """How many pods have a proxy now, by namespace (and by cluster, where a label tells)."""
    return f"count by (namespace, cluster) (max by (namespace, pod, cluster) ({scope.select(_MEMORY, _PROXY)}))"


def proxies_with_owner(scope: Scope = EVERYTHING) -> str:
    """How many of them have an owner, by namespace and the owner's kind."""
    return f"count by (namespace, owner_kind) ({_with_owner(scope.select(_MEMORY, _PROXY), scope)})"


def cpu(scope: Scope = EVERYTHING, total: str = "sum") -> str:
    """Thousandths of a core by workload now; `total` is `sum` for all its proxies, `max` for the busiest."""
    return _by_workload(f"1000 * rate({scope.select(_CPU, _PROXY)}[5m])", scope, total)


def memory(scope: Scope = EVERYTHING, total: str = "sum") -> str:
    """Bytes of the working set by workload now."""
    return _by_workload(scope.select(_MEMORY, _PROXY), scope, total)


def owners(scope: Scope = EVERYTHING) -> str:
    """The workload of each pod: above its ReplicaSet or Job, another controller, or the pod itself."""
    parts = (
        _above("ReplicaSet", "replicaset", "kube_replicaset_owner", scope),
        _above("Job", "job_name", "kube_job_owner", scope),
        scope.select("kube_pod_owner", 'owner_kind!~"ReplicaSet|Job"', _CONTROLLED),
        _itself(scope.select("kube_pod_owner", _UNCONTROLLED), "Pod", "pod"),
    )
    return f"topk by (namespace, pod) (1, {' or '.join(parts)})"


def quantile(fraction: float, query: str, window: Window) -> str:
    """A percentile over the window."""
    return f"quantile_over_time({fraction}, ({query}){window.range})"


def highest(query: str, window: Window) -> str:
    """The maximum over the window."""
    return f"max_over_time(({query}){window.range})"


def samples(query: str, window: Window) -> str:
    """How many points stand behind a figure."""
    return f"count_over_time(({query}){window.range})"


def requests(window: Window, scope: Scope = EVERYTHING) -> str:
    """HTTP requests per second received by each workload."""
    return _received((_rate("istio_requests_total", window, scope),))


def traffic(window: Window, scope: Scope = EVERYTHING) -> str:
    """Bytes per second received and answered by each workload, HTTP and TCP.

    `rate` takes the metric's name away, by which alone the four differ, so each is marked before they are added.
    """
    rates = ((name, _rate(name, window, scope)) for name in _BYTES)
    return _received(tuple(f'label_replace({rate}, "metric", "{name}", "", "")' for name, rate in rates))


def _rate(metric: str, window: Window, scope: Scope) -> str:
    return f"rate({scope.select(metric, _RECEIVER, namespace='destination_workload_namespace')}[{window.seconds}s])"


def _received(rates: tuple[str, ...]) -> str:
    """A request through a waypoint may be told by its destination, too: the larger of the two knows all."""
    by = "destination_workload_namespace, destination_workload"
    return f"max by ({by}) (sum by ({by}, reporter) ({' or '.join(rates)}))"


def _by_workload(series: str, scope: Scope, total: str) -> str:
    if scope.owned:
        return f"{total} by (namespace, owner_kind, owner_name) ({_with_owner(series, scope)})"
    return f"{total} by (namespace, stem, form) ({_with_stem(series)})"


def _with_owner(series: str, scope: Scope) -> str:
    join = "* on (namespace, pod) group_left (owner_kind, owner_name)"
    return f"{_per_pod(series)} {join} {owners(scope)}"


def _with_stem(series: str) -> str:
    named = _per_pod(series)
    for form, pattern in PATTERNS.items():
        named = f'label_replace({named}, "stem", "$1", "pod", "{pattern}")'
        if form is not Form.DIRECT:
            named = f'label_replace({named}, "form", "{form.value}", "pod", "{pattern}")'
    return named


def _per_pod(series: str) -> str:
    """What is no number would spoil every sum that it is part of."""
    return f"max by (namespace, pod) ({series} < +Inf)"


def _above(kind: str, label: str, metric: str, scope: Scope) -> str:
    """The owners of the pods' owners of one kind, which own themselves where nobody does."""
    pods = scope.select("kube_pod_owner", f'owner_kind="{kind}"', _CONTROLLED)
    upper = f"{scope.select(metric, _CONTROLLED)} or {_itself(scope.select(metric, _UNCONTROLLED), kind, label)}"
    join = f"* on (namespace, {label}) group_left (owner_kind, owner_name)"
    return (
        f'label_replace({pods}, "{label}", "$1", "owner_name", "(.+)") {join} topk by (namespace, {label}) (1, {upper})'
    )


def _itself(series: str, kind: str, label: str) -> str:
    """Objects without owner, as their own."""
    named = f'label_replace({series}, "owner_name", "$1", "{label}", "(.+)")'
    return f'label_replace({named}, "owner_kind", "{kind}", "", "")'

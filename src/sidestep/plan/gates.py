"""What must hold after a wave before the next begins, as queries that a Prometheus of Istio's metrics answers.

Source: peers.md §C and Istio's standard metrics; thresholds are ours. `$window` stands for the gate's window.
"""

from sidestep.model.metadata import WorkloadRef
from sidestep.plan.steps import Comparison, Gate

_LATENCY_FACTOR = 1.2
_ERROR_FACTOR = 1.1
_WINDOW = 300


def gates(workloads: tuple[WorkloadRef, ...]) -> tuple[Gate, ...]:
    """Error rate and latency against the baseline before the wave, connections that fail, and restarts."""
    names = "|".join(sorted({ref.name for ref in workloads}))
    spaces = "|".join(sorted({ref.namespace for ref in workloads}))
    chosen = f'destination_workload=~"{names}",destination_workload_namespace=~"{spaces}"'
    errors = (
        f'sum(rate(istio_requests_total{{{chosen},response_code=~"5.."}}[$window])) / '
        f"sum(rate(istio_requests_total{{{chosen}}}[$window]))"
    )
    latency = (
        f"histogram_quantile(0.99, sum by (le) (rate(istio_request_duration_milliseconds_bucket{{{chosen}}}[$window])))"
    )
    refused = f'sum(rate(istio_tcp_connections_opened_total{{{chosen},response_flags!="-"}}[$window]))'
    restarts = (
        f'sum(increase(kube_pod_container_status_restarts_total{{namespace=~"{spaces}",pod=~"({names})-.*"}}[$window]))'
    )
    return (
        Gate("error-rate", errors, Comparison.NO_WORSE_THAN_BASELINE, _ERROR_FACTOR, _WINDOW),
        Gate("latency-p99", latency, Comparison.NO_WORSE_THAN_BASELINE, _LATENCY_FACTOR, _WINDOW),
        Gate("failed-connections", refused, Comparison.NO_WORSE_THAN_BASELINE, _ERROR_FACTOR, _WINDOW),
        Gate("restarts", restarts, Comparison.AT_MOST, 0, _WINDOW),
    )

"""The questions about calls that we ask of Prometheus, as text.

Labels are Istio's standard ones (istio.io, Observability, Istio Standard Metrics); ztunnel has the same but for
`request_protocol`, which is always `tcp`.
"""

from sidestep.sources.calls.tally import Figure
from sidestep.sources.telemetry.promql import Scope, Window

LABELS = (
    "reporter",
    "source_workload",
    "source_workload_namespace",
    "source_principal",
    "destination_workload",
    "destination_workload_namespace",
    "destination_service",
    "destination_service_namespace",
    "request_protocol",
)
METRICS = {
    "istio_requests_total": Figure.REQUESTS,
    "istio_request_bytes_sum": Figure.BYTES,
    "istio_response_bytes_sum": Figure.BYTES,
    "istio_tcp_connections_opened_total": Figure.CONNECTIONS,
    "istio_tcp_sent_bytes_total": Figure.BYTES,
    "istio_tcp_received_bytes_total": Figure.BYTES,
}
"""What each metric counts."""
_ENDS = ("destination_workload_namespace", "source_workload_namespace")


def calls(metric: str, window: Window, scope: Scope) -> str:
    """What a metric counts per second by caller and callee, where either is in the scope's namespaces.

    `or` takes a series once though both of its ends are there.
    """
    ends = _ENDS if scope.namespaces else _ENDS[:1]
    series = " or ".join(f"rate({scope.select(metric, namespace=end)}[{window.seconds}s])" for end in ends)
    return f"sum by ({', '.join(LABELS)}) ({series}) > 0"

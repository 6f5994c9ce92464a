"""Who calls whom over a window, as Prometheus knows it from Istio's own metrics."""

import time
from collections.abc import Sequence

from msgspec.structs import replace

from sidestep.model.call_graph import CallGraph, Evidence, call_graph
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.mesh import Mesh
from sidestep.sources.calls.directory import NOBODY, Directory
from sidestep.sources.calls.promql import METRICS, calls
from sidestep.sources.calls.tally import Tally
from sidestep.sources.interface import Progress, Report, unheard
from sidestep.sources.telemetry.access import PrometheusAccess
from sidestep.sources.telemetry.doubts import Doubts, some
from sidestep.sources.telemetry.http_api import Prometheus
from sidestep.sources.telemetry.prometheus import seconds_of
from sidestep.sources.telemetry.promql import Scope, Window
from sidestep.sources.telemetry.series import Values
from sidestep.sources.telemetry.shards import Refused, in_parts

_WHAT = "calls"
_BLOCKED = "BlackHoleCluster"
_SCRAPE = "scrape the proxies of all namespaces, ztunnel and waypoints included"


class PrometheusCalls:
    """Calls from Prometheus.

    Args:
        access: where it is.
        window: how far back, as Prometheus spells durations: `7d`, `36h`, `1d12h`.
        at: evaluation time in Unix seconds; None for now.
    """

    def __init__(self, access: PrometheusAccess, window: str = "7d", at: float | None = None) -> None:
        self._access = access
        self._window = Window(seconds_of(window))
        self._at = at

    def read(self, mesh: Mesh, report: Report = unheard) -> CallGraph:
        """All calls into and out of the namespaces of a mesh; what was not answered is a gap.

        Raises:
            UsageError: nothing can be sent with these headers.
            WorldError: the token or the certificate authority cannot be read.
        """
        server = Prometheus(self._access)
        try:
            at = time.time() if self._at is None else self._at
            return _Asking(server, mesh, self._window, at).graph(report)
        finally:
            server.close()


class _Asking:
    """One conversation: a question for each metric, divided by namespaces where that is too heavy."""

    def __init__(self, server: Prometheus, mesh: Mesh, window: Window, at: float) -> None:
        self._server = server
        self._window = window
        self._at = at
        self._everything = Scope(namespaces=mesh.source.namespaces, labels=server.access.labels)
        self._names = sorted({pod.namespace for pod in mesh.pods} | set(mesh.source.namespaces))
        self._directory = Directory(mesh)
        self._doubts = Doubts(server.access.name)
        self._tally = Tally()

    def graph(self, report: Report) -> CallGraph:
        """Everything that was answered."""
        answered = False
        for done, metric in enumerate(METRICS, 1):
            for labels, value in self._values(metric).items():
                answered = True
                self._count(metric, dict(labels), value)
            report(Progress(_WHAT, done, len(METRICS), "answers"))
        self._doubts.warnings(self._server.warnings)
        edges = self._tally.edges(Evidence.METRICS, proof=f"Prometheus {self._server.access.name}")
        return call_graph(edges, (*self._doubts.gaps, *self._gaps(answered=answered)), self._doubts.remarks)

    def _values(self, metric: str) -> Values:
        """All series of a metric; those between two parts come twice and alike."""

        def ask(part: Sequence[str]) -> Values:
            scope = replace(self._everything, namespaces=tuple(part)) if part else self._everything
            return self._server.query(calls(metric, self._window, scope), self._at)

        found: dict[tuple[tuple[str, str], ...], float] = {}
        for answer in in_parts(self._names, ask):
            if isinstance(answer, Refused):
                where = f" in {some(answer.namespaces)}" if answer.namespaces else ""
                self._doubts.refused(f"{metric}{where}", answer.error)
            else:
                found.update(answer)
        return found

    def _count(self, metric: str, labels: dict[str, str], value: float) -> None:
        """Add one series; what was refused for want of a destination was no call."""
        host = labels.get("destination_service", "")
        if host == _BLOCKED:
            return
        namespace, name = labels.get("source_workload_namespace", ""), labels.get("source_workload", "")
        caller = self._directory.caller(namespace, name, labels.get("source_principal", ""))
        callee = self._directory.callee(
            labels.get("destination_workload_namespace", ""),
            labels.get("destination_workload", ""),
            host,
            labels.get("destination_service_namespace", ""),
        )
        protocol = labels.get("request_protocol", "")
        figures = {METRICS[metric]: value}
        self._tally.add(caller, callee, labels.get("reporter", ""), "" if protocol in NOBODY else protocol, figures)

    def _gaps(self, *, answered: bool) -> list[Gap]:
        name = f"{_WHAT} ({self._server.access.name})"
        gaps = []
        if not answered and not self._doubts.gaps:
            gaps.append(Gap(name, GapReason.ABSENT, "no series of istio_requests_total or istio_tcp_*", _SCRAPE))
        if self._tally.left_out:
            told = f"{self._tally.left_out} series of more callers and callees than can be kept"
            gaps.append(Gap(name, GapReason.TOO_LARGE, told, "read fewer namespaces with --namespace"))
        return gaps

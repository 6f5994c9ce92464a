"""What proxies used over a window, by workload, as Prometheus knows it."""

import re
import time
from collections.abc import Iterator, Mapping

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.model.gaps import Gap
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.telemetry import ProxyUse, Spread, Telemetry, TelemetryKind
from sidestep.sources.interface import Progress, Report, unheard
from sidestep.sources.telemetry import promql
from sidestep.sources.telemetry.http_api import Prometheus, PrometheusAccess, QueryError
from sidestep.sources.telemetry.promql import Scope, Window
from sidestep.sources.telemetry.series import Attribution, Values

_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS = (604_800, 86_400, 3_600, 60, 1)
_SHORTEST, _LONGEST = 300, 400 * 86_400
_NAMESPACES_AT_ONCE = 20
_REMEDY = "check --prometheus and its token, or shorten --window"


class PrometheusSource:
    """Measurements from Prometheus.

    Args:
        access: where it is.
        window: how far back, as Prometheus spells durations: `7d`, `36h`, `1d12h`.
        at: evaluation time in Unix seconds; None for now.
    """

    def __init__(self, access: PrometheusAccess, window: str = "7d", at: float | None = None) -> None:
        self._access = access
        self._window = Window(seconds_of(window))
        self._at = at

    @staticmethod
    def access(
        url: str, token_file: str | None, ca_file: str | None, headers: tuple[str, ...], timeout: float
    ) -> PrometheusAccess:
        """Check what the user gave.

        Raises:
            UsageError: the URL or a header cannot be one.
        """
        if not url.startswith(("http://", "https://")):
            raise UsageError("no URL", where="--prometheus", remedy="give it with http:// or https://")
        return PrometheusAccess(url, token_file, ca_file, tuple(_header(text) for text in headers), timeout)

    def read(self, mesh: Mesh, report: Report = unheard) -> Telemetry:
        """Everything measured; what was not answered is a gap, and a partial answer is kept."""
        server = Prometheus(self._access)
        try:
            return _Reading(server, mesh, self._window, self._at or time.time(), report).telemetry()
        finally:
            server.close()


def seconds_of(duration: str) -> int:
    """A duration as Prometheus spells it, in seconds.

    Raises:
        UsageError: it is none, or shorter than five minutes or longer than 400 days.
    """
    match = _DURATION.fullmatch(duration)
    seconds = sum(int(part or 0) * unit for part, unit in zip(match.groups(), _UNITS, strict=True)) if match else 0
    if not _SHORTEST <= seconds <= _LONGEST:
        raise UsageError(
            f"{duration!r} is no window", where="--window", remedy="give 5m to 400d, e.g. 7d, 36h or 1d12h"
        )
    return seconds


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or "\n" in text or "\r" in text:
        raise UsageError("no header", where="--prometheus-header", remedy="write 'NAME: VALUE'")
    return name.strip(), value.strip()


class _Figures(Struct, frozen=True):
    """The answers for one scope, each by series."""

    cpu: tuple[Values, Values, Values]
    memory: tuple[Values, Values, Values]
    busiest: Values
    largest: Values
    samples: Values


class _Reading:
    def __init__(self, server: Prometheus, mesh: Mesh, window: Window, at: float, report: Report) -> None:
        self._server = server
        self._mesh = mesh
        self._window = window
        self._at = at
        self._report = report
        self._gaps: list[Gap] = []

    def telemetry(self) -> Telemetry:
        """Ask for owners first: they decide how everything else is asked."""
        name = self._server.access.name
        try:
            owned = bool(self._server.query(promql.HAS_OWNERS, self._at))
        except QueryError as error:
            return Telemetry(TelemetryKind.NONE, name, 0, gaps=(self._gap("prometheus", error),))
        attribution = Attribution(self._mesh, owned=owned)
        proxies: dict[WorkloadRef, ProxyUse] = {}
        for figures in self._figures(owned=owned):
            proxies |= _uses(figures, attribution)
        traffic = self._ask("bytes", promql.traffic(self._window))
        requests = self._ask("requests", promql.requests(self._window))
        return Telemetry(
            TelemetryKind.PROMETHEUS,
            name,
            self._covered(proxies),
            proxies,
            attribution.receivers(traffic),
            attribution.receivers(requests),
            tuple(sorted(set(self._gaps))),
        )

    def _covered(self, proxies: Mapping[WorkloadRef, ProxyUse]) -> int:
        """The part of the window that there are samples for: Prometheus may remember less."""
        most = max((use.samples for use in proxies.values()), default=0)
        return min(self._window.seconds, most * self._window.step)

    def _figures(self, *, owned: bool) -> Iterator[_Figures]:
        """All at once; where that is too heavy, some namespaces at a time."""
        try:
            yield self._scope(Scope(owned))
        except QueryError as error:
            if not error.too_heavy:
                self._gaps.append(self._gap("use of proxies", error))
                return
            yield from self._sharded(owned=owned)

    def _sharded(self, *, owned: bool) -> Iterator[_Figures]:
        names = sorted({pod.namespace for pod in self._mesh.pods})
        for first in range(0, len(names), _NAMESPACES_AT_ONCE):
            shard = names[first : first + _NAMESPACES_AT_ONCE]
            self._report(Progress("namespaces measured", first, len(names)))
            try:
                yield self._scope(Scope(owned, "|".join(re.escape(name).replace("\\", "\\\\") for name in shard)))
            except QueryError as error:
                self._gaps.append(self._gap(f"use of proxies in {shard[0]} to {shard[-1]}", error))

    def _scope(self, scope: Scope) -> _Figures:
        cpu, memory, window = promql.cpu(scope), promql.memory(scope), self._window
        return _Figures(
            (
                self._query(promql.quantile(0.5, cpu, window)),
                self._query(promql.quantile(0.95, cpu, window)),
                self._query(promql.highest(cpu, window)),
            ),
            (
                self._query(promql.quantile(0.5, memory, window)),
                self._query(promql.quantile(0.95, memory, window)),
                self._query(promql.highest(memory, window)),
            ),
            self._query(promql.quantile(0.95, promql.cpu(scope, "max"), window)),
            self._query(promql.highest(promql.memory(scope, "max"), window)),
            self._query(promql.samples(memory, window)),
        )

    def _query(self, text: str) -> Values:
        return self._server.query(text, self._at)

    def _ask(self, what: str, text: str) -> Values:
        """An answer that may be missing."""
        try:
            return self._query(text)
        except QueryError as error:
            self._gaps.append(self._gap(what, error))
            return {}

    def _gap(self, what: str, error: QueryError) -> Gap:
        return Gap(f"{what} ({self._server.access.name})", error.reason, error.detail, _REMEDY)


def _uses(figures: _Figures, attribution: Attribution) -> dict[WorkloadRef, ProxyUse]:
    cpu = [attribution.workloads(values) for values in figures.cpu]
    memory = [attribution.workloads(values) for values in figures.memory]
    busiest, largest = attribution.highest(figures.busiest), attribution.highest(figures.largest)
    samples = attribution.highest(figures.samples)
    return {
        ref: ProxyUse(
            _spread(cpu, ref), _spread(memory, ref), largest.get(ref), busiest.get(ref), round(samples.get(ref, 0))
        )
        for ref in memory[0]
        if ref in cpu[0]
    }


def _spread(parts: list[dict[WorkloadRef, float]], ref: WorkloadRef) -> Spread:
    return Spread(*(part.get(ref, 0.0) for part in parts))

"""What proxies used over a window, by workload, as Prometheus knows it."""

import re
import time

from sidestep.errors import UsageError
from sidestep.model.mesh import Mesh
from sidestep.model.telemetry import Telemetry
from sidestep.sources.interface import Report, unheard
from sidestep.sources.telemetry.access import PrometheusAccess, checked_access
from sidestep.sources.telemetry.http_api import Prometheus
from sidestep.sources.telemetry.promql import Window
from sidestep.sources.telemetry.reading import Reading

_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_UNITS = (604_800, 86_400, 3_600, 60, 1)
_SHORTEST, _LONGEST = 300, 400 * 86_400
_DIGITS = 20


class PrometheusSource:
    """Measurements from Prometheus.

    Args:
        access: where it is.
        window: how far back, as Prometheus spells durations: `7d`, `36h`, `1d12h`.
        at: evaluation time in Unix seconds; None for now.
    """

    access = staticmethod(checked_access)

    def __init__(self, access: PrometheusAccess, window: str = "7d", at: float | None = None) -> None:
        self._access = access
        self._window = Window(seconds_of(window))
        self._at = at

    def read(self, mesh: Mesh, report: Report = unheard) -> Telemetry:
        """Everything measured; what was not answered is a gap, and a partial answer is kept.

        Raises:
            UsageError: nothing can be sent with these headers.
            WorldError: the token or the certificate authority cannot be read.
        """
        server = Prometheus(self._access)
        try:
            at = time.time() if self._at is None else self._at
            return Reading(server, mesh, self._window, at, report).telemetry()
        finally:
            server.close()


def seconds_of(duration: str) -> int:
    """A duration as Prometheus spells it, in seconds.

    Raises:
        UsageError: it is none, or shorter than five minutes or longer than 400 days.
    """
    match = _DURATION.fullmatch(duration) if len(duration) <= _DIGITS else None
    seconds = sum(int(part or 0) * unit for part, unit in zip(match.groups(), _UNITS, strict=True)) if match else 0
    if not _SHORTEST <= seconds <= _LONGEST:
        raise UsageError(
            f"{duration!r} is no window", where="--window", remedy="give 5m to 400d, e.g. 7d, 36h or 1d12h"
        )
    return seconds

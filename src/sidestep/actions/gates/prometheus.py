"""Gates of a cluster are answered by its Prometheus."""

import math
import time
from collections.abc import Callable

from sidestep.errors import TransportError, WorldError
from sidestep.model.gaps import GapReason
from sidestep.plan.measures import Query
from sidestep.sources.telemetry.access import PrometheusAccess
from sidestep.sources.telemetry.http_api import Prometheus, QueryError

_PASSING = frozenset({GapReason.UNREACHABLE, GapReason.TIMEOUT})


class Measured:
    """Answers queries of gates.

    Args:
        access: to the Prometheus.
        now: Unix time.
    """

    def __init__(self, access: PrometheusAccess, now: Callable[[], float] = time.time) -> None:
        self._prometheus, self._now = Prometheus(access), now

    def __call__(self, query: Query, seconds: float) -> float | None:
        """A value over the last seconds; None where there is no data, or not exactly one number.

        Raises:
            TransportError: nobody answers, which may pass.
            WorldError: it refuses.
        """
        access = self._prometheus.access
        try:
            found = list(self._prometheus.query(query.text(seconds, access.labels), self._now()).values())
        except QueryError as error:
            kind = TransportError if error.reason in _PASSING else WorldError
            raise kind(f"{query.quantity.value} cannot be measured: {error.detail}", where=access.name) from error
        return found[0] if len(found) == 1 and math.isfinite(found[0]) else None

    def close(self) -> None:
        """Close all connections."""
        self._prometheus.close()

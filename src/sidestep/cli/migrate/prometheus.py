"""Who measures what gates ask for."""

from contextlib import ExitStack, closing
from typing import Any

from sidestep.actions.gates.watching import Measure
from sidestep.cli.telemetry import prometheus_options

_PATIENCE = 30.0


gate_options = prometheus_options("Who measures what gates ask for.")
"""Of verbs that ask gates."""


def gates_measured(values: dict[str, Any], stack: ExitStack) -> Measure | None:
    """Who answers gates, until the stack ends; None where nobody is named.

    Raises:
        UsageError: an option of Prometheus is wrong.
    """
    url, token, authority, headers = (
        values.pop(name) for name in ("prometheus", "prometheus_token_file", "prometheus_ca", "prometheus_header")
    )
    if not url:
        return None
    from sidestep.actions.gates.prometheus import Measured  # noqa: PLC0415 - only for who asks
    from sidestep.sources.telemetry.prometheus import PrometheusSource  # noqa: PLC0415

    return stack.enter_context(closing(Measured(PrometheusSource.access(url, token, authority, headers, _PATIENCE))))

"""How much measurements are worth, in a phrase."""

import pytest

from sidestep.model.metadata import WorkloadRef
from sidestep.model.telemetry import ProxyUse, Spread, Telemetry, TelemetryKind

ONE = Spread(1, 1, 1)
USE = {WorkloadRef("shop", "Deployment", name): ProxyUse(ONE, ONE, samples=n) for name, n in (("a", 12), ("b", 300))}


@pytest.mark.parametrize(
    ("seconds", "span"),
    [(604_800, "7 days"), (129_600, "36 hours"), (172_800, "2 days"), (3_600, "60 minutes"), (7_200, "2 hours"), (119, "119 seconds")],
)  # fmt: skip
def test_prometheus_is_worth_its_window_and_points(seconds, span):
    telemetry = Telemetry(TelemetryKind.PROMETHEUS, "x", seconds, USE)
    assert telemetry.strength == f"{span} of Prometheus, percentiles over 300 points"


def test_one_sample_knows_no_peaks():
    assert "peaks are unseen" in Telemetry(TelemetryKind.METRICS_SERVER, proxies=USE).strength


@pytest.mark.parametrize("kind", list(TelemetryKind))
def test_a_source_that_knows_no_proxy_is_worth_no_more_than_none(kind):
    assert Telemetry(kind).strength.startswith("requests only")

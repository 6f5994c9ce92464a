"""What sidecars would need: by what was measured, never below what runs, and honest where nothing was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.mesh import Sidecar, app, facts, inject, o, waypoint, workload

from sidestep.audit.cost.rates import rates
from sidestep.model.metadata import WorkloadRef
from sidestep.model.prices import PriceBook, Rate
from sidestep.model.quantity import Resources
from sidestep.model.telemetry import ProxyUse, Spread, Telemetry, TelemetryKind
from sidestep.plan.waypoints.rightsizing import (
    RightSizingPolicy,
    SidecarUse,
    annotations,
    right_size,
    sidecar_uses,
    verdict,
)

MIB = 2**20
CART = WorkloadRef("shop", "Deployment", "cart")
RATE = Rate(0.03125, 0.004188)


def use(cpu=20.0, memory=100.0 * MIB, busiest=None, largest=None):
    return ProxyUse(Spread(1, cpu, cpu * 2), Spread(1, memory / 2, memory), largest, busiest, 100)


def sidecars(measured=None, count=2, cpu=200, memory=256 * MIB, ref=CART):
    return SidecarUse(ref, count, Resources(cpu, memory), measured, RATE)


def sized(*uses, **policy):
    return right_size(uses, "a week of Prometheus", RightSizingPolicy(**policy))


def test_the_charts_request_against_little_use():
    """Two of 100m/128Mi, used 10m and 50 MiB each: 10m, and 64 MiB, the floor."""
    found = sized(sidecars(use()))
    (only,) = found.workloads
    assert (only.requests, only.needed) == (Resources(100, 128 * MIB), Resources(10, 64 * MIB))
    assert found.monthly == pytest.approx(2 * 2.6634, abs=0.001)
    assert found.monthly_needed == pytest.approx(2 * 0.4192, abs=0.001)
    assert found.saved == pytest.approx(found.monthly - found.monthly_needed)


def test_the_busiest_sidecar_counts_where_it_is_known():
    (only,) = sized(sidecars(use(busiest=33.0, largest=200.0 * MIB))).workloads
    assert only.needed == Resources(40, 232 * MIB)


def test_sidecars_that_ask_for_too_little_cost_more_and_it_shows():
    found = sized(sidecars(use(cpu=2_000.0)))
    assert found.saved < 0
    assert found.workloads[0].saved < 0


@pytest.mark.parametrize("measured", [None, use(cpu=float("nan")), use(memory=float("inf")), use(busiest=-1.0)])
def test_what_was_not_measured_counts_as_it_stands(measured):
    found = sized(sidecars(measured))
    assert found.unmeasured == (CART,)
    assert found.workloads == ()
    assert found.saved == 0
    assert "cannot be told" in verdict(found, 1.0)


def test_workloads_without_sidecars_are_none():
    assert sized(sidecars(use(), count=0)).workloads == ()


def test_the_verdict_names_the_cheaper():
    found = sized(sidecars(use()), sidecars(None, ref=WorkloadRef("shop", "Deployment", "other")))
    assert verdict(found, found.monthly_needed).startswith("right-sizing the sidecars is cheaper than moving")
    assert verdict(found, found.monthly_needed - 0.01).startswith("moving is cheaper")
    assert "counted as they stand: 1 workload)" in verdict(found, 0.0)


def test_all_four_annotations_are_set_since_one_drops_every_default():
    (only,) = sized(sidecars(use(busiest=1_500.0))).workloads
    assert annotations(only) == {
        "sidecar.istio.io/proxyCPU": "1500m",
        "sidecar.istio.io/proxyCPULimit": "3000m",
        "sidecar.istio.io/proxyMemory": "64Mi",
        "sidecar.istio.io/proxyMemoryLimit": "1024Mi",
    }


def test_every_figure_has_its_formula():
    found = sized(sidecars(use()))
    assert {f.figure: f.value for f in found.formulas} == {
        "rightSizing.monthly": found.monthly,
        "rightSizing.monthlyNeeded": found.monthly_needed,
        "rightSizing.saved": found.saved,
    }


def test_only_sidecars_of_applications_are_looked_at():
    telemetry = Telemetry(TelemetryKind.PROMETHEUS, proxies={CART: use()})
    mesh = facts(
        o.node("n1", "m6i.xlarge", (4, 16), "a", "g"),
        *workload(inject(app("cart"), Sidecar())),
        *workload(waypoint("wp"), "wp"),
        *workload(app("bare"), "bare"),
        telemetry=telemetry,
    )
    found = sidecar_uses(mesh, rates(mesh.mesh, PriceBook()))
    assert [(each.workload, each.sidecars, each.requests, each.use) for each in found] == [
        (CART, 2, Resources(200, 256 * MIB), use())
    ]


figures = st.floats(0, 1e6)


@given(figures, figures, figures, figures, st.integers(1, 50))
def test_more_use_never_needs_less(cpu, more_cpu, memory, more_memory, count):
    before = sized(sidecars(use(cpu, memory * 1000), count)).workloads[0].needed
    after = sized(sidecars(use(cpu + more_cpu, (memory + more_memory) * 1000), count)).workloads[0].needed
    assert after.cpu_millis >= before.cpu_millis >= 10
    assert after.memory_bytes >= before.memory_bytes >= 64 * MIB

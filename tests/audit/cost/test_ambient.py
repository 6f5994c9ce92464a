"""What ambient costs, and from where it pays: the cases worked out by hand in the cost method."""

import pytest
from tests.support.mesh import Sidecar, app, facts, gateway, inject, namespace, o, waypoint, workload, ztunnel

from sidestep.audit.cost.ambient import Ambient, break_even, report
from sidestep.audit.cost.cost import cost
from sidestep.model.prices import Rate
from sidestep.model.quantity import Resources
from sidestep.sources.prices import load_prices

M6I = Rate(0.03125, 0.004188)
MIB = 2**20
SIDECAR, ZTUNNEL, CNI = Resources(100, 128 * MIB), Resources(200, 512 * MIB), Resources(100, 100 * MIB)


def needs(nodes=50, sidecars=1_000, added=ZTUNNEL + CNI, replicas=0) -> Ambient:
    return Ambient(ZTUNNEL, CNI, added, nodes, SIDECAR, (), replicas, 0.0, SIDECAR, sidecars)


def test_break_even_with_the_charts_requests():
    assert break_even(needs(), M6I) == pytest.approx(3.26, abs=0.01)
    assert break_even(needs(added=ZTUNNEL), M6I) == pytest.approx(2.29, abs=0.01)
    assert break_even(needs(added=Resources()), M6I) == 0


@pytest.mark.parametrize(
    ("nodes", "replicas", "monthly"), [(50, 0, 434), (50, 40, 540), (100, 100, 1_133), (20, 40, 280)]
)
def test_monthly(nodes, replicas, monthly):
    assert report(needs(nodes, replicas=replicas), M6I, None).monthly.highly_available == pytest.approx(monthly, abs=2)


def test_without_nodes_nothing_is_claimed():
    found = report(needs(nodes=0), M6I, None)
    assert found.monthly.floor is None
    assert found.sidecars_per_node is None
    assert found.break_even_sidecars_per_node


def priced(*objects):
    return cost(facts(*objects), load_prices(), {})


NODE = o.node("n1", "m6i.xlarge", (4, 16), "a", "g")


def test_requested_counts_sidecars_of_both_kinds_and_nothing_else():
    native = workload(inject(app("a"), Sidecar(native=True)), "a")
    classic = workload(inject(app("b"), Sidecar(native=False)), "b")
    others = (*workload(gateway("gw"), "gw"), *workload(waypoint("wp"), "wp"), *workload(ztunnel(), "zt"))
    found = priced(NODE, *native, *classic, *others, *workload(app("c"), "c"))
    assert found.totals.requested == pytest.approx(4 * 2.66, abs=0.05)
    per_name = {ref.name: round(price.requested, 2) for ref, price in found.workloads.items()}
    assert {name for name, price in per_name.items() if price} == {"a", "b"}


def test_sidecar_costs_of_the_corrected_articles():
    """2,000 sidecars of 150m and 100 MiB on m6i: 7,440 a month, not 1,036."""
    resources = {"requests": {"cpu": "150m", "memory": "100Mi"}}
    found = priced(NODE, *workload(inject(app("a"), Sidecar(resources=resources)), "a", pods=20))
    assert found.totals.requested * 100 == pytest.approx(7_440, rel=0.01)


def test_what_is_installed_is_not_added_again():
    found = priced(NODE, *workload(ztunnel(), "ztunnel", "istio-system", "DaemonSet"))
    assert found.ambient.transition.floor == pytest.approx(2.58, abs=0.05)


def test_waypoints_are_due_where_layer_7_is_used():
    l7 = o.istio("VirtualService", "v", "shop", {"hosts": ["a"], "http": [{}]})
    found = priced(NODE, namespace("shop"), l7, *workload(inject(app("a"), Sidecar()), "a"))
    assert found.ambient.layer7_namespaces == 1
    monthly = found.ambient.monthly
    assert monthly.highly_available - monthly.floor == pytest.approx(2 * 2.66, abs=0.05)


def test_used_is_unknown_without_measurements_and_realisable_without_nodes():
    found = priced(*workload(inject(app("a"), Sidecar()), "a"))
    assert found.totals.used is None
    assert found.totals.realisable is None


def test_every_figure_has_a_formula():
    figures = {formula.figure for formula in priced(NODE).formulas}
    assert {
        "totals.monthly.requested", "totals.monthly.used", "totals.monthly.realisable", "ambient.monthly.floor",
        "ambient.monthly.highlyAvailable", "ambient.breakEvenSidecarsPerNode", "workloads[].monthly.requested",
    } <= figures  # fmt: skip

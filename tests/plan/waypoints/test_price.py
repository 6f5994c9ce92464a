"""The price of a waypoint and of the traffic that it sends across zones."""

import pytest

from sidestep.audit.cost.rates import NodeRate, Rates
from sidestep.model.prices import PriceBook, Rate
from sidestep.plan.waypoints.coefficients import Coefficients
from sidestep.plan.waypoints.policy import SizingPolicy
from sidestep.plan.waypoints.price import (
    ASSUMED_CROSS_ZONE_GIB,
    CrossZonePrice,
    Hop,
    cross_zone,
    cross_zone_price,
    price,
)
from sidestep.plan.waypoints.sizing import size

RATE = Rate(0.03125, 0.004188)
GIB_PER_MONTH = 2**30 / (730 * 3600)


def test_two_replicas_of_the_charts_size():
    """(0.1 * 0.03125 + 0.125 * 0.004188) * 730 = 2.663 each."""
    found = price(size((), Coefficients(), SizingPolicy()), RATE)
    assert found.monthly == pytest.approx(2 * 2.6634, abs=0.001)
    assert found.at_most == pytest.approx(4 * 2.6634, abs=0.001)
    assert [formula.value for formula in found.formulas] == [found.monthly, found.at_most]


def crossing(zones, replicas, **how):
    return cross_zone(GIB_PER_MONTH, Hop(zones, replicas, **how), CrossZonePrice(0.02))


@pytest.mark.parametrize(
    ("zones", "replicas", "how", "added"),
    [
        (3, 3, {}, 0.0),
        (3, 2, {}, 1 / 3),
        (3, 9, {}, 0.0),
        (3, 3, {"near": False}, 2 / 3),
        (1, 2, {"near": False}, 0.0),
        (0, 2, {}, 0.0),
        (3, 2, {"services_near": True}, 1 / 3),
    ],
)
def test_one_gib_a_month(zones, replicas, how, added):
    found = crossing(zones, replicas, **how)
    assert found.gib_per_month == pytest.approx(added)
    assert found.monthly == pytest.approx(added * 0.02)
    assert found.formulas[-1].value == found.monthly


def test_the_direct_share_is_shown_beside_it():
    found = crossing(3, 2)
    assert (found.direct_share, found.waypoint_share) == (pytest.approx(2 / 3), pytest.approx(1.0))
    assert crossing(3, 2, services_near=True).direct_share == 0
    assert found.assumptions


def test_unknown_zones_are_an_assumption():
    assert any("not known" in words for words in crossing(0, 2).assumptions)
    assert not any("not known" in words for words in crossing(1, 2).assumptions)


def rates(*clouds):
    return Rates({f"n{i}": NodeRate(1.0, RATE, cloud) for i, cloud in enumerate(clouds)}, RATE)


def test_the_dearest_cloud_of_the_nodes_counts():
    assert cross_zone_price(PriceBook(), rates("gcp", "aws", "")).per_gib == 0.02
    assert not cross_zone_price(PriceBook(), rates("azure")).assumed


def test_an_unknown_cloud_has_an_assumed_price_that_is_named():
    found = cross_zone_price(PriceBook(), rates(""))
    assert found.per_gib == ASSUMED_CROSS_ZONE_GIB
    assert "OpenCost" in found.assumed
    assert found.assumed in cross_zone(1.0, Hop(3, 2), found).assumptions


def test_one_price_for_all_clouds_holds_for_an_unknown_one():
    assert cross_zone_price(PriceBook(cross_zone_gib={"aws": 0.5, "gcp": 0.5}), rates("")) == CrossZonePrice(0.5)

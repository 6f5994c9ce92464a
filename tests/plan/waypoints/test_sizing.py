"""The size of a waypoint: worked by hand, and more load never gives less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sidestep.errors import UsageError
from sidestep.model.quantity import Resources
from sidestep.plan.waypoints.coefficients import DEFAULT_SOURCES, Coefficients, measured
from sidestep.plan.waypoints.demand import Assumption, ServiceLoad
from sidestep.plan.waypoints.policy import SizingPolicy
from sidestep.plan.waypoints.sizing import size

MIB = 2**20
DEFAULT, POLICY = Coefficients(), SizingPolicy()


def load(rps=0.0, *, name="cart", peak=0.0, traffic=0.0, connections=0, endpoints=0, known=True):
    return ServiceLoad("shop", name, rps, peak, traffic, connections, endpoints, known)


def sized(*loads, coefficients=DEFAULT, **policy):
    return size(loads, coefficients, SizingPolicy(**policy))


def test_nothing_to_serve_still_takes_two_replicas_of_the_charts_size():
    found = sized()
    assert found.replicas == 2
    assert found.requests == Resources(100, 128 * MIB)
    assert found.limits == Resources(2000, 2**30)
    assert not found.assumed


def test_2000_requests_a_second_worked_by_hand():
    """500 millicores at the peak, over 0.7 and two replicas: 357, in steps of ten."""
    found = sized(load(1_000, peak=2_000))
    assert found.requests.cpu_millis == 360
    assert found.replicas == 2
    assert found.autoscaling.cpu_millis == 252
    assert found.autoscaling.cpu_percent == 70


def test_the_mean_counts_where_the_peak_is_lower():
    assert sized(load(2_000, peak=3)).requests == sized(load(0, peak=2_000)).requests


def test_replicas_grow_first_and_then_their_number():
    assert sized(load(5_600)).requests.cpu_millis == 1_000
    assert sized(load(5_600)).replicas == 2
    beyond = sized(load(5_601))
    assert (beyond.replicas, beyond.requests.cpu_millis) == (3, 1_000)


def test_bytes_count_without_requests():
    """1 GB/s, twice that at the peak: 4.6 cores, over 0.7: 6.6."""
    assert sized(load(traffic=1e9)).replicas == 7


@pytest.mark.parametrize(("connections", "replicas"), [(0, 2), (2_000, 2), (2_001, 3), (10_000, 10)])
def test_connections_ask_for_replicas_at_half_of_the_ceiling(connections, replicas):
    found = sized(load(10, connections=connections))
    assert found.replicas == replicas
    assert found.connection_ceiling == replicas * 2_000


def test_memory_holds_configuration_whole_in_each_replica():
    """60 MiB, 100 services of 100 KiB, 10,000 endpoints of 3.5 KiB, 1,000 connections of 128 KiB: 229 MiB."""
    loads = [load(name=f"s{i}", connections=20, endpoints=100) for i in range(100)]
    found = sized(*loads)
    assert found.requests.memory_bytes == 240 * MIB
    assert found.limits.memory_bytes == 2**30


@pytest.mark.parametrize(
    ("zones", "affordable", "replicas"), [(1, 3, 2), (2, 3, 2), (3, 3, 3), (6, 3, 3), (6, 6, 6), (3, 1, 2)]
)
def test_one_replica_in_each_zone_where_affordable(zones, affordable, replicas):
    found = sized(load(1), zones=zones, affordable_replicas=affordable)
    assert found.replicas == replicas
    assert any("no replica" in remark for remark in found.remarks) == (zones > replicas)


def test_what_was_not_measured_is_assumed_and_said():
    found = sized(load(known=False), load(100, name="b", connections=1))
    assert found.assumed
    assert found.demand.requests_per_second == 150
    assert "1 of 2 services were not measured" in found.remarks[0]
    inputs = next(f.inputs for f in found.formulas if f.figure == "waypoint.requests.cpuMillis")
    assert inputs["services not measured"] == 1
    assert inputs["assumed requests/s of such a service"] == 50


def test_what_is_known_of_an_unmeasured_service_still_counts():
    assert sized(load(900, known=False)).demand.requests_per_second == 900


def test_unknown_zones_are_said():
    assert any("zones are not known" in remark for remark in sized().remarks)
    assert not any("zones" in remark for remark in sized(zones=1).remarks)


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), -1.0, 10**400])
def test_figures_that_cannot_be_count_as_not_measured(figure):
    found = sized(load(figure, connections=5))
    assert found.assumed
    assert found.demand.requests_per_second == 50


def test_the_largest_number_holds_and_is_said():
    found = sized(load(1e9))
    assert found.replicas == POLICY.max_replicas == found.autoscaling.max_replicas
    assert any("are the most" in remark for remark in found.remarks)


def test_every_figure_has_its_formula():
    found = sized(load(10))
    values = {formula.figure: formula.value for formula in found.formulas}
    assert values == {
        "waypoint.replicas": found.replicas,
        "waypoint.requests.cpuMillis": found.requests.cpu_millis,
        "waypoint.requests.memoryBytes": found.requests.memory_bytes,
        "waypoint.limits.cpuMillis": found.limits.cpu_millis,
        "waypoint.limits.memoryBytes": found.limits.memory_bytes,
        "waypoint.autoscaling.minReplicas": found.autoscaling.min_replicas,
        "waypoint.autoscaling.maxReplicas": found.autoscaling.max_replicas,
        "waypoint.autoscaling.cpuPercent": found.autoscaling.cpu_percent,
        "waypoint.autoscaling.cpuMillis": found.autoscaling.cpu_millis,
        "waypoint.autoscaling.connections": found.autoscaling.connections,
        "waypoint.connectionCeiling": found.connection_ceiling,
    }
    assert all(formula.formula and formula.inputs for formula in found.formulas)


def test_every_coefficient_has_a_source():
    names = {field.name for field in structs.fields(Coefficients)} - {"sources"}
    assert names == set(DEFAULT_SOURCES)


def test_measured_coefficients_replace_the_defaults_and_are_cited():
    found = measured("lab, 3 May", millicores_per_1000_rps=140.0)
    assert sized(load(2_000), coefficients=found).requests.cpu_millis == 200
    assert found.source("millicores_per_1000_rps") == "lab, 3 May"
    assert found.source("bytes_per_service") == DEFAULT_SOURCES["bytes_per_service"]


@pytest.mark.parametrize(
    "figures", [{"nonsense": 1.0}, {"bytes_per_service": -1.0}, {"bytes_per_service": float("nan")}]
)
def test_wrong_coefficients_are_refused(figures):
    with pytest.raises(UsageError):
        measured("lab", **figures)


@pytest.mark.parametrize(
    "policy",
    [
        {"cpu_target": 0.0}, {"cpu_target": float("nan")}, {"connection_target": 2.0}, {"connection_ceiling": 0},
        {"burst": float("inf")}, {"bytes_peak": 0.5}, {"floor": Resources()}, {"max_replica_millicores": 50},
        {"max_replicas": 1},
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_followed_is_refused(policy):
    with pytest.raises(UsageError):
        sized(load(1), **policy)


def test_fewer_than_two_replicas_cannot_be_asked_for():
    assert sized(load(1), min_replicas=0, zones=0, affordable_replicas=0).replicas == 2


rates = st.floats(0, 1e6)
counts = st.integers(0, 100_000)
loads = st.lists(
    st.builds(
        ServiceLoad,
        st.just("shop"),
        st.sampled_from("abcdef"),
        rates,
        rates,
        st.floats(0, 1e10),
        counts,
        counts,
        st.booleans(),
    ),
    max_size=5,
)
policies = st.builds(
    SizingPolicy,
    zones=st.integers(0, 9),
    affordable_replicas=st.integers(0, 6),
    cpu_target=st.floats(0.1, 1),
    connection_target=st.floats(0.1, 1),
    max_replica_millicores=st.sampled_from((105, 1_000, 4_000)),
    assumption=st.builds(Assumption, rates, rates, counts),
)


def amounts(found):
    scaling = found.autoscaling
    return (
        found.replicas, *structs.astuple(found.requests), *structs.astuple(found.limits), scaling.min_replicas,
        scaling.max_replicas, found.connection_ceiling, found.connection_ceiling_at_most,
        *structs.astuple(found.total_requests),
    )  # fmt: skip


@given(loads, loads, policies, st.data())
def test_more_load_never_gives_less(some, more, policy, data):
    """More services, and more of anything that one of them brings."""
    grown = [
        structs.replace(
            each,
            requests_per_second=each.requests_per_second + data.draw(rates),
            peak_requests_per_second=each.peak_requests_per_second + data.draw(rates),
            bytes_per_second=each.bytes_per_second + data.draw(rates),
            connections=each.connections + data.draw(counts),
            endpoints=each.endpoints + data.draw(counts),
        )
        for each in some
    ]
    before, after = size(tuple(some), DEFAULT, policy), size((*grown, *more), DEFAULT, policy)
    assert all(a >= b for a, b in zip(amounts(after), amounts(before), strict=True))


@given(loads, policies)
def test_never_below_two_and_what_a_failure_leaves_carries_the_peak(some, policy):
    found = size(tuple(some), DEFAULT, policy)
    assert found.replicas >= 2
    assert found.limits.cpu_millis >= 2 * found.requests.cpu_millis
    assert found.limits.cpu_millis % 1_000 == 0
    assert found.limits.memory_bytes >= 2 * found.requests.memory_bytes
    assert 2 <= found.autoscaling.min_replicas <= found.autoscaling.max_replicas <= policy.max_replicas


@given(loads, policies)
def test_the_order_of_services_changes_nothing(some, policy):
    assert size(tuple(some), DEFAULT, policy).requests == size(tuple(reversed(some)), DEFAULT, policy).requests

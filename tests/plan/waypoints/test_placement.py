"""Who shares a waypoint: isolation first, then the price; the same for the same needs in any order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.errors import UsageError
from sidestep.model.prices import Rate
from sidestep.plan.waypoints.demand import ServiceLoad
from sidestep.plan.waypoints.existing import ExistingWaypoint
from sidestep.plan.waypoints.naming import Names, own_name
from sidestep.plan.waypoints.needs import Scope, Terms, WaypointNeed
from sidestep.plan.waypoints.placement import place

RATE = Rate(0.03125, 0.004188)


def need(name, rps=10.0, space="shop", known=True, **what):
    return WaypointNeed(ServiceLoad(space, name, rps, connections=1, measured=known), **what)


def placed(*needs, scope=Scope.AUTO, **terms):
    return place(needs, scope, RATE, Terms(**terms))


def layout(found):
    return {(each.namespace, each.name): [name for _, name in each.services] for each in found}


def test_services_of_a_namespace_share_and_namespaces_do_not():
    found = placed(need("a"), need("b"), need("a", space="bank"))
    assert layout(found) == {("bank", "waypoint"): ["a"], ("shop", "waypoint"): ["a", "b"]}
    assert "2 services of namespace shop share" in found[1].because
    assert "a is the only service" in found[0].because


def test_sharing_is_chosen_for_its_price():
    together, apart = placed(need("a"), need("b")), placed(need("a"), need("b"), scope=Scope.SERVICE)
    assert sum(each.price.monthly for each in together) < sum(each.price.monthly for each in apart)
    assert layout(apart) == {("shop", "a-waypoint"): ["a"], ("shop", "b-waypoint"): ["b"]}


def test_shared_scope_mixes_namespaces_in_a_namespace_of_its_own():
    found = placed(need("a"), need("b", space="bank"), scope=Scope.SHARED)
    assert layout(found) == {("istio-waypoints", "waypoint"): ["b", "a"]}
    assert found[0].bound_namespaces == ("bank", "shop")


@pytest.mark.parametrize("scope", [Scope.AUTO, Scope.NAMESPACE, Scope.SHARED])
def test_custom_authorization_stands_alone(scope):
    found = placed(need("a", custom_authorization=True), need("b"), need("c"), scope=scope)
    assert ["a"] in layout(found).values()
    assert any(each.name == "a-waypoint" and "CUSTOM" in each.because for each in found)


@pytest.mark.parametrize(("rps", "alone"), [(599, False), (600, False), (601, True)])
def test_more_than_sixty_percent_of_the_requests_stands_alone(rps, alone):
    found = placed(need("a", rps), need("b", 1_000 - rps))
    assert (("shop", "a-waypoint") in layout(found)) is alone


def test_a_large_share_of_little_is_little():
    assert len(placed(need("a", 90), need("b", 1))) == 1


def test_the_only_service_with_requests_is_not_told_apart_from_nobody():
    assert layout(placed(need("a", 900))) == {("shop", "waypoint"): ["a"]}


def test_a_share_that_was_not_measured_is_none():
    assert len(placed(need("a", 900, known=False), need("b", 1))) == 1


def test_another_owner_stands_alone_and_no_owner_does_not():
    found = placed(need("a", owner="red"), need("b", owner="red"), need("c", owner="blue"), need("d"))
    assert layout(found) == {("shop", "waypoint"): ["a", "b", "d"], ("shop", "c-waypoint"): ["c"]}
    assert "belongs to blue" in found[1].because


def test_the_blast_radius_splits_by_services_and_by_requests():
    by_count = placed(*(need(f"s{i}") for i in range(5)), max_services=2)
    assert [len(each.services) for each in by_count] == [2, 2, 1]
    assert [each.name for each in by_count] == ["waypoint", "waypoint-2", "waypoint-3"]
    by_rate = placed(need("a", 60), need("b", 60), need("c", 40), max_requests_per_second=100)
    assert sorted(len(each.services) for each in by_rate) == [1, 2]


def test_names_that_istiod_would_clash_with_are_left():
    found = placed(
        need("a", custom_authorization=True), need("b"), taken=frozenset({("shop", "waypoint"), ("shop", "a-waypoint")})
    )
    assert set(layout(found)) == {("shop", "waypoint-2"), ("shop", "a-waypoint-2")}


def test_names_of_another_namespace_do_not_clash():
    assert placed(need("a"), taken=frozenset({("bank", "waypoint")}))[0].name == "waypoint"


@pytest.mark.parametrize(
    ("name", "traffic", "expected"),
    [
        ("waypoint", "service", "waypoint"),
        ("gate", "all", "gate"),
        ("waypoint", "workload", "waypoint-2"),
        ("waypoint", "none", "waypoint-2"),
    ],
)
def test_a_waypoint_that_is_there_is_reused_where_it_serves_the_traffic(name, traffic, expected):
    there = ExistingWaypoint("shop", name, traffic)
    found = placed(need("a"), existing=(there,))
    assert found[0].name == expected
    assert (found[0].reused == there) is (expected == name)


@pytest.mark.parametrize(
    ("admits", "expected"), [(("bank", "istio-waypoints", "shop"), "waypoint"), (("shop",), "waypoint-2")]
)
def test_a_waypoint_that_would_refuse_a_service_is_not_reused(admits, expected):
    there = ExistingWaypoint("istio-waypoints", "waypoint", "service", admits=admits)
    found = placed(need("a"), need("b", space="bank"), scope=Scope.SHARED, existing=(there,))
    assert found[0].name == expected


def test_a_services_own_waypoint_is_not_taken_for_the_namespace():
    there = ExistingWaypoint("shop", "a-waypoint", "service")
    found = placed(need("a", custom_authorization=True), need("b"), existing=(there,))
    assert layout(found) == {("shop", "waypoint"): ["b"], ("shop", "a-waypoint"): ["a"]}


def test_pods_that_are_addressed_directly_widen_what_it_serves():
    assert placed(need("a"))[0].traffic == "service"
    assert placed(need("a"), need("b", workloads=True))[0].traffic == "all"


def test_nothing_needs_nothing():
    assert placed() == ()


def test_a_service_asks_once():
    with pytest.raises(UsageError, match="twice"):
        placed(need("a"), need("a"))


@pytest.mark.parametrize(
    "terms", [{"max_services": 0}, {"max_requests_per_second": float("nan")}, {"dominant_share": 0.0}]
)
def test_terms_that_cannot_be_met_are_refused(terms):
    with pytest.raises(UsageError):
        placed(need("a"), **terms)


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("cart", "cart-waypoint"),
        ("api.example.com", "api-example-com-waypoint"),
        ("9lives", "s-9lives-waypoint"),
        ("--", "service-waypoint"),
    ],
)
def test_own_names_are_service_names(service, expected):
    assert own_name(service) == expected


def test_long_names_are_cut_and_stay_apart():
    one, other = own_name("x" * 62 + "a"), own_name("x" * 62 + "b")
    assert len(one) == len(other) == 63
    assert one != other
    names = Names({("shop", one)})
    second = names.of_service("shop", "x" * 62 + "a")
    assert second.endswith("-2")
    assert len(second) == 63
    assert second != names.of_service("shop", "x" * 62 + "a")


needs = st.lists(
    st.builds(
        WaypointNeed,
        st.builds(
            ServiceLoad, st.sampled_from(("shop", "bank")), st.text(min_size=1, max_size=70), st.floats(0, 1e5), st.floats(0, 1e5),
            st.floats(0, 1e8), st.integers(0, 5_000), st.integers(0, 50), st.booleans(),
        ),
        st.sampled_from(("", "red", "blue")),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda need: need.key,
)  # fmt: skip


@given(needs, st.sampled_from(Scope), st.randoms(use_true_random=False))
def test_every_service_has_one_waypoint_within_the_rules_in_any_order(some, scope, random):
    shuffled = list(some)
    random.shuffle(shuffled)
    terms = Terms(max_services=3, max_requests_per_second=50_000.0)
    found = place(tuple(some), scope, RATE, terms)
    assert place(tuple(shuffled), scope, RATE, terms) == found
    assert sorted(key for each in found for key in each.services) == sorted(each.key for each in some)
    assert len({(each.namespace, each.name) for each in found}) == len(found)
    for each in found:
        assert len(each.services) <= 3
        assert len(each.services) == 1 or each.size.demand.requests_per_second <= 50_000 * (1 + 1e-9)
        assert len(each.name) <= 63
        assert each.because
        assert scope is Scope.SHARED or each.bound_namespaces == (each.namespace,)

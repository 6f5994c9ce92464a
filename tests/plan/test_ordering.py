"""Waves keep every constraint, whatever calls what; owners and money by the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.mesh import mesh
from tests.support.scenes import pods

from sidestep.model.metadata import WorkloadRef
from sidestep.plan.money import Ledger
from sidestep.plan.ordering import Mover, packed, units
from sidestep.plan.owners import owner_of


def ref(name, space="shop"):
    return WorkloadRef(space, "Deployment", name)


def mover(name, size=1, *, space="shop", traffic=0.0, owner="", guarded=False, late=False):
    return Mover(ref(name, space), size, traffic, owner, guarded, late)


def waves(movers, before=None, most=200):
    found = packed(units(tuple(movers), before or {}), most)
    return [[each.workload.name for unit in wave for each in unit.members] for wave in found]


NAMES = st.sampled_from("abcdefg")
MOVERS = st.lists(
    st.builds(mover, NAMES, st.integers(0, 9), space=st.sampled_from(("shop", "back")), traffic=st.floats(0, 9), owner=st.sampled_from(("", "x", "y")), guarded=st.booleans(), late=st.booleans()),
    unique_by=lambda each: each.workload, max_size=10,
)  # fmt: skip
BEFORE = st.dictionaries(
    st.builds(ref, NAMES, st.sampled_from(("shop", "back"))),
    st.lists(st.builds(ref, NAMES, st.sampled_from(("shop", "back"))), max_size=3).map(tuple),
    max_size=6,
)


@given(MOVERS, BEFORE, st.integers(1, 12))
def test_everybody_moves_once_and_nobody_before_those_it_waits_for(movers, before, most):
    order = units(tuple(movers), before)
    found = packed(order, most)
    flat = [unit for wave in found for unit in wave]
    assert sorted(each.workload for unit in flat for each in unit.members) == sorted(each.workload for each in movers)
    at = {each.workload: place for place, unit in enumerate(flat) for each in unit.members}
    for server, callers in before.items():
        if server in at:
            assert all(at[caller] <= at[server] for caller in callers if caller in at)
    for wave in found:
        assert len(wave) == 1 or sum(unit.pods for unit in wave) <= most


@given(MOVERS, BEFORE, st.randoms(use_true_random=False))
def test_the_order_of_movers_never_shows(movers, before, random):
    shuffled = list(movers)
    random.shuffle(shuffled)
    assert packed(units(tuple(shuffled), before), 9) == packed(units(tuple(movers), before), 9)


def test_circles_move_together_and_self_calls_are_none():
    before = {ref("a"): (ref("b"),), ref("b"): (ref("a"),), ref("c"): (ref("c"),)}
    order = units((mover("a", 9), mover("b", 9), mover("c")), before)
    assert sorted(len(unit.members) for unit in order.units) == [1, 2]
    assert [unit.circular for unit in sorted(order.units, key=lambda unit: len(unit.members))] == [False, True]
    assert waves((mover("a", 9), mover("b", 9)), before, most=2) == [["a", "b"]]


@pytest.mark.parametrize(
    ("movers", "expected"),
    [
        ((mover("a", traffic=9), mover("b")), [["b", "a"]]), ((mover("a", guarded=True), mover("b", traffic=9)), [["b", "a"]]), ((mover("a", 5), mover("b", 2)), [["b", "a"]]),
        ((mover("a", owner="x"), mover("b", owner="y")), [["a"], ["b"]]), ((mover("a", late=True), mover("b", traffic=9)), [["b"], ["a"]]), ((), []),
        ((mover("a", 150), mover("b", 150)), [["a"], ["b"]]), ((mover("a", 500),), [["a"]]),
    ],
)  # fmt: skip
def test_the_quiet_the_unguarded_and_the_small_come_first(movers, expected):
    assert waves(movers) == expected


@pytest.mark.parametrize(
    ("labels", "annotations", "owner"),
    [
        ({}, {}, ""), ({"team": "a"}, {}, "a"), ({"team": "a", "sidestep.dev/owner": "b"}, {}, "b"), ({"team": "a"}, {"sidestep.dev/owner": "c"}, "c"),
        ({"app.kubernetes.io/part-of": "d", "owner": ""}, {}, "d"), ({"owner": "e", "app.kubernetes.io/part-of": "d"}, {}, "e"),
    ],
)  # fmt: skip
def test_owners(labels, annotations, owner):
    found = mesh(*pods("cart", labels=labels, annotations=annotations)).pods[0]
    assert owner_of(found.shape) == owner


def test_money_falls_with_each_wave_and_ambient_is_paid_from_the_start():
    account = Ledger({ref("a"): 10.0, ref("b"): 5.0}, 4.0, 2.0, "USD")
    none, one, all_ = (account.after(frozenset(map(ref, moved))) for moved in ("", "a", "ab"))
    assert [each.sidecars for each in (none, one, all_)] == [15.0, 5.0, 0.0]
    assert [each.saved for each in (none, one, all_)] == [-6.0, 4.0, 9.0]
    assert {each.ambient for each in (none, one, all_)} == {6.0}
    assert account.after(frozenset({ref("stranger")})).sidecars == 15.0


def test_without_nodes_nobody_can_tell_what_ambient_costs():
    found = Ledger({ref("a"): 10.0}, None, 2.0, "USD").after(frozenset())
    assert (found.ambient, found.saved) == (None, None)

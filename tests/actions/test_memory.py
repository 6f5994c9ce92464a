"""Plans in memory: as far as one asks, step by step, in problems, and back again."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.mesh import Sidecar, app, inject, labelled, mesh, o, workload
from tests.support.plan_steps import (
    AMBIENT,
    CART,
    INJECTION,
    LEAVES,
    MODE,
    PAY,
    PLAIN,
    POLICY,
    SHOP,
    applied,
    controller,
    deleted,
    labels,
    mode,
    modes,
    moved,
    plan,
    policy,
    shop,
)  # fmt: skip

from sidestep.actions.memory import apply, problems, rollback, states
from sidestep.errors import UsageError
from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.model.prices import PriceBook
from sidestep.plan.document import Plan, Wave
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Comparison, Effect, Gate, Patch, Probe, Restart, Step, Wait, WaitFor
from sidestep.semantics.index import MeshIndex

WIDGET = ObjectId("factory.test/v1", "Widget", "shop", "gizmo")
POD = ObjectId("v1", "Pod", "shop", "plain-abc-0")
NOTHING = (
    Gate("error-rate", "up", Comparison.AT_MOST, 1.0),
    Probe("shop/cart", "pay", 80),
    Wait(WaitFor.ROLLED_OUT, "Deployment shop/cart", 60),
)


KEEPER = workload(inject(app("keeper"), Sidecar(revision="default")), "keeper", declared=app("keeper"))
"""A workload that nobody moves: its sidecar is the pattern for those that come back."""


def two_waves() -> Plan:
    first, second = plan(*moved(CART), wave=1), plan(*moved(PAY), labels(SHOP, AMBIENT), wave=2)
    return Plan("", "", "", "", waves=first.waves + second.waves, steps=first.steps + second.steps)


def seen(found):
    """What semantics makes of the pods of a mesh."""
    return {
        ref: sorted(
            (each.mode, each.native, each.hbone, each.captures, each.count, each.ready, sorted(each.labels.items()), each.addresses)
            for each in group
        )
        for ref, group in MeshIndex.of(found).workloads.items()
    }  # fmt: skip


def bodies(found):
    """Every object as a tree, by its name."""
    every = [each for kind in found.resources.values() for each in kind if each.body] + list(found.others)
    return {each.id: each.tree() for each in every}


@pytest.mark.parametrize(
    ("until", "cart", "pay", "plain"),
    [
        ("w01-001", "native sidecar with HBONE", "native sidecar with HBONE", "no mesh"),
        ("w01-002", "ambient", "native sidecar with HBONE", "no mesh"),
        (1, "ambient", "native sidecar with HBONE", "no mesh"),
        ("w02-002", "ambient", "ambient", "no mesh"),
        (2, "ambient", "ambient", "ambient"),
        (None, "ambient", "ambient", "ambient"),
    ],
)
def test_a_plan_is_done_as_far_as_one_asks(until, cart, pay, plain):
    after = apply(two_waves(), shop(), until)
    assert [mode(after, ref)[0][0] for ref in (CART, PAY, PLAIN)] == [cart, pay, plain]


@pytest.mark.parametrize("until", ["w09-001", "", 9, -1])
def test_nobody_stops_where_the_plan_has_nothing(until):
    with pytest.raises(UsageError):
        apply(two_waves(), shop(), until)


def test_every_state_is_that_of_a_plan_done_so_far():
    before, doing = shop(), two_waves()
    for step, found in states(doing, before):
        alone = apply(doing, before, step.id)
        assert (found.pods, found.resources, found.others) == (alone.pods, alone.resources, alone.others)


def test_states_are_made_when_they_are_asked_for():
    found = states(two_waves(), shop())
    assert isinstance(found, Iterator)
    assert [step.id for step, _ in found] == [step.id for step in two_waves().steps]


def test_a_state_stays_as_it_was_when_the_next_one_is_made():
    before = shop()
    found = [(step.id, each) for step, each in states(two_waves(), before)]
    assert mode(found[0][1], CART) == mode(before, CART)
    assert [mode(each, PAY)[0][0] for _, each in found] == ["native sidecar with HBONE"] * 3 + ["ambient"] * 2


def test_steps_that_change_nothing_give_the_mesh_again():
    before = shop()
    assert [each is before for _, each in states(plan(*NOTHING), before)] == [True, True, True]
    doing = plan(labels(POLICY, {"a": "b"}), *NOTHING)
    assert len({id(each) for _, each in states(doing, before)}) == 1


def test_the_order_of_steps_decides():
    write, remove = applied(policy("fresh")), deleted(policy("fresh"))
    assert apply(plan(write, remove), shop()).find(AUTHORIZATION_POLICY, "shop", "fresh") is None
    assert apply(plan(remove, write), shop()).find(AUTHORIZATION_POLICY, "shop", "fresh") is not None


def test_a_plan_that_was_made_for_a_mesh_has_no_problems_and_another_has():
    doing = two_waves()
    assert problems(doing, shop()) == ()
    done = apply(doing, shop())
    assert [each.step for each in problems(doing, done)] == ["w01-001", "w02-001", "w02-003"]


def test_a_plan_done_twice_is_done_once():
    doing = plan(
        *moved(CART), labels(SHOP, AMBIENT), applied(policy("fresh")), deleted(policy()),
        Patch(WIDGET, {"spec": {"size": 3}}, {"spec": {"size": None}}),
    )  # fmt: skip
    once = apply(doing, shop())
    twice = apply(doing, once)
    assert twice.pods == once.pods
    assert twice.resources == once.resources
    assert twice.others == once.others


def test_a_wave_is_taken_back_whatever_was_done_of_it():
    before, doing = shop(*KEEPER), two_waves()
    for until in ("w02-001", "w02-002", 2):
        after = rollback(doing, apply(doing, before, until), 2)
        assert seen(after) == seen(apply(doing, before, 1))
    untouched = apply(doing, before, 1)
    assert seen(rollback(doing, untouched, 2)) == seen(untouched)


def test_controllers_finish_what_the_way_back_began():
    """A list that is simply turned round makes pods anew before their template is back."""
    doing, before = two_waves(), shop()
    turned = Wave(1, "", rollback=("w01-002", "w01-001"))
    after = rollback(Plan("", "", "", "", waves=(turned,), steps=doing.steps), apply(doing, before, 1), 1)
    assert seen(after) == seen(before)


def test_only_what_a_wave_lists_is_taken_back():
    doing = plan(labels(POLICY, {"a": "b"}), rollback=False)
    done = apply(doing, shop())
    assert rollback(doing, done, 1) is done


@pytest.mark.parametrize("wave", [Wave(1, "", rollback=("w09-001",)), Wave(2, "")])
def test_nobody_takes_back_what_the_plan_does_not_have(wave):
    with pytest.raises(UsageError):
        rollback(Plan("", "", "", "", waves=(wave,)), shop(), 1)


class Moves:
    """Draws effects that fit the mesh as those before them left it."""

    def __init__(self, draw) -> None:
        self._draw = draw
        self._labels: dict[str, dict[str, str | None]] = {}
        self._spec: dict[str, object] = {"selector": {"matchLabels": {"app": "cart"}}}
        self._policies = {"cart": policy()}

    def next(self) -> list[Effect]:
        kind = self._draw(st.sampled_from(["namespace", "template", "object", "patch", "policy", "pod", "restart"]))
        return getattr(self, f"_{kind}")()

    def _relabel(self, named: ObjectId, values: dict[str, list[str | None]], start=None, **how) -> list[Effect]:
        now = self._labels.setdefault(f"{named}{how}", dict(start or {}))
        wanted = {key: self._draw(st.sampled_from(found)) for key, found in values.items()}
        before = {key: now.get(key) for key in wanted}
        now.update(wanted)
        return [labels(named, wanted, before, **how)]

    def _namespace(self):
        injection = {INJECTION: "enabled"}
        return self._relabel(SHOP, {MODE: [None, "ambient", "none"], INJECTION: [None, "enabled"]}, injection)

    def _template(self):
        ref = self._draw(st.sampled_from([CART, PAY]))
        return [
            *self._relabel(
                controller(ref), {key: [None, value, "none"] for key, value in LEAVES.items()}, template=True
            ),
            Restart(ref, 1, effect_only=True),
        ]

    def _restart(self):
        ref = self._draw(st.sampled_from([CART, PAY, PLAIN]))
        if ref is PLAIN:
            self._labels.pop(f"{POD}{{}}", None)  # what was written on a pod goes with it
        return [Restart(ref, 1)]

    def _object(self):
        return self._relabel(WIDGET, {"a": [None, "1", "2"]})

    def _pod(self):
        return self._relabel(POD, {MODE: [None, "ambient", "none"]})

    def _patch(self):
        if "cart" not in self._policies:
            return []
        value = self._draw(st.sampled_from([None, "DENY", "ALLOW"]))
        spec = self._policies["cart"]["spec"]
        before = spec.get("action")
        changed = {**spec, "action": value} if value else {key: each for key, each in spec.items() if key != "action"}
        self._policies["cart"] = {**self._policies["cart"], "spec": changed}
        return [Patch(POLICY, {"spec": {"action": value}}, {"spec": {"action": before}})]

    def _policy(self):
        name = self._draw(st.sampled_from(["cart", "fresh"]))
        before = self._policies.get(name)
        if before is not None and self._draw(st.booleans()):
            del self._policies[name]
            return [deleted(before)]
        self._policies[name] = policy(name, action=self._draw(st.sampled_from(["DENY", "AUDIT"])))
        return [applied(self._policies[name], before)]


@st.composite
def waves(draw) -> Plan:
    drawn = Moves(draw)
    return plan(*(effect for _ in range(draw(st.integers(1, 8))) for effect in drawn.next()))


@given(waves())
def test_a_wave_taken_back_leaves_the_mesh_as_it_was(doing):
    before = shop(*KEEPER)
    done = apply(doing, before)
    assert problems(doing, before) == ()
    after = rollback(doing, done, 1)
    assert seen(after) == seen(before)
    assert bodies(after) == bodies(before)


@given(waves())
def test_a_wave_never_changes_the_mesh_that_it_is_given(doing):
    before, twin = shop(), shop()
    list(states(doing, before))
    assert (before.pods, before.resources, before.others) == (twin.pods, twin.resources, twin.others)


def many(count: int, pods: int) -> list[dict]:
    objects: list[dict] = []
    for number in range(count):
        name = f"app{number}"
        objects += workload(
            inject(app(name), Sidecar(revision="default")), name, f"ns{number % 20}", declared=app(name), pods=pods
        )
    return objects


def test_thousands_of_pods_move_and_come_back():
    spaces = [labelled(f"ns{number}", {INJECTION: "enabled"}) for number in range(20)]
    before = mesh(*spaces, *o.control_plane(), *many(200, 20))
    refs = [WorkloadRef(f"ns{number % 20}", "Deployment", f"app{number}") for number in range(200)]
    doing = plan(*(effect for ref in refs for effect in moved(ref, 20)))
    after = list(states(doing, before))[-1][1]
    assert len(after.pods) == 4000
    assert {told for group in modes(after).values() for told, _ in group} == {"ambient"}
    assert len({id(each.shape) for each in after.pods}) == 200
    assert len({id(each.shape) for each in rollback(doing, after, 1).pods}) == 200


def test_a_plan_of_the_planner_fits_the_mesh_that_it_was_made_of():
    before = shop(o.service("cart", "shop", labels={}), o.service("pay", "shop", labels={}))
    doing = make_plan(PlanRequest(before, PriceBook()))
    after = apply(doing, before)
    assert problems(doing, before) == ()
    for each in doing.workloads:
        told = {name for name, _ in mode(after, each.workload)}
        assert told == {"ambient"} or not each.fate.value.startswith("ambient"), each
    back = after
    for wave in reversed(doing.waves):
        back = rollback(doing, back, wave.number)
    assert {ref: [each[0] for each in group] for ref, group in seen(back).items()} == {
        ref: [each[0] for each in group] for ref, group in seen(before).items()
    }


def test_ids_of_steps_need_not_be_unique_to_be_carried_out():
    step = Step("same", 1, labels(POLICY, {"a": "b"}), "")
    other = Step("same", 1, labels(POLICY, {"c": "d"}), "")
    after = apply(Plan("", "", "", "", steps=(step, other)), shop())
    assert after.find(AUTHORIZATION_POLICY, "shop", "cart").meta.labels == {"a": "b", "c": "d"}

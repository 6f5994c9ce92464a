"""What takes a wave back, in which order, and what must be back before what."""

import pytest

from sidestep.actions.way_back import taking_back
from sidestep.errors import UsageError
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.choreography import rollback_of
from sidestep.plan.document import Plan, Wave
from sidestep.plan.measures import Count, Quantity, Query
from sidestep.plan.steps import Gate, Restart, SetLabels, Step, Wait, WaitFor, reverse

MODE = "istio.io/dataplane-mode"


def rollout(name, *after):
    """Template, rollout and wait of a workload, as `name-1` to `name-3`."""
    ref, owner = WorkloadRef("shop", "Deployment", name), ObjectId("apps/v1", "Deployment", "shop", name)
    return (
        Step(f"{name}-1", 1, SetLabels(owner, {MODE: "ambient"}, {MODE: None}, template=True), "", after=after),
        Step(f"{name}-2", 1, Restart(ref, 1, effect_only=True), "", after=(f"{name}-1",)),
        Step(f"{name}-3", 1, Wait(WaitFor.CAPTURED, str(ref), 60), "", after=(f"{name}-2",)),
    )


def label(name, *after):
    return Step(name, 1, SetLabels(ObjectId("v1", "Service", "shop", name), {"a": "b"}, {"a": None}), "", after=after)


def gate(name, *after):
    value = Query(Quantity.OTHER, "up")
    return Step(name, 1, Gate("open", "up", "", 60, reading=Count(value, 0)), "", after=after)


def plan_of(*steps):
    wave = Wave(1, "", tuple(step.id for step in steps), rollback=rollback_of(steps))
    return Plan("t", "1.29", "", "", waves=(wave,), steps=steps)


def told(*steps):
    """What each step of the way back comes after, in their order."""
    return {step.id: step.after for step in taking_back(plan_of(*steps), 1)}


def test_rollouts_wait_for_nobody_but_who_came_after_them():
    assert told(*rollout("a"), *rollout("b", "a-3"), *rollout("c")) == {
        "c-1": (), "c-2": ("c-1",), "c-3": ("c-2",),
        "b-1": (), "b-2": ("b-1",), "b-3": ("b-2",),
        "a-1": ("b-3",), "a-2": ("a-1",), "a-3": ("a-2",),
    }  # fmt: skip


def test_who_came_after_a_gate_came_after_what_the_gate_looked_at():
    assert told(*rollout("a"), gate("g", "a-3"), gate("h", "g"), *rollout("b", "h"))["a-1"] == ("b-3",)


def test_what_is_no_rollout_is_taken_back_alone():
    found = told(label("first"), label("second"), *rollout("a"), *rollout("b"), label("last"))
    assert list(found) == ["last", "b-1", "b-2", "b-3", "a-1", "a-2", "a-3", "second", "first"]
    assert found["b-1"] == found["a-1"] == ("last",)
    assert set(found["second"]) == {"a-3", "b-3"}
    assert found["first"] == ("second",)


def test_each_step_does_the_reverse():
    steps = (label("first"), *rollout("a"))
    back = taking_back(plan_of(*steps), 1)
    effects = {step.id: step.effect for step in steps}
    assert [step.effect for step in back] == [reverse(effects[step.id]) for step in back]


def test_a_wave_or_a_step_that_is_not_there_is_named():
    steps = rollout("a")
    with pytest.raises(UsageError, match="no wave 2"):
        taking_back(plan_of(*steps), 2)
    odd = Plan("t", "1.29", "", "", waves=(Wave(1, "", rollback=("nobody",)),), steps=steps)
    with pytest.raises(UsageError, match="step nobody, which the plan does not have"):
        taking_back(odd, 1)

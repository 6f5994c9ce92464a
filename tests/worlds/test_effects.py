"""What an effect means where it is not the same for all kinds: restarts, and objects on their way out."""

import pytest

from sidestep.actions.worlds.effects import BACK, RESTARTED, Stand, have_happen, standing
from sidestep.actions.worlds.interface import ConflictError
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Delete, Restart, SetLabels

ROLLOUT = ObjectId("argoproj.io/v1alpha1", "Rollout", "shop", "web")


def rollout(**meta):
    spec = {"template": {"metadata": {"labels": {"app": "web"}}}}
    return {
        "apiVersion": ROLLOUT.api_version, "kind": "Rollout", "spec": spec,
        "metadata": {"name": "web", "namespace": "shop", **meta},
    }  # fmt: skip


def test_a_rollout_of_argo_is_restarted_by_its_own_field_and_keeps_its_template():
    world = MemoryWorld([rollout()])
    effect = Restart(WorkloadRef("shop", "Rollout", "web"), 1)
    assert standing(world, effect, "r1/s1").stand is Stand.BEFORE
    have_happen(world, effect, "r1/s1", "")
    tree = world.read(ROLLOUT).tree
    assert tree["spec"] == {**rollout()["spec"], "restartAt": world.moment()}
    assert tree["metadata"]["annotations"] == {RESTARTED: "r1/s1"}
    assert standing(world, effect, "r1/s1").stand is Stand.DONE
    assert standing(world, effect, "r1/s2").stand is Stand.BEFORE


@pytest.mark.parametrize(
    "effect",
    [SetLabels(ROLLOUT, {"a": "b"}, {"a": None}, template=True), Restart(WorkloadRef("shop", "Rollout", "web"), 1)],
)
def test_a_rollout_with_another_version_half_way_in_is_left_to_it(effect):
    world = MemoryWorld([{**rollout(), "status": {"stableRS": "1", "currentPodHash": "2"}}])
    with pytest.raises(ConflictError, match="its strategy has another version half-way in"):
        have_happen(world, effect, "r1/s1", "s1")
    have_happen(world, effect, f"r1/s1{BACK}", "s1")  # that version may be ours
    settled = MemoryWorld([{**rollout(), "status": {"stableRS": "2", "currentPodHash": "2"}}])
    have_happen(settled, effect, "r1/s1", "s1")


def test_its_own_labels_are_not_the_rollouts_business():
    world = MemoryWorld([{**rollout(), "status": {"stableRS": "1", "currentPodHash": "2"}}])
    have_happen(world, SetLabels(ROLLOUT, {"a": "b"}, {"a": None}), "r1/s1", "s1")
    assert world.read(ROLLOUT).tree["metadata"]["labels"] == {"a": "b"}


def test_an_object_on_its_way_out_is_left_alone():
    world = MemoryWorld([rollout(deletionTimestamp="2026-01-01T00:00:00Z")])
    assert standing(world, Delete(ROLLOUT, rollout()), "t").stand is Stand.DONE
    with pytest.raises(ConflictError, match="it is being deleted"):
        have_happen(world, SetLabels(ROLLOUT, {"a": "b"}, {"a": None}), "t", "step")


def test_who_is_always_slower_gives_up():
    class Busy(MemoryWorld):
        def patch(self, named, patch, version):
            raise ConflictError("somebody else has changed it meanwhile", where=str(named))

    with pytest.raises(ConflictError, match="meanwhile"):
        have_happen(Busy([rollout()]), SetLabels(ROLLOUT, {"a": "b"}, {"a": None}), "t", "step")


WEB = ObjectId("apps/v1", "Deployment", "shop", "web")
MOVED, AS_IT_WAS = {"mode": "ambient", "inject": "false"}, {"mode": None, "inject": "true"}
"""Labels of a template, as a step wants them and as it found them."""


def deployment(labels):
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"metadata": {"labels": labels}}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "stand"),
    [
        ({"inject": "false"}, Stand.BEFORE),
        ({"mode": "ambient", "inject": "true"}, Stand.BEFORE),
        ({"inject": "true"}, Stand.DONE),
        ({"mode": "none", "inject": "false"}, Stand.OTHER),
        ({"mode": "none", "inject": "true"}, Stand.OTHER),
    ],
)
def test_of_what_somebody_has_taken_back_in_part_the_rest_is_taken_back(labels, stand):
    back = SetLabels(WEB, AS_IT_WAS, MOVED, template=True)
    world = MemoryWorld([deployment(labels)])
    assert standing(world, back, f"r1/s1{BACK}").stand is stand
    if stand is Stand.BEFORE:
        have_happen(world, back, f"r1/s1{BACK}", "s1")
        assert world.read(WEB).tree["spec"]["template"]["metadata"]["labels"] == {"inject": "true"}


def test_on_the_way_there_labels_of_which_some_are_as_wanted_are_somebody_elses():
    world = MemoryWorld([deployment({"mode": "ambient", "inject": "true"})])
    assert standing(world, SetLabels(WEB, MOVED, AS_IT_WAS, template=True), "r1/s1").stand is Stand.OTHER

"""What a run would do is foreseen by a world that stays as it is; what somebody changed since planning is shown."""

from tests.support.runs import EXAMPLE, example_plan, healthy, manifests, runner

from sidestep.actions.runs.outlook import foresee
from sidestep.actions.worlds.effects import Stand
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.plan.steps import Apply, Gate, Probe, Restart, SetLabels, Wait

PLAN = example_plan()


def world():
    return MemoryWorld(manifests(EXAMPLE), healthy(PLAN))


def test_what_is_foreseen_is_what_becomes_of_it():
    made = world()
    before = made.writes
    foreseen = list(foresee(made, PLAN.steps, "r1"))
    assert made.writes == before
    assert [each.step for each in foreseen] == list(PLAN.steps)
    assert not any(each.drifted for each in foreseen)
    runner(PLAN, made).run()
    last = {each.object: each.after for each in foreseen if each.object is not None}
    assert len(last) > 5
    for named, after in last.items():
        assert made.read(named).tree == after, named


def test_steps_that_only_look_write_nothing():
    for each in foresee(world(), PLAN.steps):
        looks = isinstance(each.step.effect, Wait | Gate | Probe | Restart)
        assert looks == (each.stand is None)
        assert looks or each.object is not None


def test_what_is_done_already_is_said_to_be():
    made = world()
    runner(PLAN, made).run()
    assert {each.stand for each in foresee(made, PLAN.steps, "r1")} == {None, Stand.DONE}


def test_a_label_that_somebody_set_is_shown_against_what_the_plan_knew():
    step = next(each for each in PLAN.steps if isinstance(each.effect, SetLabels) and each.effect.template)
    made, named = world(), step.effect.object
    patch = {"spec": {"template": {"metadata": {"labels": dict.fromkeys(step.effect.labels, "theirs")}}}}
    made.patch(named, patch, made.read(named).version)
    (drifted,) = (each for each in foresee(made, PLAN.steps) if each.drifted)
    assert (drifted.step, drifted.object) == (step, named)
    labels = lambda tree: tree["spec"]["template"]["metadata"]["labels"]  # noqa: E731
    assert set(labels(drifted.before).values()) >= {"theirs"}
    assert "theirs" not in labels(drifted.expected).values()


def test_an_object_that_somebody_made_meanwhile_is_no_drift_where_it_is_the_same_and_one_where_it_is_not():
    step = next(each for each in PLAN.steps if isinstance(each.effect, Apply) and each.effect.before is None)
    made, named = world(), step.effect.object
    made.apply(named, step.effect.manifest, made.read(named).version)
    assert next(each for each in foresee(made, PLAN.steps) if each.step == step).stand is Stand.DONE
    made.patch(named, {"metadata": {"labels": None}, "spec": {"x": 1}, "data": None}, made.read(named).version)
    made.delete(named, made.read(named).version)
    theirs = {
        "apiVersion": named.api_version,
        "kind": named.kind,
        "metadata": {"name": named.name, "namespace": named.namespace},
    }
    made.apply(named, theirs, made.read(named).version)
    drifted = next(each for each in foresee(made, PLAN.steps) if each.step == step)
    assert (drifted.stand, drifted.expected) == (Stand.OTHER, None)

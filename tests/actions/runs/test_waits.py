"""Whoever waits looks less and less often, sees who undoes what he waits for, and says at last what holds it up."""

from itertools import pairwise

import pytest
from tests.support.runs import Passing, events, example_plan, healthy, manifests, runner

from sidestep.actions.runs.events import Ending, StepFailed
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.runs.performing import Patience, Performer
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Restart, SetLabels

PLAN = example_plan()
WEB = WorkloadRef("shop", "Deployment", "web")
TEMPLATE = SetLabels(
    ObjectId("apps/v1", "Deployment", "shop", "web"), {"mode": "ambient"}, {"mode": None}, template=True
)


class Looked(MemoryWorld):
    """Says when it was looked at, and that pods are ready after so many seconds.

    Args:
        passing: the time.
        ready: seconds.
        takes: seconds that a look takes.
    """

    def __init__(self, passing, ready=0.0, takes=0.0):
        super().__init__(manifests(), healthy(PLAN))
        self.passing, self.ready, self.takes, self.at = passing, ready, takes, []

    def rolled_out(self, workload):
        self.at.append(self.passing.seconds)
        self.passing.seconds += self.takes
        return "" if self.passing.seconds >= self.ready else "1 of 2 pods are ready"

    def held_up_by(self, workload):
        return "shop/web-1: 0/2 nodes are available"


def performed(world, rollout=600.0, upon=()):
    performer = Performer(world, "r1", Patience(rollout=rollout), world.passing.clock())
    return performer.perform("s1", Restart(WEB, 2, effect_only=True), {}, upon)


@pytest.mark.parametrize("ready", [0, 1, 9, 60, 599])
def test_what_comes_to_be_is_seen_by_a_tenth_too_late_at_most(ready):
    world = Looked(Passing(), ready)
    performed(world)
    assert world.at[-1] <= max(ready * 1.1, ready + 1)


def test_the_longer_it_is_waited_the_less_often_it_is_looked():
    world = Looked(Passing(), ready=1e9)
    with pytest.raises(WorldError, match=r"after 600 s still: 1 of 2 pods are ready; shop/web-1: 0/2 nodes"):
        performed(world)
    assert world.at[-1] == 600
    assert len(world.at) < 60
    gaps = [later - earlier for earlier, later in pairwise(world.at)]
    assert (gaps[0], max(gaps)) == (1, pytest.approx(30))


def test_a_world_that_is_slow_to_look_at_is_given_rest():
    world = Looked(Passing(), ready=100, takes=3)
    performed(world)
    assert min(later - earlier for earlier, later in pairwise(world.at)) >= 15


def test_who_undoes_what_is_waited_for_is_seen():
    world = Looked(Passing(), ready=1e9)
    with pytest.raises(WorldError, match="somebody else has changed it meanwhile: label mode is absent"):
        performed(world, upon=(TEMPLATE,))
    assert len(world.at) == 1


def test_a_run_whose_label_somebody_takes_away_does_not_wait_for_what_cannot_come():
    step = next(each for each in PLAN.steps if isinstance(each.effect, SetLabels) and each.effect.template)

    class Undone(MemoryWorld):
        """While a rollout is waited for, somebody takes back what began it."""

        def rolled_out(self, workload):
            labels = {name: step.effect.before.get(name) for name in step.effect.labels}
            found = self.read(step.effect.object)
            self.patch(step.effect.object, {"spec": {"template": {"metadata": {"labels": labels}}}}, found.version)
            return "0 of 2 pods are updated"

    journal = MemoryJournal()
    ended = runner(PLAN, Undone(manifests(), healthy(PLAN)), journal).run()
    (failed,) = events(journal, StepFailed)
    assert step.id in next(each for each in PLAN.steps if each.id == failed.step).after
    assert "somebody else has changed it meanwhile" in failed.why
    assert ended.how is Ending.STOPPED  # the way back is never rolled out here either

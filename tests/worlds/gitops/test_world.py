"""A plan of commits is carried out in a repository that a cluster follows: that is looked at, and never written."""

from functools import cache

import pytest
from tests.support.runs import EXAMPLE, events, example_plan, healthy, manifests, runner

from sidestep.actions.runs.events import Ending, StepDone, StepFailed
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.worlds.gitops.commits import Mode, by_hand, commit_object, manifest, of_commits
from sidestep.actions.worlds.gitops.world import GitOpsWorld
from sidestep.actions.worlds.interface import ConflictError, Found, Version
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.cli.conversions import Read, Reader, make
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.document import Plan
from sidestep.plan.steps import Apply, Delete, Gate, Restart, SetLabels, Step, Wait, WaitFor
from sidestep.sources.files import FilesSource

PLAN = example_plan()
SHOP = ObjectId("argoproj.io/v1alpha1", "Application", "argocd", "shop")


@cache
def stages():
    return make(FilesSource([str(EXAMPLE)]).read(), PLAN, "late", Reader(), Read((str(EXAMPLE),), ())).stages


class Commits:
    """Of a branch that nobody else writes."""

    name = "branch"

    def __init__(self):
        self.log, self.pushed = [], 0

    def standing(self, stage):
        ours = [name for name, made, _ in self.log if made == stage]
        return ours[-1] if len(ours) % 2 else ""

    def last(self, stage):
        return next((name for name, made, _ in reversed(self.log) if made == stage), "")

    def publish(self):
        self.pushed = len(self.log)

    def make(self, stage):
        self.log.append((f"{len(self.log) + 1:040x}", stage, True))

    def revert(self, stage):
        self.log.append((f"{len(self.log) + 1:040x}", stage, False))

    def contains(self, commit, other):
        return int(commit, 16) >= int(other, 16)


class Followed(MemoryWorld):
    """A cluster in which an Application applies what was pushed, at every third look."""

    def __init__(self, commits, metrics):
        super().__init__(manifests(), metrics)
        self._commits, self._done, self._looks, self.ours = commits, 0, 0, 0
        self.stuck = False

    def read(self, named):
        if named != SHOP:
            return super().read(named)
        self._looks += 1
        if self._looks % 3 == 0 and not self.stuck:
            self._sync()
        status = {"sync": {"status": "Synced", "revision": f"{self._done:040x}"}, "health": {"status": "Healthy"}}
        return Found({"kind": "Application", "status": status}, Version("1"))

    def _sync(self):
        for _, stage, stands in self._commits.log[self._done : self._commits.pushed]:
            objects = next(each.objects for each in stages() if each.name == stage)
            for each in objects:
                wanted = each.after if stands else each.before
                version = super().read(each.object).version
                super().delete(each.object, version) if wanted is None else super().apply(each.object, wanted, version)
        self._done = self._commits.pushed

    def patch(self, *_):
        raise AssertionError("the cluster is written")


@pytest.fixture
def commits():
    return Commits()


@pytest.fixture
def cluster(commits):
    return Followed(commits, healthy(PLAN))


@pytest.fixture
def world(commits, cluster):
    return GitOpsWorld(commits, stages(), cluster, (SHOP,))


ONLINE = of_commits(PLAN, stages(), Mode(patience=60))


def test_a_wave_is_a_commit_then_what_the_plan_waits_and_asks_for():
    first, second, *rest = (step for step in ONLINE.steps if step.wave == 1)
    assert isinstance(first.effect, Apply)
    assert (second.effect, second.after) == (Wait(WaitFor.CONVERGED, "waves/01", 60), (first.id,))
    looks = [step for step in PLAN.steps if step.wave == 1 and isinstance(step.effect, Wait | Gate | Restart)]
    assert [step.effect for step in rest] == [step.effect for step in looks]
    assert all(second.id in step.after for step in rest)
    written = (Apply, SetLabels, Delete)
    assert sum(isinstance(step.effect, written) for step in ONLINE.steps) == len(stages())


def test_without_a_cluster_there_are_commits_and_nothing_else():
    offline = of_commits(PLAN, stages(), Mode(offline=True))
    assert [type(step.effect) for step in offline.steps] == [Apply] * len(stages())


def test_each_commit_is_followed_before_the_next_and_gates_are_asked(world, commits, cluster):
    journal = MemoryJournal()
    ended = runner(ONLINE, world, journal).run()
    assert ended.how is Ending.COMPLETED, ended.why
    assert [stage for _, stage, _ in commits.log] == [stage.name for stage in stages()]
    gates = sum(isinstance(step.effect, Gate) for step in PLAN.steps)
    assert sum(each.answer is not None for each in events(journal, StepDone)) == gates > 0
    assert runner(ONLINE, world, journal).take_back(0, "enough").how is Ending.REVERSED
    assert [stage for _, stage, stands in commits.log if not stands] == [stage.name for stage in reversed(stages())]
    assert not [each for each in cluster.objects() if "sidestep" in str(each["metadata"]["name"])]


def test_a_gate_that_does_not_hold_reverts_its_wave_and_waits_until_that_is_followed(commits):
    gate = next(step for step in ONLINE.steps if step.wave == 2 and getattr(step.effect, "name", "") == "restarts")
    world = GitOpsWorld(commits, stages(), Followed(commits, healthy(PLAN) | {gate.effect.query: 3.0}), (SHOP,))
    ended = runner(ONLINE, world).run()
    assert ended.how is Ending.REVERSED
    assert [(stage, stands) for _, stage, stands in commits.log][-2:] == [("waves/02", True), ("waves/02", False)]


def test_a_cluster_that_does_not_follow_fails_the_wave_with_what_is_missing(world, cluster):
    cluster.stuck = True
    journal = MemoryJournal()
    runner(ONLINE, world, journal).run()
    (failed,) = events(journal, StepFailed)
    assert failed.step == "c000-0002"
    assert "Application argocd/shop is at" in failed.why


def test_what_the_application_calls_synced_is_held_against_the_objects(commits, cluster):
    world = GitOpsWorld(commits, stages(), cluster)
    commits.make("waves/01")
    commits.publish()
    missing = world.holds(Wait(WaitFor.CONVERGED, "waves/01", 1))
    assert missing.startswith("Deployment shop/stock: metadata.annotations is absent")
    cluster._sync()
    assert world.holds(Wait(WaitFor.CONVERGED, "waves/01", 1)) == ""
    commits.revert("waves/01")
    assert "is still there" in world.holds(Wait(WaitFor.CONVERGED, "waves/01", 1))


def test_only_commits_are_written_and_never_over_somebody_elses(world, commits):
    with pytest.raises(WorldError, match="only committed to"):
        world.apply(ObjectId("v1", "ConfigMap", "shop", "x"), {}, Version(""))
    with pytest.raises(WorldError, match="only committed to"):
        world.patch(commit_object("base"), {}, Version(""))
    commits.make("base")
    with pytest.raises(ConflictError):
        world.apply(commit_object("base"), manifest("base"), Version(""))


def test_a_run_that_may_not_write_any_more_commits_nothing(commits, cluster):
    def lost():
        raise WorldError("another run holds the lease")

    world = GitOpsWorld(commits, stages(), cluster, (SHOP,), lost)
    assert "another run holds the lease" in runner(ONLINE, world).run().why
    assert commits.log == []


def test_pods_made_anew_without_another_template_are_somebodys_to_do():
    restart = Step("w000-0001", 0, Restart(WorkloadRef("shop", "Deployment", "web"), 2), "restart web")
    template = Step("w001-0002", 1, Restart(WorkloadRef("shop", "Deployment", "web"), 2, effect_only=True), "roll out")
    assert list(by_hand(Plan("", "", "", "", steps=(restart, template)))) == [restart]

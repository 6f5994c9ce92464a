"""What every world does with every kind of step: performed once, seen to be done, taken back, never over somebody else's."""

from pathlib import Path

import pytest
import yaml
from tests.support.labs import lab
from tests.support.runs import Crash, CrashingJournal, runner

from sidestep.actions.runs.events import Ending, StepDone
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.worlds.cluster.world import ClusterWorld
from sidestep.actions.worlds.effects import Stand, have_happen, standing
from sidestep.actions.worlds.interface import ConflictError, Version
from sidestep.actions.worlds.lab import LabWorld
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.errors import SidestepError
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.document import Plan, Wave
from sidestep.plan.steps import Apply, Delete, Patch, Probe, Restart, SetLabels, Step, Wait, WaitFor, reverse

OBJECTS = list(yaml.safe_load_all((Path(__file__).parents[2] / "docs" / "examples" / "lab.yaml").read_text()))
SPACE = ObjectId("v1", "Namespace", "", "shop")
WEB = ObjectId("apps/v1", "Deployment", "shop", "web")
POLICY = ObjectId("security.istio.io/v1", "AuthorizationPolicy", "shop", "web")
MODE = "istio.io/dataplane-mode"
MANIFEST = {
    "apiVersion": POLICY.api_version, "kind": POLICY.kind, "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"action": "ALLOW", "rules": [{"from": [{"source": {"namespaces": ["shop"]}}]}]},
}  # fmt: skip
OTHER = {**MANIFEST, "spec": {"action": "DENY", "rules": [{}]}}

EFFECTS = {
    "labels": SetLabels(SPACE, {MODE: "ambient"}, {MODE: None}),
    "template": SetLabels(WEB, {"tier": "front"}, {"tier": None}, template=True),
    "patch": Patch(WEB, {"spec": {"minReadySeconds": 1}}, {"spec": {"minReadySeconds": None}}),
    "apply": Apply(POLICY, MANIFEST),
    "restart": Restart(WorkloadRef("shop", "Deployment", "web"), 1),
}


real = (
    pytest.param("lab", marks=pytest.mark.real),
    pytest.param("cluster", marks=[pytest.mark.real, pytest.mark.xdist_group("kubernetes")]),
)


@pytest.fixture(scope="module", params=["memory", *real])
def world(request):
    match request.param:
        case "memory":
            yield MemoryWorld(OBJECTS)
        case "lab":
            with lab(*OBJECTS, node_count=1) as made:
                yield LabWorld("one", made.client)
        case "cluster":
            kubernetes = request.getfixturevalue("kubernetes")
            kubernetes.have(*OBJECTS)
            yield ClusterWorld(kubernetes.server(), "one", asker=lambda probe: probe.expect)


def done(world, effect, token="t"):
    have_happen(world, effect, token, "")
    return standing(world, effect, token).stand


@pytest.mark.parametrize("name", EFFECTS)
def test_a_step_is_performed_once_and_taken_back(world, name):
    effect, token = EFFECTS[name], name
    assert standing(world, effect, token).stand is Stand.BEFORE
    assert done(world, effect, token) is Stand.DONE
    version = standing(world, effect, token).found.version
    assert done(world, effect, token) is Stand.DONE
    if name not in {"template", "patch", "restart"}:  # a controller goes on to write its status
        assert standing(world, effect, token).found.version == version
    back = reverse(effect)
    assert done(world, back, f"{token}/back") is Stand.DONE
    if name != "restart":
        assert standing(world, effect, token).stand is Stand.BEFORE


def test_what_is_deleted_comes_back_whole(world):
    assert done(world, Apply(POLICY, MANIFEST)) is Stand.DONE
    gone = Delete(POLICY, MANIFEST)
    assert done(world, gone) is Stand.DONE
    assert world.read(POLICY).tree is None
    assert done(world, reverse(gone)) is Stand.DONE
    assert world.read(POLICY).tree["spec"] == MANIFEST["spec"]
    assert done(world, gone) is Stand.DONE


def test_what_somebody_else_made_of_it_is_told(world):
    theirs = world.read(SPACE)
    world.patch(SPACE, {"metadata": {"labels": {MODE: "theirs"}}}, theirs.version)
    stood = standing(world, EFFECTS["labels"], "t")
    assert (stood.stand, stood.why) == (Stand.OTHER, f"label {MODE} is 'theirs' and not absent")
    world.patch(SPACE, {"metadata": {"labels": {MODE: None}}}, world.read(SPACE).version)


def test_a_policy_of_somebody_else_is_not_taken_for_ours(world):
    world.apply(POLICY, OTHER, Version(""))
    assert standing(world, Apply(POLICY, MANIFEST), "t").stand is Stand.OTHER
    assert standing(world, Delete(POLICY, MANIFEST), "t").stand is Stand.OTHER
    assert standing(world, Apply(POLICY, MANIFEST, before=OTHER), "t").stand is Stand.BEFORE
    world.delete(POLICY, world.read(POLICY).version)


@pytest.mark.parametrize("write", ["patch", "apply", "delete"])
def test_a_write_by_an_old_version_is_refused(world, write):
    old = world.read(SPACE).version
    world.patch(SPACE, {"metadata": {"labels": {"touched": write}}}, old)
    given = {"patch": ({"metadata": {"labels": {"x": "y"}}}, old), "apply": ({}, old), "delete": (old,)}[write]
    with pytest.raises(ConflictError):
        getattr(world, write)(SPACE, *(dict(world.read(SPACE).tree) if each == {} else each for each in given))
    labels = world.read(SPACE).tree["metadata"]["labels"]
    assert (labels["touched"], labels.get("x")) == (write, None)


def test_what_is_not_there_cannot_be_changed(world):
    nobody = ObjectId("v1", "Namespace", "", "nobody")
    assert standing(world, SetLabels(nobody, {"a": "b"}, {"a": None}), "t").stand is Stand.OTHER
    assert standing(world, Delete(nobody, {}), "t").stand is Stand.DONE
    with pytest.raises(SidestepError):
        world.patch(nobody, {"metadata": {"labels": {"a": "b"}}}, Version(""))


def test_a_whole_wave_is_carried_out_and_taken_back(world):
    steps = [
        Step("w001-0001", 1, EFFECTS["apply"], "apply"),
        Step("w001-0002", 1, EFFECTS["template"], "label", after=("w001-0001",)),
        Step("w001-0003", 1, Restart(WorkloadRef("shop", "Deployment", "web"), 1, effect_only=True), "roll out",
             after=("w001-0002",)),
        Step("w001-0004", 1, Wait(WaitFor.ROLLED_OUT, "Deployment shop/web", 60), "wait", after=("w001-0003",)),
        Step("w001-0005", 1, Probe("shop/web", "orders.shop", 80, "GET", "/"), "ask", after=("w001-0004",)),
    ]  # fmt: skip
    way_back = ("w001-0002", "w001-0003", "w001-0001")
    plan = Plan("test", "1.29", "", "", waves=(Wave(1, "one", steps=tuple(s.id for s in steps), rollback=way_back),),
                steps=tuple(steps))  # fmt: skip
    before = world.read(WEB).tree["spec"]
    journal = MemoryJournal()
    ended = runner(plan, world, journal, real=True).run()
    assert ended.how is Ending.COMPLETED, ended.why
    assert sum(isinstance(each.event, StepDone) for each in journal.entries()) == len(steps)
    assert world.read(WEB).tree["spec"]["template"]["metadata"]["labels"]["tier"] == "front"
    assert runner(plan, world, journal, real=True).take_back(1, "enough").how is Ending.REVERSED
    assert world.read(WEB).tree["spec"]["template"]["metadata"]["labels"] == before["template"]["metadata"]["labels"]
    assert world.read(POLICY).tree is None


QUICK = (
    Step("w001-0001", 1, EFFECTS["apply"], "apply"),
    Step("w001-0002", 1, EFFECTS["labels"], "label", after=("w001-0001",)),
    Step("w001-0003", 1, Patch(POLICY, {"spec": {"action": "DENY"}}, {"spec": {"action": "ALLOW"}}), "deny",
         after=("w001-0002",)),
    Step("w001-0004", 1, Delete(POLICY, {**MANIFEST, "spec": {**MANIFEST["spec"], "action": "DENY"}}), "delete",
         after=("w001-0003",)),
)  # fmt: skip
LINES = 2 * len(QUICK) + 2


@pytest.mark.parametrize("after", [False, True], ids=["before-the-line", "after-the-line"])
def test_ended_at_every_line_it_goes_on_to_the_same_end_and_back(world, after):
    names = tuple(step.id for step in QUICK)
    plan = Plan("test", "1.29", "", "", waves=(Wave(1, "one", names, rollback=names[::-1]),), steps=QUICK)
    labels = labels_of(world)
    for line in range(LINES):
        kept = MemoryJournal()
        with pytest.raises(Crash):
            runner(plan, world, CrashingJournal(kept, line, after=after), real=True).run()
        assert runner(plan, world, kept, real=True).run().how is Ending.COMPLETED
        assert labels_of(world) == {**labels, MODE: "ambient"}
        assert world.read(POLICY).tree is None
        assert runner(plan, world, kept, real=True).take_back(1, "enough").how is Ending.REVERSED
        assert labels_of(world) == labels
        assert world.read(POLICY).tree is None


def labels_of(world):
    return world.read(SPACE).tree["metadata"].get("labels", {})

"""A plan is carried out in a cluster in which things go wrong: it stops or goes back, and says where and why."""

import threading
from itertools import count

import pytest
from tests.support.clusters import denying_webhook, until
from tests.support.runs import events, runner
from tests.support.servers import EXPIRED

from sidestep.actions.runs.events import Ending, StepDone, StepFailed
from sidestep.actions.runs.in_cluster.records import ClusterRecords
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.runs.performing import Patience
from sidestep.actions.worlds.cluster.world import ClusterWorld
from sidestep.actions.worlds.effects import Stand, have_happen, standing
from sidestep.actions.worlds.interface import ConflictError, Version
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.document import Plan, Wave
from sidestep.plan.steps import Apply, Patch, Probe, Restart, SetLabels, Step, Wait, WaitFor

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kubernetes")]
SPACES = (f"trouble-{number}" for number in count())
MODE, NEVER = "istio.io/dataplane-mode", "test.sidestep.dev/never"


@pytest.fixture
def space(kubernetes):
    name = next(SPACES)
    kubernetes.have({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, deployment(name))
    return name


@pytest.fixture
def world(kubernetes):
    return ClusterWorld(kubernetes.server(), "one")


def deployment(space, name="web", **spec):
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": name, "image": "registry.example.com/x"}]},
    }
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": space},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, **spec},
    }  # fmt: skip


def web(space):
    return ObjectId("apps/v1", "Deployment", space, "web")


def moving(space, change=None, seconds=60):
    """A wave that takes a workload off its sidecar."""
    change = change or SetLabels(web(space), {MODE: "ambient"}, {MODE: None}, template=True)
    workload = WorkloadRef(space, "Deployment", "web")
    steps = (
        Step("w001-0001", 1, change, "change"),
        Step("w001-0002", 1, Restart(workload, 2, effect_only=True), "roll out", after=("w001-0001",)),
        Step("w001-0003", 1, Wait(WaitFor.CAPTURED, str(workload), seconds), "wait", after=("w001-0002",)),
    )
    back = ("w001-0001", "w001-0002", "w001-0003")
    return Plan("test", "1.29", "", "", waves=(Wave(1, "one", tuple(s.id for s in steps), rollback=back),), steps=steps)


def template_labels(world, space):
    return world.read(web(space)).tree["spec"]["template"]["metadata"]["labels"]


def failure(journal):
    (failed,) = events(journal, StepFailed)
    return failed.step, failed.why


def test_a_workload_moves_and_comes_back(world, space):
    journal = MemoryJournal()
    ended = runner(moving(space), world, journal, real=True).run()
    assert ended.how is Ending.COMPLETED, ended.why
    assert runner(moving(space), world, journal, real=True).take_back(1, "enough").how is Ending.REVERSED
    assert template_labels(world, space) == {"app": "web"}


def test_fields_of_others_are_never_taken(kubernetes, world, space):
    gateway = ObjectId("gateway.networking.k8s.io/v1", "Gateway", space, "waypoint")
    theirs = {
        "apiVersion": gateway.api_version, "kind": "Gateway", "metadata": {"name": "waypoint", "namespace": space},
        "spec": {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]},
    }  # fmt: skip
    kubernetes.have(theirs)
    ours = {**theirs, "spec": {**theirs["spec"], "gatewayClassName": "another"}}
    with pytest.raises(ConflictError, match=r"\.spec\.gatewayClassName belongs to Python-urllib"):
        world.apply(gateway, ours, world.read(gateway).version)
    assert world.read(gateway).tree["spec"]["gatewayClassName"] == "istio-waypoint"
    with pytest.raises(ConflictError):
        world.apply(gateway, theirs, Version(""))  # it was not to be there


def test_a_field_that_our_own_patch_set_is_ours(world, space):
    policy = ObjectId("security.istio.io/v1", "AuthorizationPolicy", space, "web")
    manifest = {
        "apiVersion": policy.api_version, "kind": policy.kind, "metadata": {"name": "web", "namespace": space},
        "spec": {"action": "ALLOW", "rules": [{}]},
    }  # fmt: skip
    have_happen(world, Apply(policy, manifest), "t", "")
    have_happen(world, Patch(policy, {"spec": {"action": "DENY"}}, {"spec": {"action": "ALLOW"}}), "t", "")
    denied = {**manifest, "spec": {"action": "DENY", "rules": [{}]}}
    have_happen(world, Apply(policy, manifest, before=denied), "t", "")
    assert world.read(policy).tree["spec"]["action"] == "ALLOW"


def test_an_object_on_its_way_out_is_no_object_to_change(kubernetes, world, space):
    kept = {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "kept", "namespace": space, "finalizers": ["test.sidestep.dev/kept"]}}  # fmt: skip
    kubernetes.have(kept)
    named = ObjectId("v1", "ConfigMap", space, "kept")
    world.delete(named, world.read(named).version)
    stood = standing(world, SetLabels(named, {"a": "b"}, {"a": None}), "t")
    assert (stood.stand, stood.why) == (Stand.OTHER, "it is being deleted")
    world.patch(named, {"metadata": {"finalizers": None}}, stood.found.version)


def test_a_rehearsed_write_changes_nothing(kubernetes, world, space):
    trying = ClusterWorld(kubernetes.server(), "one", dry_run=True)
    until(lambda: not world.rolled_out(WorkloadRef(space, "Deployment", "web")))
    made = trying.patched(web(space), {"spec": {"minReadySeconds": 3}}, world.read(web(space)).version)
    assert made["spec"]["minReadySeconds"] == 3
    trying.delete(web(space), world.read(web(space)).version)
    assert world.read(web(space)).tree["spec"].get("minReadySeconds") is None


def test_the_server_is_gone_for_a_while_in_the_middle_of_a_wave(kubernetes, space):
    """It, the journal, and the Lease."""
    patience = Patience(poll=0.05, transport=120)
    records = ClusterRecords(kubernetes.server(), space, lambda: "", patience=patience)
    records.begin("r1", b"{}")
    begun, ended = threading.Event(), []

    def carry_out():
        with records.hold("r1", "us") as may_write:
            world, journal = ClusterWorld(kubernetes.server(), "one", may_write=may_write), records.journal("r1")
            plan, heard = moving(space, seconds=120), lambda event: begun.set() if isinstance(event, StepDone) else None
            ended.append(runner(plan, world, journal, real=True, heard=heard, patience=patience).run())

    running = threading.Thread(target=carry_out)
    running.start()
    assert begun.wait(30)
    kubernetes.process.stop()
    before = len(kubernetes.asks)
    until(lambda: len(kubernetes.asks) > before + 3)
    assert running.is_alive()
    kubernetes.process.start()
    running.join(120)
    assert [each.how for each in ended] == [Ending.COMPLETED]
    assert records.journal("r1").entries()[-1].event == ended[0]
    assert records.holder() is None


def test_what_a_webhook_refuses_is_told_in_its_words(kubernetes, world, space):
    journal = MemoryJournal()
    with denying_webhook(kubernetes.api, space, "no ambient before Friday"):
        ended = runner(moving(space), world, journal, real=True).run()
    step, why = failure(journal)
    assert step == "w001-0001"
    assert "no ambient before Friday" in why
    assert ended.how is Ending.REVERSED
    assert template_labels(world, space) == {"app": "web"}


def test_a_quota_that_leaves_no_room_for_new_pods_is_named(kubernetes, world, space):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few", "namespace": space},
             "spec": {"hard": {"pods": "2"}}}  # fmt: skip
    until(lambda: not world.rolled_out(WorkloadRef(space, "Deployment", "web")))
    kubernetes.have(quota)
    used = f"/api/v1/namespaces/{space}/resourcequotas/few"
    until(lambda: kubernetes.api.send("GET", used).get("status", {}).get("used", {}).get("pods") == "2")
    journal = MemoryJournal()
    ended = runner(moving(space), world, journal, real=True, patience=Patience(poll=0.05, rollout=4)).run()
    step, why = failure(journal)
    assert step == "w001-0002"
    assert "exceeded quota: few" in why
    assert ended.how is Ending.REVERSED, ended.why


NOWHERE = {"spec": {"template": {"spec": {"nodeSelector": {"no": "such"}}}}}
ANYWHERE = {"spec": {"template": {"spec": {"nodeSelector": None}}}}


@pytest.mark.parametrize(
    "change",
    [
        lambda named: SetLabels(named, {NEVER: "ready"}, {NEVER: None}, template=True),
        lambda named: Patch(named, NOWHERE, ANYWHERE),
    ],
    ids=["never ready", "no node"],
)
def test_pods_that_do_not_come_up_are_taken_back(world, space, change):
    until(lambda: not world.rolled_out(WorkloadRef(space, "Deployment", "web")))
    before = world.read(web(space)).tree["spec"]
    journal, plan = MemoryJournal(), moving(space, change(web(space)))
    ended = runner(plan, world, journal, real=True, patience=Patience(poll=0.05, rollout=3)).run()
    step, why = failure(journal)
    assert step == "w001-0002"
    assert "after 3 s still: " in why
    assert ended.how is Ending.REVERSED, ended.why
    assert world.read(web(space)).tree["spec"] == before


def test_somebody_who_takes_our_label_away_is_not_fought(world, space):
    journal = MemoryJournal()

    def undone(event):
        if isinstance(event, StepDone) and event.step == "w001-0001":
            have_happen(world, SetLabels(web(space), {MODE: None}, {MODE: "ambient"}, template=True), "them", "")

    ended = runner(moving(space), world, journal, real=True, heard=undone).run()
    step, why = failure(journal)
    assert step in {"w001-0002", "w001-0003"}
    assert "somebody else has changed it meanwhile: label istio.io/dataplane-mode is absent" in why
    assert ended.how is Ending.REVERSED, ended.why


def test_somebody_who_sets_our_label_otherwise_stops_the_run_where_it_is(world, space):
    journal = MemoryJournal()

    def changed(event):
        if isinstance(event, StepDone) and event.step == "w001-0001":
            have_happen(world, SetLabels(web(space), {MODE: "none"}, {MODE: "ambient"}, template=True), "them", "")

    ended = runner(moving(space, seconds=3), world, journal, real=True, heard=changed).run()
    assert ended.how is Ending.STOPPED
    assert "somebody else has changed it: label istio.io/dataplane-mode is 'none' and not 'ambient'" in ended.why
    assert template_labels(world, space)[MODE] == "none"


def test_credentials_that_have_run_out_are_told(kubernetes, space):
    expired = kubernetes.api.kubeconfig("expired", kubernetes.api.certificate_user("x", "system:masters", EXPIRED))
    with pytest.raises(WorldError, match="does not take the credentials any more"):
        ClusterWorld(kubernetes.server(expired), "one").read(web(space))


def test_a_kind_that_is_not_served_is_named(world, space):
    with pytest.raises(WorldError, match="the cluster serves no Nonsense of example"):
        world.read(ObjectId("example.com/v1", "Nonsense", space, "x"))


def test_what_nobody_can_answer_is_no_answer(world):
    answer = world.answer(Probe("shop/web", "orders.shop", 80, "GET", "/"))
    assert answer not in {"allow", "deny"}
    assert "cannot be told" in answer


def test_a_rollout_of_argo_is_restarted_as_its_controller_expects(kubernetes, world, space):
    named = ObjectId("argoproj.io/v1alpha1", "Rollout", space, "cart")
    tree = {**deployment(space, "cart"), "apiVersion": named.api_version, "kind": "Rollout"}
    kubernetes.have(tree)
    workload = WorkloadRef(space, "Rollout", "cart")
    have_happen(world, Restart(workload, 2), "r1/s1", "")
    stood = world.read(named).tree
    assert stood["spec"]["template"] == tree["spec"]["template"]
    assert world.rolled_out(workload) == "its pods are being restarted"
    new = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "restartedAt": stood["spec"]["restartAt"]}
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{space}/rollouts/cart"
    kubernetes.api.send("PUT", f"{path}/status", {**stood, "status": new})  # as Argo's own controller does
    assert world.rolled_out(workload) == ""

"""Controllers: rolling updates keep within their bounds, names are stable, what is owned goes with its owner."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidestep.lab.cluster.control_loop import ControlLoop
from sidestep.lab.cluster.objects import Ref, Store, ref_of
from sidestep.lab.cluster.pods import is_leaving, is_ready
from sidestep.lab.cluster.schedule import Load, schedule
from sidestep.semantics.loose import labels_of


class World:
    """A store with its controllers; `step` does what a node would do with one pod."""

    def __init__(self):
        ticks = itertools.count()
        self.now = lambda: f"2026-01-01T00:00:{next(ticks):06d}Z"
        self.store = Store(self.now)
        self.loop = ControlLoop(self.store, self.now)

    def put(self, tree):
        self.store.put(tree)
        self.loop.settle()

    def pods(self):
        return list(self.store.of("pods"))

    def ready(self):
        return [each for each in self.pods() if is_ready(each)]

    def become_ready(self, pod):
        def mark(tree):
            tree["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}

        self.store.edit(ref_of(pod), mark)
        self.loop.settle()

    def end(self, pod):
        self.store.remove(ref_of(pod))
        self.loop.settle()

    def quiet(self, observe=lambda: None, limit=500):
        for _ in range(limit):
            observe()
            todo = [each for each in self.pods() if is_leaving(each) or not is_ready(each)]
            if not todo:
                return
            (self.end if is_leaving(todo[0]) else self.become_ready)(todo[0])
        raise AssertionError("the controllers never came to rest")


def controller(kind, name="web", version="v1", **spec):
    template = {"metadata": {"labels": {"app": name, "version": version}}, "spec": {"containers": [{"name": "c"}]}}
    group = "batch/v1" if kind == "Job" else "apps/v1"
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"template": template, **spec},
    }


@pytest.fixture
def world():
    return World()


def versions(pods):
    return sorted(labels_of(each)["version"] for each in pods)


@given(replicas=st.integers(1, 7), surge=st.integers(0, 3), missing=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_rolling_update_keeps_within_surge_and_availability(replicas, surge, missing):
    world = World()
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": missing}}
    world.put(controller("Deployment", replicas=replicas, strategy=rolling))
    world.quiet()
    assert len(world.ready()) == replicas
    allowed = missing if surge or missing else 1

    def observe():
        alive = [each for each in world.pods() if not is_leaving(each)]
        assert len(alive) <= replicas + surge
        assert len(world.ready()) >= replicas - allowed

    world.put(controller("Deployment", version="v2", replicas=replicas, strategy=rolling))
    world.quiet(observe)
    assert versions(world.pods()) == ["v2"] * replicas
    assert len(list(world.store.of("replicasets.apps"))) == 1


def test_recreate_ends_all_before_it_makes_any(world):
    world.put(controller("Deployment", replicas=3, strategy={"type": "Recreate"}))
    world.quiet()
    world.put(controller("Deployment", version="v2", replicas=3, strategy={"type": "Recreate"}))
    mixed = []
    world.quiet(lambda: mixed.append(set(versions(world.pods()))))
    assert {"v1", "v2"} not in mixed
    assert versions(world.pods()) == ["v2"] * 3


def test_scaling_down_ends_those_that_serve_least(world):
    world.put(controller("Deployment", replicas=3))
    first, *others = world.pods()
    for each in others:
        world.become_ready(each)
    world.put(controller("Deployment", replicas=2))
    assert [each["metadata"]["name"] for each in world.pods() if is_leaving(each)] == [first["metadata"]["name"]]


def test_nothing_rolls_while_a_deployment_is_paused(world):
    world.put(controller("Deployment", replicas=2))
    world.quiet()
    world.put(controller("Deployment", version="v2", replicas=2, paused=True))
    world.quiet()
    assert versions(world.pods()) == ["v1", "v1"]


def test_a_stateful_sets_pods_come_in_order_and_keep_their_names(world):
    world.put(controller("StatefulSet", name="db", replicas=3, serviceName="db"))
    seen = []
    world.quiet(lambda: seen.append(len(world.pods())))
    assert [each["metadata"]["name"] for each in world.pods()] == ["db-0", "db-1", "db-2"]
    assert seen[:3] == [1, 2, 3]
    assert world.pods()[0]["spec"]["subdomain"] == "db"
    world.put(controller("StatefulSet", name="db", version="v2", replicas=3, serviceName="db"))
    leaving = []
    world.quiet(lambda: leaving.append([e["metadata"]["name"] for e in world.pods() if is_leaving(e)]))
    assert [each[0] for each in leaving if each] == ["db-2", "db-1", "db-0"]
    assert versions(world.pods()) == ["v2"] * 3


def test_a_daemon_set_has_one_pod_on_each_node_and_follows_nodes(world):
    for name in ("a", "b"):
        world.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    world.put(controller("DaemonSet", name="agent"))
    assert sorted(each["spec"]["nodeName"] for each in world.pods()) == ["a", "b"]
    world.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "c"}})
    assert sorted(each["spec"]["nodeName"] for each in world.pods()) == ["a", "b", "c"]


def test_a_job_is_done_after_its_completions_and_makes_no_more(world):
    world.put(controller("Job", name="once", completions=2, parallelism=1))
    for _ in range(2):
        (active,) = [each for each in world.pods() if not each.get("status")]
        world.store.edit(ref_of(active), lambda tree: tree.update(status={"phase": "Succeeded"}))
        world.loop.settle()
    (done,) = world.store.of("jobs.batch")
    assert done["status"]["conditions"][0]["type"] == "Complete"
    assert len(world.pods()) == 2


def test_a_job_gives_up_after_its_limit(world):
    world.put(controller("Job", name="never", backoffLimit=1))
    for _ in range(5):
        for each in world.pods():
            if not each.get("status"):
                world.store.edit(ref_of(each), lambda tree: tree.update(status={"phase": "Failed"}))
        world.loop.settle()
    assert len(world.pods()) == 2
    assert next(world.store.of("jobs.batch"))["status"]["conditions"][0]["type"] == "Failed"


def test_what_is_owned_goes_with_its_owner(world):
    world.put(controller("Deployment", replicas=2))
    world.quiet()
    world.store.remove(Ref("deployments.apps", "shop", "web"))
    world.loop.settle()
    assert all(is_leaving(each) for each in world.pods())
    assert not list(world.store.of("replicasets.apps"))
    world.quiet()
    assert world.pods() == []


def test_siblings_are_spread_before_nodes_are_filled():
    nodes = [{"metadata": {"name": name}} for name in ("a", "b")]
    loads = {"a": Load(), "b": Load(pods=5)}
    pod = {
        "metadata": {"namespace": "shop", "ownerReferences": [{"kind": "ReplicaSet", "name": "x", "controller": True}]}
    }
    assert schedule(pod, nodes, loads) == "a"
    loads["a"].add(pod)
    assert schedule(pod, nodes, loads) == "b"


def test_a_selector_that_no_node_has_leaves_a_pod_without_node():
    nodes = [{"metadata": {"name": "a", "labels": {"disk": "hdd"}}}]
    assert schedule({"metadata": {}, "spec": {"nodeSelector": {"disk": "ssd"}}}, nodes, {"a": Load()}) is None

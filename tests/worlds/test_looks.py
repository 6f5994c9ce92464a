"""Which pods are a workload's, and what is missing of them."""

import pytest

from sidestep.actions.worlds import looks


def pod(name, annotations=None, containers=("app",), phase="Running", **labels):
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": labels, "annotations": annotations or {}},
        "spec": {"containers": [{"name": each} for each in containers]}, "status": {"phase": phase},
    }  # fmt: skip


def controller(selector):
    return {"metadata": {"namespace": "shop"}, "spec": {"selector": selector} if selector is not None else {}}


PODS = [pod("a", app="web", tier="1"), pod("b", app="web"), pod("c", app="db")]


@pytest.mark.parametrize(
    ("selector", "names", "query"),
    [
        ({"matchLabels": {"app": "web"}}, "ab", "app=web"),
        ({"app": "web"}, "ab", "app=web"),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "x"]}]}, "c", "app in (db,x)"),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}, "ab", "app notin (db)"),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, "a", "tier"),
        (
            {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
            "b",
            "app=web,!tier",
        ),
        (None, "", ""),
        ({}, "", ""),
    ],
)
def test_pods_are_chosen_as_a_server_would(selector, names, query):
    owner = controller(selector)
    assert "".join(each["metadata"]["name"] for each in looks.selected(PODS, owner)) == names
    assert looks.selector(owner).query() == query


def test_a_pod_that_is_not_redirected_is_named():
    captured = {"ambient.istio.io/redirection": "enabled"}
    assert looks.capture_misses([pod("a", captured), pod("b", phase="Succeeded")]) == ""
    assert looks.capture_misses([pod("a", captured), pod("b")]) == "1 pods are not captured, shop/b among them"


def test_a_pod_with_a_sidecar_is_named():
    assert looks.leaving_misses([pod("a")]) == ""
    ending = {**pod("b"), "metadata": {**pod("b")["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert looks.leaving_misses([pod("a"), ending]) == "1 old pods have not ended yet, shop/b among them"
    assert looks.sidecar_misses([pod("a")]) == ""
    assert looks.sidecar_misses([pod("a", containers=("app", "istio-proxy"))]) != ""


def waits(reason, message=None, **more):
    waiting = {"reason": reason, **({"message": message} if message else {})}
    return {"containerStatuses": [{"name": "app", "state": {"waiting": waiting}}], **more}


UNSCHEDULED = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available: 2 Insufficient cpu."}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"conditions": [UNSCHEDULED]}, "shop/a: 0/2 nodes are available: 2 Insufficient cpu."),
        (
            waits("ImagePullBackOff", "no such image"),
            "shop/a: container app does not start, ImagePullBackOff: no such image",
        ),
        (waits("CrashLoopBackOff"), "shop/a: container app does not start, CrashLoopBackOff"),
        (waits("ContainerCreating"), ""),
        (waits("CrashLoopBackOff", phase="Failed"), ""),
        ({"conditions": [{**UNSCHEDULED, "status": "True"}]}, ""),
        ({}, ""),
    ],
)
def test_why_a_pod_does_not_come_up_is_said_in_the_words_of_who_knows(status, said):
    assert looks.complaint([pod("fine"), {**pod("a"), "status": status}]) == said


def test_the_workload_of_a_pod_is_above_its_replica_set():
    owner = {"kind": "ReplicaSet", "name": "web-5f7c", "controller": True}
    made = pod("web-5f7c-x2", **{"pod-template-hash": "5f7c"})
    made["metadata"]["ownerReferences"] = [owner]
    assert looks.workload_name(made) == "web"
    assert looks.workload_name(pod("alone")) == "alone"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("shop/waypoint", ("", "shop", "waypoint")),
        ("Service shop/orders", ("Service", "shop", "orders")),
        ("Namespace shop", ("Namespace", "", "shop")),
    ],
)
def test_what_is_waited_for_is_read_from_its_words(text, parts):
    assert looks.subject(text) == parts

"""Pods as workloads, and workloads as ends of paths: grouped, counted, in an order that is theirs."""

import copy

import pytest
from tests.support.install import istiod
from tests.support.mesh import app, labelled, mesh, o
from tests.support.scenes import pods

from sidestep.model.mesh import SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.instances import Instances, Mode, instances_of
from sidestep.semantics.inventory import inventory
from sidestep.semantics.proxies import SidecarMode

CART = WorkloadRef("shop", "Deployment", "cart")


def half_moved(*, new: int, old: int):
    moved = [each for each in pods("cart", "ambient", count=new, ip="10.1.9.9") if each["kind"] == "Pod"]
    for each in moved:
        each["metadata"]["name"] += "-new"
    return [*pods("cart", count=old), *moved]


def groups(*objects) -> tuple[Instances, ...]:
    (workload,) = inventory(mesh(*objects)).workloads
    return tuple(instances_of(workload))


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("sidecar", Mode.SIDECAR),
        ("native", Mode.SIDECAR),
        ("old", Mode.SIDECAR),
        ("ambient", Mode.AMBIENT),
        ("none", Mode.NONE),
        ("gateway", Mode.GATEWAY),
    ],
)
def test_modes(mode, found):
    (group,) = groups(*pods("cart", mode, count=2))
    assert group.mode is found
    assert group.hbone is (mode in {"sidecar", "native"})
    assert group.count == 2


@pytest.mark.parametrize(("new", "old", "first"), [(1, 2, Mode.SIDECAR), (2, 1, Mode.AMBIENT), (1, 1, Mode.SIDECAR)])
def test_groups_of_one_workload_are_ordered_by_size_and_name(new, old, first):
    """Equal ones stood as they were read, so that equal input gave other answers."""
    objects = half_moved(new=new, old=old)
    found = groups(*objects)
    assert [each.place for each in found] == [0, 1]
    assert found[0].mode is first
    assert [each.mode for each in groups(*reversed(objects))] == [each.mode for each in found]
    assert [each.addresses for each in groups(*reversed(objects))] == [each.addresses for each in found]


def test_one_address_decides_only_where_there_is_one_pod():
    assert groups(*pods("cart", ip="10.1.1.1"))[0].address == "10.1.1.1"
    assert groups(*pods("cart", count=2))[0].address == ""


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_pods_that_have_ended_are_none(phase):
    ended = copy.deepcopy(pods("cart"))
    for each in ended:
        if each["kind"] == "Pod":
            each["status"]["phase"] = phase
    assert groups(*ended) == ()


def test_a_pod_of_nobody_is_its_own_workload():
    bare = [each for each in pods("cart") if each["kind"] == "Pod"]
    bare[0]["metadata"]["ownerReferences"] = []
    (workload,) = inventory(mesh(*bare)).workloads
    assert workload.ref.kind == "Pod"


def test_only_some_namespaces():
    found = inventory(mesh(*pods("cart"), *pods("stock", space="back")), ("back",))
    assert [workload.ref.namespace for workload in found.workloads] == ["back"]


@pytest.mark.parametrize(
    ("annotation", "port", "excluded"),
    [
        ({"excludeInboundPorts": "8080, 9090"}, 9090, True), ({"excludeInboundPorts": "8080"}, 80, False), ({"includeInboundPorts": "8080"}, 9090, True), ({"includeInboundPorts": "8080"}, 8080, False),
        ({"includeInboundPorts": "*"}, 8080, False), ({"includeInboundPorts": ""}, 8080, True), ({"excludeInboundPorts": "²,x,,8080"}, 8080, True), ({"excludeOutboundPorts": "8080"}, 8080, False),
    ],
)  # fmt: skip
def test_ports_that_a_sidecar_leaves_alone(annotation, port, excluded):
    annotations = {f"traffic.sidecar.istio.io/{key}": value for key, value in annotation.items()}
    assert groups(*pods("cart", annotations=annotations))[0].excluded("Inbound", port) is excluded


def test_named_ports():
    assert groups(*pods("cart", "none", ports=(8080, 9090)))[0].container_ports == {"p8080": 8080, "p9090": 9090}


def test_a_declared_workload_has_no_addresses():
    declared = [each for each in pods("cart", "none") if each["kind"] == "Deployment"]
    found = inventory(mesh(*declared, o.namespace("shop")))
    assert found.workloads[0].ref == CART
    assert not found.workloads[0].sidecars


@pytest.mark.parametrize(
    ("image", "env", "annotation", "native"),
    [
        ("docker.io/istio/pilot:1.26.0", {}, "", False), ("docker.io/istio/pilot:1.27.0", {}, "", True),
        ("docker.io/istio/pilot:1.29.0", {"ENABLE_NATIVE_SIDECARS": "false"}, "", False),
        ("docker.io/istio/pilot:1.26.0", {}, "true", True), ("docker.io/istio/pilot:1.29.0", {}, "false", False),
    ],
)  # fmt: skip
def test_a_sidecar_that_will_be_injected_is_native_as_istiod_makes_it(image, env, annotation, native):
    told = app("cart")
    if annotation:
        told["metadata"].setdefault("annotations", {})["sidecar.istio.io/nativeSidecar"] = annotation
    space, cart = labelled("shop", {"istio-injection": "enabled"}), o.controller("Deployment", "cart", "shop", told, 1)
    made = mesh(istiod(image=image, env=env), space, cart, kind=SourceKind.FILES)
    (found,) = (each for each in inventory(made).workloads if each.ref == CART)
    assert (found.groups[0].recognition.sidecar is SidecarMode.NATIVE) is native


def test_a_bare_pod_in_a_manifest_gets_its_sidecar_when_it_is_made():
    manifest = o.thing("v1", "Pod", o.meta("bare", "shop"), spec={"containers": [{"name": "app", "image": "a:1"}]})
    space = labelled("shop", {"istio-injection": "enabled"})
    (found,) = inventory(mesh(space, manifest, kind=SourceKind.FILES)).workloads
    (group,) = found.groups
    assert (group.predicted, group.count, group.pods) == (True, 1, ())
    assert group.recognition.sidecar
    hook = {**manifest, "metadata": {**manifest["metadata"], "annotations": {"helm.sh/hook": "test"}}}
    (found,) = inventory(mesh(space, hook, kind=SourceKind.FILES)).workloads
    assert not found.groups[0].recognition.sidecar
    running = {**manifest, "status": {"phase": "Running"}}
    (found,) = inventory(mesh(space, running, kind=SourceKind.FILES)).workloads
    assert not found.groups[0].recognition.sidecar

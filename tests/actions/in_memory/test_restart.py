"""What pods are after they were made anew: with the sidecar that injection would give now, or without."""

import pytest
from tests.support.mesh import REQUESTS, Sidecar, annotations_on, app, gateway, inject, labelled, mesh, o, pod, workload
from tests.support.plan_steps import (
    AMBIENT,
    CART,
    INJECT,
    INJECTION,
    LEAVES,
    MODE,
    PAY,
    PLAIN,
    REDIRECTION,
    SHOP,
    controller,
    labels,
    mode,
    moved,
    plan,
    running,
    shop,
)  # fmt: skip

from sidestep.actions.memory import apply, problems
from sidestep.model.mesh import SourceKind
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Patch, Restart
from sidestep.semantics.proxies import STATUS, TUNNEL, recognise

STOP = labels(SHOP, {INJECTION: None}, {INJECTION: "enabled"})
ISTIOD = {
    "metadata": {"labels": {"app": "istiod"}},
    "spec": {"containers": [{"name": "discovery", "env": [{"name": "PILOT_ENABLE_AMBIENT", "value": "true"}]}]},
}
MESH_HBONE = o.thing(
    "v1", "ConfigMap", o.meta("istio", "istio-system"),
    data={"mesh": "defaultConfig:\n  proxyMetadata:\n    ISTIO_META_ENABLE_HBONE: 'true'\n"},
)  # fmt: skip


def pods(found, name="cart"):
    return [each for each in found.pods if each.name.startswith(f"{name}-")]


def sidecar(found, name="cart"):
    (recognition,) = {id(each.shape): recognise(each.shape) for each in pods(found, name)}.values()
    return recognition


def test_a_sidecar_stays_until_its_pod_is_made_anew():
    change, restart = moved(CART)
    labelled_only = apply(plan(change), shop())
    assert mode(labelled_only, CART) == [("native sidecar with HBONE", 2)]
    assert mode(apply(plan(restart), labelled_only), CART) == [("ambient", 2)]


def test_the_new_pod_is_the_template_with_what_its_controller_adds():
    template = app("cart")
    hashed = inject(
        {**template, "metadata": {"labels": {"app": "cart", "pod-template-hash": "abc"}}}, Sidecar(revision="default")
    )
    before = mesh(labelled("shop", {}), *o.control_plane(), *running(workload(hashed, declared=template)))
    after = apply(plan(*moved(CART)), before)
    for old, new in zip(pods(before), pods(after), strict=True):
        assert (new.name, new.node, new.status.pod_ip) == (old.name, old.node, old.status.pod_ip)
        assert new.shape.labels == {"app": "cart", "pod-template-hash": "abc", **LEAVES}
        assert new.shape.annotations == {REDIRECTION: "enabled"}
        assert [each.name for each in new.shape.spec.all_containers] == ["app"]
        assert new.shape.owners == old.shape.owners
        assert (new.status.ready, new.status.start_time, new.created) == (True, None, None)
    assert len({id(each.shape) for each in pods(after)}) == 1


def test_without_injection_and_without_ambient_it_has_neither():
    assert mode(apply(plan(STOP, Restart(CART, 2)), shop()), CART) == [("no mesh", 2)]


def test_the_namespace_enrols_new_pods_too():
    after = apply(plan(STOP, labels(SHOP, AMBIENT), Restart(CART, 2)), shop())
    assert mode(after, CART) == [("ambient", 2)]
    assert mode(after, PAY) == [("native sidecar with HBONE", 3)]


def test_injection_wins_over_enrolment():
    after = apply(plan(labels(SHOP, AMBIENT), Restart(CART, 2)), shop())
    assert mode(after, CART) == [("native sidecar with HBONE", 2)]
    assert REDIRECTION not in pods(after)[0].shape.annotations


def test_a_sidecar_that_comes_back_is_like_the_one_that_was():
    before = shop()
    after = apply(plan(STOP, Restart(CART, 2), labels(SHOP, {INJECTION: "enabled"}), Restart(CART, 2)), before)
    old, new = sidecar(before), sidecar(after)
    assert new == old
    assert pods(after)[0].shape.labels == pods(before)[0].shape.labels
    assert pods(after)[0].shape.spec == pods(before)[0].shape.spec


@pytest.mark.parametrize("native", [True, False])
def test_another_workload_gets_a_sidecar_like_those_beside_it(native):
    before = shop(sidecar=Sidecar(native=native, revision="default", hbone=False))
    effects = labels(controller(PLAIN), {INJECT: "true"}, {INJECT: "false"}, template=True), Restart(PLAIN, 1)
    after = apply(plan(*effects), before)
    told = "native sidecar" if native else "sidecar"
    assert mode(after, PLAIN) == [(told, 1)]
    found = sidecar(after, "plain")
    assert found.proxy.image == sidecar(before).proxy.image
    assert (found.revision, found.captures) == ("default", True)
    assert STATUS in pods(after, "plain")[0].shape.annotations


def test_a_mesh_without_any_sidecar_gets_those_of_the_charts():
    before = mesh(labelled("shop", {}), *o.control_plane(), *workload(app("cart")))
    after = apply(plan(labels(SHOP, {INJECTION: "enabled"}), Restart(CART, 2)), before)
    found = sidecar(after)
    assert mode(after, CART) == [("sidecar", 2)]
    assert (found.proxy.requests.cpu_millis, found.proxy.requests.memory_bytes) == (100, 128 * 2**20)


@pytest.mark.parametrize(
    "told", [o.controller("Deployment", "istiod", "istio-system", ISTIOD, 1), MESH_HBONE], ids=["istiod", "mesh"]
)
def test_new_sidecars_take_hbone_once_the_control_plane_is_ambient(told):
    before = shop(told, sidecar=Sidecar(revision="default", hbone=False))
    assert mode(before, CART) == [("native sidecar", 2)]
    after = apply(plan(Restart(CART, 2)), before)
    assert mode(after, CART) == [("native sidecar with HBONE", 2)]
    assert pods(after)[0].shape.labels[TUNNEL] == "http"
    assert mode(after, PAY) == [("native sidecar", 3)]


def test_the_control_plane_is_asked_as_it_is_at_that_step():
    istiod = ObjectId("apps/v1", "Deployment", "istio-system", "istiod")
    off = {**ISTIOD, "spec": {"containers": [{"name": "discovery", "env": []}]}}
    before = shop(
        o.controller("Deployment", "istiod", "istio-system", off, 1), sidecar=Sidecar(revision="default", hbone=False)
    )
    switch = Patch(istiod, {"spec": {"template": ISTIOD}}, {"spec": {"template": off}})
    after = apply(plan(Restart(PAY, 3), switch, Restart(CART, 2)), before)
    assert mode(after, PAY) == [("native sidecar", 3)]
    assert mode(after, CART) == [("native sidecar with HBONE", 2)]


def test_annotations_of_the_template_size_the_new_sidecar():
    sized = annotations_on(
        app("cart"), {"sidecar.istio.io/proxyCPU": "250m", "sidecar.istio.io/proxyMemoryLimit": "64Mi"}
    )
    small = {"requests": {"cpu": "10m", "memory": "10Mi"}}
    objects = workload(inject(app("cart"), Sidecar(revision="default", resources=small)), declared=sized)
    after = apply(plan(Restart(CART, 2)), mesh(labelled("shop", {INJECTION: "enabled"}), *o.control_plane(), *objects))
    proxy = sidecar(after).proxy
    assert (proxy.requests.cpu_millis, proxy.requests.memory_bytes) == (250, 64 * 2**20)
    assert proxy.limits.memory_bytes == 64 * 2**20


def test_a_new_revision_gives_no_image_that_nobody_has_seen():
    before = shop(namespace={INJECTION: "enabled"}, sidecar=Sidecar(revision="old", resources=REQUESTS))
    found = sidecar(apply(plan(Restart(CART, 2)), before))
    assert (found.revision, found.proxy.image) == ("default", None)
    assert found.proxy.requests == sidecar(before).proxy.requests


def test_a_proxy_that_the_template_wrote_goes_with_injection_only():
    written = app("cart")
    written["spec"]["containers"].append({"name": "istio-proxy", "image": "auto"})
    objects = workload(inject(app("cart"), Sidecar(revision="default")), declared=written)
    before = mesh(labelled("shop", {INJECTION: "enabled"}), *o.control_plane(), *objects)
    again = apply(plan(Restart(CART, 2)), before)
    assert [each.name for each in pods(again)[0].shape.spec.all_containers].count("istio-proxy") == 1
    out = apply(plan(*moved(CART)), before)
    assert sidecar(out).orphan_proxy


def test_a_sidecar_written_into_the_template_stays():
    injected = inject(app("cart"), Sidecar(revision="default"))
    before = mesh(labelled("shop", {}), *o.control_plane(), *workload(injected))
    assert mode(apply(plan(Restart(CART, 2)), before), CART) == [("native sidecar with HBONE", 2)]


def test_where_the_template_was_not_read_the_pods_tell():
    injected = inject(app("cart"), Sidecar(revision="default"))
    objects = [each for each in workload(injected, kind="Thing") if each["kind"] == "Pod"]
    thing = WorkloadRef("shop", "Thing", "cart")
    before = mesh(labelled("shop", AMBIENT), *o.control_plane(), *objects)
    after = apply(plan(Restart(thing, 2)), before)
    assert mode(after, thing) == [("ambient", 2)]
    assert pods(after)[0].shape.labels == {"app": "cart"}
    assert [each.name for each in pods(after)[0].shape.spec.all_containers] == ["app"]


def test_pods_of_old_and_new_templates_become_alike():
    mixed = workload(inject(app("cart"), Sidecar(revision="default")), declared=app("cart"), pods=2)
    mixed += [pod(app("cart"), "cart-abc-7", owner=o.owner("ReplicaSet", "cart-abc"))]
    before = mesh(labelled("shop", {}), *o.control_plane(), *mixed)
    after = apply(plan(Restart(CART, 3)), before)
    assert mode(after, CART) == [("no mesh", 3)]
    assert len({id(each.shape) for each in pods(after)}) == 1


def test_pods_of_a_stateful_set_keep_their_names_and_places():
    objects = workload(app("cart"), kind="StatefulSet", pods=2)
    for index, each in enumerate(objects[1:]):
        label = {"statefulset.kubernetes.io/pod-name": f"cart-{index}"}
        each["metadata"] = {**each["metadata"], "labels": {"app": "cart", **label}}
    cart = WorkloadRef("shop", "StatefulSet", "cart")
    after = apply(plan(*moved(cart)), mesh(labelled("shop", {}), *o.control_plane(), *objects))
    assert mode(after, cart) == [("ambient", 1), ("ambient", 1)]
    assert [each.shape.labels["statefulset.kubernetes.io/pod-name"] for each in after.pods] == ["cart-0", "cart-1"]
    assert after.pods[0].shape.spec is after.pods[1].shape.spec


def test_pods_that_ended_are_left_as_they_are():
    objects = workload(inject(app("cart"), Sidecar()), declared=app("cart"), phase="Succeeded")
    before = mesh(labelled("shop", {}), *o.control_plane(), *objects)
    assert apply(plan(Restart(CART, 2)), before).pods is before.pods


def test_a_gateway_stays_a_gateway():
    ref = WorkloadRef("shop", "Deployment", "ingress")
    before = mesh(
        labelled("shop", {INJECTION: "enabled"}), *o.control_plane(), *workload(gateway("ingress"), "ingress")
    )
    after = apply(plan(labels(controller(ref), {"team": "a"}, template=True), Restart(ref, 2)), before)
    assert mode(after, ref) == [("gateway", 2)]
    assert after.pods[0].shape.labels["team"] == "a"


def test_restarting_twice_is_restarting_once():
    once = apply(plan(Restart(CART, 2)), shop())
    twice = apply(plan(Restart(CART, 2)), once)
    assert [each.shape for each in twice.pods] == [each.shape for each in once.pods]


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        (WorkloadRef("shop", "Deployment", "nobody"), "Deployment shop/nobody is absent"),
        (
            WorkloadRef("shop", "Pod", "cart-abc-0"),
            "Pod shop/cart-abc-0: nobody makes a pod anew that no controller made",
        ),
    ],
)
def test_what_cannot_be_restarted_is_told(ref, reason):
    assert [each.reason for each in problems(plan(Restart(ref, 1)), shop())] == [reason]


def test_nobody_guesses_what_injection_would_do():
    before = mesh(*o.control_plane(), *workload(app("cart")))
    (found,) = problems(plan(Restart(CART, 2)), before)
    assert found.reason == (
        "Deployment shop/cart: nobody can tell what its next pods get: namespace shop was not read, and its labels decide"
    )
    assert apply(plan(Restart(CART, 2)), before) is before


def test_where_no_pods_were_read_the_template_alone_counts():
    declared = [labelled("shop", {INJECTION: "enabled"}), o.controller("Deployment", "cart", "shop", app("cart"), 3)]
    before = mesh(*declared, kind=SourceKind.FILES)
    assert "sidecar" in mode(before, CART)[0][0]
    after = apply(plan(*moved(CART)), before)
    assert mode(after, CART) == [("ambient", 3)]
    assert after.pods == ()
    assert problems(plan(*moved(CART)), before) == ()
    out = apply(plan(labels(controller(CART), {MODE: "none", INJECT: "false"}, template=True)), before)
    assert mode(out, CART) == [("no mesh", 3)]

"""Pods are given proxies when they are created, as Istio's webhooks and injector decide, and look as it leaves them."""

from copy import deepcopy

import msgspec
import yaml
from tests.support.labs import namespace, workload

from sidestep.controlplane.records import PROXY_ANNOTATION
from sidestep.lab.cluster.injected import probers_of
from sidestep.lab.cluster.injection import Injection
from sidestep.lab.cluster.objects import Ref, Store
from sidestep.lab.cluster.shapes import shape_of
from sidestep.semantics.proxies import SidecarMode, recognise

MESHED = namespace("shop", **{"istio-injection": "enabled"})
NATIVE = "sidecar.istio.io/nativeSidecar"


def pod(space: str = "shop", labels=None, annotations=None, **spec):
    template = deepcopy(workload("web", space)[0]["spec"]["template"])
    meta = {"name": "web", "namespace": space, "labels": {"app": "web", **(labels or {})}}
    meta["annotations"] = annotations or {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {**template["spec"], **spec}}


def created(tree, *before):
    store = Store(lambda: "2026-01-01T00:00:00Z")
    Injection(store)
    for each in before:
        store.put(each)
    store.put(tree)
    return store.get(Ref("pods", tree["metadata"]["namespace"], "web"))


def role(tree):
    return tree["metadata"]["annotations"].get(PROXY_ANNOTATION, "")


def names(tree, field="containers"):
    return [each["name"] for each in tree["spec"].get(field, [])]


def test_nobody_who_is_not_asked_for_is_given_one():
    plain = created(pod(), namespace("shop"))
    assert role(plain) == ""
    assert plain["spec"] == pod()["spec"]
    assert plain["metadata"]["labels"] == {"app": "web"}
    for refused in (pod(labels={"sidecar.istio.io/inject": "false"}), pod(hostNetwork=True)):
        assert role(created(refused, MESHED)) == ""


def test_who_is_injected_is_recognised_as_everybody_recognises_sidecars():
    found = recognise(shape_of(created(pod(), MESHED)))
    assert (found.sidecar, found.revision, found.hbone, found.captures) == (SidecarMode.NATIVE, "default", True, True)
    classic = recognise(shape_of(created(pod(annotations={NATIVE: "false"}), MESHED)))
    assert (classic.sidecar, classic.captures) == (SidecarMode.CLASSIC, True)


def test_a_native_sidecar_starts_first_and_a_classic_one_is_a_container():
    native, classic = created(pod(), MESHED), created(pod(annotations={NATIVE: "false"}), MESHED)
    assert (names(native, "initContainers"), names(native)) == (["istio-init", "istio-proxy"], ["main"])
    assert native["spec"]["initContainers"][1]["restartPolicy"] == "Always"
    assert (names(classic, "initContainers"), names(classic)) == (["istio-init"], ["main", "istio-proxy"])


def test_a_sidecar_that_holds_the_application_is_its_first_container():
    told = {NATIVE: "false", "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true"}
    assert names(created(pod(annotations=told), MESHED)) == ["istio-proxy", "main"]


def test_labels_and_annotations_say_that_it_was_injected():
    meta = created(pod(labels={"version": "v2"}), MESHED)["metadata"]
    assert meta["labels"]["security.istio.io/tlsMode"] == "istio"
    assert meta["labels"]["networking.istio.io/tunnel"] == "http"
    assert meta["labels"]["service.istio.io/canonical-name"] == "web"
    assert meta["labels"]["service.istio.io/canonical-revision"] == "v2"
    assert meta["annotations"]["istio.io/rev"] == "default"
    status = msgspec.json.decode(meta["annotations"]["sidecar.istio.io/status"])
    assert (status["initContainers"], status["containers"]) == (["istio-init", "istio-proxy"], None)


def test_probes_are_led_through_the_proxys_agent_and_kept_as_they_were():
    probed = pod()
    main = probed["spec"]["containers"][0]
    main["ports"] = [{"name": "web", "containerPort": 8080}]
    main["readinessProbe"] = {"httpGet": {"path": "/ready", "port": "web"}, "periodSeconds": 3}
    main["livenessProbe"] = {"exec": {"command": ["true"]}}
    main["startupProbe"] = {"tcpSocket": {"port": 8080}, "timeoutSeconds": 2}
    found = created(deepcopy(probed), MESHED)
    after = found["spec"]["containers"][0]
    path = {"path": "/app-health/main/readyz", "port": 15020, "scheme": "HTTP"}
    assert after["readinessProbe"] == {"httpGet": path, "periodSeconds": 3}
    assert after["livenessProbe"] == main["livenessProbe"]
    assert probers_of(found) == {
        "/app-health/main/readyz": {"httpGet": {"path": "/ready", "port": 8080}, "timeoutSeconds": 1},
        "/app-health/main/startupz": {"tcpSocket": {"port": 8080}, "timeoutSeconds": 2},
    }
    probed["metadata"]["annotations"] = {"sidecar.istio.io/rewriteAppHTTPProbers": "false"}
    assert created(probed, MESHED)["spec"]["containers"][0] == main


def test_a_gateways_template_makes_the_container_a_gateway():
    asked = {"sidecar.istio.io/inject": "true"}
    gateway = pod(labels=asked, annotations={"inject.istio.io/templates": "gateway"})
    gateway["spec"]["containers"] = [{"name": "istio-proxy", "image": "auto", "env": [{"name": "A", "value": "b"}]}]
    found = created(gateway, namespace("shop"))
    assert role(found) == "gateway"
    proxy = found["spec"]["containers"][0]
    assert proxy["args"][:2] == ["proxy", "router"]
    assert proxy["image"] != "auto"
    assert {"name": "A", "value": "b"} in proxy["env"]


def test_a_program_that_speaks_xds_itself_gets_no_proxy():
    assert role(created(pod(annotations={"inject.istio.io/templates": "grpc-agent"}), MESHED)) == ""


def test_a_waypoints_pod_has_a_waypoint_and_is_not_injected():
    labels = {"gateway.istio.io/managed": "istio.io-mesh-controller", "sidecar.istio.io/inject": "false"}
    own = pod(labels=labels)
    own["spec"]["containers"] = [{"name": "istio-proxy", "args": ["proxy", "waypoint"]}]
    assert role(created(own, MESHED)) == "waypoint"


def test_a_pod_that_was_injected_elsewhere_is_taken_as_it_is():
    once = created(pod(), MESHED)
    again = {**once, "metadata": {**once["metadata"], "annotations": dict(once["metadata"]["annotations"])}}
    del again["metadata"]["annotations"][PROXY_ANNOTATION]
    again["metadata"].pop("uid")
    found = created(again, namespace("shop"))
    assert found["spec"] == once["spec"]
    assert role(found) == "sidecar"


def test_nobody_says_himself_that_he_has_a_proxy():
    assert role(created(pod(annotations={PROXY_ANNOTATION: "gateway"}), namespace("shop"))) == ""


def test_what_is_applied_again_takes_no_sidecar_away():
    store = Store(lambda: "2026-01-01T00:00:00Z")
    Injection(store)
    store.put(MESHED)
    store.put(pod())
    before = store.get(Ref("pods", "shop", "web"))
    assert store.put(pod()) is None
    store.put(pod(labels={"color": "red"}))
    after = store.get(Ref("pods", "shop", "web"))
    assert after["spec"] == before["spec"]
    assert after["metadata"]["labels"]["color"] == "red"


def test_the_meshs_configuration_is_heeded_and_read_again_when_it_changes():
    def config(hold):
        text = yaml.dump({"defaultConfig": {"holdApplicationUntilProxyStarts": hold}})
        meta = {"name": "istio", "namespace": "istio-system"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"mesh": text}}

    store = Store(lambda: "2026-01-01T00:00:00Z")
    injection = Injection(store)
    shape = shape_of(pod())
    held = []
    for hold in (True, False):
        store.put(config(hold))
        held.append(injection.config_of(shape).holds_application)
    assert held == [True, False]


def test_webhooks_decide_where_there_are_any():
    entry = {
        "name": "namespace.sidecar-injector.istio.io",
        "namespaceSelector": {"matchLabels": {"meshed": "yes"}},
        "objectSelector": {},
    }
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "istio-sidecar-injector", "labels": {"app": "sidecar-injector"}},
        "webhooks": [entry],
    }
    assert role(created(pod(), webhook, MESHED)) == ""
    assert role(created(pod(), webhook, namespace("shop", meshed="yes"))) == "sidecar"


def test_what_no_api_server_would_take_is_left_alone():
    odd = pod()
    odd["spec"]["containers"] = [{"name": 5}]
    assert role(created(odd, MESHED)) == ""

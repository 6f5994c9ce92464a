"""Gateways of the Gateway API come up as istiod makes them, keep what others say, and have addresses once they served."""

import yaml
from tests.support.labs import namespace

from sidestep.lab.agent.messages import Ready
from sidestep.lab.cluster.addresses import Pair
from sidestep.lab.cluster.control_loop import ControlLoop, unsettled
from sidestep.lab.cluster.injection import Injection, proxy_role
from sidestep.lab.cluster.objects import Ref, Store
from sidestep.lab.cluster.statuses import condition, started
from sidestep.lab.cluster.vips import Vips

API = "gateway.networking.k8s.io/v1"


def gateway(name="way", class_name="istio-waypoint", annotations=None, **spec):
    meta = {"name": name, "namespace": "shop", "annotations": annotations or {}, "labels": {"team": "a"}}
    listeners = [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]
    return {
        "apiVersion": API,
        "kind": "Gateway",
        "metadata": meta,
        "spec": {"gatewayClassName": class_name, "listeners": listeners, **spec},
    }


class Scene:
    def __init__(self, *objects):
        self.store = Store(lambda: "2026-01-01T00:00:00Z")
        Vips(self.store)
        injection = Injection(self.store)
        self.loop = ControlLoop(self.store, lambda: "2026-01-01T00:00:00Z", lambda: injection.image)
        for each in (namespace("shop"), *objects):
            self.put(each)

    def put(self, tree):
        self.store.put(tree)
        self.loop.settle()

    def get(self, kind, name="way"):
        return self.store.get(Ref(kind, "shop", name))

    def gateway(self, name="way"):
        return self.get("gateways.gateway.networking.k8s.io", name)

    def pods(self):
        return list(self.store.of("pods"))

    def all_ready(self):
        for each in self.pods():
            ref = Ref("pods", "shop", each["metadata"]["name"])
            self.store.edit(ref, started("node-1", Pair("1.1.1.1", "::1"), Pair("10.128.0.2", "fd00::2"), "now"))
            self.store.edit(ref, condition({"istio-proxy": Ready("u", "istio-proxy", True, True)}, "now"))
        self.loop.settle()


def programmed(tree):
    return {each["type"]: each["status"] for each in tree["status"]["conditions"]}["Programmed"]


def test_a_waypoint_is_a_deployment_a_service_and_an_account_of_its_name():
    scene = Scene(gateway())
    deployment, service = scene.get("deployments.apps"), scene.get("services")
    assert scene.get("serviceaccounts") is not None
    assert "replicas" not in deployment["spec"]
    assert [each["port"] for each in service["spec"]["ports"]] == [15021, 15008]
    assert service["spec"]["type"] == "ClusterIP"
    (pod,) = scene.pods()
    assert proxy_role(pod) == "waypoint"
    labels = pod["metadata"]["labels"]
    assert labels["gateway.networking.k8s.io/gateway-name"] == "way"
    assert labels["gateway.networking.k8s.io/gateway-class-name"] == "istio-waypoint"
    assert (labels["team"], labels["istio.io/dataplane-mode"]) == ("a", "none")
    assert pod["spec"]["serviceAccountName"] == "way"


def test_it_has_an_address_once_a_pod_was_ready_and_keeps_it():
    scene = Scene(gateway())
    assert scene.gateway()["status"]["addresses"] == []
    assert programmed(scene.gateway()) == "False"
    assert Ref("gateways.gateway.networking.k8s.io", "shop", "way") in list(unsettled(scene.store))
    scene.all_ready()
    own = scene.get("services")["spec"]["clusterIP"]
    assert scene.gateway()["status"]["addresses"] == [{"type": "IPAddress", "value": own}]
    assert programmed(scene.gateway()) == "True"
    for each in scene.pods():
        scene.store.edit(Ref("pods", "shop", each["metadata"]["name"]), condition({}, "later"))
    scene.loop.settle()
    assert scene.gateway()["status"]["addresses"] == [{"type": "IPAddress", "value": own}]


def test_an_ingress_gateway_listens_at_the_ports_of_its_listeners():
    listeners = [
        {"name": "web", "port": 80, "protocol": "HTTP"},
        {"name": "api", "port": 80, "protocol": "HTTP", "hostname": "a.example.com"},
        {"name": "tls", "port": 443, "protocol": "HTTPS"},
    ]
    scene = Scene(gateway("front", "istio", listeners=listeners))
    service = scene.get("services", "front-istio")
    assert [(each["name"], each["port"]) for each in service["spec"]["ports"][1:]] == [("web", 80), ("tls", 443)]
    assert service["spec"]["type"] == "LoadBalancer"
    (pod,) = scene.pods()
    assert proxy_role(pod) == "gateway"
    assert pod["spec"]["serviceAccountName"] == "front-istio"


def test_what_others_run_is_left_to_them():
    by_hand = gateway("by-hand", "istio", addresses=[{"type": "Hostname", "value": "front.shop.svc.cluster.local"}])
    scene = Scene(gateway("far", "istio-remote"), gateway("else", "nginx"), by_hand)
    assert scene.pods() == []
    assert list(unsettled(scene.store)) == []


def test_a_class_of_istios_controller_is_known_by_it():
    own = {"apiVersion": API, "kind": "GatewayClass", "metadata": {"name": "mine"}}
    scene = Scene(gateway(class_name="mine"))
    assert scene.pods() == []
    scene.put({**own, "spec": {"controllerName": "istio.io/mesh-controller"}})
    assert [proxy_role(each) for each in scene.pods()] == ["waypoint"]


def test_replicas_and_restarts_that_others_asked_for_stay():
    scene = Scene(gateway())
    ref = Ref("deployments.apps", "shop", "way")
    restarted = {"kubectl.kubernetes.io/restartedAt": "now"}

    def edit(tree):
        tree["spec"]["replicas"] = 3
        tree["spec"]["template"]["metadata"]["annotations"] = restarted

    scene.store.edit(ref, edit)
    scene.put(gateway(annotations={"note": "new"}))
    found = scene.get("deployments.apps")["spec"]
    assert found["replicas"] == 3
    assert found["template"]["metadata"]["annotations"] == {**restarted, "note": "new"}


def test_names_and_accounts_can_be_given():
    told = {"gateway.istio.io/name-override": "other", "gateway.istio.io/service-account": "who"}
    scene = Scene(gateway(annotations=told))
    assert scene.get("deployments.apps", "other")["spec"]["template"]["spec"]["serviceAccountName"] == "who"


def test_parameters_complete_what_is_made():
    texts = {
        "deployment": yaml.dump(
            {"spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "istio-proxy", "image": "own"}]}}}}
        ),
        "horizontalPodAutoscaler": yaml.dump({"spec": {"minReplicas": 2, "maxReplicas": 5}}),
    }
    options = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "o", "namespace": "shop"}, "data": texts}
    asked = {"parametersRef": {"group": "", "kind": "ConfigMap", "name": "o"}}
    scene = Scene(gateway(infrastructure=asked))
    scene.put(options)
    spec = scene.get("deployments.apps")["spec"]
    container = spec["template"]["spec"]["containers"][0]
    assert (spec["replicas"], container["image"], container["args"][:2]) == (2, "own", ["proxy", "waypoint"])
    scaler = scene.get("horizontalpodautoscalers.autoscaling")["spec"]
    assert (scaler["scaleTargetRef"]["name"], scaler["maxReplicas"]) == ("way", 5)


def test_everything_goes_with_the_gateway():
    scene = Scene(gateway())
    scene.store.remove(Ref("gateways.gateway.networking.k8s.io", "shop", "way"))
    scene.loop.settle()
    assert scene.get("services") is None
    assert scene.get("deployments.apps") is None
    assert all("deletionTimestamp" in each["metadata"] for each in scene.pods())


def test_a_malformed_gateway_harms_nobody():
    scene = Scene(gateway(listeners=[{"port": "x"}, 5], infrastructure=[1]), gateway("two", class_name=7))
    assert scene.get("services") is not None

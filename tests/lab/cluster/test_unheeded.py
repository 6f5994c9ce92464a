"""What has no effect is counted and said, and what has one is not."""

from tests.support.labs import ambient, workload

from sidestep.lab.cluster.unheeded import unheeded
from sidestep.report.lab.notes import unheeded_lines


def thing(kind, group="networking.istio.io/v1", **spec):
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "a", "namespace": "shop"}, "spec": spec}


def test_what_runs_is_not_named():
    policy = thing("AuthorizationPolicy", "security.istio.io/v1", rules=[])
    mtls = thing("PeerAuthentication", "security.istio.io/v1")
    assert unheeded([*workload("web"), ambient("shop"), policy, mtls, thing("ServiceEntry")]) == []


def test_kinds_are_counted_with_their_reason():
    found = unheeded([thing("NetworkPolicy"), thing("NetworkPolicy"), thing("Oddity", "e.com/v1")])
    assert unheeded_lines(found) == [
        "2 NetworkPolicies have no effect: the lab's network lets everybody through",
        "1 Oddity has no effect: nothing in the lab reads them",
    ]


def test_what_proxies_of_pods_do_is_not_named():
    kinds = ("VirtualService", "DestinationRule", "Sidecar", "Gateway", "EnvoyFilter", "ProxyConfig")
    routes = [
        thing(each, "gateway.networking.k8s.io/v1") for each in ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
    ]
    assert unheeded([*map(thing, kinds), *routes, thing("RequestAuthentication", "security.istio.io/v1")]) == []


def test_gateways_that_somebody_else_runs_are_named():
    api = "gateway.networking.k8s.io/v1"
    ours, others = thing("Gateway", api, gatewayClassName="istio-waypoint"), thing("Gateway", api, gatewayClassName="x")
    own = {"apiVersion": api, "kind": "GatewayClass", "metadata": {"name": "x"}}
    assert unheeded([ours]) == []
    assert [each.number for each in unheeded([ours, others])] == [1]
    assert unheeded([ours, others, {**own, "spec": {"controllerName": "istio.io/gateway-controller"}}]) == []


def test_autoscalers_count_for_what_gateways_make_alone():
    deployment = workload("web")[0]
    target = {"kind": "Deployment", "name": "web"}
    scaler = thing("HorizontalPodAutoscaler", "autoscaling/v2", scaleTargetRef=target)
    assert unheeded([scaler]) == []
    assert [each.kind for each in unheeded([deployment, scaler])] == ["HorizontalPodAutoscaler"]


def test_autoscalers_that_can_do_nothing_say_why():
    def scaler(kind, metric):
        told = {"scaleTargetRef": {"kind": kind, "name": "waypoint"}, "metrics": [metric]}
        return unheeded([thing("HorizontalPodAutoscaler", "autoscaling/v2", **told)])

    def of(name):
        return {"type": "Resource", "resource": {"name": name, "target": {"averageUtilization": 50}}}

    assert scaler("Deployment", of("cpu")) == []
    assert ["names nothing" in each.why for each in scaler("Gateway", of("cpu"))] == [True]
    assert ["cpu and" in each.why for each in scaler("Deployment", of("memory"))] == [True]


def test_an_injected_gateway_is_scaled_as_one_that_istiod_made():
    deployment = workload("web", annotations={"inject.istio.io/templates": "gateway"})[0]
    scaler = thing("HorizontalPodAutoscaler", "autoscaling/v2", scaleTargetRef={"kind": "Deployment", "name": "web"})
    assert unheeded([deployment, scaler]) == []


def test_plurals_are_english():
    policies = [thing("NetworkPolicy", "networking.k8s.io/v1")] * 2 + [thing("Ingress", "networking.k8s.io/v1")] * 2
    assert [each.split(" have")[0] for each in unheeded_lines(unheeded(policies))] == [
        "2 Ingresses",
        "2 NetworkPolicies",
    ]

"""Gateways of both APIs in a running lab: who is outside comes in through them, by routes of either API."""

import pytest
from tests.support.labs import AMBIENT, eventually, lab, namespace, under_load, workload

from sidestep.lab.api import messages as api

GATEWAY_API = "gateway.networking.k8s.io/v1"
ISTIO = "networking.istio.io/v1"


def thing(api_version, kind, name, space="shop", **spec):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": space}, "spec": spec}


def front():
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    gateway = thing(GATEWAY_API, "Gateway", "front", gatewayClassName="istio", listeners=[listener])
    rules = [{"backendRefs": [{"name": "cart", "port": 80}]}]
    route = thing(
        GATEWAY_API, "HTTPRoute", "cart", parentRefs=[{"name": "front"}], hostnames=["a.example"], rules=rules
    )
    return gateway, route


def classic():
    deployment, service = workload("ingress", "edge")
    template = deployment["spec"]["template"]
    template["metadata"]["labels"] |= {"sidecar.istio.io/inject": "true", "istio": "ingress"}
    template["metadata"]["annotations"] = {"inject.istio.io/templates": "gateway"}
    template["spec"]["containers"] = [{"name": "istio-proxy", "image": "auto"}]
    service["spec"]["ports"] = [{"name": "http", "port": 80, "targetPort": 8080}]
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["b.example"]}
    gateway = thing(ISTIO, "Gateway", "ingress", "edge", selector={"istio": "ingress"}, servers=[server])
    destination = {"destination": {"host": "cart.shop.svc.cluster.local", "port": {"number": 80}}}
    http = [{"route": [destination]}]
    routes = thing(ISTIO, "VirtualService", "b", "edge", hosts=["b.example"], gateways=["ingress"], http=http)
    return deployment, service, gateway, routes


@pytest.fixture(scope="module")
def edge():
    spaces = [namespace("shop", **AMBIENT), namespace("edge"), namespace("outside")]
    with lab(*spaces, *front(), *classic(), *workload("cart"), *workload("you", "outside")) as made:
        yield made


def asked(edge, host, gateway):
    (found,) = edge.call("outside/you", f"http://{gateway}/", headers={"host": host})
    return found


@pytest.mark.parametrize(
    ("host", "gateway", "account"),
    [("a.example", "front-istio.shop", "front-istio"), ("b.example", "ingress.edge", "ingress")],
    ids=["Gateway API", "Istio"],
)
def test_who_is_outside_comes_in_by_a_route(edge, host, gateway, account):
    found = asked(edge, host, gateway)
    assert found.ok, found
    assert found.pod.startswith("shop/cart-")
    assert asked(edge, "other.example", gateway).code == 404


def test_both_are_gateways_to_everybody(edge):
    assert edge.client.ask(api.Status())["proxies"] == {"gateway": 2}
    rows = {each["pod"]: each for each in edge.client.ask(api.Verify())}
    assert sorted(each["mode"] for each in rows.values()) == ["ambient", "gateway", "gateway", "none"]
    assert all(each["right"] for each in rows.values()), rows


def test_a_gateway_is_exchanged_without_losing_a_request(edge):
    edge.client.ask(api.Scale("deployments.apps", "shop", "front-istio", 2))
    edge.settle()
    with under_load(
        edge, "outside/you", "http://front-istio.shop/", 10, host="a.example", server="shop/cart"
    ) as result:
        edge.client.ask(api.Restart("deployments.apps", "shop", "front-istio"))
        edge.settle()
    assert result["sent"] == result["ok"], result["failures"]


def test_it_goes_with_its_object(edge):
    edge.client.ask(api.Delete([front()[0]]))
    assert eventually(lambda: edge.client.ask(api.Status())["proxies"] == {"gateway": 1}, 30)

"""Who asks: by every name that people use, and what an unknown or ambiguous one is told."""

import pytest
from tests.support import mesh as m
from tests.support.scenes import index, pods, service, waypoint

from sidestep.errors import UsageError
from sidestep.explain.clients import client_named, same_client
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.requests import GatewayClient, NodeClient, OutsideClient, WorkloadClient

WEB = WorkloadRef("shop", "Deployment", "web")


def scene():
    return index(
        pods("web", "sidecar", ip="10.1.0.9"),
        pods("cart", "ambient", account="shared"),
        pods("order", "ambient", account="shared"),
        pods("mixed-a", "ambient", account="mixed"),
        pods("mixed-b", "none", account="mixed"),
        pods("web", "ambient", space="other"),
        pods("edge", "gateway", space="istio-system"),
        service("cart"),
        waypoint(),
    )


def pod_name(mesh, ref):
    return mesh.inventory.workloads[[each.ref for each in mesh.inventory.workloads].index(ref)].groups[0].pods[0].name


@pytest.mark.parametrize(
    "text", ["shop/web", "shop/Deployment/web", "shop/deploy/web", "shop/sa/web", "10.1.0.9", " shop/web "]
)
def test_a_workload_by_its_names(text):
    found = client_named(scene(), text)
    assert found.client == WorkloadClient(WEB)
    assert found.namespace == "shop"


def test_a_pod_that_runs_and_one_that_is_gone():
    mesh = scene()
    assert client_named(mesh, f"shop/{pod_name(mesh, WEB)}").client == WorkloadClient(WEB)
    gone = client_named(mesh, "shop/web-6b9f7c5d48-x2x7k")
    assert gone.client == WorkloadClient(WEB)
    assert "no pod web-6b9f7c5d48-x2x7k was read" in gone.notes[0]


@pytest.mark.parametrize("suffix", ["-0", "-x2x7k", "-29012345-x2x7k", "-7f9c4b7d6-x2x7k"])
def test_every_generated_suffix(suffix):
    assert client_named(scene(), f"shop/cart{suffix}").client == WorkloadClient(
        WorkloadRef("shop", "Deployment", "cart")
    )


def test_a_name_without_namespace_if_only_one_has_it():
    assert client_named(scene(), "cart").namespace == "shop"
    with pytest.raises(UsageError, match="several") as caught:
        client_named(scene(), "web")
    assert "shop/Deployment/web" in caught.value.remedy
    assert "other/Deployment/web" in caught.value.remedy


def test_an_account_of_several_alike_is_any_of_them():
    found = client_named(scene(), "shop/shared")
    assert found.client == WorkloadClient(WorkloadRef("shop", "Deployment", "cart"))
    assert "Deployment shop/order" in found.notes[0]


def test_an_account_of_several_that_differ_is_ambiguous():
    with pytest.raises(UsageError, match="in different ways") as caught:
        client_named(scene(), "shop/mixed")
    assert "shop/mixed-a (ambient), shop/mixed-b (no mesh)" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("shop/wab", "web"),
        ("shp/web", "shop"),
        ("shop/nobody-like-that", "cart"),
        ("nobody", "outside"),
        ("shop/pod/web", "web"),
        ("", "NS/WORKLOAD"),
        ("a/b/c/d", "NS/WORKLOAD"),
        ("shop/", "NS/WORKLOAD"),
        ("gateway:edgy", "istio-system/edge"),
        ("gateway:", "gateway:[NS/]NAME"),
        ("node:nowhere", "10.0.0.1"),
        ("outside:300.1.1.1", "203.0.113.7"),
    ],
)
def test_nobody_of_that_name(text, told):
    with pytest.raises(UsageError) as caught:
        client_named(scene(), text)
    assert caught.value.where == "--client"
    assert told in caught.value.remedy


@pytest.mark.parametrize("text", ["gateway:edge", "gateway:istio-system/edge"])
def test_a_gateway(text):
    found = client_named(scene(), text)
    assert found.client == GatewayClient("istio-system", "edge")


def test_a_gateway_by_the_object_that_selects_it():
    gateway = m.o.istio("Gateway", "front-door", "istio-system", {"selector": {"app": "edge"}})
    mesh = index(pods("edge", "gateway", space="istio-system", labels={"app": "edge"}), gateway)
    assert client_named(mesh, "gateway:front-door").client == GatewayClient("istio-system", "edge")


def test_a_gateway_without_pods_is_asked_by_its_name():
    mesh = index(m.o.istio("Gateway", "front-door", "web", {"selector": {"app": 3}}), pods("web"))
    assert client_named(mesh, "gateway:front-door").client == GatewayClient("web", "front-door")


def test_nodes_and_others():
    assert client_named(scene(), "node").client == NodeClient()
    assert client_named(scene(), "node:10.0.0.1").client == NodeClient("10.0.0.1")
    assert client_named(scene(), "outside:fd00::1").client == OutsideClient("fd00::1")


def test_pods_in_several_states_are_told():
    moved = [each for each in pods("web", "ambient") if each["kind"] == "Pod"]
    for each in moved:
        each["metadata"]["name"] += "-moved"
    mesh = index(pods("web", "sidecar", count=2), moved)
    found = client_named(mesh, "shop/web")
    assert found.notes == ("of Deployment shop/web 2 pods are sidecar with HBONE, which are asked for, and 1 ambient",)
    by_pod = client_named(mesh, f"shop/{moved[0]['metadata']['name']}")
    assert by_pod.client != found.client


def test_in_another_state_the_group_is_looked_up_anew():
    then = index(pods("web", "ambient"))
    assert same_client(then, WorkloadClient(WEB, 7)) == WorkloadClient(WEB, 0)
    assert same_client(index(pods("cart")), WorkloadClient(WEB, 7)) == WorkloadClient(WEB, 7)
    assert same_client(then, NodeClient()) == NodeClient()


def test_a_workloads_name_wins_over_an_account_that_would_be_ambiguous():
    mesh = index(pods("a", "ambient", account="web"), pods("b", "none", account="web"), pods("web"))
    assert client_named(mesh, "shop/web").client == WorkloadClient(WEB)
    with pytest.raises(UsageError, match="in different ways"):
        client_named(mesh, "shop/sa/web")

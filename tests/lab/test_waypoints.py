"""Waypoints come up of their Gateways, stand between node proxies, and come and go without losing a request."""

import pytest
from tests.support.labs import ambient, eventually, lab, namespace, under_load, workload

from sidestep.lab.api import messages as api

WAYPOINT = {"istio.io/use-waypoint": "way"}
DEPLOYMENT = ("deployments.apps", "shop", "way")


def gateway(**spec):
    listeners = [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "way", "namespace": "shop"},
        "spec": {"gatewayClassName": "istio-waypoint", "listeners": listeners, **spec},
    }


@pytest.fixture(scope="module")
def shop():
    space = namespace("shop", **{"istio.io/dataplane-mode": "ambient", **WAYPOINT})
    with lab(
        space, gateway(), *workload("web"), *workload("cart"), ambient("other"), *workload("own", "other")
    ) as made:
        yield made


def pods(shop, beginning="way"):
    return [
        each
        for each in shop.client.ask(api.List("pods", "shop"))
        if each["metadata"]["name"].startswith(beginning) and "deletionTimestamp" not in each["metadata"]
    ]


def passed(shop):
    """Whether a request went through a waypoint: it is the waypoint that gives it a number."""
    (outcome,) = shop.call("shop/web", "http://cart.shop/")
    assert outcome.ok, outcome
    return "x-request-id" in outcome.body


def test_it_comes_up_ready_and_requests_go_through_it(shop):
    (found,) = shop.client.ask(api.List("gateways.gateway.networking.k8s.io"))
    assert found["status"]["addresses"]
    assert shop.client.ask(api.Status())["proxies"] == {"waypoint": 1}
    assert passed(shop)


def test_verbs_show_it(shop):
    (pod,) = pods(shop)
    name = f"shop/{pod['metadata']['name']}"
    assert {"waypoint"} <= {each["role"] for each in shop.client.ask(api.Top(0.1))}
    assert shop.client.ask(api.ConfigDump(name))
    assert any(each["node"] == name for each in shop.client.ask(api.Certificates()))
    assert isinstance(shop.client.ask(api.Logs(f"waypoint/{name}")), list)
    rows = {each["pod"]: each for each in shop.client.ask(api.Verify())}
    assert rows[name]["mode"] == "waypoint"
    assert all(each["right"] for each in rows.values())


def test_one_that_was_killed_comes_back(shop):
    (pod,) = pods(shop)
    process = f"waypoint/shop/{pod['metadata']['name']}"
    shop.client.ask(api.Fault(process, "kill"))
    assert eventually(
        lambda: any(each["restarts"] for each in shop.client.ask(api.Top(0.1)) if each["name"] == process)
    )
    shop.settle()
    assert passed(shop)


def test_scaled_out_restarted_and_scaled_in_under_load_it_loses_no_request(shop):
    shop.client.ask(api.Scale(*DEPLOYMENT, 2))
    shop.settle()
    assert len(pods(shop)) == 2
    before = {each["metadata"]["uid"] for each in pods(shop)}
    with under_load(shop, "shop/web", "http://cart.shop/", 14) as result:
        shop.client.ask(api.Restart(*DEPLOYMENT))
        shop.settle()
        assert before.isdisjoint(each["metadata"]["uid"] for each in pods(shop))
        shop.client.ask(api.Scale(*DEPLOYMENT, 1))
        shop.settle()
    assert result["sent"] == result["ok"], result["failures"]


def test_it_goes_with_its_gateway_and_connections_go_past(shop):
    shop.client.ask(api.Delete([gateway()]))
    assert eventually(lambda: not pods(shop))
    shop.settle()
    assert not passed(shop)

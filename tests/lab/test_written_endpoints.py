"""Services without selector: whoever calls them reaches what somebody wrote down, as kube-proxy, DNS and ztunnel do."""

import pytest
from tests.support.labs import ambient, eventually, lab, workload

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

_CAPTURED, _OUTSIDE = "shop/web", "outside/plain"


def service(name, **spec):
    told = {"ports": [{"name": "http", "port": 80, "targetPort": 1}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": told}


def slice_of(name, *addresses, **endpoint):
    labels = {"kubernetes.io/service-name": name}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-by-hand", "namespace": "shop", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": list(addresses), **endpoint}],
        "ports": [{"name": "http", "port": 8080}],
    }


@pytest.fixture(scope="module")
def shop():
    objects = [*workload("web"), *workload("db"), *workload("plain", "outside")]
    with lab(ambient("shop"), *objects, service("written"), service("head", clusterIP="None")) as made:
        yield made


@pytest.fixture(scope="module")
def db(shop):
    [found] = (each for each in shop.client.ask(api.List("pods", "shop")) if each["metadata"]["name"].startswith("db-"))
    return found


def answers(shop, client, name, port=80):
    [outcome] = shop.call(client, f"http://{name}.shop:{port}/")
    return outcome.ok and '"who":{"name":"db' in outcome.body


def reach(shop, name, port=80):
    return all(answers(shop, each, name, port) for each in (_CAPTURED, _OUTSIDE))


def test_a_slice_is_reached_from_in_and_outside_of_the_mesh_and_followed(shop, db):
    assert not answers(shop, _CAPTURED, "written")
    told = slice_of("written", db["status"]["podIP"])
    shop.apply(told)
    assert eventually(lambda: reach(shop, "written"))
    shop.client.ask(api.Delete([told]))
    assert eventually(lambda: not any(answers(shop, each, "written") for each in (_CAPTURED, _OUTSIDE)))


def test_endpoints_are_what_slices_are(shop, db):
    subsets = [{"addresses": [{"ip": db["status"]["podIP"]}], "ports": [{"name": "http", "port": 8080}]}]
    meta = {"name": "written", "namespace": "shop"}
    told = {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta, "subsets": subsets}
    shop.apply(told)
    assert eventually(lambda: reach(shop, "written"))
    shop.client.ask(api.Delete([told]))
    assert eventually(lambda: not answers(shop, _CAPTURED, "written"))


def test_a_headless_name_leads_to_the_addresses(shop, db):
    told = slice_of("head", db["status"]["podIP"])
    shop.apply(told)
    assert eventually(lambda: reach(shop, "head", 8080))
    shop.client.ask(api.Delete([told]))
    assert eventually(lambda: not answers(shop, _OUTSIDE, "head", 8080))


def test_behind_an_address_alone_ztunnel_knows_nobody_and_behind_a_pods_name_it_does(shop, db):
    strict = {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "strict", "namespace": "shop"},
        "spec": {"mtls": {"mode": "STRICT"}},
    }
    shop.apply(strict, slice_of("written", db["status"]["podIP"]))
    assert eventually(lambda: not answers(shop, _OUTSIDE, "db"))
    assert answers(shop, _CAPTURED, "db")
    assert not answers(shop, _CAPTURED, "written")
    pod = {"kind": "Pod", "namespace": "shop", "name": db["metadata"]["name"]}
    shop.apply(slice_of("written", db["status"]["podIP"], targetRef=pod), service("written", ports=[
        {"name": "http", "port": 80, "targetPort": 8080}
    ]))  # fmt: skip
    assert eventually(lambda: answers(shop, _CAPTURED, "written"))
    shop.client.ask(api.Delete([strict]))


def test_an_address_that_nobody_has_is_named(shop):
    told = slice_of("written", "192.0.2.7")
    shop.apply(told)
    named = [each for each in shop.client.ask(api.Status())["misgivings"] if "192.0.2.7" in each]
    assert named == [
        "EndpointSlice shop/written-by-hand: nobody in the lab has 192.0.2.7: whoever is sent there is refused"
    ]
    shop.client.ask(api.Delete([told]))

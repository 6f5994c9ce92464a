"""The whole lab: pods in ambient, policies that hold, and pods that come and go live."""

import threading

import pytest
from tests.support.labs import AMBIENT, ambient, eventually, lab, workload

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def shop():
    with lab(ambient("shop"), *workload("web"), *workload("cart", replicas=2), *workload("other")) as made:
        yield made


def allow(name, *accounts, app="cart", **more):
    principals = [f"cluster.local/ns/shop/sa/{each}" for each in accounts]
    rules = [{"from": [{"source": {"principals": principals}}], **more}] if accounts else []
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": app}}, "rules": rules},
    }


def strict(mode="STRICT"):
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "istio-system"},
        "spec": {"mtls": {"mode": mode}},
    }


@pytest.fixture
def applied(shop):
    """Apply objects for one test."""
    there = []

    def apply(*objects):
        shop.apply(*objects)
        there.extend(objects)

    yield apply
    if there:
        shop.client.ask(api.Delete(there))
    assert eventually(lambda: answered(shop, "web") and answered(shop, "other"))


def answered(made, client, url="http://cart/"):
    return made.call(f"shop/{client}", url)[0].ok


def test_packets_say_what_labels_say(shop, applied):
    applied(*workload("plain", "outside"))
    shop.settle()
    rows = {each["pod"].partition("/")[0]: each for each in shop.client.ask(api.Verify())}
    assert set(rows) == {"shop", "outside"}
    assert rows["shop"] | {"pod": ""} == {
        "pod": "", "mode": "ambient", "wanted": True, "captured": True, "outbound": "proxy", "inbound": "proxy", "right": True,
    }  # fmt: skip
    assert (rows["outside"]["outbound"], rows["outside"]["inbound"]) == ("nobody", "nobody")
    assert rows["outside"]["right"]


def test_the_server_sees_the_clients_own_address(shop):
    (outcome,) = shop.call("shop/web", "http://cart/")
    (web,) = [each for each in shop.client.ask(api.List("pods", "shop")) if each["metadata"]["labels"]["app"] == "web"]
    assert f'"peer":"{web["status"]["podIP"]}:' in outcome.body


def test_identities_are_served_to_the_nodes_of_their_pods_only(shop):
    pods = shop.client.ask(api.List("pods", "shop"))
    there = {(each["spec"]["nodeName"], each["spec"]["serviceAccountName"]) for each in pods}
    served = {(each["node"], each["identity"].rpartition("/")[2]) for each in shop.client.ask(api.Certificates())}
    assert served <= there


def test_a_policy_lets_in_whom_it_names_and_nobody_else(shop, applied):
    applied(allow("only-web", "web"))
    assert eventually(lambda: not answered(shop, "other"))
    assert answered(shop, "web")


def test_an_allow_policy_with_layer_7_lets_nobody_in(shop, applied):
    """D05: what ztunnel cannot read of an ALLOW rule takes the rule away."""
    applied(allow("get", "web", to=[{"operation": {"methods": ["GET"]}}]))
    assert eventually(lambda: not answered(shop, "web"))
    assert not answered(shop, "other")


def test_strict_keeps_out_who_has_no_identity(shop, applied):
    applied(strict(), *workload("plain", "outside"))
    shop.settle()
    assert eventually(lambda: not shop.call("outside/plain", "http://cart.shop/")[0].ok)
    assert answered(shop, "web")
    shop.client.ask(api.Delete([strict()]))
    assert eventually(lambda: shop.call("outside/plain", "http://cart.shop/")[0].ok)


def test_enrolling_and_leaving_loses_no_request_in_either_direction(shop):
    stop = threading.Event()
    met = []

    def load():
        while not stop.is_set():
            met.extend(shop.call("shop/web", "http://cart/", 20))

    def called():
        """Requests begin and end while it is as it is."""
        before = len(met)
        return eventually(lambda: len(met) >= before + 40, 60)

    caller = threading.Thread(target=load)
    caller.start()
    try:
        for _ in range(2):
            shop.client.ask(api.Label("namespaces", "", "shop", dict.fromkeys(AMBIENT)))
            shop.settle()
            assert not any(each["captured"] for each in shop.client.ask(api.Verify()))
            assert called()
            shop.client.ask(api.Label("namespaces", "", "shop", AMBIENT))
            shop.settle()
            assert called()
    finally:
        stop.set()
        caller.join()
    assert not [each for each in met if not each.ok]


def test_a_control_plane_that_dies_is_missed_by_nobody(shop, applied):
    shop.client.ask(api.Fault("controlplane", "kill"))
    assert all(each.ok for each in shop.call("shop/web", "http://cart/", 50))
    applied(allow("only-web", "web"))
    assert eventually(lambda: not answered(shop, "other"))
    assert answered(shop, "web")


def test_pods_of_a_dead_proxy_are_closed_and_come_back_with_it(shop):
    (web,) = [each for each in shop.client.ask(api.List("pods", "shop")) if each["metadata"]["labels"]["app"] == "web"]
    name = f"envoy/{web['spec']['nodeName']}"
    shop.client.ask(api.Fault(name, "kill"))
    assert eventually(lambda: any(name in each for each in shop.client.ask(api.Status())["said"]))
    assert eventually(lambda: all(each.ok for each in shop.call("shop/web", "http://cart/", 20)))


def test_identities_are_of_the_trust_domain_that_the_mesh_has():
    """Policies name it; ztunnel is told no aliases of it, unlike proxies that read HTTP."""
    objects = [ambient("shop"), *workload("web"), *workload("cart")]
    with lab(*objects, trust_domain="new.example", aliases=("cluster.local",)) as made:
        identities = {each["identity"] for each in made.client.ask(api.Certificates())}
        assert identities == {f"spiffe://new.example/ns/shop/sa/{each}" for each in ("web", "cart")}
        assert answered(made, "web")
        for domain, lets_in in (("new.example", True), ("cluster.local", False)):
            rules = [{"from": [{"source": {"principals": [f"{domain}/ns/shop/sa/web"]}}]}]
            made.apply({**allow("only-web"), "spec": {"selector": {"matchLabels": {"app": "cart"}}, "rules": rules}})
            made.settle()
            assert answered(made, "web") is lets_in, domain

"""The whole lab with waypoints: from pods by their nodes through real waypoints, whatever becomes of those."""

import pytest
from tests.support.labs import ambient, eventually, lab, under_load, workload

from sidestep.errors import WorldError
from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

_GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "waypoint", "namespace": "shop"},
    "spec": {
        "gatewayClassName": "istio-waypoint",
        "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
    },
}
_CART = {"group": "", "kind": "Service", "name": "cart"}


def _object(kind, group, name, **spec):
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": meta, "spec": spec}


def _policy(name, action, *rules, target=_CART):
    spec = {"targetRefs": [target], "action": action, "rules": list(rules)}
    return _object("AuthorizationPolicy", "security.istio.io", name, **spec)


@pytest.fixture(scope="module")
def shop():
    space = ambient("shop")
    space["metadata"]["labels"]["istio.io/use-waypoint"] = "waypoint"
    objects = (*workload("web"), *workload("cart", replicas=2), *workload("other"))
    with lab(space, _GATEWAY, *objects) as made:
        made.settle()
        yield made


@pytest.fixture
def applied(shop):
    """Apply objects for one test."""
    there = []

    def apply(*objects):
        shop.apply(*objects)
        there.extend(objects)
        shop.settle()

    yield apply
    if there:
        shop.client.ask(api.Delete(there))
        shop.settle()


def _asked(made, path="/", client="web", url="http://cart"):
    return made.call(f"shop/{client}", f"{url}{path}")[0]


def test_a_waypoint_comes_up_and_requests_go_through_it(shop):
    assert eventually(lambda: _asked(shop).ok)
    waypoints = [each for each in shop.client.ask(api.List("pods")) if _is_waypoint(each)]
    addresses = {each["status"]["podIP"] for each in waypoints}
    body = _asked(shop).body
    assert any(f'"peer":"{address}:' in body for address in addresses)


def _is_waypoint(pod):
    return pod["metadata"].get("annotations", {}).get("sidestep.dev/proxy") == "waypoint"


def test_policies_and_routes_of_layer_7_are_in_force_and_live(shop, applied):
    applied(_policy("no", "DENY", {"to": [{"operation": {"paths": ["/no"]}}]}))
    assert eventually(lambda: _asked(shop, "/no").code == 403)
    assert _asked(shop).code == 200
    web = {"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}
    applied(_policy("web", "ALLOW", {"from": [web]}))
    assert eventually(lambda: _asked(shop, client="other").code == 403)
    assert _asked(shop).code == 200
    rule = {"backendRefs": [{"name": "other", "port": 80}]}
    applied(_object("HTTPRoute", "gateway.networking.k8s.io", "r", parentRefs=[_CART], rules=[rule]))
    assert eventually(lambda: _asked(shop).pod.startswith("shop/other-"))


def test_a_control_plane_that_comes_back_sends_a_waypoint_nothing_again(shop):
    before = _told(shop)
    assert before
    shop.client.ask(api.Fault("controlplane", "kill"))
    assert eventually(lambda: _told(shop) == before)
    assert _asked(shop).ok


def _told(made):
    """What the waypoint was told; nothing while the control plane is away."""
    try:
        return made.client.ask(api.ConfigDump("shop/waypoint"))
    except WorldError:
        return []


def test_policies_come_and_go_under_load_and_no_request_is_lost(shop):
    rule = {"to": [{"operation": {"paths": ["/no"]}}]}
    policy = _policy("no", "DENY", rule, target={**_CART, "name": "other"})
    with under_load(shop, "shop/web", "http://other.shop/", 2.0) as result:
        for _ in range(5):
            shop.apply(policy)
            shop.settle()
            shop.client.ask(api.Delete([policy]))
            shop.settle()
    assert result["sent"] == result["ok"], result["failures"]


def test_a_waypoint_that_is_killed_comes_back(shop):
    [name] = [each for each in shop.client.ask(api.Status())["processes"] if each.startswith("waypoint/")]
    shop.client.ask(api.Fault(name, "kill"))
    assert eventually(lambda: _asked(shop).ok)
    shop.settle()

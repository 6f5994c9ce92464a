"""Requests to headless Services through sidecars: to the address that DNS gave, as decided, and under which name."""

import pytest
from tests.support.labs import lab

from sidestep.demo.agreement import disagreements, headers_of, told_by
from sidestep.demo.scene import Question, Scene
from sidestep.demo.stage import Stage
from sidestep.demo.words import callers, destination, pair, peers, pods, policy, routed, service, to
from sidestep.semantics.decide import decide
from sidestep.semantics.hops.forwarded import XFCC

pytestmark = pytest.mark.real

STRICT, WEB_ONLY = peers("STRICT"), policy("web-only", callers("web"), app="cart")
AT_PODS = Question(host="cart", port=8080, times=6)


def headless(server, *more, client="sidecar", also=(), **of_pods):
    """`cart` has no address of its own, and the port of its pods."""
    made = list(pair(client, server, *more, *also, headless=True, server_pods=pods("cart", server, **of_pods)))
    found = next(each for each in made if each["kind"] == "Service" and each["metadata"]["name"] == "cart")
    found["spec"]["ports"][0]["port"] = 8080
    return tuple(made)


def _routed(server):
    """What is sent to `menu` is routed to `cart`."""
    return headless(server, pods("menu", server), service("menu"), routed("menu", "menu", to("cart")))


ANOTHER = pods("cart-plain", "none", labels={"app": "cart"})
SCENES = {
    "by mutual TLS where every pod takes it": (headless("sidecar", WEB_ONLY), AT_PODS, True),
    "under STRICT": (headless("sidecar", STRICT), AT_PODS, True),
    "in plaintext where one pod has no sidecar": (headless("sidecar", also=[ANOTHER]), AT_PODS, False),
    "in plaintext to ambient pods": (headless("ambient"), AT_PODS, False),
    "which STRICT refuses": (headless("ambient", STRICT), AT_PODS, None),
    "and who admits by name": (headless("ambient", WEB_ONLY), AT_PODS, None),
    "by mutual TLS where a rule insists": (
        headless("sidecar", destination("m", "cart", {"tls": {"mode": "ISTIO_MUTUAL"}}), also=[ANOTHER]),
        Question(host="{cart}", port=8080, authority="cart"),
        True,
    ),
    "to one of several pods by its address": (
        headless("sidecar", replicas=3),
        Question(host="{cart}", port=8080, authority="cart", times=12),
        True,
    ),
    "of a route from another Service, whose pods are not the ones": (_routed("sidecar"), Question(host="menu"), None),
    "of such a route in plaintext": (_routed("none"), Question(host="menu"), False),
    "from ambient past everything": (headless("ambient", client="ambient"), AT_PODS, False),
}


@pytest.fixture(scope="module")
def stage():
    with lab() as made:
        yield Stage(made)


@pytest.mark.parametrize("name", SCENES)
def test_a_headless_service_is_reached(stage, name):
    objects, question, named = SCENES[name]
    decision = decide(stage.become(objects), stage.request(question))
    outcomes = stage.ask(question)
    assert list(disagreements(Scene("D18", name, (), ()), decision, outcomes)) == [], outcomes
    if named is None:
        assert not any(each.ok for each in outcomes)
        return
    told = [told_by(each) for each in outcomes]
    assert {XFCC in headers_of(each) for each in told} == {named}
    if question.host == "{cart}":
        assert len({each.pod for each in outcomes}) == 1

"""Invariants on small meshes: held, violated with a request that does it, undecided, and never held for want of a subject."""

import pytest
from tests.support.proofs import shop
from tests.support.scenes import index, pods, policy, principal, service

from sidestep.explain.asking import asked
from sidestep.explain.question import Question
from sidestep.prove.assertions import sentence
from sidestep.prove.findings import Standing
from sidestep.prove.invariants import Inquiry, ask
from sidestep.prove.ways import Ways
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Verdict

STRICT = {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": {"name": "default", "namespace": "istio-system"}, "spec": {"mtls": {"mode": "STRICT"}}}  # fmt: skip
WEB_ONLY = policy("web-only", {"from": [{"source": {"principals": [principal("web")]}}]}, app="cart")
NEAR = policy("near", {"from": [{"source": {"namespaces": ["shop"]}}]}, app="cart")
LISTED = policy("listed", {"from": [{"source": {"principals": [principal("web"), principal("batch")]}}]}, app="cart")
READERS = policy("readers", {"to": [{"operation": {"methods": ["GET"]}}]}, app="cart")
ADMIN = policy("admin", {"to": [{"operation": {"paths": ["/admin/*"]}}], "from": [{"source": {"notRequestPrincipals": ["*"]}}]}, app="cart", action="DENY")  # fmt: skip
JWT = {"apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication", "metadata": {"name": "jwt", "namespace": "shop"}, "spec": {"jwtRules": [{"issuer": "https://i.example"}, {"issuer": "https://other.example"}]}}  # fmt: skip


def found(mesh, text, budget=20_000):
    return ask(Ways(mesh), sentence(text), budget)


@pytest.mark.parametrize(
    ("text", "objects", "standing"),
    [
        ("nobody except shop/web reaches cart", (WEB_ONLY,), "holds"),
        ("nobody except shop/* reaches shop/cart:80", (WEB_ONLY,), "holds"),
        ("nobody except sa:shop/web reaches shop/cart", (WEB_ONLY,), "holds"),
        ("nobody reaches cart", (WEB_ONLY,), "violated"),
        ("nobody except shop/other reaches cart", (WEB_ONLY,), "violated"),
        ("nobody except shop/web reaches cart", (), "violated"),
        ("nobody outside ns shop reaches cart", (STRICT, NEAR), "holds"),
        ("nobody outside ns shop reaches cart", (STRICT,), "violated"),
        ("nobody except sa:shop/web reaches cart", (LISTED,), "violated"),
        ("nobody except [sa:shop/web, sa:shop/batch] reaches cart", (LISTED,), "holds"),
        ("nobody except [shop/web, shop/batch] reaches cart", (LISTED,), "violated"),
        ("nobody outside ns shop reaches cart", (), "violated"),
        ("only GET reaches cart", (READERS,), "holds"),
        ("only GET, HEAD reach cart", (READERS,), "holds"),
        ("only HEAD reaches cart", (READERS,), "violated"),
        ("only GET reaches cart", (WEB_ONLY,), "violated"),
        ("only GET reaches cart path /a/**", (READERS,), "holds"),
        ("every request to cart path /admin/** carries a JWT", (ADMIN, JWT), "holds"),
        ("every request to cart path /admin/** carries a JWT from [https://i.example, https://other.example]", (ADMIN, JWT), "holds"),
        ("every request to cart path /admin/** carries a JWT from issuer https://i.example", (ADMIN, JWT), "violated"),
        ("every request to cart carries a JWT", (ADMIN, JWT), "violated"),
        ("every request to cart path /admin/** carries a JWT", (JWT,), "violated"),
        ("shop/web reaches cart with GET", (READERS,), "holds"),
        ("shop/web reaches cart with DELETE", (READERS,), "violated"),
        ("shop/web reaches cart", (WEB_ONLY,), "holds"),
        ("outside reaches cart", (STRICT,), "violated"),
    ],
)  # fmt: skip
def test_on_sidecars(text, objects, standing):
    told = found(shop("sidecar", *objects), text)
    assert told.standing == standing, told
    assert bool(told.request) == bool(told.command) == bool(told.why) == (standing == "violated")
    assert told.requests > 0


@pytest.mark.parametrize("text", ["nobody reaches nothing", "shop/web reaches nothing", "only GET reaches shop/carts"])
def test_what_is_not_there_is_undecided(text):
    told = found(shop(), text)
    assert told.standing is Standing.UNDECIDED
    assert "nothing that was read is called" in told.reason


ROUTE = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {"hosts": ["cart"], "http": [{"match": [{"uri": {"prefix": "/a"}}], "route": [{"destination": {"host": "cart"}}]}, {"route": [{"destination": {"host": "cart"}}]}]}}  # fmt: skip


@pytest.mark.parametrize("text", ["nobody reaches shop/cart:81", "shop/web reaches cart:81", "only HEAD reach cart:81"])
@pytest.mark.parametrize("routes", [(), (ROUTE,)], ids=["no route", "a route"])
def test_a_port_that_is_not_there_never_holds(text, routes):
    told = found(shop("sidecar", *routes), text)
    assert told.standing is Standing.UNDECIDED
    assert "cart:81" in told.reason
    assert found(shop("sidecar", *routes), text.replace(":81", ":80")).standing is not Standing.UNDECIDED


def test_a_client_that_is_not_there_reaches_nothing_and_is_undecided():
    told = found(shop(), "shop/nobody reaches cart")
    assert (told.standing, "shop/nobody" in told.reason) == (Standing.UNDECIDED, True)


def test_what_cannot_be_decided_says_why():
    asks = policy("ask", {}, app="cart", action="CUSTOM", provider={"name": "opa"})
    told = found(shop("sidecar", asks), "nobody reaches cart")
    assert told.standing is not Standing.HOLDS
    told = found(shop("sidecar", READERS), "only GET reaches cart", budget=1)
    assert (told.standing, "budget" in told.reason) == (Standing.UNDECIDED, True)


def test_an_exception_does_not_hide_others_that_are_treated_alike():
    told = found(
        index(pods("web"), pods("other"), pods("cart"), service("cart"), STRICT),
        "nobody except [shop/web, shop/cart] reaches cart",
    )
    assert told.standing is Standing.VIOLATED
    assert "shop/other" in told.request


def test_pods_are_reached_by_their_address_and_by_other_services_too():
    guarded = policy(
        "guard",
        {"to": [{"operation": {"ports": ["8080"]}}], "from": [{"source": {"principals": [principal("web")]}}]},
        app="cart",
    )
    mesh = index(
        pods("web"),
        pods("cart"),
        service("cart", target=8080),
        service("back", selector={"app": "cart"}, target=8080),
        guarded,
    )
    told = found(mesh, "nobody except shop/web reaches cart")
    assert told.standing is Standing.HOLDS
    open_mesh = index(
        pods("web", "none"), pods("cart", "none"), service("cart"), service("back", selector={"app": "cart"})
    )
    asked_all = found(open_mesh, "nobody except [shop/web, shop/cart, outside] reaches cart")
    assert asked_all.standing is Standing.HOLDS


@pytest.mark.parametrize(
    ("text", "nodes", "standing"),
    [
        ("nobody outside ns shop reaches cart", False, "holds"),
        ("nobody outside ns shop reaches cart", True, "violated"),
        ("nobody except [shop/*, node] reaches cart", True, "holds"),
    ],
)
def test_processes_on_nodes_are_asked_unless_they_are_taken_to_be_silent(text, nodes, standing):
    told = ask(Ways(shop("ambient", STRICT, NEAR), nodes=nodes), sentence(text), 1_000)
    assert (told.standing, "node" in told.request) == (standing, standing == "violated")


def test_one_client_of_each_class_is_asked():
    many = [pods(f"web{number}", ip=f"10.2.0.{number}") for number in range(40)]
    few = found(index(*many[:4], pods("cart"), service("cart"), READERS), "only GET reaches cart")
    told = found(index(*many, pods("cart"), service("cart"), READERS), "only GET reaches cart")
    assert (told.standing, told.requests) == (Standing.HOLDS, few.requests)


def test_one_way_of_several_is_enough():
    half = index(pods("web"), pods("cart"), pods("open", labels={"app": "cart"}), service("cart"), WEB_ONLY)
    assert found(half, "nobody except shop/web reaches cart").standing is Standing.HOLDS
    plain = [*pods("cart", ip="10.1.0.2"), *pods("plain", "none", labels={"app": "cart"}, ip="10.1.0.9")]
    told = found(index(pods("web"), pods("else"), *plain, service("cart"), WEB_ONLY), "nobody except [shop/web, outside] reaches cart")  # fmt: skip
    assert told.standing is Standing.VIOLATED


def test_a_violation_reproduces():
    mesh = shop("sidecar", READERS)
    told = found(mesh, "only HEAD reaches cart")
    options = dict(zip(told.command[::2], told.command[1::2], strict=True))
    question = Question(
        options["--client"], options["--to"], int(options["--port"]), options["--method"], options["--path"]
    )
    assert decide(mesh, asked(mesh, question).request).verdict is Verdict.ALLOW


def test_the_first_state_that_violates_it_is_told():
    inquiry = Inquiry([sentence("only GET reaches cart")], 1_000)
    for step, mesh in (("today", shop("sidecar", READERS)), ("w1", shop()), ("w2", shop("none"))):
        inquiry.ask(mesh, step)
    (told,) = inquiry.results()
    assert (told.standing, told.step) == (Standing.VIOLATED, "w1")


def test_a_violation_weighs_more_than_doubt_and_doubt_more_than_nothing():
    inquiry = Inquiry([sentence("shop/web reaches cart with GET"), sentence("only GET reaches shop/none")], 1_000)
    inquiry.ask(shop("sidecar", READERS), "today")
    inquiry.ask(shop("sidecar", policy("shut", app="cart")), "w1")
    first, second = inquiry.results()
    assert (first.standing, first.step) == (Standing.VIOLATED, "w1")
    assert (second.standing, second.step) == (Standing.UNDECIDED, "today")

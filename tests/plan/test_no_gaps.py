"""Every state on the way decides every request as today, or the plan says otherwise."""

from itertools import product

import pytest
from msgspec.structs import replace
from tests.support.scenes import ask, get, index, m, peers, pods, policy, principal, service

from sidestep.actions.memory import apply, problems, rollback, states
from sidestep.model.call_graph import Callee, Caller, CallerRole, CallGraph, Edge, Evidence, call_graph
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.document import Fate
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.versions import given_version
from sidestep.sources.prices import load_prices

GET_ONLY = {"to": [{"operation": {"methods": ["GET"]}}]}
FROM_WEB = {"from": [{"source": {"principals": [principal("web")]}}]}
NO_DELETE = {"to": [{"operation": {"methods": ["DELETE"]}}]}
BACKSTAGE = [m.o.labelled_namespace("shop", {"istio-injection": "enabled"}), m.o.webhook("default")]
JWT = m.o.istio(
    "RequestAuthentication", "tokens", "shop",
    {"selector": {"matchLabels": {"app": "cart"}}, "jwtRules": [{"issuer": "https://issuer.example.com", "jwks": "{}"}]},
)  # fmt: skip


def calls(*pairs: str) -> CallGraph:
    def ref(name):
        return WorkloadRef("shop", "Deployment", name)

    edges = [
        Edge(
            Caller(CallerRole.WORKLOAD, "shop", "Deployment", a),
            Callee("shop", "Deployment", b, "shop", b),
            requests_per_second=1.0,
            evidence=Evidence.METRICS,
        )
        for a, b in (pair.split(">") for pair in pairs)
    ]
    return call_graph(edges)


def shop(*more):
    """web and admin call cart, cart calls stock; each with its Service."""
    names = ("web", "admin", "cart", "stock")
    return [*BACKSTAGE, *(pods(name, count=2) for name in names), *(service(name) for name in names), *more]


HALF_MOVED = [
    *BACKSTAGE,
    *(each for name in ("web", "admin", "stock") for each in pods(name, count=2)),
    *pods("cart", "ambient", labels={"istio.io/dataplane-mode": "ambient"}, count=2),
    *(service(name) for name in ("web", "admin", "cart", "stock")),
]
GRAPH = calls("web>cart", "admin>cart", "cart>stock")
SCENES = {
    "nothing": shop(),
    "strict": shop(peers("STRICT")),
    "one port strict": shop(
        peers("STRICT"), peers("PERMISSIVE", "shop", name="cart", app="cart", ports={8080: "STRICT"})
    ),
    "one port permissive": shop(
        peers("", "shop", name="cart", app="cart", ports={9999: "PERMISSIVE"}), peers("STRICT")
    ),
    "one port exempt": shop(
        peers("STRICT", "shop"), peers("", "shop", name="cart", app="cart", ports={8080: "PERMISSIVE"})
    ),
    "l7 allow": shop(policy("reads", GET_ONLY, app="cart")),
    "l7 allow strict": shop(peers("STRICT"), policy("reads", GET_ONLY, app="cart")),
    "l7 deny": shop(policy("no-delete", NO_DELETE, action="DENY", app="cart")),
    "l7 and l4 allow": shop(policy("reads", GET_ONLY, app="cart"), policy("web", FROM_WEB, app="cart")),
    "mixed rule": shop(policy("web-reads", {**FROM_WEB, **GET_ONLY}, app="cart")),
    "l4 allow": shop(policy("web", FROM_WEB, app="cart")),
    "l4 deny": shop(policy("not-web", FROM_WEB, action="DENY", app="cart")),
    "l4 deny others and l7 allow": shop(
        policy("only-web", {"from": [{"source": {"notPrincipals": [principal("web")]}}]}, action="DENY", app="cart"),
        policy("reads", GET_ONLY, app="cart"),
    ),
    "ports": shop(policy("port", {"to": [{"operation": {"ports": ["8080"], "methods": ["GET"]}}]}, app="cart")),
    "namespace default deny": shop(
        policy("nobody"), policy("reads", {**FROM_WEB, **GET_ONLY}, app="cart"), policy("stock", {}, app="stock")
    ),
    "mesh default deny": shop(
        policy("nobody", space="istio-system"), policy("reads", GET_ONLY, app="cart"), policy("open", {}, app="stock")
    ),
    "token": shop(JWT, policy("with-token", {"from": [{"source": {"requestPrincipals": ["*"]}}]}, app="cart")),
    "everybody": shop(policy("reads", GET_ONLY)),
    "in ambient before": [*HALF_MOVED, policy("reads", GET_ONLY)],
    "in ambient before, alone": [*HALF_MOVED, policy("reads", GET_ONLY, app="cart")],
}
CLIENTS = ("web", "admin", "cart", "stock")
PAYLOADS = (get(), get(method="DELETE"), get(token="valid"), get(token="invalid"))
EDGES = {("web", "cart"), ("admin", "cart"), ("cart", "stock")}


def asked(mesh, client, server, payload):
    """Not arriving is as good as being refused; a server's pod is dialled by its address."""
    name, port = (f"{server}.shop", 80) if server.isalpha() else (server, 8080)
    found = ask(mesh, client, name, payload, port=port)
    return found.verdict if found.verdict is not Verdict.UNREACHABLE else Verdict.DENY


def questions(today):
    """With today's answer; who dials a pod in place of its Service must not get further than either way today."""
    for client, server, payload in product((*CLIENTS, "outside"), CLIENTS, PAYLOADS):
        if client != server:
            answer, pod = asked(today, client, server, payload), f"10.1.{sum(map(ord, server + 'shop')) % 250}.1"
            yield (client, server, payload), answer
            past = asked(today, client, pod, payload)
            yield (client, pod, payload), Verdict.DENY if past is answer is Verdict.DENY else Verdict.ALLOW


@pytest.mark.parametrize("name", SCENES)
def test_no_state_decides_otherwise(name):
    today = index(*SCENES[name])
    plan = make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH))
    assert not problems(plan, today.mesh)
    assert all(each.fate in (Fate.AMBIENT, Fate.WAYPOINT) for each in plan.workloads), plan.workloads
    before = list(questions(today))
    wrong = []
    for step, mesh in states(plan, today.mesh):
        now = MeshIndex.of(mesh, given_version("1.30"))
        for key, expected in before:
            got = asked(now, *key)
            if got is not expected:
                wrong.append(
                    (step.id, step.description, key[0], key[1], key[2].method, key[2].token.state, expected, got)
                )
    opened = [each for each in wrong if each[-2] is Verdict.DENY]
    assert not opened, opened[:5]
    closed = [each for each in wrong if (each[2], each[3]) in EDGES]
    assert not closed, closed[:5]


def without(plan, words):
    return replace(plan, steps=tuple(step for step in plan.steps if words not in step.description))


@pytest.mark.parametrize(
    ("scene", "words", "answer"),
    [
        ("l7 deny", "stage", Verdict.ALLOW),
        ("l7 deny", "past its waypoint", Verdict.ALLOW),
        ("l7 allow", "admit the waypoint", Verdict.DENY),
        ("l7 allow", "bind", Verdict.DENY),
        ("l4 deny others and l7 allow", "from refusing", Verdict.DENY),
        ("one port strict", "ztunnel is not told", Verdict.ALLOW),
    ],
)
def test_each_kind_of_step_is_needed(scene, words, answer):
    today = index(*SCENES[scene])
    plan = without(make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH)), words)
    before = list(questions(today))
    found = set()
    for _, mesh in states(plan, today.mesh):
        now = MeshIndex.of(mesh, given_version("1.30"))
        found |= {got for key, expected in before if (got := asked(now, *key)) is not expected and relevant(key, got)}
    assert answer in found


def relevant(key, got):
    return got is Verdict.ALLOW or (key[0], key[1]) in EDGES


NINES = policy("nines", {"to": [{"operation": {"methods": ["DELETE"], "ports": ["9999"]}}]}, action="DENY", app="cart")


@pytest.mark.parametrize(
    "guard", [policy("no-delete", NO_DELETE, action="DENY", app="cart"), NINES], ids=["all", "nines"]
)
def test_a_port_that_no_service_leads_to_is_no_way_in(guard):
    today = index(*shop(guard))
    plan = make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH))
    pod = f"10.1.{sum(map(ord, 'cartshop')) % 250}.1"

    def verdict(mesh, client):
        return ask(mesh, client, pod, get(method="DELETE"), port=9999).verdict

    assert verdict(today, "web") is verdict(today, "outside") is Verdict.DENY
    for _, mesh in states(plan, today.mesh):
        now = MeshIndex.of(mesh, given_version("1.30"))
        assert Verdict.ALLOW not in (verdict(now, "web"), verdict(now, "outside"))


@pytest.mark.parametrize("name", SCENES)
def test_the_way_back_decides_as_today(name):
    """Each wave taken back, the last first: what was refused stays refused all the way."""
    today = index(*SCENES[name])
    plan = make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH))
    mesh = apply(plan, today.mesh)
    before = [(key, verdict) for key, verdict in questions(today) if verdict is Verdict.DENY]
    for wave in sorted((wave.number for wave in plan.waves), reverse=True):
        mesh = rollback(plan, mesh, wave)
        now = MeshIndex.of(mesh, given_version("1.30"))
        assert not [key for key, _ in before if asked(now, *key) is Verdict.ALLOW]
    assert [asked(MeshIndex.of(mesh, given_version("1.30")), *key) for key, _ in questions(today)] == [
        asked(today, *key) for key, _ in questions(today)
    ]

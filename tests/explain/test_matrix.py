"""Who may call whom: words for every cell, rows that share, and limits that are said."""

import pytest
from tests.support import mesh as m
from tests.support.scenes import ask, client, get, index, peers, pods, policy, service, waypoint

from sidestep.errors import UsageError
from sidestep.explain import matrix as module
from sidestep.explain.answer import TODAY, State
from sidestep.explain.blind import BlindIndex, http_decides
from sidestep.explain.matrix import Cell, matrix
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.requests import Request

FRONT = {"from": [{"source": {"principals": ["cluster.local/ns/web/sa/front"]}}]}
READERS = policy("readers", {**FRONT, "to": [{"operation": {"methods": ["GET"]}}]}, app="cart")


def scene(*more, mode="sidecar"):
    return index(
        pods("cart", mode),
        pods("db", mode),
        service("cart"),
        service("db", port=5432, target=5432, protocol="tcp"),
        pods("front", mode, space="web"),
        pods("back", mode, space="web"),
        pods("edge", "gateway", space="istio-system"),
        *more,
    )


def cells(mesh, namespace="shop"):
    found = matrix(State(TODAY, mesh), namespace)
    return {
        row.caller: dict(zip(found.columns, [(c.tcp, c.http) for c in row.calls], strict=True)) for row in found.rows
    }


def test_rows_are_own_workloads_gateways_and_other_namespaces_together():
    found = matrix(State(TODAY, scene()), "shop")
    assert found.columns == ("cart:80", "db:5432")
    assert [row.caller for row in found.rows] == [
        "cart",
        "db",
        "gateway istio-system/edge",
        "outside of the mesh, plaintext",
        "namespace web: back, front",
    ]
    assert found.rows[4].members == ("web/back", "web/front")


def test_callers_of_a_namespace_that_are_treated_otherwise_have_rows_of_their_own():
    found = cells(scene(READERS))
    assert found["namespace web: front"]["cart:80"][1] is Cell.SOME
    assert found["namespace web: back"]["cart:80"][1] is Cell.DENIED
    assert found["db"]["cart:80"][1] is Cell.DENIED
    assert found["db"]["db:5432"] == (Cell.ALLOWED, Cell.ALLOWED)


@pytest.mark.parametrize(
    ("rule", "action", "expected"),
    [
        ({}, "ALLOW", Cell.ALLOWED),
        ({"to": [{"operation": {"methods": ["GET"]}}]}, "ALLOW", Cell.SOME),
        ({"to": [{"operation": {"methods": ["POST"]}}]}, "ALLOW", Cell.SOME),
        ({"to": [{"operation": {"paths": ["/admin"]}}]}, "DENY", Cell.SOME),
        ({"when": [{"key": "request.headers[x]", "values": ["1"]}]}, "ALLOW", Cell.SOME),
        ({"from": [{"source": {"requestPrincipals": ["*"]}}]}, "ALLOW", Cell.SOME),
        ({"to": [{"operation": {"ports": ["8080"]}}]}, "ALLOW", Cell.ALLOWED),
        ({"from": [{"source": {"namespaces": ["nowhere"]}}]}, "ALLOW", Cell.DENIED),
        ({"from": [{"source": {"namespaces": ["web"]}}]}, "DENY", Cell.DENIED),
    ],
)
@pytest.mark.parametrize("where", ["sidecar", "waypoint"])
def test_some_means_that_what_is_in_the_request_decides(rule, action, expected, where):
    if where == "sidecar":
        mesh = scene(policy("p", rule, app="cart", action=action))
    else:
        bound = service("cart", labels={"istio.io/use-waypoint": "waypoint"})
        at_service = "8080" not in str(rule)
        mesh = index(
            pods("cart", "ambient"), pods("front", "ambient", space="web"), bound, waypoint(),
            policy("p", rule, service="cart", action=action) if at_service else policy("p", {}, service="cart"),
        )  # fmt: skip
    assert next(calls["cart:80"][1] for name, calls in cells(mesh).items() if "front" in name) is expected


def test_strict_shuts_the_outside_out():
    found = cells(scene(peers("STRICT")))
    assert found["outside of the mesh, plaintext"]["db:5432"] == (Cell.DENIED, Cell.DENIED)
    assert found["cart"]["db:5432"] == (Cell.ALLOWED, Cell.ALLOWED)


def test_a_port_that_speaks_http_takes_no_other_bytes_where_a_proxy_reads_it():
    assert cells(scene())["db"]["cart:80"] == (Cell.NOT_TCP, Cell.ALLOWED)
    assert cells(scene(mode="ambient"))["db"]["cart:80"] == (Cell.ALLOWED, Cell.ALLOWED)


def test_a_service_without_pods_is_unreachable_and_what_decides_elsewhere_unknown():
    ask_outside = policy("ask", {}, app="db", action="CUSTOM", provider={"name": "opa"})
    found = cells(scene(service("ghost"), ask_outside))
    assert found["cart"]["ghost:80"][1] is Cell.UNREACHABLE
    assert found["cart"]["db:5432"][1] is Cell.UNKNOWN


def test_every_cell_says_why():
    found = matrix(State(TODAY, scene(READERS)), "shop")
    assert all(call.why for row in found.rows for call in row.calls)


def test_an_unknown_namespace_lists_those_with_services():
    with pytest.raises(UsageError) as caught:
        matrix(State(TODAY, scene()), "shp")
    assert (caught.value.where, "shop" in caught.value.remedy) == ("--matrix", True)


def test_namespaces_that_are_treated_alike_share_a_row():
    more = [each for space in ("a", "b", "c", "d") for each in pods("x", space=space)]
    found = matrix(State(TODAY, scene(READERS, more)), "shop")
    told = [row.caller for row in found.rows[4:]]
    assert told == ["namespace web: back", "namespace web: front", "4 namespaces: a, b, c and 1 more"]
    assert found.rows[-1].members == ("a/x", "b/x", "c/x", "d/x")


def test_limits_are_said_and_the_outside_is_never_left_out(monkeypatch):
    for name, value in (("_MOST_COLUMNS", 1), ("_MOST_CELLS", 4), ("_MOST_ROWS", 3)):
        monkeypatch.setattr(module, name, value)
    found = matrix(State(TODAY, scene()), "shop")
    assert (len(found.columns), len(found.rows)) == (1, 3)
    assert found.cut == ("1 of 2 service ports are shown", "4 of 6 callers are shown", "3 of 4 rows are shown")
    monkeypatch.setattr(module, "_MOST_ROWS", 9)
    assert matrix(State(TODAY, scene()), "shop").rows[-1].caller == "outside of the mesh, plaintext"


def test_two_workloads_of_one_name_are_told_apart():
    again = m.workload(m.app("cart"), "cart", "shop", kind="StatefulSet", replicas=1, pods=1)
    again[-1]["metadata"]["name"] = "cart-0"
    found = cells(scene(again))
    assert {"Deployment cart", "StatefulSet cart"} <= found.keys()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_where_the_blind_are_sure_every_request_gets_that_answer(method):
    """The blind index may only be sure of what holds for all requests."""
    for more in ((), (READERS,), (policy("p", FRONT, app="cart"),), (policy("none", app="cart"),)):
        mesh = scene(*more)
        for who in ("web/front", "web/back", "db"):
            seeing = ask(mesh, who, "cart.shop", get(method=method))
            blind = decide(BlindIndex.over(mesh), Request(client(who), "cart.shop", 80, get()))
            if blind.verdict is Verdict.UNKNOWN:
                assert http_decides(blind)
            else:
                assert blind.verdict is seeing.verdict

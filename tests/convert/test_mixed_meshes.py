"""Meshes with some of everything: what is decided otherwise is said, and what opens is said to be security."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.convert.test_no_difference import RULES, verdict
from tests.support.conversions import after, context, convert
from tests.support.scenes import get, index, m, mesh_config, pods, policy, service

from sidestep.convert.rewrite import Severity
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.requests import Tcp

CLIENTS = ("web", "far/web", "old", "outside")
SERVERS = (("cart", 80), ("checkout", 443), ("stock", 5000), ("far/pay.far", 80))
PAYLOADS = (get(), get("/a", "DELETE"), Tcp())
QUESTIONS = [
    (client, server.rpartition("/")[2], port, payload)
    for client, (server, port), payload in product(CLIENTS, SERVERS, PAYLOADS)
    if isinstance(payload, Tcp) <= (port == 5000)
]
"""Bytes that are no HTTP only where the port says so."""
WITH_ALIAS = {"from": [{"source": {"principals": ["old.example/ns/shop/sa/web"]}}]}


def town(mode):
    return [
        m.o.labelled_namespace("shop", {"istio-injection": "enabled"}),
        m.o.labelled_namespace("far", {"istio-injection": "enabled"}),
        *(each for name in ("web", "old", "cart", "stock") for each in pods(name, mode)),
        *(each for name in ("web", "pay") for each in pods(name, mode, "far")),
        service("cart"),
        service("checkout", port=443, target="p8080", selector={"app": "cart"}),
        service("stock", port=5000, protocol="tcp"),
        service("pay", "far", port=80),
    ]


@st.composite
def configurations(draw):
    found = [mesh_config(trustDomainAliases=["old.example"])] if draw(st.booleans()) else []
    for number in range(draw(st.integers(1, 3))):
        action = draw(st.sampled_from(["ALLOW", "DENY", "DENY", "AUDIT"]))
        rules = draw(
            st.lists(st.one_of(RULES, st.just(WITH_ALIAS)), min_size=0 if action == "ALLOW" else 1, max_size=2)
        )
        scopes = [{"app": "cart"}, {"app": "stock"}, {"app": "pay", "space": "far"}, {}, {"space": "istio-system"}]
        found.append(policy(f"p{number}", *rules, action=action, **draw(st.sampled_from(scopes))))
    return found


BEHIND = st.sets(st.sampled_from(["cart", "checkout", "stock", "far/pay"]))


@given(configurations(), BEHIND)
@settings(max_examples=150, deadline=None)
def test_what_changes_is_said(config, behind):
    today = index(*town("sidecar"), *config)
    found = context(today, *behind)
    made = convert(found)
    then = after(town, config, found, made.changes)
    told = {loss.severity for loss in made.losses}
    for client, host, port, payload in QUESTIONS:
        now, got = (verdict(mesh, client, host, payload, port) for mesh in (today, then))
        if Verdict.UNKNOWN in (now, got) or now is got:
            continue
        question = (client, host, payload, now, got, made.losses)
        assert Severity.SECURITY in told if got is Verdict.ALLOW else told & {Severity.SECURITY, Severity.TRAFFIC}, (
            question
        )


@given(configurations())
@settings(max_examples=80, deadline=None)
def test_behind_waypoints_nothing_opens(config):
    today = index(*town("sidecar"), *config)
    found = context(today, "cart", "checkout", "stock", "far/pay")
    made = convert(found)
    then = after(town, config, found, made.changes)
    for client, host, port, payload in QUESTIONS:
        now, got = (verdict(mesh, client, host, payload, port) for mesh in (today, then))
        if client == "outside" and got is Verdict.DENY:
            assert now is got or any("D30" in loss.why for loss in made.losses)
            continue
        assert got is now or Verdict.UNKNOWN in (now, got), (client, host, payload, now, got)
    assert not convert(context(then, "cart", "checkout", "stock", "far/pay")).changes

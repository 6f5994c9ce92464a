"""Anything may stand anywhere: rewrites give changes and losses, never a traceback, and never touch their input."""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.conversions import context, convert, resources
from tests.support.scenes import Object, index, m, mesh_config, peers, pods, policy, principal, service

JUNK = st.sampled_from([None, 7, "", "x", [], {}, [None], ["*"], {"a": None}, [{}], True, "a*b", -1, [7], {"": ""}])
RULE = {
    "from": [{"source": {"principals": [principal("web")], "notNamespaces": ["a*b"], "trustDomains": ["x"]}}],
    "to": [{"operation": {"methods": ["GET"], "ports": ["8080"]}}],
    "when": [{"key": "source.serviceAccount", "values": ["web"]}, {"key": "destination.port", "notValues": ["8080"]}],
}
CONFIG = [
    policy("p", RULE, app="cart"),
    policy("d", RULE, action="DENY"),
    peers("", "shop", name="cart", app="cart", ports={8080: "STRICT"}),
    m.o.istio("RequestAuthentication", "t", "shop", {"jwtRules": [{"issuer": "i", "jwks": "{}"}]}),
    m.o.istio("Telemetry", "l", "shop", {"selector": {"matchLabels": {"app": "cart"}}, "metrics": [{"overrides": [{"match": {"mode": "CLIENT"}}]}]}),
    m.o.istio("WasmPlugin", "w", "shop", {"match": [{"mode": "SERVER", "ports": [{"number": 8080}]}]}),
    m.o.istio("EnvoyFilter", "e", "shop", {"workloadSelector": {"labels": {"app": "cart"}}, "configPatches": [{"applyTo": "HTTP_FILTER", "match": {"context": "ANY"}}]}),
    m.o.istio("Sidecar", "s", "shop", {"egress": [{"hosts": ["./*"]}], "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}),
    m.o.istio("ServiceEntry", "x", "shop", {"hosts": ["x.example.com"], "addresses": ["192.0.2.1"], "ports": [{"number": 80, "name": "http"}]}),
    {**m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("n", "shop")),
     "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}], "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}},
    {**m.o.thing("monitoring.coreos.com/v1", "PrometheusRule", m.o.meta("r", "shop")),
     "spec": {"groups": [{"rules": [{"expr": 'istio_requests_total{reporter="source"}'}]}]}},
    mesh_config(trustDomainAliases=["old"]),
]  # fmt: skip


def places(tree, at=()):
    """Paths of everything within a tree but what names it."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        if not at and key in ("apiVersion", "kind"):
            continue
        if at == ("metadata",) and key in ("name", "namespace"):
            continue
        if (*at, key) != ("metadata",):
            yield (*at, key)
        yield from places(value, (*at, key))


def with_junk(tree: Object, place, junk) -> Object:
    found = copy.deepcopy(tree)
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = junk
    return found


WORKLOAD = [each for each in pods("cart") if each["kind"] == "Deployment"]
SCENE = [*pods("cart"), *pods("web"), service("cart"), service("web")]
PLACES = [(number, place) for number, each in enumerate([*CONFIG, *WORKLOAD]) for place in places(each)]


@given(st.lists(st.tuples(st.sampled_from(PLACES), JUNK), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_anything_anywhere(changes):
    objects: list[Object] = [*copy.deepcopy(CONFIG), *copy.deepcopy(WORKLOAD)]
    for (number, place), junk in changes:
        try:
            objects[number] = with_junk(objects[number], place, junk)
        except (KeyError, IndexError, TypeError):
            continue
    rest = [each for each in SCENE if each["kind"] != "Deployment" or each["metadata"]["name"] != "cart"]
    found = context(index(*rest, *objects), "cart")
    bodies = [each.body for each in resources(found.index.mesh)]
    once, again = convert(found), convert(found)
    assert once == again
    assert [each.body for each in resources(found.index.mesh)] == bodies

"""Selectors of namespaces by the labels that ask for sidecars: they mean the same once these are gone, and before."""

import pytest
from tests.support.conversions import after, apply, context, convert, flat, manifests, one, severities
from tests.support.scenes import index, m, mesh_config, pods, service

from sidestep.convert.rules import namespace_labels, network_policy
from sidestep.model.prices import PriceBook
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.prove.prover import Leave, Terms, prove

INJECTED = {"istio-injection": "enabled"}
SPACES = {"shop": INJECTED, "pay": {**INJECTED, "team": "pay"}, "old": {"istio.io/rev": "default"}, "out": {}}
AMBIENT = {"istio.io/dataplane-mode": "ambient"}


def mesh(mode, spaces=None):
    found = [m.o.labelled_namespace(name, dict(labels)) for name, labels in (spaces or SPACES).items()]
    for name in spaces or SPACES:
        modes = {"out": "none", "stays": "ambient"}
        found += [*pods("cart", modes.get(name, mode), space=name), *pods("web", modes.get(name, mode), space=name)]
    return [*found, service("cart")]


def net(selector, *, kind="ingress", space="shop", app="cart", name="net", **peer):
    side = {"ingress": "from", "egress": "to"}[kind]
    rules = [{side: [{"namespaceSelector": selector, **peer}]}]
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": [kind.title()], kind: rules}
    return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta(name, space), spec=spec)


def asks(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


SELECTORS = [
    {"matchLabels": INJECTED},
    {"matchLabels": {**INJECTED, "team": "pay"}},
    {"matchLabels": {"istio.io/rev": "default"}},
    asks("istio-injection", "Exists"),
    asks("istio-injection", "DoesNotExist"),
    asks("istio-injection", "In", "enabled", "other"),
    asks("istio-injection", "NotIn", "enabled"),
    asks("istio.io/dataplane-mode", "DoesNotExist"),
    {**asks("istio.io/rev", "DoesNotExist"), "matchLabels": INJECTED},
]


def peers_of(given, kind="ingress"):
    return [peer for rule in manifests(given)["net"]["spec"][kind][:1] for peer in rule.get("from") or rule["to"]]


@pytest.mark.parametrize("selector", SELECTORS, ids=str)
@pytest.mark.parametrize("kind", ["ingress", "egress"])
@pytest.mark.parametrize("space", ["shop", "out"])
def test_the_same_namespaces_are_meant_at_any_time(selector, kind, space):
    config = [net(selector, kind=kind, space=space)]
    found = context(index(*mesh("sidecar"), *config))
    changes = convert(found).changes
    early = index(*apply([*flat(mesh("ambient")), *config], changes, late=False))
    for then in (early, after(mesh, config, found, changes)):
        proof = prove(found.index, then, Terms(Leave.SHAPE))
        assert not [each.request for each in proof.counterexamples if "someone" not in each.request]


def test_what_asks_for_ambient_is_meant_beside():
    given = one(network_policy.RULE, context(index(*mesh("sidecar"), net(SELECTORS[1]))), "NetworkPolicy", "net")
    assert peers_of(given) == [
        {"namespaceSelector": SELECTORS[1]},
        {"namespaceSelector": {"matchLabels": {"team": "pay", **AMBIENT}}},
    ]


def test_names_are_written_where_others_are_in_ambient_already():
    spaces = {**SPACES, "stays": AMBIENT}
    given = one(
        network_policy.RULE, context(index(*mesh("sidecar", spaces), net(SELECTORS[0]))), "NetworkPolicy", "net"
    )
    other = peers_of(given)[1]["namespaceSelector"]
    assert other == asks("kubernetes.io/metadata.name", "In", "pay", "shop")
    given = one(
        network_policy.RULE, context(index(*mesh("sidecar", spaces), net(SELECTORS[4]))), "NetworkPolicy", "net"
    )
    (same,) = peers_of(given)
    assert same["namespaceSelector"]["matchExpressions"][1:] == [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["pay", "shop"]}
    ]


@pytest.mark.parametrize(
    "selector", [{}, {"matchLabels": {"team": "pay"}}, {"matchLabels": {"istio-injection": "disabled"}}]
)
def test_other_selectors_stay_as_they_are(selector):
    given = one(network_policy.RULE, context(index(*mesh("sidecar"), net(selector))), "NetworkPolicy", "net")
    assert not given.changes or peers_of(given) == [{"namespaceSelector": selector}]


def test_a_second_time_changes_nothing():
    config = [net(SELECTORS[0]), net(SELECTORS[4], kind="egress", name="more")]
    found = context(index(*mesh("sidecar"), *config))
    for late in (False, True):
        half = index(*apply([*flat(mesh("sidecar")), *config], convert(found).changes, late=late))
        again = convert(context(half)).changes
        assert not [each for each in again if each.object.kind == "NetworkPolicy"]


def test_who_moves_nowhere_keeps_his_labels_and_what_means_them():
    given = convert(context(index(*mesh("sidecar"), net(SELECTORS[0])), moving=()))
    assert not given.changes


GATEWAY = m.o.thing(
    "gateway.networking.k8s.io/v1", "Gateway", m.o.meta("in", "shop"),
    spec={
        "gatewayClassName": "istio",
        "listeners": [
            {
                "name": "http", "port": 80, "protocol": "HTTP",
                "allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": INJECTED}}},
            }
        ],
    },
)  # fmt: skip


@pytest.mark.parametrize(
    ("chooser", "kept"),
    [
        (GATEWAY, {"shop", "pay"}),
        (mesh_config(discoverySelectors=[{"matchLabels": INJECTED}]), {"shop", "pay"}),
        (mesh_config(discoverySelectors=[{"matchLabels": INJECTED}, {"matchLabels": {"team": "pay"}}]), {"shop"}),
        (mesh_config(discoverySelectors=[{"matchExpressions": asks("team", "Exists")["matchExpressions"]}]), set()),
    ],
    ids=["gateway", "discovery", "one of two", "by another label"],
)  # fmt: skip
def test_a_label_stays_where_others_choose_by_it(chooser, kept):
    found = context(index(*mesh("sidecar"), chooser))
    given = {name: one(namespace_labels.RULE, found, "Namespace", name) for name in ("shop", "pay")}
    for name, each in given.items():
        if each.changes:
            assert manifests(each)[name]["metadata"]["labels"].get("istio-injection") == (
                "enabled" if name in kept else None
            )
        assert severities(each.losses) == ([("traffic", "metadata.labels[istio-injection]")] if name in kept else [])


def test_a_plan_leaves_it_too():
    spaces = {name: labels for name, labels in SPACES.items() if name != "out"}
    steps = make_plan(PlanRequest(index(*mesh("sidecar", spaces), GATEWAY).mesh, PriceBook())).steps
    set_there = {each.effect.object.name: each.effect.labels for each in steps if "label namespace" in each.description}
    assert set_there["shop"] == AMBIENT
    assert set_there["old"] == {**AMBIENT, "istio.io/rev": None}

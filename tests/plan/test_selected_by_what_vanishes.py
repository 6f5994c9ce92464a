"""Selectors that ask for labels which only injection gives keep a workload on its sidecar until they are changed."""

import pytest
from tests.support.scenes import index, m, pods, service

from sidestep.model.prices import PriceBook
from sidestep.plan.document import Fate
from sidestep.plan.planner import PlanRequest, make_plan

TLS, NAME, REVISION = (
    "security.istio.io/tlsMode", "service.istio.io/canonical-name", "service.istio.io/canonical-revision",
)  # fmt: skip


def net(**spec):
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [], **spec}
    return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("net", "shop"), spec=spec)


def policy(kind, spec, space="shop"):
    return m.o.istio(kind, "one", space, spec)


def labels(**found):
    return {"matchLabels": found}


def planned(*config, spaces=("shop",), **how):
    people = (each for space in spaces for name in ("cart", "web") for each in pods(name, space=space, **how))
    return make_plan(PlanRequest(index(*people, service("cart"), *config).mesh, PriceBook())).workloads


def kept(*config, **how):
    """Workloads that do not move, and why."""
    return {
        f"{each.workload.namespace}/{each.workload.name}": str(each.reasons)
        for each in planned(*config, **how)
        if each.fate not in (Fate.AMBIENT, Fate.WAYPOINT)
    }


@pytest.mark.parametrize(
    ("config", "who"),
    [
        (net(podSelector=labels(**{TLS: "istio"})), {"shop/cart", "shop/web"}),
        (net(podSelector=labels(**{NAME: "cart"})), {"shop/cart"}),
        (net(podSelector={"matchExpressions": [{"key": TLS, "operator": "DoesNotExist"}]}), {"shop/cart", "shop/web"}),
        (net(ingress=[{"from": [{"podSelector": labels(**{NAME: "web"})}]}]), {"shop/web"}),
        (policy("AuthorizationPolicy", {"selector": labels(**{NAME: "cart"}), "action": "DENY", "rules": [{}]}), {"shop/cart"}),
        (policy("AuthorizationPolicy", {"selector": labels(**{REVISION: "latest"}), "rules": [{}]}, "istio-system"), {"shop/cart", "shop/web"}),
        (policy("Sidecar", {"workloadSelector": {"labels": {NAME: "web"}}, "egress": [{"hosts": ["./*"]}]}), {"shop/web"}),
        (service("more", selector={NAME: "cart"}), {"shop/cart"}),
    ],
)  # fmt: skip
def test_whom_such_a_selector_takes_stays(config, who):
    found = kept(config)
    assert found.keys() == who
    assert all("goes with the sidecar" in each for each in found.values())


@pytest.mark.parametrize(
    "config",
    [
        net(podSelector=labels(app="cart"), ingress=[{}]),
        net(podSelector=labels(**{NAME: "cart", "tier": "none"})),
        net(podSelector=labels(**{NAME: "nobody"})),
        policy("AuthorizationPolicy", {"selector": labels(**{NAME: "cart"}), "action": "DENY", "rules": [{}]}, "depot"),
        m.o.thing("v1", "ConfigMap", m.o.meta("notes", "shop"), data={"a": f"{NAME}: cart"}),
    ],
)
def test_nobody_stays_for_what_does_not_take_him(config):
    assert not kept(config)


def test_who_says_so_in_his_template_has_the_label_afterwards():
    said = [*pods("cart", labels={NAME: "cart"}), net(podSelector=labels(**{NAME: "cart"}))]
    plan = make_plan(PlanRequest(index(*said, service("cart")).mesh, PriceBook()))
    assert {each.fate for each in plan.workloads} == {Fate.AMBIENT}


def test_peers_of_other_namespaces():
    peers = [{"namespaceSelector": {}, "podSelector": labels(**{NAME: "cart"})}]
    config = net(podSelector=labels(app="web"), ingress=[{"from": peers}])
    assert kept(config, spaces=("shop", "depot")).keys() == {"shop/cart", "depot/cart"}


def test_who_has_no_sidecar_has_none_of_them():
    assert not kept(net(podSelector=labels(**{TLS: "istio"})), mode="ambient")

"""Control planes that judge otherwise: what is theirs is unknown, and what is the chosen one's is not."""

import json

import pytest
from tests.support import mesh as m
from tests.support.scenes import ask, index, mesh_config, pods, policy, service

from sidestep.semantics.decisions import Verdict

_OWN = mesh_config(trustDomain="cluster.local")


def plane(revision, **values):
    return m.o.thing(
        "v1", "ConfigMap", m.o.meta(f"istio-{revision}", "istio-system"), data={"mesh": json.dumps(values)}
    )


def under(revision, objects):
    """The same pods, injected by a revision."""
    for each in objects:
        if each["kind"] == "Pod":
            each["metadata"]["annotations"]["sidecar.istio.io/status"] = json.dumps({"revision": revision})
    return objects


def meshed(*planes):
    """Two namespaces: `shop` asks the default control plane, and `red` that of its revision."""
    served = [each for space in ("shop", "red") for each in (service("cart", space), service("bare", space))]
    own = [each for name in ("web", "cart") for each in under("default", pods(name))]
    red = [each for name in ("web", "cart") for each in under("red", pods(name, space="red"))]
    shut = policy("nobody", space="istio-red")
    return index(*own, *pods("bare", "none"), *red, *served, shut, *planes)


@pytest.mark.parametrize(
    ("who", "to", "found"),
    [
        ("web", "cart.shop", Verdict.ALLOW),
        ("red/web", "cart.shop", Verdict.UNKNOWN),
        ("web", "cart.red", Verdict.UNKNOWN),
        ("outside", "cart.red", Verdict.UNKNOWN),
        ("red/web", "cart.red", Verdict.UNKNOWN),
    ],
)
@pytest.mark.parametrize("field", ["rootNamespace", "trustDomain"])
def test_what_another_control_plane_judges_is_unknown(field, who, to, found):
    mesh = meshed(_OWN, plane("red", **{field: "istio-red"}))
    decided = ask(mesh, who, f"{to}.svc.cluster.local")
    assert decided.verdict is found
    assert all(field in each.reason for each in decided.unknowns)


def test_a_canary_of_the_same_configuration_judges_alike():
    mesh = meshed(mesh_config(trustDomain="t"), plane("red", trustDomain="t", accessLogFile="/dev/stdout"))
    assert ask(mesh, "red/web", "cart.red.svc.cluster.local").verdict is Verdict.ALLOW


@pytest.mark.parametrize(("who", "found"), [("web", Verdict.ALLOW), ("red/web", Verdict.UNKNOWN)])
def test_what_counts_for_senders_leaves_what_they_are_sent_certain(who, found):
    mesh = meshed(_OWN, plane("red", outboundTrafficPolicy={"mode": "REGISTRY_ONLY"}))
    assert ask(mesh, who, "cart.red.svc.cluster.local").verdict is found


def test_a_proxy_of_a_revision_that_was_not_read_is_of_none_that_is_known():
    mesh = meshed(_OWN, plane("blue", trustDomain="blue"))
    decided = ask(mesh, "web", "cart.red.svc.cluster.local")
    assert (decided.verdict, "revision red" in decided.unknowns[0].reason) == (Verdict.UNKNOWN, True)


def test_where_no_control_plane_is_the_default_one_nobody_knows_what_ztunnel_is_told():
    planes = (plane("blue", trustDomain="blue"), plane("red", trustDomain="red"))
    mesh = index(*pods("web", "ambient"), *pods("cart", "ambient"), service("cart"), *planes)
    assert ask(mesh, "web", "cart").verdict is Verdict.UNKNOWN


def test_pods_without_a_proxy_are_judged_by_nobody():
    mesh = meshed(_OWN, plane("red", rootNamespace="istio-red"))
    assert ask(mesh, "outside", "bare.shop.svc.cluster.local").verdict is Verdict.ALLOW

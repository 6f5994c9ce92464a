"""What is left to be done by hand with an object that no file could be given, and what is not."""

import pytest

from sidestep.convert.repository.together import torn
from sidestep.convert.repository.values import Unplaced
from sidestep.convert.rewrite import ORIGIN, Change, ChangeKind
from sidestep.model.metadata import ObjectId

GATEWAY_API, APPS, SECURITY = "gateway.networking.k8s.io/v1", "apps/v1", "security.istio.io/v1"


def becomes(version, kind, name, space="shop", *, origin=None, labels=None, spec=None):
    identity = ObjectId(version, kind, space, name)
    notes = {ORIGIN: str(origin)} if origin is not None else {}
    tree = {"metadata": {"name": name, "labels": labels or {}, "annotations": notes}, "spec": spec or {}}
    return Change(ChangeKind.REPLACE, identity, tree, origin or identity, "SID301")


def service(name, **labels):
    return becomes("v1", "Service", name, labels=labels, spec={"selector": {"app": name}})


def pods(name, kind="Deployment", version=APPS):
    template = {"template": {"metadata": {"labels": {"app": name, "version": "v1"}}}}
    spec = {"jobTemplate": {"spec": template}} if kind == "CronJob" else template
    return becomes(version, kind, name, spec=spec)


def ref(kind, name, group="", **more):
    return {"group": group, "kind": kind, "name": name, **more}


WAYPOINT = becomes(
    GATEWAY_API, "Gateway", "waypoint", spec={"infrastructure": {"parametersRef": ref("ConfigMap", "sizes")}}
)
SIZES = becomes("v1", "ConfigMap", "sizes")
CART = service("cart", **{"istio.io/use-waypoint": "waypoint"})
FAR = becomes("networking.istio.io/v1", "ServiceEntry", "api", "far", labels={"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "shop"})  # fmt: skip
BARE = service("stock")
GUARD = becomes(SECURITY, "AuthorizationPolicy", "guard")
TWIN = becomes(SECURITY, "AuthorizationPolicy", "cart-guard", origin=GUARD.object, spec={"targetRefs": [ref("Service", "cart")]})  # fmt: skip
CLOSED = becomes(SECURITY, "AuthorizationPolicy", "cart-only-waypoint", origin=CART.object)
ROUTES = Change(ChangeKind.REMOVE, ObjectId("networking.istio.io/v1", "VirtualService", "shop", "cart"), None, ObjectId("networking.istio.io/v1", "VirtualService", "shop", "cart"), "SID330", late=True)  # fmt: skip
ROUTE = becomes(
    GATEWAY_API, "HTTPRoute", "cart", origin=ROUTES.object,
    spec={"parentRefs": [ref("Service", "cart")], "rules": [{"backendRefs": [ref("Service", "cart-v2")]}]},
)  # fmt: skip
VERSION = service("cart-v2")
SPACE = becomes("v1", "Namespace", "shop", "", labels={"istio.io/dataplane-mode": "ambient"})
OTHER = becomes("v1", "Namespace", "far", "")
ALL = (WAYPOINT, SIZES, CART, FAR, BARE, GUARD, TWIN, CLOSED, ROUTES, ROUTE, VERSION, SPACE, OTHER, pods("cart"), pods("stock"))  # fmt: skip
BOUND = {"Service cart", "AuthorizationPolicy guard", "AuthorizationPolicy cart-guard", "VirtualService cart"} | {
    "AuthorizationPolicy cart-only-waypoint", "HTTPRoute cart", "Deployment cart", "Namespace shop"
}  # fmt: skip


def left_with(*unplaced):
    told = [Unplaced(each.object, "", "no file", "") for each in unplaced]
    return {f"{change.object.kind} {change.object.name}" for change, _ in torn(ALL, told)}


@pytest.mark.parametrize(
    ("unplaced", "left"),
    [
        (SIZES, {*BOUND, "Gateway waypoint", "ServiceEntry api"}),
        (WAYPOINT, {*BOUND, "ServiceEntry api"}),
        (CART, BOUND - {"Service cart"}),
        (TWIN, BOUND - {"AuthorizationPolicy cart-guard"}),
        (GUARD, BOUND - {"AuthorizationPolicy guard"}),
        (VERSION, {"HTTPRoute cart", "VirtualService cart"}),
        (ROUTES, {"HTTPRoute cart"}),
        (pods("stock"), {"Namespace shop"}),
        (BARE, {"Deployment stock", "Namespace shop"}),
        (FAR, set()), (SPACE, set()), (OTHER, set()),
    ],
)  # fmt: skip
def test_what_needs_an_object_is_left_with_it(unplaced, left):
    assert left_with(unplaced) == left


def test_where_everything_has_a_place_nothing_is_left():
    assert torn(ALL, ()) == []


@pytest.mark.parametrize(("kind", "version"), [("CronJob", "batch/v1"), ("Rollout", "argoproj.io/v1alpha1")])
def test_pods_of_any_kind_wait_for_their_service(kind, version):
    moves = pods("cart", kind, version)
    told = [Unplaced(CART.object, "chart.yaml", "a template makes it", "")]
    [(change, cause)] = torn([CART, moves], told)
    assert (change.object.kind, cause.where) == (kind, "chart.yaml")


@pytest.mark.parametrize(
    ("selects", "waits"),
    [
        ({}, ["cart", "stock"]),
        ({"matchLabels": {"app": "cart"}}, ["cart"]),
        ({"matchLabels": {"version": "v1"}, "matchExpressions": [{"key": "app", "operator": "Exists"}]}, ["cart", "stock"]),
        ({"matchLabels": {"app": "other"}}, []),
    ],
)  # fmt: skip
def test_pods_wait_for_the_network_policies_that_are_about_them(selects, waits):
    policy = becomes("networking.k8s.io/v1", "NetworkPolicy", "egress", spec={"podSelector": selects})
    told = [Unplaced(policy.object, "", "another name", "")]
    found = torn([policy, pods("cart"), pods("stock"), becomes(APPS, "Deployment", "cart", "far")], told)
    assert [change.object.name for change, _ in found] == waits


def test_pods_wait_for_no_network_policy_that_goes():
    gone = ObjectId("networking.k8s.io/v1", "NetworkPolicy", "shop", "old")
    removed = Change(ChangeKind.REMOVE, gone, None, gone, "SID310")
    assert torn([removed, pods("cart")], [Unplaced(gone, "", "no file", "")]) == []


def test_a_gateway_of_another_api_is_not_the_waypoint():
    other = Unplaced(ObjectId("networking.istio.io/v1", "Gateway", "shop", "waypoint"), "", "no file", "")
    assert torn(ALL, [other]) == []


def test_what_is_made_of_an_object_that_stays_waits_for_nobody_else():
    """A policy of the whole mesh that goes on holding has a twin for each Service."""
    whole = ObjectId(SECURITY, "AuthorizationPolicy", "istio-system", "deny")
    twins = [
        becomes(SECURITY, "AuthorizationPolicy", f"{name}-deny", origin=whole, spec={"targetRefs": [ref("Service", name)]})
        for name in ("cart", "stock")
    ]  # fmt: skip
    told = [Unplaced(CART.object, "chart.yaml", "a template makes it", "")]
    assert [change.object.name for change, _ in torn([CART, BARE, *twins], told)] == ["cart-deny"]
    removed = Change(ChangeKind.REMOVE, whole, None, whole, "SID301", late=True)
    left = torn([CART, BARE, *twins, removed], told)
    assert {change.object.name for change, _ in left} == {"cart-deny", "stock-deny", "stock", "deny"}

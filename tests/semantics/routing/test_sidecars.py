"""`Sidecar`: what a client knows (D46, D48, §4.4)."""

import pytest
from tests.semantics.routing.meshes import (
    DETAILS,
    HOSTS,
    OTHER,
    RATINGS,
    REVIEWS,
    ROOT,
    WEB,
    entry,
    get,
    istio,
    routing,
    service,
    to,
    version,
    vs,
)

from sidestep.model.gaps import Gap, GapReason
from sidestep.semantics.routing.hosts import Client
from sidestep.semantics.routing.route import RouteSource

FAR = service("far", "third")
ALL = (*HOSTS, FAR)


def sidecar(name, *hosts, namespace="shop", age=1, **spec):
    egress = {"egress": [{"hosts": list(hosts)}]} if hosts else {}
    return istio("Sidecar", name, {**egress, **spec}, namespace, age)


def seen(*objects, client=WEB, hosts=ALL, **how):
    made = routing(*objects, hosts=hosts, **how)
    return {host.object_name for host in hosts if made.sees(client, host)}


@pytest.mark.parametrize(
    ("egress", "expected"),
    [
        (["./*"], {"reviews", "ratings", "details"}), (["*/*"], {"reviews", "ratings", "details", "far"}), (["~/*"], set()),
        (["third/*"], {"far"}), (["shop/reviews.shop.svc.cluster.local"], {"reviews"}), (["*/*.third.svc.cluster.local"], {"far"}),
        (["./reviews.shop.svc.cluster.local", "third/*"], {"reviews", "far"}), (["nonsense"], set()), (["./*.com"], set()),
    ],
)  # fmt: skip
def test_egress(egress, expected):
    assert seen(sidecar("s", *egress)) == expected
    assert seen() == {"reviews", "ratings", "details", "far"}


def test_exclusions_since_1_31():
    spec = ("*/*", "~third/*", "~./ratings.shop.svc.cluster.local")
    assert seen(sidecar("s", *spec)) == {"reviews", "details"}
    assert seen(sidecar("s", *spec), at=version(30)) == {"reviews", "ratings", "details", "far"}


def test_exports_of_services():
    """D48."""
    private = service("private", "third", export_to=(".",))
    told = service("told", "third", export_to=("shop",))
    nobody = service("nobody", "third", export_to=("~",))
    hosts = (private, told, nobody)
    assert seen(hosts=hosts) == {"told"}
    assert seen(hosts=hosts, client=Client("third", {})) == {"private"}
    assert seen(hosts=(FAR,), service_export_to=(".",)) == set()


def test_which_sidecar():
    """One that selects, before one that does not; the oldest of them; the root's where a namespace has none."""
    picky = sidecar("picky", "./reviews.shop.svc.cluster.local", workloadSelector={"labels": {"app": "web"}}, age=9)
    rest, late = sidecar("rest", "./ratings.shop.svc.cluster.local", age=2), sidecar("late", "*/*", age=3)
    root = sidecar("root", "third/*", namespace=ROOT)
    assert seen(late, rest, picky, root) == {"reviews"}
    assert seen(late, rest, picky, root, client=Client("shop", {})) == {"ratings"}
    assert seen(root, late, rest, client=OTHER) == {"far"}
    assert seen(root, picky, client=Client("shop", {})) == {"far"}
    selecting = sidecar("root", "third/*", namespace=ROOT, workloadSelector={"labels": {"app": "web"}})
    assert len(seen(selecting, client=OTHER)) == 4, "the root's counts mesh-wide only if it selects nobody"


def test_relative_namespaces_of_the_root_are_the_clients():
    root = sidecar("root", "./*", namespace=ROOT)
    assert seen(root) == {"reviews", "ratings", "details"}
    assert seen(root, client=Client("third", {})) == {"far"}


def test_what_is_not_imported_is_unknown_traffic():
    scoped = sidecar("s", "./ratings.shop.svc.cluster.local")
    found = routing(scoped).sidecar_http(WEB, REVIEWS, "reviews", 9080, get())
    assert found.source is RouteSource.PASSTHROUGH
    assert routing(scoped).sidecar_tcp(WEB, REVIEWS, 9080).source is RouteSource.PASSTHROUGH
    assert routing(scoped).sidecar_http(WEB, RATINGS, "ratings", 9080, get()).source is RouteSource.DEFAULT


def test_routes_come_with_their_hosts():
    """An object outside of what is imported does not count; a destination that is not imported still gets traffic."""
    made = vs("r", {"hosts": ["reviews"], "http": [{"route": to("details")}]})
    elsewhere = vs("r", {"hosts": [REVIEWS.name], "http": [{"route": to(DETAILS.name)}]}, "third")
    only = sidecar("s", "shop/reviews.shop.svc.cluster.local")
    assert routing(only, made).sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).backends[0].host == DETAILS.name
    assert routing(only, elsewhere).sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).source is RouteSource.DEFAULT
    both = sidecar("s", "shop/*", f"third/{REVIEWS.name}")
    assert (
        routing(both, elsewhere).sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).source
        is RouteSource.VIRTUAL_SERVICE
    )


def test_listeners_by_port():
    egress = [
        {"port": {"number": 9080, "protocol": "HTTP"}, "hosts": ["./reviews.shop.svc.cluster.local"]},
        {"hosts": ["third/*"]},
    ]
    made = routing(istio("Sidecar", "s", {"egress": egress}), hosts=ALL)
    assert made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).source is RouteSource.DEFAULT
    assert made.sidecar_http(WEB, FAR, FAR.name, 9080, get()).source is RouteSource.PASSTHROUGH
    assert made.sees(WEB, FAR), "on other ports"


def test_outbound_policy():
    assert routing().outbound_policy(WEB) == ("ALLOW_ANY", None)
    assert routing(outbound="REGISTRY_ONLY").outbound_policy(WEB) == ("REGISTRY_ONLY", None)
    strict = sidecar("s", outboundTrafficPolicy={"mode": "REGISTRY_ONLY"})
    mode, says = routing(strict).outbound_policy(WEB)
    assert (mode, says.kind, says.name) == ("REGISTRY_ONLY", "Sidecar", "s")
    assert routing(strict).outbound_policy(OTHER) == ("ALLOW_ANY", None)
    assert routing(sidecar("s", outboundTrafficPolicy={})).outbound_policy(WEB)[0] == "REGISTRY_ONLY"
    assert routing(sidecar("s"), outbound="REGISTRY_ONLY").outbound_policy(WEB) == ("REGISTRY_ONLY", None)
    open_ = sidecar("s", outboundTrafficPolicy={"mode": "ALLOW_ANY"})
    found = routing(open_, outbound="REGISTRY_ONLY").sidecar_http(WEB, None, "x.com", 9080, get())
    assert found.source is RouteSource.PASSTHROUGH


def test_egress_proxies():
    policy = {"mode": "ALLOW_ANY", "egressProxy": {"host": "proxy.third.svc.cluster.local", "port": {"number": 8080}}}
    found = routing(sidecar("s", outboundTrafficPolicy=policy)).sidecar_http(WEB, None, "x.com", 9080, get())
    assert [(b.host, b.port) for b in found.backends] == [("proxy.third.svc.cluster.local", 8080)]


@pytest.mark.parametrize(
    "spec", [{"egress": 1}, {"egress": [{"hosts": 1}]}, {"outboundTrafficPolicy": 1}, {"workloadSelector": 1}]
)
def test_what_cannot_be_read_is_said(spec):
    made = routing(istio("Sidecar", "odd", spec))
    assert "Sidecar shop/odd" in made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).unknown
    assert "Sidecar shop/odd" in made.sidecar_tcp(WEB, REVIEWS, 9080).unknown
    assert made.sees(WEB, REVIEWS) is None
    assert made.outbound_policy(WEB)[0] == ""
    assert not made.sidecar_http(OTHER, REVIEWS, "reviews.shop", 9080, get()).unknown
    assert not made.waypoint_http("shop", REVIEWS, 9080, get()).unknown, "waypoints read no Sidecar"


def test_what_was_not_read_is_said():
    lost = Gap("sidecars.networking.istio.io", GapReason.FORBIDDEN)
    made = routing(gaps=(lost,))
    assert "sidecars" in made.sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).unknown
    assert made.sees(WEB, REVIEWS) is None
    assert not made.waypoint_http("shop", REVIEWS, 9080, get()).unknown


def test_a_service_entry_of_another_namespace():
    api = entry("api.example.com", "third", export_to=(".",))
    assert seen(hosts=(api,)) == set()

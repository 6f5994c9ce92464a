"""Istio's own bookinfo, as a user would apply it."""

import pytest
import yaml
from tests.semantics.routing.meshes import HOSTS, HTTP, Client, get, routing, service

PRODUCT = service("productpage", "default", HTTP)
BOOKINFO = (PRODUCT, *(service(host.object_name, "default", HTTP) for host in HOSTS))
REVIEWS = BOOKINFO[1]
CLIENT = Client("default", {"app": "productpage"})


def read(corpus, *names):
    """Objects as they are in the namespace default after `kubectl apply`."""
    folder = corpus / "bookinfo" / "networking"
    for name in names:
        for tree in yaml.safe_load_all((folder / f"{name}.yaml").read_text()):
            if tree:
                tree["metadata"].setdefault("namespace", "default")
                tree["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
                yield tree


def follow(corpus, host, *names, http=None):
    made = routing(*read(corpus, "destination-rule-all", *names), hosts=BOOKINFO)
    named = next(each for each in BOOKINFO if each.object_name == host)
    found = made.sidecar_http(CLIENT, named, host, 9080, http or get(authority=host))
    assert not found.unknown
    at_waypoint = made.waypoint_http("default", named, 9080, http or get(authority=host))
    assert at_waypoint.backends == found.backends, "the same objects at a waypoint of the namespace (D53)"
    return found


def shares(found):
    return {backend.labels["version"]: backend.weight for backend in found.backends if backend.known}


def test_a_subset(corpus):
    assert shares(follow(corpus, "reviews", "virtual-service-all-v1")) == {"v1": 100}
    assert shares(follow(corpus, "details", "virtual-service-details-v2")) == {"v2": 100}


def test_a_header(corpus):
    for name, user, expected in (
        ("virtual-service-reviews-test-v2", "jason", "v2"), ("virtual-service-reviews-test-v2", "", "v1"),
        ("virtual-service-reviews-jason-v2-v3", "jason", "v2"), ("virtual-service-reviews-jason-v2-v3", "bob", "v3"),
    ):  # fmt: skip
        http = get(authority="reviews", end_user=user) if user else get(authority="reviews")
        assert shares(follow(corpus, "reviews", name, http=http)) == {expected: 100}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("virtual-service-reviews-50-v3", {"v1": 50, "v3": 50}), ("virtual-service-reviews-80-20", {"v1": 80, "v2": 20}),
        ("virtual-service-reviews-90-10", {"v1": 90, "v2": 10}), ("virtual-service-reviews-v2-v3", {"v2": 50, "v3": 50}), ("virtual-service-reviews-v3", {"v3": 100}),
    ],
)  # fmt: skip
def test_weights(corpus, name, expected):
    assert shares(follow(corpus, "reviews", name)) == expected


def test_faults(corpus):
    delayed = follow(
        corpus, "ratings", "virtual-service-ratings-test-delay", http=get(authority="ratings", end_user="jason")
    )
    assert delayed.faults == ("delay 7s for 100%",)
    assert follow(corpus, "ratings", "virtual-service-ratings-test-delay").faults == ()
    aborted = follow(
        corpus, "ratings", "virtual-service-ratings-test-abort", http=get(authority="ratings", end_user="jason")
    )
    assert aborted.faults == ("abort with 500 for 100%",)
    assert follow(corpus, "details", "fault-injection-details-v1").faults == ("abort with 555 for 100%",)


def test_load_balancing(corpus):
    made = routing(*read(corpus, "destination-rule-reviews", "virtual-service-reviews-v3"), hosts=BOOKINFO)
    found = made.sidecar_http(CLIENT, REVIEWS, "reviews", 9080, get())
    assert (found.traffic_policy, found.traffic_object.name) == (("loadBalancer.simple: RANDOM",), "reviews")


def test_mutual_tls(corpus):
    made = routing(*read(corpus, "destination-rule-all-mtls"), hosts=BOOKINFO)
    assert made.sidecar_http(CLIENT, REVIEWS, "reviews", 9080, get()).tls == "ISTIO_MUTUAL"


@pytest.mark.parametrize(
    ("path", "found"),
    [("/productpage", True), ("/productpage?u=test", True), ("/static/a.css", True), ("/api/v1/products/0", True), ("/login", True), ("/admin", False), ("/productpage/", False)],
)  # fmt: skip
def test_the_gateway(corpus, path, found):
    made = routing(*read(corpus, "bookinfo-gateway"), hosts=BOOKINFO)
    told = made.gateway_http("default/bookinfo-gateway", "any.example", 8080, get(path))
    assert [backend.host for backend in told.backends] == ([PRODUCT.name] if found else [])
    assert found or told.answer.status == 404


def test_an_egress_entry(corpus):
    """VirtualService with TLS rules by server name, and a DestinationRule beside it."""
    objects = [tree for tree in read(corpus, "egress-rule-google-apis") if tree["kind"] != "ServiceEntry"]
    assert not routing(*objects, hosts=BOOKINFO).sidecar_http(CLIENT, REVIEWS, "reviews", 9080, get()).unknown

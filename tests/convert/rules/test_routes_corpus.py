"""Istio's own bookinfo: every VirtualService is converted, or it is told why not, and requests go where they went."""

import itertools

import pytest
import yaml
from tests.convert.rules.route_scene import NOW, Asked, context, convert, fqdn, get, service, sidecars
from tests.convert.rules.same_route import meaning

SERVICES = tuple(service(name, "default") for name in ("productpage", "reviews", "ratings", "details"))
BASE = (*SERVICES, *sidecars("default"))
NAMES = [
    "virtual-service-all-v1", "virtual-service-details-v2", "virtual-service-ratings-db", "virtual-service-ratings-mysql",
    "virtual-service-ratings-mysql-vm", "virtual-service-reviews-50-v3", "virtual-service-reviews-80-20",
    "virtual-service-reviews-90-10", "virtual-service-reviews-jason-v2-v3", "virtual-service-reviews-test-v2",
    "virtual-service-reviews-v2-v3", "virtual-service-reviews-v3",
]  # fmt: skip
FAULTS = ["virtual-service-ratings-test-abort", "virtual-service-ratings-test-delay", "fault-injection-details-v1"]
USERS = ({}, {"end_user": "jason"}, {"end_user": "bob"})


def read(corpus, *names):
    for name in names:
        for tree in yaml.safe_load_all((corpus / "bookinfo" / "networking" / f"{name}.yaml").read_text()):
            if tree:
                tree["metadata"].setdefault("namespace", "default")
                tree["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
                yield tree


def same(found):
    """Every service, for every user."""
    made = context(found.before)
    subsets = {
        fqdn(f"{host}-{subset}", "default"): (fqdn(host, "default"), subset)
        for host in ("productpage", "reviews", "ratings", "details")
        for subset in ("v1", "v2", "v3", "v2-mysql", "v2-mysql-vm")
    }
    assert made.target == NOW
    before, after = Asked(found.before), Asked(found.after)
    for each, user in itertools.product(SERVICES, USERS):
        name, http = each["metadata"]["name"], get(authority=each["metadata"]["name"], **user)
        expected = before.sidecar(http, name, "default", client="default")
        assert meaning(after.waypoint(http, name, "default"), http, subsets) == meaning(expected, http, {})


@pytest.mark.parametrize("name", NAMES)
def test_converted(corpus, name):
    found = convert(*read(corpus, "destination-rule-all", name), base=BASE)
    assert found.losses == []
    asked = {each["metadata"]["name"] for each in found.before if each["kind"] == "VirtualService"}
    assert {each["metadata"]["name"] for each in found.made("HTTPRoute")} == asked
    assert found.gone() == {f"VirtualService default/{each}" for each in asked}
    same(found)
    assert convert(base=found.after).changes == []


@pytest.mark.parametrize("name", FAULTS)
def test_faults_stay_and_are_told(corpus, name):
    rules = [] if name.startswith("fault") else ["destination-rule-all"]
    found = convert(*read(corpus, *rules, name), base=BASE)
    assert found.changes == []
    assert found.fields() == {"spec.http[0].fault"}
    same(found)


def test_gateways_stay(corpus):
    found = convert(*read(corpus, "bookinfo-gateway", "certmanager-gateway"), base=BASE)
    assert (found.changes, found.losses) == ([], [])


def test_egress(corpus):
    """Plain requests to port 80 start TLS at the waypoint, as they did at the client."""
    found = convert(*read(corpus, "egress-rule-google-apis"), base=BASE)
    assert found.only("HTTPRoute")["spec"]["parentRefs"][0]["kind"] == "ServiceEntry"
    assert found.losses == []
    http = get(authority="www.googleapis.com")
    asked = {"name": "www.googleapis.com", "space": "default", "port": 80}
    before, after = (
        Asked(found.before).sidecar(http, client="default", **asked),
        Asked(found.after).waypoint(http, **asked),
    )
    assert (after.tls, after.traffic_policy) == ("SIMPLE", before.traffic_policy)
    assert [(each.host, each.port) for each in after.backends] == [("www.googleapis.com", 443)]


def test_mutual_tls_of_the_mesh_needs_nothing(corpus):
    found = convert(*read(corpus, "destination-rule-all-mtls"), base=BASE)
    assert (found.changes, found.losses) == ([], [])

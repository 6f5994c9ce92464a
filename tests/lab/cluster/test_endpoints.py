"""Endpoints that somebody wrote down: slices are made of the old ones, kept true, and come along from a mesh."""

import pytest
from tests.support import mesh as m

from sidestep.lab.cluster.control_loop import ControlLoop
from sidestep.lab.cluster.intake import objects_of
from sidestep.lab.cluster.objects import Ref, Store, ref_of

_SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db", "namespace": "shop"}}


@pytest.fixture
def store():
    return Store(lambda: "2026-01-01T00:00:00Z")


@pytest.fixture
def put(store):
    loop = ControlLoop(store, lambda: "2026-01-01T00:00:00Z")

    def put(*trees):
        for tree in trees:
            store.put(tree)
            loop.settle()
        return list(store.of("endpointslices.discovery.k8s.io"))

    put.loop = loop
    return put


def endpoints(*addresses, **meta):
    subsets = [{"addresses": [{"ip": each} for each in addresses], "ports": [{"name": "http", "port": 8080}]}]
    told = {"name": "db", "namespace": "shop", **meta}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": told, "subsets": subsets}


def addresses(slices):
    return [each["addresses"] for told in slices for each in told["endpoints"]]


def test_slices_are_made_of_endpoints_whichever_comes_first(put):
    assert put(endpoints("192.0.2.7", "fd00::7")) == []
    found = put(_SERVICE)
    assert [each["metadata"]["labels"]["kubernetes.io/service-name"] for each in found] == ["db", "db"]
    assert addresses(found) == [["192.0.2.7"], ["fd00::7"]]


def test_slices_follow_their_endpoints(put, store):
    put(_SERVICE, endpoints("192.0.2.7", "fd00::7"))
    assert addresses(put(endpoints("192.0.2.8"))) == [["192.0.2.8"]]
    store.remove(Ref("endpoints", "shop", "db"))
    assert put() == []


def test_a_selector_or_a_word_of_the_owner_keeps_endpoints_for_themselves(put):
    assert put({**_SERVICE, "spec": {"selector": {"app": "db"}}}, endpoints("192.0.2.7")) == []
    told = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    assert put(_SERVICE, endpoints("192.0.2.7", labels=told)) == []
    assert len(put(endpoints("192.0.2.7"))) == 1


def test_malformed_endpoints_are_nobodys(put):
    assert put(_SERVICE, {**endpoints(), "subsets": [{"addresses": "192.0.2.7"}]}) == []


def _slice(name, **labels):
    meta = {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": "db", **labels}}
    told = {"endpoints": [{"addresses": ["192.0.2.7"], "nodeName": "one"}], "ports": [{"name": "http", "port": 8080}]}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta,
        "addressType": "IPv4",
        **told,
    }


def test_what_controllers_made_is_made_again_and_the_rest_comes_along():
    managed = "endpointslice.kubernetes.io/managed-by"
    by_selector = _slice("db-1", **{managed: "endpointslice-controller.k8s.io"})
    mirrored = _slice("db-2", **{managed: "endpointslicemirroring-controller.k8s.io"})
    alone = objects_of(m.mesh(_SERVICE, by_selector, mirrored, _slice("db-3")))
    assert [ref_of(each).name for each in alone if each["kind"] == "EndpointSlice"] == ["db-2", "db-3"]
    beside = objects_of(m.mesh(_SERVICE, endpoints("192.0.2.7"), mirrored))
    assert [each["kind"] for each in beside] == ["Service", "Endpoints"]
    [kept] = (each for each in alone if ref_of(each).name == "db-3")
    assert kept["endpoints"] == [{"addresses": ["192.0.2.7"]}]
    assert kept["ports"] == [{"name": "http", "port": 8080}]

"""Endpoints of ServiceEntries, as they stand in them or in the WorkloadEntries that they select."""

import pytest
from tests.support import scenes as s

from sidestep.semantics.leads import leads

ONE, TWO = {"address": "203.0.113.1"}, {"address": "203.0.113.2"}


def service(*endpoints, more=(), name="db", labels=None, **spec):
    told = {
        "hosts": ["db.example"], "resolution": "STATIC", "endpoints": list(endpoints), "location": "MESH_INTERNAL",
        "ports": [{"number": 80, "name": "web", "targetPort": 8080}, {"number": 81, "name": "other"}], **spec,
    }  # fmt: skip
    found = s.m.o.istio("ServiceEntry", name, "shop", told)
    found["metadata"]["labels"] = labels or {}
    return s.index(found, *more).services.by_host["db.example"]


@pytest.mark.parametrize(
    ("own", "number", "port"),
    [({}, 80, 8080), ({"web": 9090}, 80, 9090), ({"web": 0}, 80, 8080), ({}, 81, 81), ({"nobody": 1}, 81, 81), ({"other": 7}, 81, 7)],
)  # fmt: skip
def test_a_port_is_the_endpoints_own_or_the_target_or_the_same(own, number, port):
    assert [each.port for each in leads(service({**ONE, "ports": own}), number, {})] == [port]


def test_nowhere_leads_a_port_that_is_not_declared():
    assert leads(service(ONE), 82, {}) == ()


@pytest.mark.parametrize("weight", [None, 0, -1, "3"])
def test_without_a_weight_an_endpoint_counts_once(weight):
    found = leads(service({**ONE, "weight": weight}, TWO), 80, {})
    assert [each.share for each in found] == [0.5, 0.5]


def test_a_subset_has_the_endpoints_with_its_labels():
    told = service({**ONE, "labels": {"colour": "blue"}}, TWO)
    assert [each.host for each in leads(told, 80, {"colour": "blue"})] == ["203.0.113.1"]
    assert leads(told, 80, {"colour": "red"}) == ()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, ""), ({"locality": "eu/a"}, "locality eu/a"), ({"labels": {"istio-locality": "eu.a"}}, "locality eu/a"),
        ({"network": "east"}, "network east"), ({"labels": {"networking.istio.io/tunnel": "http"}}, "by HBONE"),
        ({"serviceAccount": "db"}, "by mTLS as db"), ({"labels": {"security.istio.io/tlsMode": "istio"}}, "by mTLS"),
        ({"serviceAccount": "db", "labels": {"security.istio.io/tlsMode": "disabled"}}, ""),
        ({"labels": {"colour": "blue"}}, ""),
    ],
)  # fmt: skip
def test_what_else_counts_is_said(more, said):
    assert leads(service({**ONE, **more}), 80, {})[0].said == said


def test_outside_of_the_mesh_nobody_proves_himself():
    assert leads(service({**ONE, "serviceAccount": "db"}, location="MESH_EXTERNAL"), 80, {})[0].said == ""


def test_names_are_expected_of_who_proves_himself():
    own = {"subjectAltNames": ["spiffe://b", "spiffe://a"]}
    assert (
        leads(service({**ONE, "serviceAccount": "db"}, **own), 80, {})[0].said
        == "by mTLS as db, expects spiffe://a, spiffe://b"
    )
    assert leads(service(ONE, **own), 80, {})[0].said == ""


def test_a_tunnel_may_be_asked_for_by_the_entry():
    assert leads(service(ONE, labels={"networking.istio.io/tunnel": "http"}), 80, {})[0].said == "by HBONE"


def test_machines_are_selected_by_labels_of_either_kind():
    by_spec = s.m.o.istio("WorkloadEntry", "a", "shop", {"address": "203.0.113.7", "labels": {"app": "db"}})
    by_meta = s.m.o.istio("WorkloadEntry", "b", "shop", {"address": "203.0.113.8", "ports": {"web": 90}})
    by_meta["metadata"]["labels"] = {"app": "db"}
    other = s.m.o.istio("WorkloadEntry", "c", "shop", {"address": "203.0.113.9", "labels": {"app": "web"}})
    told = service(more=(by_spec, by_meta, other), endpoints=None, workloadSelector={"labels": {"app": "db"}})
    assert [(each.host, each.port) for each in leads(told, 80, {})] == [("203.0.113.7", 8080), ("203.0.113.8", 90)]


def test_envoys_are_told_of_all_objects_for_a_host_and_ztunnel_of_the_oldest():
    younger = {
        "hosts": ["db.example"],
        "resolution": "STATIC",
        "endpoints": [TWO],
        "ports": [{"number": 80, "name": "web"}],
    }
    told = service(ONE, more=(s.m.o.istio("ServiceEntry", "later", "shop", younger),))
    assert [(each.host, each.port) for each in leads(told, 80, {})] == [("203.0.113.1", 8080), ("203.0.113.2", 80)]
    assert [each.host for each in leads(told, 80, {}, by_ztunnel=True)] == ["203.0.113.1"]


def test_an_object_of_another_namespace_or_resolution_adds_nothing():
    spec = {"hosts": ["db.example"], "endpoints": [TWO], "ports": [{"number": 80, "name": "web"}]}
    far = s.m.o.istio("ServiceEntry", "later", "z", {**spec, "resolution": "STATIC"})
    other = s.m.o.istio("ServiceEntry", "later", "shop", {**spec, "resolution": "DNS"})
    assert [each.host for each in leads(service(ONE, more=(far, other)), 80, {})] == ["203.0.113.1"]

import pytest
from tests.support import scenes as s
from tests.support.mesh import findings, namespace

from sidestep.audit.rules.written_address import RULE

ADDRESS = "10.1.0.2"


def written(*endpoints, space="shop", service="db"):
    meta = {"name": "by-hand", "namespace": space, "labels": {"kubernetes.io/service-name": service}}
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4",
        "endpoints": list(endpoints), "ports": [{"name": "http", "port": 8080}],
    }  # fmt: skip


AT = {"addresses": [ADDRESS]}


def found(*objects, mode="ambient"):
    return findings(RULE, namespace("shop"), *s.pods("db", mode, ip=ADDRESS), *objects)


@pytest.mark.parametrize("mode", ["ambient", "sidecar"])
def test_reports_a_pods_address_without_its_name(mode):
    (one,) = found(written(AT), mode=mode)
    assert one.severity == "warning"
    assert "pods of shop/db" in one.message
    assert "shop/db a selector" in one.fix
    assert ("in ambient" in one.message) is (mode == "sidecar")


def test_reports_endpoints_of_old():
    old = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "db", "namespace": "shop"}}
    old["subsets"] = [{"addresses": [{"ip": ADDRESS}], "ports": [{"port": 8080}]}]
    assert len(found(old)) == 1


def test_silent_where_the_pod_is_named():
    assert found(written({**AT, "targetRef": {"kind": "Pod", "name": "db-0"}})) == []


@pytest.mark.parametrize(
    "there",
    [
        written({"addresses": ["192.0.2.7"]}),  # nobody's
        written(AT, space="other"),  # sidecars do not know it either
        written(AT, service=""),  # of no Service
    ],
)
def test_boundary_silent_on_what_sidecars_do_not_know_either(there):
    assert found(there) == []


def test_boundary_silent_on_pods_that_are_in_no_mesh():
    assert found(written(AT), mode="none") == []

import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, o, workload

from sidestep.audit.rules.tls_origination_lost import RULE

SIDECARS = workload(inject(app("cart"), Sidecar()))
AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))


def entry(host="api.example.com", **labels):
    made = o.istio("ServiceEntry", "api", "shop", {"hosts": [host]})
    made["metadata"]["labels"] = labels
    return made


def rule(mode="SIMPLE", host="api.example.com", **more):
    return o.istio("DestinationRule", "tls", "shop", {"host": host, "trafficPolicy": {"tls": {"mode": mode}}, **more})


@pytest.mark.parametrize("mode", ["SIMPLE", "MUTUAL"])
def test_reports_what_a_migration_would_lose(mode):
    (found,) = findings(RULE, namespace("shop"), *SIDECARS, entry(), rule(mode))
    assert found.severity == "warning"
    assert mode in found.message


def test_reports_what_ambient_loses_now():
    (found,) = findings(RULE, *AMBIENT, entry(), rule())
    assert found.severity == "error"
    assert "send plain text now" in found.message


def test_reports_ports_and_wildcards():
    by_port = rule(host="*.example.com")
    by_port["spec"]["trafficPolicy"] = {"portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "SIMPLE"}}]}
    assert len(findings(RULE, namespace("shop"), *SIDECARS, entry(), by_port)) == 1


@pytest.mark.parametrize("mode", ["ISTIO_MUTUAL", "DISABLE"])
def test_silent_on_other_modes(mode):
    assert findings(RULE, *AMBIENT, entry(), rule(mode)) == []


def test_silent_on_hosts_of_the_cluster():
    assert findings(RULE, *AMBIENT, o.service("cart", "shop"), rule(host="cart")) == []


def test_silent_where_a_waypoint_does_it():
    served = entry(**{"istio.io/use-waypoint": "egress"})
    assert findings(RULE, *AMBIENT, served, o.waypoint("egress", "shop"), rule()) == []


def test_boundary_silent_where_nobody_is_in_the_mesh():
    assert findings(RULE, namespace("shop"), *workload(app("cart")), entry(), rule()) == []


def test_boundary_a_rule_of_its_own_namespace_concerns_nobody_else():
    elsewhere = workload(inject(app("cart"), Sidecar()), space="other")
    assert findings(RULE, *elsewhere, entry(), rule(exportTo=["."])) == []
    assert len(findings(RULE, *elsewhere, entry(), rule())) == 1

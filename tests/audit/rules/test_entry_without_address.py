from tests.support.mesh import annotations_on, app, findings, labelled, o, workload

from sidestep.audit.rules.entry_without_address import RULE

AMBIENT = labelled("shop", {"istio.io/dataplane-mode": "ambient"})


def cni(value):
    return o.thing("v1", "ConfigMap", o.meta("istio-cni-config", "istio-system"), data={"AMBIENT_DNS_CAPTURE": value})


def entry(**spec):
    return o.istio("ServiceEntry", "api", "shop", {"hosts": ["api.example.com"], **spec})


def test_reports_entries_that_nothing_resolves_to():
    (found,) = findings(RULE, cni("false"), entry())
    assert "api.example.com" in found.message


def test_reports_where_every_ambient_pod_declines():
    declines = annotations_on(app("cart"), {"ambient.istio.io/dns-capture": "false"})
    assert len(findings(RULE, AMBIENT, *workload(declines), entry())) == 1
    assert findings(RULE, AMBIENT, *workload(declines), *workload(app("web"), "web"), entry()) == []


def test_reports_an_agent_told_by_its_environment():
    agent = app("istio-cni-node")
    agent["metadata"]["labels"]["k8s-app"] = "istio-cni-node"
    agent["spec"]["containers"][0] |= {
        "name": "install-cni",
        "env": [{"name": "AMBIENT_DNS_CAPTURE", "value": "false"}],
    }
    assert len(findings(RULE, *workload(agent, "istio-cni-node", kind="DaemonSet"), entry())) == 1


def test_silent_where_capture_is_on_or_nothing_says_otherwise():
    assert findings(RULE, cni("true"), entry()) == []
    assert findings(RULE, AMBIENT, *workload(app("cart")), entry()) == []


def test_silent_on_entries_with_addresses():
    assert findings(RULE, cni("false"), entry(addresses=["10.1.2.3"])) == []


def test_boundary_wildcards_have_no_address_to_give():
    assert findings(RULE, cni("false"), entry(hosts=["*.example.com"])) == []

from tests.support.mesh import Sidecar, app, findings, inject, o, workload

from sidestep.audit.rules.host_network_meets_strict import RULE

MESHED = workload(inject(app("cart"), Sidecar()))


def on_the_host(space="shop"):
    template = app("agent")
    template["spec"]["hostNetwork"] = True
    return workload(template, "agent", space)


def strict(space="istio-system", **more):
    return o.istio("PeerAuthentication", "default", space, {"mtls": {"mode": "STRICT"}, **more})


def test_reports_clients_on_the_host_under_a_mesh_wide_strict():
    (found,) = findings(RULE, *MESHED, *on_the_host("agents"), strict())
    assert found.severity == "info"
    assert "cannot be seen" in found.message
    assert any("agents/agent" in each.value for each in found.evidence)


def test_reports_those_of_a_strict_namespace():
    assert len(findings(RULE, *MESHED, *on_the_host(), strict("shop"))) == 1
    assert findings(RULE, *MESHED, *on_the_host("agents"), strict("shop")) == []


def test_silent_where_strict_is_meant_for_some():
    some = strict("shop", selector={"matchLabels": {"app": "cart"}})
    assert findings(RULE, *MESHED, *on_the_host(), some) == []


def test_silent_without_strict_or_host_network():
    permissive = o.istio("PeerAuthentication", "default", "istio-system", {"mtls": {"mode": "PERMISSIVE"}})
    assert findings(RULE, *MESHED, *on_the_host(), permissive) == []
    assert findings(RULE, *MESHED, strict()) == []


def test_boundary_what_the_cluster_runs_itself_is_left_out():
    assert findings(RULE, *MESHED, *on_the_host("kube-system"), strict()) == []
    assert findings(RULE, *on_the_host("agents"), strict()) == [], "nobody is in the mesh"

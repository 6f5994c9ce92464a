from tests.support.mesh import app, findings, o, workload

from sidestep.audit.rules.host_network_guarded_in_vain import RULE


def agent(host=True):
    template = app("agent")
    template["spec"]["hostNetwork"] = host
    return workload(template, "agent")


def policy(labels, space="shop"):
    spec = {"selector": {"matchLabels": labels}, "rules": [{}]} if labels else {"rules": [{}]}
    return o.istio("AuthorizationPolicy", "guard", space, spec)


def test_reports_a_policy_that_selects_them():
    (found,) = findings(RULE, *agent(), policy({"app": "agent"}))
    assert found.severity == "error"
    assert "shop/agent" in found.message


def test_reports_a_policy_of_the_root_namespace():
    assert len(findings(RULE, *agent(), policy({"app": "agent"}, "istio-system"))) == 1


def test_silent_on_pods_of_their_own_network_and_on_others():
    assert findings(RULE, *agent(host=False), policy({"app": "agent"})) == []
    assert findings(RULE, *agent(), policy({"app": "cart"})) == []


def test_boundary_a_policy_for_everybody_is_not_about_them():
    assert findings(RULE, *agent(), policy({})) == []

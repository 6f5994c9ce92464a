from tests.support.mesh import Sidecar, app, findings, inject, o, workload

from sidestep.audit.rules.policy_without_service import RULE

GET = [{"to": [{"operation": {"methods": ["GET"]}}]}]


def version(number, **labels):
    template = inject(app(f"cart-{number}", **labels), Sidecar())
    template["metadata"]["labels"] |= {"app": "cart", "version": number}
    return workload(template, f"cart-{number}")


BOTH = (*version("v1"), *version("v2"))


def policy(labels=None, rules=GET, kind="AuthorizationPolicy"):
    spec = {"rules": rules, "jwtRules": [{"issuer": "x"}]}
    return o.istio(kind, "v2", "shop", {**spec, "selector": {"matchLabels": labels}} if labels else spec)


def test_reports_a_policy_for_one_version():
    (found,) = findings(RULE, *BOTH, o.service("cart", "shop"), policy({"version": "v2"}))
    assert "Service cart" in found.message
    assert "shop/cart-v1" in found.message


def test_reports_tokens_asked_of_one_version():
    made = policy({"version": "v2"}, kind="RequestAuthentication")
    assert len(findings(RULE, *BOTH, o.service("cart", "shop"), made)) == 1


def test_silent_where_a_service_stands_for_exactly_those():
    assert findings(RULE, *BOTH, o.service("cart", "shop"), policy({"app": "cart"})) == []


def test_silent_on_layer_4_and_on_whole_namespaces():
    peers = [{"from": [{"source": {"namespaces": ["shop"]}}]}]
    assert findings(RULE, *BOTH, o.service("cart", "shop"), policy({"version": "v2"}, peers), policy()) == []


def test_silent_in_no_mesh():
    plain = (*workload(app("cart"), "cart-v1"), *workload(app("cart", version="v2"), "cart-v2"))
    assert findings(RULE, *plain, o.service("cart", "shop"), policy({"version": "v2"})) == []


def test_boundary_services_of_their_own_must_all_fit():
    own = o.service("cart-v2", "shop")
    own["spec"]["selector"] = {"version": "v2"}
    assert findings(RULE, *BOTH, own, policy({"version": "v2"})) == []
    assert len(findings(RULE, *BOTH, own, o.service("cart", "shop"), policy({"version": "v2"}))) == 1

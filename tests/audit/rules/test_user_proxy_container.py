from tests.support.mesh import Sidecar, app, findings, gateway, inject, pod, workload

from sidestep.audit.rules.user_proxy_container import RULE


def declared(image="auto"):
    template = app("cart")
    template["spec"]["containers"].append({"name": "istio-proxy", "image": image})
    return template


def test_reports_a_container_in_the_template():
    (found,) = findings(RULE, *workload(inject(app("cart"), Sidecar()), declared=declared()))
    assert found.object.kind == "Deployment"
    assert "image auto" in found.message


def test_reports_overrides_that_the_injector_remembered():
    template = inject(app("cart"), Sidecar())
    template["metadata"]["annotations"]["proxy.istio.io/overrides"] = "{}"
    assert len(findings(RULE, pod(template))) == 1


def test_silent_on_injected_pods():
    assert findings(RULE, *workload(inject(app("cart"), Sidecar()), declared=app("cart"))) == []


def test_silent_on_templates_injected_by_hand():
    injected = inject(app("cart"), Sidecar())
    assert findings(RULE, *workload(injected, declared=injected)) == []


def test_silent_on_gateways():
    assert findings(RULE, *workload(gateway("gw"))) == []


def test_boundary_a_real_image_is_reported_too():
    (found,) = findings(RULE, *workload(app("cart"), declared=declared("example.com/proxy:1")))
    assert "example.com/proxy:1" in found.message

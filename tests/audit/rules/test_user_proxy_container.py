import pytest
from tests.support.mesh import Sidecar, app, findings, gateway, inject, pod, workload

from sidestep.audit.rules.user_proxy_container import RULE
from sidestep.model.mesh import SourceKind


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
    template["metadata"]["annotations"]["proxy.istio.io/overrides"] = '{"containers":[{"name":"istio-proxy"}]}'
    (found,) = findings(RULE, pod(template))
    assert "image auto" in found.message


def test_reports_a_bare_pod_that_was_never_injected():
    (found,) = findings(RULE, pod(declared("example.com/proxy:1")))
    assert "nothing is known to inject" in found.message


def test_reports_a_native_one():
    template = app("cart")
    template["spec"]["initContainers"] = [{"name": "istio-proxy", "image": "auto", "restartPolicy": "Always"}]
    assert len(findings(RULE, *workload(inject(app("cart"), Sidecar()), declared=template))) == 1


def test_silent_on_injected_pods():
    assert findings(RULE, *workload(inject(app("cart"), Sidecar()), declared=app("cart"))) == []


def test_silent_on_templates_injected_by_hand():
    injected = inject(app("cart"), Sidecar())
    assert findings(RULE, *workload(injected, declared=injected)) == []


def test_silent_on_gateways():
    assert findings(RULE, *workload(gateway("gw"))) == []


def test_silent_on_gateways_that_are_still_to_be_injected():
    template = declared()
    template["metadata"]["annotations"]["inject.istio.io/templates"] = "gateway"
    template["spec"]["containers"] = template["spec"]["containers"][1:]
    assert findings(RULE, *workload(template, pods=0)) == []
    assert findings(RULE, *workload(template, pods=0), kind=SourceKind.FILES) == []


def test_boundary_the_template_counts_where_it_was_read():
    before = inject(app("cart"), Sidecar())
    before["metadata"]["annotations"]["proxy.istio.io/overrides"] = '{"containers":[{"name":"istio-proxy"}]}'
    assert findings(RULE, *workload(before, declared=app("cart"))) == []


@pytest.mark.parametrize(
    "kept", ["{}", "null", "{broken", '{"containers":[{"name":"istio-init"}]}', '{"containers":3}']
)
def test_boundary_overrides_of_anything_else_are_silent(kept):
    template = inject(app("cart"), Sidecar())
    template["metadata"]["annotations"]["proxy.istio.io/overrides"] = kept
    assert findings(RULE, pod(template)) == []


def test_boundary_a_real_image_is_reported_too():
    (found,) = findings(RULE, *workload(app("cart"), declared=declared("example.com/proxy:1")))
    assert "example.com/proxy:1" in found.message

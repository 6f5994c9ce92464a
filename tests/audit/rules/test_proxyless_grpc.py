import pytest
from tests.support.mesh import Sidecar, app, findings, inject, workload

from sidestep.audit.rules.proxyless_grpc import RULE


def proxyless(template_name):
    template = inject(app("quotes"), Sidecar(native=False))
    template["metadata"]["annotations"]["inject.istio.io/templates"] = template_name
    return workload(template)


@pytest.mark.parametrize("name", ["grpc-agent", "grpc-simple", "custom,grpc-agent"])
def test_reports_its_templates(name):
    (found,) = findings(RULE, *proxyless(name))
    assert found.severity == "blocker"
    assert "pods: 2" in found.message


def test_silent_on_sidecars():
    assert findings(RULE, *workload(inject(app("cart"), Sidecar()))) == []
    assert findings(RULE, *proxyless("sidecar,custom")) == []


def test_boundary_the_bootstrap_in_the_environment_is_enough():
    template = app("quotes")
    template["spec"]["containers"][0]["env"] = [{"name": "GRPC_XDS_BOOTSTRAP", "value": "/etc/x.json"}]
    assert len(findings(RULE, *workload(template))) == 1

import json

from tests.support.mesh import Sidecar, app, findings, inject, labelled, o, workload

from sidestep.audit.rules.egress_control_lost import RULE

SIDECARS = workload(inject(app("cart"), Sidecar()))
AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))
ONLY = {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}


def config(values, name="istio"):
    return o.thing("v1", "ConfigMap", o.meta(name, "istio-system"), data={"mesh": json.dumps(values)})


def sidecar(spec, space="shop"):
    return o.istio("Sidecar", "default", space, spec)


def test_reports_the_mesh_wide_setting():
    (found,) = findings(RULE, *SIDECARS, config(ONLY))
    assert (found.object.kind, found.severity) == ("ConfigMap", "warning")
    (now,) = findings(RULE, *AMBIENT, config(ONLY, "istio-1-29"))
    assert now.severity == "error"


def test_reports_a_sidecar_resource():
    (found,) = findings(RULE, *SIDECARS, sidecar(ONLY))
    assert found.object.kind == "Sidecar"


def test_reports_the_default_of_the_root_namespace_for_all():
    assert len(findings(RULE, *SIDECARS, sidecar(ONLY, "istio-system"))) == 1


def test_silent_where_everything_is_allowed():
    allowed = {"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}}
    assert findings(RULE, *AMBIENT, config(allowed), sidecar({"egress": [{"hosts": ["./*"]}]})) == []


def test_silent_on_sidecars_of_other_workloads():
    other = {**ONLY, "workloadSelector": {"labels": {"app": "other"}}}
    assert findings(RULE, *SIDECARS, sidecar(other), sidecar(ONLY, "other")) == []


def test_boundary_configuration_that_cannot_be_read():
    broken = o.thing("v1", "ConfigMap", o.meta("istio", "istio-system"), data={"mesh": ": : ["})
    assert findings(RULE, *SIDECARS, broken) == []
    assert findings(RULE, *SIDECARS, config({"outboundTrafficPolicy": "REGISTRY_ONLY"})) == []

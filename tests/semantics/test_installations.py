"""Control planes that manifests ask for, where nothing of them runs yet."""

import pytest
import yaml
from tests.support import mesh as m
from tests.support.scenes import ask, index, pods, policy, service

from sidestep.semantics.decisions import Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.mesh_config import mesh_configs
from sidestep.semantics.settings import settings

ASKED = {"trustDomain": "corp.example", "rootNamespace": "policies", "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}
VALUES = {"meshConfig": ASKED, "pilot": {"env": {"PILOT_ENABLE_ALPHA_GATEWAY_API": True}}}
OPERATOR = m.o.thing(
    "install.istio.io/v1alpha1", "IstioOperator", m.o.meta("mesh", "istio-system"),
    spec={
        "tag": "1.26.3", "meshConfig": ASKED,
        "components": {"pilot": {"k8s": {"env": [{"name": "PILOT_ENABLE_ALPHA_GATEWAY_API", "value": "true"}]}}},
    },
)  # fmt: skip
SAIL = m.o.thing(
    "sailoperator.io/v1", "Istio", {"name": "default"},
    spec={"version": "v1.26.3", "namespace": "istio-system", "values": VALUES},
)  # fmt: skip
FLUX = m.o.thing(
    "helm.toolkit.fluxcd.io/v2", "HelmRelease", m.o.meta("istiod", "istio-system"),
    spec={"chart": {"spec": {"chart": "istiod", "version": "1.26.3"}}, "values": VALUES},
)  # fmt: skip
ARGO = m.o.thing(
    "argoproj.io/v1alpha1", "Application", m.o.meta("istiod", "argocd"),
    spec={
        "destination": {"namespace": "istio-system"},
        "sources": [
            {"path": "elsewhere"},
            {"chart": "istiod", "targetRevision": "1.26.3", "helm": {"values": yaml.safe_dump(VALUES)}},
        ],
    },
)  # fmt: skip
FORMS = {"IstioOperator": OPERATOR, "Sail": SAIL, "Flux": FLUX, "Argo CD": ARGO}
MADE = m.o.thing("v1", "ConfigMap", m.o.meta("istio", "istio-system"), data={"mesh": "trustDomain: made.example"})


def mesh(*objects):
    return m.mesh(*objects)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form):
    found = settings(mesh(FORMS[form]))
    assert (found.trust_domain, found.root_namespace, found.registry_only) == ("corp.example", "policies", True)
    assert (str(found.version.version), found.version.assumed) == ("1.26", False)
    assert found.flag("PILOT_ENABLE_ALPHA_GATEWAY_API", default=False)


@pytest.mark.parametrize("form", FORMS)
def test_what_was_made_of_it_comes_first(form):
    assert settings(mesh(FORMS[form], MADE)).trust_domain == "made.example"


def test_a_control_plane_beside_the_one_that_was_made_counts_too():
    other = {**OPERATOR, "spec": {**OPERATOR["spec"], "revision": "next"}}
    assert [each.revision for each in mesh_configs(mesh(other, MADE))] == ["", "next"]


@pytest.mark.parametrize("spec", [{}, {"meshConfig": []}, {"values": "text"}, {"components": [1]}, "text"])
def test_nothing_is_made_of_what_cannot_be_read(spec):
    broken = m.o.thing("install.istio.io/v1alpha1", "IstioOperator", m.o.meta("mesh", "istio-system"), spec=spec)
    assert settings(mesh(broken)).trust_domain == "cluster.local"


def test_other_charts_are_no_control_planes():
    other = {**FLUX, "spec": {**FLUX["spec"], "chart": {"spec": {"chart": "podinfo"}}}}
    assert not mesh_configs(mesh(other))


def test_a_policy_in_the_root_that_was_asked_for_holds_everywhere():
    nobody = policy("nobody", space="policies")
    scene = [*pods("web"), *pods("cart"), service("cart"), nobody]
    assert ask(index(*scene), "web", "cart").verdict is Verdict.ALLOW
    asked = MeshIndex.of(index(*scene, OPERATOR).mesh)
    assert ask(asked, "web", "cart").verdict is Verdict.DENY
    assert any("IstioOperator istio-system/mesh asks for" in each for each in asked.assumptions)

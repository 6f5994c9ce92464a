"""What a pod is: Istio's own injected pods, and everything that only looks like one."""

import json

import pytest
import yaml
from tests.support.mesh import (
    REQUESTS,
    Sidecar,
    annotations_on,
    app,
    facts,
    gateway,
    inject,
    labelled,
    labels_on,
    namespace,
    pod,
    proxy_container,
    waypoint,
    workload,
    ztunnel,
)  # fmt: skip

from sidestep.audit.facts import Options
from sidestep.audit.gather import gather
from sidestep.model.mesh import SourceInfo, SourceKind
from sidestep.model.origin import FileOrigin
from sidestep.model.telemetry import Telemetry
from sidestep.semantics.injection import Result
from sidestep.semantics.proxies import Role, SidecarMode
from sidestep.sources.objects.builder import MeshBuilder

NATIVE, CLASSIC = SidecarMode.NATIVE, SidecarMode.CLASSIC


def recognised(template):
    (workload,) = facts(pod(template)).workloads
    return workload.groups[0].recognition


def of_file(path):
    builder = MeshBuilder()
    for document in yaml.safe_load_all(path.read_text()):
        trees = document.get("items", [document]) if document else []
        for tree in trees:
            builder.add(json.dumps(tree, default=str).encode(), FileOrigin(path.name))
    found = builder.build(SourceInfo(SourceKind.FILES, path.name))
    assert found.gaps == ()
    return [workload.groups[0].recognition for workload in gather(found, Telemetry(), Options()).workloads]


def expected(name: str) -> tuple[Role, SidecarMode | None]:
    """By what the file is about: old versions are classic, gateways and host-network pods carry no sidecar."""
    if name.startswith("gateway"):
        return Role.GATEWAY, None
    if "host-network" in name:
        return Role.APPLICATION, None
    return Role.APPLICATION, CLASSIC if "old-version" in name else NATIVE


def test_every_injected_pod_of_istio(corpus):
    files = sorted((corpus / "injection").glob("*.injected"))
    assert len(files) > 60
    for path in files:
        found = of_file(path)
        assert found, path.name
        assert {(each.role, each.sidecar) for each in found} == {expected(path.name)}, path.name


def test_no_pod_before_injection_has_a_sidecar(corpus):
    injected_again = "merge-probers.yaml"
    for path in sorted((corpus / "injection").glob("*.yaml")):
        if path.name == injected_again:
            continue
        assert all(each.sidecar is None for each in of_file(path)), path.name


def test_gateways_are_gateways_before_they_are_injected(corpus):
    for path in (corpus / "injection").glob("gateway*.yaml"):
        assert {each.role for each in of_file(path)} == {Role.GATEWAY}, path.name


@pytest.mark.parametrize("templates", ["gateway", "gateway,spire", "custom, gateway"])
def test_a_gateway_declared_by_its_injection_template_gets_no_sidecar(templates):
    template = labels_on(app("ingress"), {"sidecar.istio.io/inject": "true"})
    template["metadata"]["annotations"]["inject.istio.io/templates"] = templates
    template["spec"]["containers"] = [{"name": "istio-proxy", "image": "auto"}]
    declared = (labelled("shop", {"istio-injection": "enabled"}), *workload(template, pods=0))
    (found,) = facts(*declared, kind=SourceKind.FILES).workloads
    assert (found.role, found.sidecars, found.pods) == (Role.GATEWAY, 0, 2)


@pytest.mark.parametrize("native", [True, False])
def test_a_sidecar_is_recognised_with_what_it_says(native):
    found = recognised(inject(app("cart"), Sidecar(native=native, revision="1-29", hbone=True)))
    assert found.sidecar is (NATIVE if native else CLASSIC)
    assert (found.revision, found.hbone, found.captures) == ("1-29", True, True)
    assert found.proxy.requests.cpu_millis == 100


def test_hbone_is_told_by_label_or_variable():
    without = inject(app("cart"), Sidecar(hbone=False))
    assert not recognised(without).hbone
    assert recognised(labels_on(without, {"networking.istio.io/tunnel": "http"})).hbone


def test_interception_none_captures_nothing():
    template = inject(app("cart"), Sidecar())
    template["metadata"]["annotations"]["sidecar.istio.io/interceptionMode"] = "NONE"
    assert not recognised(template).captures


@pytest.mark.parametrize(
    ("template", "role"),
    [(gateway("gw"), Role.GATEWAY), (waypoint("wp"), Role.WAYPOINT), (ztunnel(), Role.ZTUNNEL)],
    ids=["gateway", "waypoint", "ztunnel"],
)
def test_proxies_of_the_mesh_are_no_sidecars(template, role):
    found = recognised(template)
    assert (found.role, found.sidecar) == (role, None)


def test_a_container_of_that_name_that_nobody_injected():
    template = app("cart")
    template["spec"]["containers"].append(proxy_container("sidecar", "proxyv2", REQUESTS))
    found = recognised(template)
    assert (found.sidecar, found.orphan_proxy) == (None, True)


def test_a_native_container_of_another_name_is_no_sidecar():
    template = app("cart")
    template["spec"]["initContainers"] = [{"name": "logger", "image": "l", "restartPolicy": "Always"}]
    assert recognised(template).sidecar is None


def test_an_init_container_that_ends_is_no_sidecar():
    template = app("cart")
    template["spec"]["initContainers"] = [{"name": "istio-proxy", "image": "p"}]
    assert recognised(template).sidecar is None


def test_proxyless_is_no_sidecar():
    template = annotations_on(inject(app("cart"), Sidecar(native=False)), {"inject.istio.io/templates": "grpc-agent"})
    found = recognised(template)
    assert (found.proxyless, found.sidecar) == (True, None)


def test_an_agent_that_runs_no_proxy_is_no_sidecar():
    template = inject(app("cart"), Sidecar(native=False))
    template["spec"]["containers"][-1]["env"].append({"name": "DISABLE_ENVOY", "value": "true"})
    found = recognised(template)
    assert (found.proxyless, found.sidecar) == (True, None)


def test_a_sidecar_injected_by_hand_comes_back_without_any_webhook():
    written = inject(app("cart"), Sidecar(revision="1-28"))
    (found,) = facts(namespace("shop"), *workload(written)).workloads
    assert (found.injection.result, found.injection.revision) == (Result.INJECTED, "1-28")
    assert "written into the template" in found.injection.reason


def test_capture_by_ztunnel_is_what_the_annotation_says():
    for value, captured in (("enabled", True), ("pending", False), ("disabled", False)):
        template = app("cart")
        template["metadata"]["annotations"] = {"ambient.istio.io/redirection": value}
        assert recognised(template).captured is captured


def test_a_broken_status_is_no_crash():
    template = inject(app("cart"), Sidecar())
    template["metadata"]["annotations"]["sidecar.istio.io/status"] = "{not json"
    assert recognised(template).sidecar is NATIVE

"""Which EnvoyFilters and modules reach a waypoint: by the same rule as policies, group included."""

import pytest
from tests.support.mesh import mesh, o

from sidestep.semantics.authorization.attachment import GatewayTarget
from sidestep.semantics.envoy_filters import attached_patches, patches
from sidestep.semantics.extensions import extensions
from sidestep.semantics.modules import attached_modules, modules

GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}
CLASS = {"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"}
PATCHES = [{"applyTo": "HTTP_FILTER", "patch": {"operation": "REMOVE"}}]


@pytest.mark.parametrize(
    ("namespace", "target", "reaches"),
    [
        ("shop", GATEWAY, True), ("shop", {**GATEWAY, "namespace": "shop"}, True), ("root", CLASS, True),
        ("shop", {**GATEWAY, "group": "networking.istio.io"}, False), ("shop", {**GATEWAY, "group": ""}, False),
        ("shop", {**GATEWAY, "namespace": "other"}, False), ("other", GATEWAY, False), ("root", GATEWAY, False),
        ("shop", CLASS, False), ("root", {**CLASS, "group": ""}, False), ("root", {**CLASS, "name": "istio"}, False),
        ("shop", {**GATEWAY, "name": "egress"}, False), ("shop", {"group": "", "kind": "Service", "name": "waypoint"}, False),
    ],
)  # fmt: skip
def test_references_reach_a_waypoint(namespace, target, reaches):
    """Source: pilot/pkg/model/policyattachment.go (ShouldAttachPolicy, matchesGroupKind)."""
    spec = {"targetRefs": [target], "configPatches": PATCHES}
    module = {"targetRefs": [target], "url": "file:///m.wasm"}
    found = mesh(o.istio("EnvoyFilter", "filter", namespace, spec), o.istio("WasmPlugin", "module", namespace, module))
    waypoint = GatewayTarget("shop", "waypoint")
    assert bool(attached_patches(found, "root", waypoint)) is reaches
    assert bool(attached_modules(found, "root", waypoint)) is reaches


@pytest.mark.parametrize(
    ("namespace", "target", "made_by", "reaches"),
    [
        ("shop", {**GATEWAY, "name": "edge"}, "edge", True), ("shop", {**GATEWAY, "name": "edge"}, "other", False),
        ("shop", {**GATEWAY, "name": "edge"}, "", False), ("other", {**GATEWAY, "name": "edge"}, "edge", False),
        ("root", {**GATEWAY, "name": "edge"}, "edge", False), ("shop", {**GATEWAY, "name": "edge", "group": ""}, "edge", False),
    ],
)  # fmt: skip
def test_references_reach_the_pods_that_a_gateway_made(namespace, target, made_by, reaches):
    spec = {"targetRefs": [target], "configPatches": PATCHES}
    module = {"targetRefs": [target], "url": "file:///m.wasm"}
    found = mesh(o.istio("EnvoyFilter", "filter", namespace, spec), o.istio("WasmPlugin", "module", namespace, module))
    labels = {"gateway.networking.k8s.io/gateway-name": made_by} if made_by else {}
    assert bool(patches(found, "root", "shop", labels)) is reaches
    assert bool(modules(found, "root", "shop", labels)) is reaches


def test_istios_own_metrics_change_no_answer_and_extend_nothing():
    own, other = (
        {"configPatches": [{"patch": {"operation": "ADD", "value": {"name": n}}}]} for n in ("istio.stats", "x")
    )
    found = mesh(o.istio("EnvoyFilter", "own", "shop", own), o.istio("EnvoyFilter", "other", "shop", other))
    assert [each.id.name for each in extensions(found)] == ["other"]

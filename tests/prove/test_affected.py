"""What a step may change: no less than it does, and not everything because of something that nobody reads."""

import pytest
from tests.support import mesh as m
from tests.support.install import config_map
from tests.support.scenes import index, mesh_config, pods, policy, service

from sidestep.model.sharing import sharing
from sidestep.prove.affected import affected
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.mesh_config import configures

GUARD = policy("guard", {"to": [{"operation": {"methods": ["GET"]}}]}, app="stock", space="ops")


def shops(*more):
    shop = (m.namespace("shop"), *pods("cart"), service("cart"))
    return index(*shop, m.namespace("ops"), *pods("stock", space="ops"), service("stock", "ops"), *more)


def after(before, *more):
    made = shops(*more)
    return MeshIndex.of(sharing(made.mesh, before.mesh), made.settings.version, like=before)


def test_a_config_map_that_says_nothing_of_the_mesh_affects_nothing():
    before = shops()
    assert affected(before, after(before, config_map("sidestep-waypoint", "shop", service="{}"))).nothing


@pytest.mark.parametrize("name", ["istio-sidecar-injector", "istio-sidecar-injector-canary"])
def test_one_of_istio_may_affect_everything(name):
    before = shops()
    assert affected(before, after(before, config_map(name, "istio-system", config="policy: disabled"))).everything


def test_the_configuration_of_the_mesh_affects_everything():
    before = shops()
    assert affected(before, after(before, mesh_config(rootNamespace="ops"))).everything


def test_a_policy_affects_its_namespace():
    before = shops()
    found = affected(before, after(before, GUARD))
    assert (found.everything, found.namespaces) == (False, {"ops"})


def test_of_config_maps_those_of_istio_and_cilium_say_how_the_mesh_works():
    names = {"istio": True, "istio-canary": True, "cilium-config": True, "istiod": False, "app": False}
    [*found] = index(*(config_map(name, "any") for name in names)).mesh.resources["configmaps"]
    assert {each.meta.name: configures(each) for each in found} == names
    assert all(map(configures, shops(GUARD).mesh.resources["services"]))

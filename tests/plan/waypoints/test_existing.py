"""Which waypoints a mesh has, and which names are taken."""

import pytest
from tests.support.mesh import app, mesh, o, waypoint, workload

from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import AUTOSCALER
from sidestep.model.quantity import Resources
from sidestep.plan.waypoints.existing import Bounds, existing, taken_names, zones


def gateway(name="waypoint", space="shop", gateway_class="istio-waypoint", annotations=None, **spec):
    listeners = [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]
    metadata = o.meta(name, space, annotations=annotations or {})
    return o.thing(
        "gateway.networking.k8s.io/v1",
        "Gateway",
        metadata,
        spec={"gatewayClassName": gateway_class, "listeners": listeners, **spec},
    )


def test_a_waypoint_with_everything():
    parameters = {"parametersRef": {"group": "", "kind": "ConfigMap", "name": "options"}}
    (found,) = existing(
        mesh(
            gateway(infrastructure=parameters),
            *workload(waypoint("waypoint"), "waypoint", pods=3),
            o.autoscaler("waypoint", "shop"),
            o.disruption_budget("any", "shop", {"gateway.networking.k8s.io/gateway-name": "waypoint"}, 1),
        )
    )
    assert (found.namespace, found.name, found.traffic) == ("shop", "waypoint", "service")
    assert found.replicas == 3
    assert found.requests == Resources(100, 128 * 2**20)
    assert found.autoscaling == Bounds(2, 6)
    assert found.disruption_budget
    assert found.parameters == "options"
    assert found.unread == ()


def test_a_bare_gateway_tells_nothing_of_its_replicas():
    (found,) = existing(mesh(gateway()))
    assert found.replicas is found.requests is found.autoscaling is None
    assert not found.disruption_budget


def test_a_deployment_without_the_field_asks_for_one():
    declared = o.controller("Deployment", "waypoint", "shop", waypoint("waypoint"), None)
    assert existing(mesh(gateway(), declared))[0].replicas == 1


def test_another_name_of_the_deployment_is_followed():
    declared = o.controller("Deployment", "other", "shop", waypoint("waypoint"), 4)
    found = existing(
        mesh(gateway(annotations={"gateway.istio.io/name-override": "other"}), declared, o.autoscaler("other", "shop"))
    )
    assert (found[0].replicas, found[0].autoscaling) == (4, Bounds(2, 6))


def test_gateways_of_other_classes_and_objects_of_other_namespaces_are_none():
    found = existing(mesh(gateway("a", gateway_class="istio"), gateway("b"), o.autoscaler("b", "bank")))
    assert [(each.name, each.autoscaling) for each in found] == [("b", None)]


def test_what_was_not_read_is_named():
    found = existing(mesh(gateway(), gaps=(Gap(AUTOSCALER.key, GapReason.FORBIDDEN, ""),)))
    assert found[0].unread == (AUTOSCALER.key,)


@pytest.mark.parametrize("infrastructure", [None, 3, [], {"parametersRef": None}, {"parametersRef": {"name": 7}}])
def test_wrong_types_are_no_parameters(infrastructure):
    assert existing(mesh(gateway(infrastructure=infrastructure)))[0].parameters == ""


def test_names_of_everything_that_istiod_names_so_are_taken():
    account = o.thing("v1", "ServiceAccount", o.meta("s", "shop"))
    found = taken_names(mesh(gateway("g"), o.service("v", "shop"), account, *workload(waypoint("d"), "d", pods=0)))
    assert {("shop", name) for name in "gvsd"} == found


def test_names_of_accounts_that_pods_run_under_are_taken():
    """Who has the waypoint's account is let through where only the waypoint is."""
    template = app("web")
    template["spec"]["serviceAccountName"] = "waypoint"
    assert ("shop", "waypoint") in taken_names(mesh(*workload(template, "web", pods=1)))
    assert ("shop", "waypoint") in taken_names(mesh(*workload(template, "web", pods=0)))


def listening(**allowed):
    return gateway(
        listeners=[{"name": "mesh", "port": 15008, "protocol": "HBONE", "allowedRoutes": {"namespaces": allowed}}]
    )


@pytest.mark.parametrize(
    ("allowed", "admits"),
    [
        ({"from": "Same"}, ("shop",)),
        ({"from": "All"}, ("bank", "other", "shop")),
        ({"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": "bank"}}}, ("bank", "shop")),
    ],
)
def test_who_may_bind(allowed, admits):
    spaces = [o.namespace(name) for name in ("bank", "other", "shop")]
    assert existing(mesh(listening(**allowed), *spaces))[0].admits == admits


def test_by_default_only_its_own_namespace_may_bind():
    assert existing(mesh(gateway(), o.namespace("bank")))[0].admits == ("shop",)


def test_zones_by_the_label_of_nodes():
    nodes = [o.node(name, "m6i.xlarge", (4, 16), zone, "g") for name, zone in (("a", "z1"), ("b", "z1"), ("c", "z2"))]
    assert zones(mesh(*nodes)) == 2
    assert zones(mesh()) == 0


@pytest.mark.parametrize("wrong", [{"x": 1}, ["istio-waypoint"], 3, None])
def test_a_class_of_the_wrong_type_is_none(wrong):
    assert existing(mesh(gateway(gateway_class=wrong))) == ()


@pytest.mark.parametrize(
    "listeners", [[1], {"a": 1}, [{"allowedRoutes": 3}], [{"allowedRoutes": {"namespaces": {"from": {"x": 1}}}}]]
)
def test_listeners_of_the_wrong_type_let_nobody_else_in(listeners):
    assert existing(mesh(gateway(listeners=listeners), o.namespace("bank")))[0].admits == ("shop",)

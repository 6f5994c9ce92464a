"""Which zone answers, as DestinationRules and the mesh configuration ask for it: of a sidecar, and of a waypoint."""

import json

import pytest
from tests.support.labs import AMBIENT, eventually, lab, namespace, workload

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

ZONE = "topology.kubernetes.io/zone"
OUTLIERS = {"consecutive5xxErrors": 3, "interval": "1s"}
SPREAD = [{"from": "lab/*", "to": {"lab/zone-a/*": 20, "lab/zone-b/*": 80}}]
AWAY = [{"from": "lab/*", "to": {"lab/zone-b/*": 100}}]


def pods(space):
    """A client in zone a, and a server in each of two."""
    here, server = {"nodeSelector": {ZONE: "zone-a"}}, workload("cart", space)[1]
    made = [*workload("web", space, **here), server]
    for zone in ("a", "b"):
        deployment = workload(f"cart-{zone}", space, nodeSelector={ZONE: f"zone-{zone}"})[0]
        deployment["spec"]["selector"]["matchLabels"] = {"app": "cart", "zone": zone}
        deployment["spec"]["template"]["metadata"]["labels"] = {"app": "cart", "zone": zone}
        made.append(deployment)
    return made


def rule(space, **policy):
    meta, spec = {"name": "cart", "namespace": space}, {"host": "cart", "trafficPolicy": policy}
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": meta, "spec": spec}


def mesh_says(distribute):
    meta = {"name": "istio", "namespace": "istio-system"}
    values = {"localityLbSetting": {"distribute": distribute}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"mesh": json.dumps(values)}}


@pytest.fixture(scope="module")
def made():
    with lab(namespace("shop", **{"istio-injection": "enabled"}), *pods("shop"), zones=2) as found:
        yield found


def shares(made, number=50):
    """How many of so many requests each zone answered."""
    answers = made.call("shop/web", "http://cart.shop/", number)
    return {zone: sum(each.pod.startswith(f"shop/cart-{zone}") for each in answers) for zone in "ab"}


def test_places_get_the_share_that_is_asked_for(made):
    made.apply(rule("shop", loadBalancer={"localityLbSetting": {"distribute": SPREAD}}))
    assert eventually(lambda: shares(made) == {"a": 10, "b": 40})


def test_a_setting_that_is_switched_off_spreads_nothing(made):
    made.apply(rule("shop", loadBalancer={"localityLbSetting": {"enabled": False, "distribute": AWAY}}))
    assert eventually(lambda: min(shares(made).values()) > 10)


def test_the_nearest_are_asked_while_they_are_there(made):
    made.apply(rule("shop", outlierDetection=OUTLIERS))
    assert eventually(lambda: shares(made) == {"a": 50, "b": 0})
    made.client.ask(api.Scale("deployments.apps", "shop", "cart-a", 0))
    assert eventually(lambda: shares(made, 10) == {"a": 0, "b": 10})
    made.client.ask(api.Scale("deployments.apps", "shop", "cart-a", 1))
    assert eventually(lambda: shares(made, 10) == {"a": 10, "b": 0})


def test_the_mesh_configuration_holds_where_no_rule_speaks(made):
    made.apply(rule("shop", outlierDetection=OUTLIERS), mesh_says(AWAY))
    assert eventually(lambda: shares(made, 10) == {"a": 0, "b": 10})


def test_a_waypoint_spreads_likewise():
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "m", "port": 15008, "protocol": "HBONE"}]}
    meta = {"name": "waypoint", "namespace": "shop"}
    gateway = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": meta, "spec": spec}
    space = namespace("shop", **AMBIENT, **{"istio.io/use-waypoint": "waypoint"})
    near = rule("shop", loadBalancer={"localityLbSetting": {"distribute": SPREAD}})
    with lab(space, gateway, *pods("shop"), near, zones=2) as made:
        assert eventually(lambda: shares(made) == {"a": 10, "b": 40})

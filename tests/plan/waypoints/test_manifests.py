"""The objects of a waypoint: as Istio reads them, by version; taken by a real API server without a warning."""

import json
from urllib.error import HTTPError

import pytest
import yaml
from tests.support.mesh import mesh, namespace, o

from sidestep.errors import UsageError
from sidestep.model.prices import Rate
from sidestep.model.quantity import Resources
from sidestep.plan.waypoints.demand import ServiceLoad
from sidestep.plan.waypoints.existing import Bounds, ExistingWaypoint, existing
from sidestep.plan.waypoints.manifests import ORIGIN, Installation, manifests
from sidestep.plan.waypoints.needs import Scope, Terms, WaypointNeed
from sidestep.plan.waypoints.overlay import Behaviour
from sidestep.plan.waypoints.placement import place
from sidestep.plan.waypoints.policy import SizingPolicy
from sidestep.semantics.versions import IstioVersion, given_version
from sidestep.semantics.waypoints import BindingState, binding

RATE = Rate(0.03125, 0.004188)
KEYS = {"deployment", "service", "serviceAccount", "horizontalPodAutoscaler", "podDisruptionBudget"}
SELECTED = {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "waypoint"}}


def placed(*spaces, scope=Scope.AUTO, rps=5_000.0, **terms):
    needs = tuple(
        WaypointNeed(ServiceLoad(space, "cart", rps, connections=10, measured=True)) for space in spaces or ("shop",)
    )
    return place(needs, scope, RATE, Terms(sizing=SizingPolicy(zones=3), **terms))[0]


def made(version="1.29", waypoint=None, behaviour=None, **installation):
    return manifests(waypoint or placed(), Installation(given_version(version), **installation), behaviour)


def by_kind(found):
    return {tree["kind"]: tree for tree in found.objects}


def overlays(found):
    return {key: yaml.safe_load(text) for key, text in by_kind(found)["ConfigMap"]["data"].items()}


def test_the_config_map_comes_before_the_gateway_that_names_it():
    found = made()
    options, gateway = found.objects
    assert [tree["kind"] for tree in found.objects] == ["ConfigMap", "Gateway"]
    assert options["metadata"]["namespace"] == gateway["metadata"]["namespace"] == "shop"
    assert gateway["spec"]["infrastructure"]["parametersRef"] == {
        "group": "",
        "kind": "ConfigMap",
        "name": options["metadata"]["name"],
    }
    assert found.cannot_set == ()


def test_the_gateway():
    gateway = by_kind(made())["Gateway"]
    assert gateway["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert gateway["metadata"]["name"] == "waypoint"
    assert gateway["metadata"]["labels"] == {"istio.io/waypoint-for": "service"}
    assert gateway["spec"]["gatewayClassName"] == "istio-waypoint"
    assert gateway["spec"]["listeners"] == [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]


@pytest.mark.parametrize(("revision", "label"), [("", None), ("default", None), ("1-29-2", "1-29-2")])
def test_the_revision_is_a_label_where_the_mesh_has_several(revision, label):
    assert by_kind(made(revision=revision))["Gateway"]["metadata"]["labels"].get("istio.io/rev") == label


@pytest.mark.parametrize("version", ["1.22", "1.25", "1.26", "1.31"])
def test_every_object_starts_with_its_version_and_says_where_it_comes_from(version):
    for tree in made(version).objects:
        assert list(tree)[:3] == ["apiVersion", "kind", "metadata"]
        assert tree["metadata"]["annotations"] == {ORIGIN: "sidestep plan: waypoint for shop/cart"}
        assert json.loads(json.dumps(tree)) == tree


def test_the_origin_is_kept_from_the_pods_which_it_would_restart():
    """istiod copies the Gateway's annotations to the pods unless the infrastructure has its own."""
    annotations = by_kind(made())["Gateway"]["spec"]["infrastructure"]["annotations"]
    assert annotations
    assert ORIGIN not in annotations


def test_only_keys_that_istiod_knows_and_no_names():
    found = overlays(made())
    assert set(found) <= KEYS
    assert all(set(tree.get("metadata", {})) <= {"annotations"} for tree in found.values())


def test_the_autoscaler():
    spec = overlays(made())["horizontalPodAutoscaler"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 6)
    cpu, connections = spec["metrics"]
    assert cpu == {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    assert connections["pods"] == {
        "metric": {"name": "envoy_http_downstream_cx_active"}, "target": {"type": "AverageValue", "averageValue": "1000"},
    }  # fmt: skip
    assert "scaleTargetRef" not in spec


def test_connections_are_left_out_on_request_and_else_what_they_take_is_said():
    assert any("adapter" in note for note in made().notes)
    found = made(behaviour=Behaviour(count_connections=False))
    assert len(overlays(found)["horizontalPodAutoscaler"]["spec"]["metrics"]) == 1
    assert not any("adapter" in note for note in found.notes)


def test_the_number_of_replicas_is_the_autoscalers_alone():
    assert "replicas" not in overlays(made())["deployment"]["spec"]


def test_the_pods():
    pod = overlays(made(behaviour=Behaviour(priority_class="mesh-critical")))["deployment"]["spec"]["template"]
    assert yaml.safe_load(pod["metadata"]["annotations"]["proxy.istio.io/config"]) == {
        "terminationDrainDuration": "45s"
    }
    spec = pod["spec"]
    assert spec["terminationGracePeriodSeconds"] == 60
    assert spec["priorityClassName"] == "mesh-critical"
    assert [
        (each["topologyKey"], each["whenUnsatisfiable"], each["labelSelector"])
        for each in spec["topologySpreadConstraints"]
    ] == [
        ("topology.kubernetes.io/zone", "ScheduleAnyway", SELECTED),
        ("kubernetes.io/hostname", "ScheduleAnyway", SELECTED),
    ]
    assert spec["containers"] == [
        {
            "name": "istio-proxy",
            "resources": {
                "requests": {"cpu": "600m", "memory": "128Mi"},
                "limits": {"cpu": "2000m", "memory": "1024Mi"},
            },
        }
    ]


def test_zones_are_strict_on_request():
    pod = overlays(made(behaviour=Behaviour(strict_zones=True)))["deployment"]["spec"]["template"]["spec"]
    assert [each["whenUnsatisfiable"] for each in pod["topologySpreadConstraints"]] == [
        "DoNotSchedule",
        "ScheduleAnyway",
    ]


@pytest.mark.parametrize(("distribution", "expected"), [("PreferSameZone", "PreferSameZone"), ("", None)])
def test_traffic_distribution(distribution, expected):
    service = overlays(made(behaviour=Behaviour(traffic_distribution=distribution))).get("service", {})
    assert (
        service.get("metadata", {}).get("annotations", {}).get("networking.istio.io/traffic-distribution") == expected
    )


@pytest.mark.parametrize(
    ("version", "infrastructure"), [("1.22", False), ("1.23", False), ("1.24", True), ("1.25", True)]
)
def test_before_1_26_there_are_separate_objects_and_the_rest_is_named(version, infrastructure):
    found = made(version, behaviour=Behaviour(priority_class="mesh-critical"))
    objects = by_kind(found)
    assert set(objects) == {"Gateway", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
    assert ("infrastructure" in objects["Gateway"]["spec"]) is infrastructure
    scaler = objects["HorizontalPodAutoscaler"]["spec"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "waypoint"}
    assert scaler["metrics"][0]["resource"]["target"] == {"type": "AverageValue", "averageValue": "420m"}
    assert objects["PodDisruptionBudget"]["spec"] == {"maxUnavailable": 1, "selector": SELECTED}
    said = " ".join(found.cannot_set)
    for words in ("requests and limits", "spread", "terminationGracePeriodSeconds", "priorityClassName"):
        assert words in said
    assert ("traffic distribution" in said) is (version < "1.24")
    assert ("global.waypoint.resources" in said) is (version >= "1.24")


def test_an_assumed_version_is_said():
    found = manifests(placed(), Installation(IstioVersion()))
    assert any("version was not read" in note for note in found.notes)


def test_other_namespaces_may_bind_and_are_accepted_as_istiod_would():
    shared = placed("shop", "bank", scope=Scope.SHARED)
    gateway = by_kind(made(waypoint=shared))["Gateway"]
    ready = {**gateway, "status": {"addresses": [{"type": "IPAddress", "value": "10.0.0.1"}]}}
    spaces = [namespace(each) for each in ("shop", "bank", "other", "istio-waypoints")]
    world = mesh(*spaces, ready)
    labels = {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "istio-waypoints"}
    states = {each: binding(world, labels, each, "service").state for each in ("shop", "bank", "other")}
    assert states == {
        "shop": BindingState.ACCEPTED,
        "bank": BindingState.ACCEPTED,
        "other": BindingState.ATTACHMENT_DENIED,
    }


def test_a_namespace_of_its_own_has_to_be_there():
    assert any("must exist" in note for note in made(waypoint=placed("shop", "bank", scope=Scope.SHARED)).notes)
    assert not any("must exist" in note for note in made().notes)


def test_what_is_made_is_found_as_existing():
    (found,) = existing(mesh(*made("1.25").objects))
    assert (found.namespace, found.name, found.traffic) == ("shop", "waypoint", "service")
    assert found.autoscaling == Bounds(3, 6)
    assert found.disruption_budget
    assert existing(mesh(*made().objects))[0].parameters == "sidestep-waypoint"


def test_a_waypoint_that_is_there_is_left_and_what_it_lacks_is_said():
    there = ExistingWaypoint("shop", "waypoint", "service", 1, Resources(100, 2**20))
    found = made(waypoint=placed(existing=(there,)))
    assert found.objects == ()
    said = " ".join(found.notes)
    for words in (
        "left as it is",
        "at least 1 replicas where its load needs 3",
        "no Horiz",
        "no PodDis",
        "100m of CPU",
        "less memory",
    ):
        assert words in said


def test_a_waypoint_that_lacks_nothing_is_only_left():
    there = ExistingWaypoint(
        "shop", "waypoint", "service", 3, Resources(4_000, 2**32), Bounds(3, 9), disruption_budget=True
    )
    assert len(made(waypoint=placed(existing=(there,))).notes) == 1


def test_what_was_not_read_is_not_called_absent():
    unread = ("horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy")
    there = ExistingWaypoint("shop", "waypoint", "service", unread=unread)
    assert len(made(waypoint=placed(existing=(there,))).notes) == 1


@pytest.mark.parametrize(
    "behaviour", [{"drain_seconds": 60}, {"drain_seconds": 0}, {"grace_seconds": 2}, {"scale_down_seconds": 3_601}]
)
def test_a_drain_that_the_grace_cuts_is_refused(behaviour):
    with pytest.raises(UsageError):
        made(behaviour=Behaviour(**behaviour))


def merged(base, overlay):
    """A strategic merge, as far as these overlays need it: containers by name, other lists replaced."""
    found = dict(base)
    for key, value in overlay.items():
        if key == "containers":
            named = {container["name"]: container for container in value}
            found[key] = [merged(each, named.get(each["name"], {})) for each in base[key]]
        else:
            found[key] = merged(base.get(key, {}), value) if isinstance(value, dict) else value
    return found


def generated(name):
    """What istiod generates, of the kinds that are merged with an overlay, as far as the overlays touch it."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    proxy = {"name": "istio-proxy", "image": "proxyv2", "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}
    pod = {
        "metadata": {"labels": SELECTED["matchLabels"], "annotations": {"istio.io/rev": "default"}},
        "spec": {"containers": [proxy]},
    }
    specs = {
        "deployment": ("apps/v1", "Deployment", {"selector": SELECTED, "template": pod}),
        "service": ("v1", "Service", {"ports": [{"port": 15008}]}),
        "horizontalPodAutoscaler": (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            {"scaleTargetRef": target, "maxReplicas": 1},
        ),
        "podDisruptionBudget": ("policy/v1", "PodDisruptionBudget", {"selector": SELECTED}),
    }
    return {key: o.thing(version, kind, {"name": name}, spec=spec) for key, (version, kind, spec) in specs.items()}


PATHS = {
    "Deployment": "apis/apps/v1/namespaces/default/deployments",
    "Service": "api/v1/namespaces/default/services",
    "ConfigMap": "api/v1/namespaces/default/configmaps",
    "HorizontalPodAutoscaler": "apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
    "PodDisruptionBudget": "apis/policy/v1/namespaces/default/poddisruptionbudgets",
}


def accepted(server, tree):
    """The object as the API server would store it; every unknown field is an error."""
    metadata = {
        key: value
        for key, value in tree["metadata"].items()
        if key not in ("uid", "resourceVersion", "creationTimestamp")
    }
    body = {**tree, "metadata": {**metadata, "namespace": "default"}}
    try:
        return server.send("POST", f"/{PATHS[tree['kind']]}?dryRun=All&fieldValidation=Strict", body)
    except HTTPError as error:
        pytest.fail(f"{tree['kind']}: {error.read().decode()}")


@pytest.mark.real
@pytest.mark.xdist_group("apiserver")
def test_a_real_api_server_takes_every_object_without_an_unknown_field(apiserver):
    behaviour = Behaviour(priority_class="system-cluster-critical")
    current, before = made(behaviour=behaviour), made("1.25")
    for tree in (*current.objects, *before.objects):
        if tree["kind"] != "Gateway":
            accepted(apiserver, tree)
    stock = generated("waypoint")
    taken = {key: accepted(apiserver, merged(stock[key], overlay)) for key, overlay in overlays(current).items()}
    pod = taken["deployment"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["requests"] == {"cpu": "600m", "memory": "128Mi"}
    assert taken["horizontalPodAutoscaler"]["spec"]["minReplicas"] == 3

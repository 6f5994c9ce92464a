"""Telemetry, extensions and EnvoyFilters: attached to waypoints, or lost by name."""

import pytest
from tests.support.conversions import context, manifests, one, severities, with_version
from tests.support.scenes import index, m, pods, service

from sidestep.convert.rules import envoy_filter, extension, telemetry

CART = [*pods("cart"), service("cart")]
TARGET = [{"group": "", "kind": "Service", "name": "cart"}]
SELECTOR = {"selector": {"matchLabels": {"app": "cart"}}}


def rewrite(rule, kind, spec, *objects, behind=("cart",), version="1.30", **how):
    found = context(index(*(objects or CART), m.o.istio(kind, "x", "shop", spec)), *behind, **how)
    return one(rule, with_version(found, version), kind, "x")


LOGS = {"accessLogging": [{"providers": [{"name": "envoy"}], "filter": {"expression": "true"}}]}


def test_telemetry_of_pods_becomes_that_of_the_waypoint():
    given = rewrite(telemetry.RULE, "Telemetry", {**LOGS, **SELECTOR})
    assert manifests(given)["cart-x"]["spec"] == {**LOGS, "targetRefs": TARGET}
    assert manifests(given, late=True) == {"x": None}
    assert not given.losses


def test_telemetry_that_waypoints_read_anyway_stays():
    assert not rewrite(telemetry.RULE, "Telemetry", LOGS).changes
    attached = {**LOGS, "targetRefs": TARGET}
    assert not rewrite(telemetry.RULE, "Telemetry", attached).changes


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"tracing": [{"match": {"mode": "CLIENT"}}]}, "spec.tracing[0].match.mode"),
        ({"metrics": [{"overrides": [{"match": {"mode": "CLIENT"}}]}]}, "spec.metrics[0].overrides[0].match.mode"),
    ],
)
def test_what_clients_saw_is_lost(spec, field):
    assert severities(rewrite(telemetry.RULE, "Telemetry", {**spec, **SELECTOR}).losses) == [("observability", field)]


def test_telemetry_without_a_waypoint_is_lost():
    given = rewrite(telemetry.RULE, "Telemetry", LOGS, behind=())
    assert not given.changes
    assert severities(given.losses) == [("observability", "spec")]


WASM = {"url": "oci://example.com/auth:1", "phase": "AUTHN", "pluginConfig": {"a": 1}}


def test_an_extension_is_attached_with_service_ports():
    match = [{"mode": "SERVER", "ports": [{"number": 8080}]}, {"mode": "CLIENT"}]
    given = rewrite(extension.RULE, "WasmPlugin", {**WASM, **SELECTOR, "match": match})
    assert manifests(given)["cart-x"]["spec"] == {
        **WASM,
        "targetRefs": TARGET,
        "match": [{"mode": "SERVER", "ports": [{"number": 80}]}],
    }
    assert manifests(given, late=True) == {"x": None}
    assert severities(given.losses) == [("traffic", "spec.match")]


def test_an_extension_of_servers_alone_loses_nothing():
    given = rewrite(extension.RULE, "WasmPlugin", {**WASM, "match": [{"mode": "SERVER"}]})
    assert "cart-x" in manifests(given)
    assert not given.losses


def test_an_extension_that_guards_and_has_no_waypoint_is_security():
    assert severities(rewrite(extension.RULE, "WasmPlugin", WASM, behind=()).losses) == [("security", "spec.selector")]


def test_an_extension_of_clients_alone_has_no_place():
    given = rewrite(extension.RULE, "WasmPlugin", {**WASM, "phase": "STATS", "match": [{"mode": "CLIENT"}]})
    assert "cart-x" not in manifests(given)
    assert given.losses


def patch(context="SIDECAR_INBOUND", apply_to="HTTP_FILTER", **listener):
    return {
        "applyTo": apply_to,
        "match": {"context": context, "listener": listener},
        "patch": {"operation": "INSERT_BEFORE", "value": {"name": "lua"}},
    }


FILTER = {"workloadSelector": {"labels": {"app": "cart"}}}


def test_a_filter_is_attached_to_a_waypoint_that_is_nobody_elses():
    given = rewrite(envoy_filter.RULE, "EnvoyFilter", {**FILTER, "configPatches": [patch(), patch(apply_to="CLUSTER")]})
    made = manifests(given)["waypoint-x"]["spec"]
    assert made == {
        "configPatches": [patch()],
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}],
    }
    assert manifests(given, late=True) == {"x": None}
    assert severities(given.losses) == [("traffic", "spec.configPatches[1]")]


@pytest.mark.parametrize(
    ("spec", "how"),
    [
        ([patch("SIDECAR_OUTBOUND")], {}),
        ([patch(portNumber=8080)], {}),
        ([patch()], {"version": "1.26"}),
        ([patch()], {"behind": ()}),
        ([patch()], {"behind": ("cart", "stock"), "more": [*pods("stock"), service("stock")]}),
    ],
)
def test_other_filters_are_lost(spec, how):
    more = how.pop("more", [])
    given = rewrite(envoy_filter.RULE, "EnvoyFilter", {**FILTER, "configPatches": spec}, *CART, *more, **how)
    assert set(manifests(given)) <= {"x"}
    assert severities(given.losses) == [("traffic", "spec.configPatches[0]")]


def test_filters_of_gateways_stay():
    assert not rewrite(
        envoy_filter.RULE, "EnvoyFilter", {"workloadSelector": {"labels": {"app": "door"}}, "configPatches": [patch()]}
    ).losses


def test_istios_own_metrics_stay_and_nothing_is_lost_with_them():
    own = {**patch("SIDECAR_OUTBOUND"), "patch": {"operation": "INSERT_BEFORE", "value": {"name": "istio.stats"}}}
    given = rewrite(envoy_filter.RULE, "EnvoyFilter", {**FILTER, "configPatches": [own]}, *CART)
    assert (manifests(given), given.losses) == ({}, ())

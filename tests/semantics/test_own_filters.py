"""Istio's own EnvoyFilters for metrics are told from those that do anything else."""

import pytest

from sidestep.semantics.own_filters import only_measures

TYPED = "type.googleapis.com/udpa.type.v1.TypedStruct"
WASM = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"


def added(name, config, operation="INSERT_BEFORE", kind="HTTP_FILTER"):
    return {"applyTo": kind, "patch": {"operation": operation, "value": {"name": name, "typed_config": config}}}


def wasm(runtime):
    code = {"code": {"local": {"inline_string": "envoy.wasm.stats"}}, **runtime}
    return {"@type": TYPED, "type_url": WASM, "value": {"config": {"root_id": "stats_outbound", "vm_config": code}}}


OWN = wasm({"runtime": "envoy.wasm.runtime.null"})
STATS = added("istio.stats", OWN)
EXCHANGE = {
    "applyTo": "CLUSTER",
    "patch": {"operation": "MERGE", "value": {"filters": [{"name": "istio.metadata_exchange"}]}},
}


@pytest.mark.parametrize(
    "patches",
    [
        [STATS, STATS],
        [added("istio.stats", OWN, kind="NETWORK_FILTER"), EXCHANGE],
        [added("istio.stats", {"@type": TYPED, "type_url": "type.googleapis.com/stats.PluginConfig", "value": {}})],
    ],
)
def test_what_releases_installed_for_their_metrics(patches):
    assert only_measures({"configPatches": patches})


@pytest.mark.parametrize(
    "patches",
    [
        [],
        "odd",
        [STATS, added("envoy.filters.http.lua", {})],
        [added("istio.stats", wasm({"runtime": "envoy.wasm.runtime.v8"}))],
        [added("istio.stats", wasm({}))],
        [added("istio.stats", {"@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"})],
        [added("istio.stats", OWN, operation="REMOVE")],
        [{"applyTo": "CLUSTER", "patch": {"operation": "MERGE", "value": {"connect_timeout": "1s"}}}],
        [{**EXCHANGE, "applyTo": "LISTENER"}],
    ],
)
def test_whatever_else_a_filter_may_do(patches):
    assert not only_measures({"configPatches": patches})

"""EnvoyFilters carried out on listeners, routes and clusters; a rate limit of them in the real Envoy."""

import http.client

import pytest
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from google.protobuf.json_format import MessageToDict
from tests.support.envoy import MeshIdentities, running_envoy
from tests.support.mesh import mesh, o

from sidestep.controlplane.generators.http.filters import BOTH, http_filters
from sidestep.controlplane.generators.http.hcm import Side, manager
from sidestep.controlplane.generators.http.patches import patch_clusters, patch_listener, patch_routes, remarks
from sidestep.controlplane.generators.http.tokens import authentication
from sidestep.controlplane.generators.http.upstreams import outside_name
from sidestep.semantics.envoy_filters import Context, patches

IN, OUT = Context.INBOUND, Context.OUTBOUND
HCM, ROUTER = "envoy.filters.network.http_connection_manager", "envoy.filters.http.router"
LIMIT = "envoy.filters.http.local_ratelimit"
LIMITED = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"


def patch(apply_to, operation, value=None, context="SIDECAR_INBOUND", **match):
    made = {"applyTo": apply_to, "match": {"context": context, **match}, "patch": {"operation": operation}}
    if value is not None:
        made["patch"]["value"] = value
    return made


def read(*made, space="shop", labels=None, **spec):
    body = {"configPatches": list(made), **({"workloadSelector": {"labels": labels}} if labels else {}), **spec}
    return patches(mesh(o.istio("EnvoyFilter", "f", space, body)), "istio-system", "shop", {"app": "cart"})


def named(name, **more):
    return {"name": name, "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault", **more}}  # fmt: skip


def at(filter_="", **more):
    inner = {"filter": {"name": HCM, **({"subFilter": {"name": filter_}} if filter_ else {})}, **more}
    return {"listener": {"filterChain": inner}}


def listener():
    filters = http_filters(BOTH, (), outside_name, authentication([], outside_name))
    made = manager("in", RouteConfiguration(name="inbound|80||"), Side.SERVER, filters)
    return Listener(name="virtualInbound", filter_chains=[{"name": "chain", "filters": [made]}])


def filters_of(made):
    found = HttpConnectionManager.FromString(made.filter_chains[0].filters[0].typed_config.value)
    return [each.name for each in found.http_filters]


OWN = filters_of(listener())


@pytest.mark.parametrize(
    ("operation", "where", "expected"),
    [
        ("INSERT_BEFORE", ROUTER, [*OWN[:-1], "new", ROUTER]), ("INSERT_AFTER", OWN[0], [OWN[0], "new", *OWN[1:]]),
        ("INSERT_FIRST", "", ["new", *OWN]), ("INSERT_BEFORE", "", ["new", *OWN]), ("ADD", "", [*OWN, "new"]),
        ("INSERT_BEFORE", "not.there", OWN), ("REPLACE", OWN[1], [OWN[0], "new", *OWN[2:]]), ("REMOVE", OWN[1], [OWN[0], *OWN[2:]]),
    ],
)  # fmt: skip
def test_filters(operation, where, expected):
    value = None if operation == "REMOVE" else named("new")
    made = patch_listener(listener(), read(patch("HTTP_FILTER", operation, value, **at(where))), IN)
    assert filters_of(made) == expected
    assert filters_of(listener()) == OWN


@pytest.mark.parametrize(
    "made",
    [
        patch("HTTP_FILTER", "INSERT_FIRST", named("new"), "SIDECAR_OUTBOUND"),
        patch("HTTP_FILTER", "INSERT_FIRST", named("new"), **at(name="other")),
        patch("HTTP_FILTER", "INSERT_FIRST", named("new"), listener={"portNumber": 1}),
        patch("HTTP_FILTER", "INSERT_FIRST", {"name": 5}),
        patch("HTTP_FILTER", "INSERT_FIRST", named("new", nonsense=1)),
        patch("HTTP_FILTER", "INSERT_FIRST", named("new"), proxy={"proxyVersion": "^1.9.*"}),
    ],
)
def test_what_asks_for_something_else_changes_nothing(made):
    assert patch_listener(listener(), read(made), IN) == listener()


def test_configuration_of_a_filter_is_merged_inside():
    told = patch(
        "HTTP_FILTER", "MERGE", named("envoy.filters.http.fault", max_active_faults=7), **at("envoy.filters.http.fault")
    )
    made = patch_listener(listener(), read(told), IN)
    assert filters_of(made) == OWN
    found = HttpConnectionManager.FromString(made.filter_chains[0].filters[0].typed_config.value)
    fault = next(each for each in found.http_filters if each.name == "envoy.filters.http.fault")
    assert HTTPFault.FromString(fault.typed_config.value).max_active_faults.value == 7
    assert fault.disabled


def test_what_cannot_be_done_is_said_by_object_and_field():
    said = remarks(read(
        patch("BOOTSTRAP", "MERGE", {}), patch("CLUSTER", "REPLACE", {}), patch("HTTP_FILTER", "ADD", {"nonsense": 1}), patch("CLUSTER", "REMOVE"),
    ))  # fmt: skip
    assert [each.field for each in said] == ["configPatches[0]", "configPatches[1]", "configPatches[2]"]
    assert all(each.object.name == "f" for each in said)
    assert "nonsense" in said[2].why


def test_which_of_them_reach_a_pod_and_in_which_order():
    one = patch("CLUSTER", "REMOVE")
    assert read(one, labels={"app": "cart"})
    assert not read(one, labels={"app": "web"})
    assert not read(one, space="other")
    assert not read(one, targetRefs=[{"kind": "Gateway", "name": "waypoint"}])
    both = mesh(
        o.istio("EnvoyFilter", "own", "shop", {"configPatches": [one]}), o.istio("EnvoyFilter", "late", "istio-system", {"configPatches": [one], "priority": 5}),
        o.istio("EnvoyFilter", "root", "istio-system", {"configPatches": [one]}),
    )  # fmt: skip
    assert [each.object.name for each in patches(both, "istio-system", "shop", {})] == ["root", "late", "own"]


def test_clusters():
    clusters = [Cluster(name=f"outbound|80||{name}.shop.svc.cluster.local") for name in ("a", "b")]
    of_b = {"cluster": {"service": "b.shop.svc.cluster.local", "portNumber": 80}}
    asked = read(
        patch("CLUSTER", "MERGE", {"connect_timeout": "7s"}, "SIDECAR_OUTBOUND", **of_b),
        patch("CLUSTER", "REMOVE", None, "ANY", cluster={"name": clusters[0].name}),
        patch("CLUSTER", "ADD", {"name": "new"}, "ANY", **of_b),
    )
    made = patch_clusters(clusters, asked, OUT)
    assert [(each.name, each.connect_timeout.seconds) for each in made] == [(clusters[1].name, 7), ("new", 0)]
    assert [each.name for each in patch_clusters([], asked, IN)] == []


@pytest.mark.real
def test_a_rate_limit_limits(tmp_path):
    """As users write it: a filter that does nothing, and a bucket for the routes of one host."""
    bucket = {"max_tokens": 2, "tokens_per_fill": 2, "fill_interval": "3600s"}
    always = {"default_value": {"numerator": 100}}
    value = {
        "@type": LIMITED,
        "stat_prefix": "limit",
        "token_bucket": bucket,
        "filter_enabled": always,
        "filter_enforced": always,
    }
    wrapped = {
        "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
        "type_url": LIMITED,
        "value": {"stat_prefix": "none"},
    }
    asked = read(
        patch("HTTP_FILTER", "INSERT_BEFORE", {"name": LIMIT, "typed_config": wrapped}, **at(ROUTER)),
        patch("HTTP_ROUTE", "MERGE", {"typed_per_filter_config": {LIMIT: value}}, routeConfiguration={"vhost": {"name": "limited", "route": {"action": "ANY"}}}),
    )  # fmt: skip
    answers = [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]
    hosts = [{"name": name, "domains": [name], "routes": answers} for name in ("limited", "free")]
    routes = patch_routes(RouteConfiguration(virtual_hosts=hosts), asked, IN)
    filters = http_filters(BOTH, (), outside_name, authentication([], outside_name))
    made = Listener(name="in", filter_chains=[{"filters": [manager("in", routes, Side.SERVER, filters)]}])
    made.address.socket_address.address, made.address.socket_address.port_value = "127.0.0.1", 0
    patched = MessageToDict(patch_listener(made, asked, IN))
    with running_envoy({"static_resources": {"listeners": [patched]}}, MeshIdentities(tmp_path)) as envoy:
        assert [status(envoy, "limited") for _ in range(4)] == [200, 200, 429, 429]
        assert [status(envoy, "free") for _ in range(4)] == [200] * 4


def status(envoy, host):
    connection = http.client.HTTPConnection("127.0.0.1", envoy.ports["in"], timeout=10)
    connection.request("GET", "/", headers={"Host": host})
    found = connection.getresponse().status
    connection.close()
    return found


@pytest.mark.real
def test_a_script_of_lua_runs(tmp_path):
    source = "function envoy_on_response(handle) handle:headers():add('x-lua', 'here') end"
    script = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {"inline_string": source},
    }
    asked = read(patch("HTTP_FILTER", "INSERT_BEFORE", {"name": "mine", "typed_config": script}, **at(ROUTER)))
    answers = [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]
    routes = RouteConfiguration(virtual_hosts=[{"name": "all", "domains": ["*"], "routes": answers}])
    filters = http_filters(BOTH, (), outside_name, authentication([], outside_name))
    made = Listener(name="in", filter_chains=[{"filters": [manager("in", routes, Side.SERVER, filters)]}])
    made.address.socket_address.address, made.address.socket_address.port_value = "127.0.0.1", 0
    patched = MessageToDict(patch_listener(made, asked, IN))
    with running_envoy({"static_resources": {"listeners": [patched]}}, MeshIdentities(tmp_path)) as envoy:
        connection = http.client.HTTPConnection("127.0.0.1", envoy.ports["in"], timeout=10)
        connection.request("GET", "/", headers={"Host": "any"})
        assert connection.getresponse().getheader("x-lua") == "here"
        connection.close()

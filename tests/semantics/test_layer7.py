"""What needs a proxy that reads HTTP, object by object."""

import pytest
from tests.support.mesh import facts, o

from sidestep.semantics.layer7 import LAYER7


def needs(kind, spec):
    """Whether one object needs layer 7."""
    uses = facts(o.istio(kind, "x", "shop", spec)).uses.get("shop", ())
    return any(use.feature in LAYER7 for use in uses)


def to(**operation):
    return {"rules": [{"to": [{"operation": operation}]}]}


def of(**source):
    return {"rules": [{"from": [{"source": source}]}]}


@pytest.mark.parametrize(
    "spec",
    [
        to(methods=["GET"]), to(notMethods=["GET"]), to(paths=["/a"]), to(notPaths=["/a"]), to(hosts=["a"]),
        to(notHosts=["a"]), of(requestPrincipals=["*"]), of(notRequestPrincipals=["*"]), of(remoteIpBlocks=["::/0"]),
        of(notRemoteIpBlocks=["::/0"]), {"rules": [{"when": [{"key": "request.headers[x]", "values": ["1"]}]}]},
        {"rules": [{"when": [{"key": "request.auth.claims[a]", "values": ["1"]}]}]}, {"action": "CUSTOM", "rules": [{}]},
        {"action": "AUDIT", "rules": [{}]}, {"rules": [{}, *to(methods=["GET"])["rules"]]},
        {"rules": [{"when": [{"key": "connection.sni", "values": ["a"]}]}]}, of(trustDomains=["x"]), of(notTrustDomains=["x"]),
        {"rules": [{"when": [{"key": "source.serviceAccount", "values": ["shop/cart"]}]}]},
    ],
)  # fmt: skip
def test_policies_of_layer_7(spec):
    assert needs("AuthorizationPolicy", spec)


@pytest.mark.parametrize(
    "spec",
    [
        {}, {"rules": []}, {"rules": [{}]}, to(ports=["80"]), to(notPorts=["80"]), of(principals=["*"]), of(namespaces=["a"]),
        of(ipBlocks=["10.0.0.0/8"]), of(serviceAccounts=["a/b"]), to(methods=[]),
        {"rules": [{"when": [{"key": "source.principal", "values": ["a"]}, {"key": "destination.port", "values": ["1"]}]}]},
        {"rules": "nonsense"}, {"rules": [None, 5, {"to": "x", "from": [3], "when": {}}]},
    ],
)  # fmt: skip
def test_policies_that_ztunnel_can_keep(spec):
    assert not needs("AuthorizationPolicy", spec)


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("VirtualService", {"hosts": ["a"]}, True),
        ("EnvoyFilter", {"configPatches": [{"patch": {"operation": "ADD", "value": {"name": "lua"}}}]}, True),
        ("EnvoyFilter", {"configPatches": [{"patch": {"operation": "ADD", "value": {"name": "istio.stats"}}}]}, False),
        ("VirtualService", {"gateways": ["mesh", "gw"]}, True),
        ("VirtualService", {"gateways": ["istio-system/gw"]}, False),
        ("VirtualService", {"gateways": 5}, False),
        ("DestinationRule", {"host": "a"}, False),
        ("DestinationRule", {"host": "a", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}}, False),
        ("DestinationRule", {"host": "a", "trafficPolicy": {"tls": {"mode": "DISABLE"}}}, False),
        ("DestinationRule", {"host": "a", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}, True),
        ("DestinationRule", {"host": "a", "subsets": [{"name": "v1"}]}, True),
        ("DestinationRule", {"host": "a", "trafficPolicy": {"outlierDetection": {}}}, True),
        ("RequestAuthentication", {}, True),
        ("EnvoyFilter", {}, True),
        ("WasmPlugin", {}, True),
        ("PeerAuthentication", {"mtls": {"mode": "STRICT"}}, False),
        ("Telemetry", {}, False),
        ("Sidecar", {}, False),
        ("ServiceEntry", {}, False),
    ],
)
def test_other_kinds(kind, spec, expected):
    assert needs(kind, spec) is expected


def test_routes_of_the_gateway_api_count_for_services_only():
    route = o.http_route("r", "shop", "cart")
    assert any(use.feature in LAYER7 for use in facts(route).uses["shop"])
    route["spec"]["parentRefs"] = [{"kind": "Gateway", "name": "gw"}]
    assert facts(route).uses == {}


@pytest.mark.parametrize("spec", [None, [], "x", {"mtls": "x", "portLevelMtls": {"80": None}}])
def test_nonsense_is_no_crash(spec):
    facts(o.istio("PeerAuthentication", "x", "shop", spec)).uses  # noqa: B018 - computed on reading

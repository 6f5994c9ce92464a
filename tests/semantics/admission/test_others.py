"""DestinationRules, RequestAuthentications and PeerAuthentications that Istio's admission lets in, or refuses."""

import pytest
from tests.support.scenes import index, m, policy

from sidestep.semantics.admission.destination_rule import rule_refusals
from sidestep.semantics.admission.peer_authentication import peer_refusals
from sidestep.semantics.admission.refusals import refusals
from sidestep.semantics.admission.request_authentication import request_refusals


def rule(**policy):
    return {"host": "cart", "trafficPolicy": policy}


def by_port(**policy):
    return rule(portLevelSettings=[{"port": {"number": 80}, **policy}])


def token(**more):
    return {"jwtRules": [{"issuer": "me", **more}]}


SELECTOR = {"selector": {"matchLabels": {"app": "cart"}}}
POOL = {"http": {"maxRetries": 3, "idleTimeout": "1h"}, "tcp": {"maxConnections": 1, "connectTimeout": "30ms"}}
RULES = [
    {"host": "*.example.com"},
    {"host": "cart", "subsets": [{"name": "v1"}, {"name": "v2", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}]},
    rule(connectionPool=POOL, outlierDetection={"interval": "1s", "maxEjectionPercent": 100}, proxyProtocol={}),
    rule(tls={"mode": "MUTUAL", "credentialName": "a"}, loadBalancer={"consistentHash": {"httpCookie": {"name": "a", "ttl": "0s"}}}),
    rule(tls={"mode": "MUTUAL", "clientCertificate": "a", "privateKey": "b"}, tunnel={"targetHost": "a", "targetPort": 1}),
    by_port(connectionPool={"tcp": {"idleTimeout": "0s"}}),
]  # fmt: skip
REFUSED_RULES = {
    "host": {"host": ""},
    "subsets[1].name": {"host": "cart", "subsets": [{"name": "v1"}, {"name": "v1"}]},
    "subsets[0].name": {"host": "cart", "subsets": [{"labels": {}}]},
    "subsets[0]": {"host": "cart", "subsets": [None]},
    "subsets[0].trafficPolicy": {"host": "cart", "subsets": [{"name": "v1", "trafficPolicy": {}}]},
    "trafficPolicy": rule(),
    "trafficPolicy.tunnel": rule(tunnel={}, proxyProtocol={}),
    "trafficPolicy.connectionPool": rule(connectionPool={}),
    "trafficPolicy.connectionPool.http.maxRetries": rule(connectionPool={"http": {"maxRetries": -1}}),
    "trafficPolicy.connectionPool.tcp.connectTimeout": rule(connectionPool={"tcp": {"connectTimeout": "0s"}}),
    "trafficPolicy.outlierDetection.interval": rule(outlierDetection={"interval": 5}),
    "trafficPolicy.outlierDetection.maxEjectionPercent": rule(outlierDetection={"maxEjectionPercent": 101}),
    "trafficPolicy.loadBalancer.consistentHash.httpCookie.name": rule(loadBalancer={"consistentHash": {"httpCookie": {}}}),
    "trafficPolicy.loadBalancer.warmup.duration": rule(loadBalancer={"warmup": {}}),
    "trafficPolicy.tls.credentialName": rule(tls={"mode": "SIMPLE", "credentialName": "a", "caCertificates": "b"}),
    "trafficPolicy.tls.privateKey": rule(tls={"mode": "MUTUAL", "clientCertificate": "a"}),
    "trafficPolicy.portLevelSettings[0]": by_port(),
    "trafficPolicy.portLevelSettings[0].port": rule(portLevelSettings=[{"tls": {"mode": "DISABLE"}}]),
    "workloadSelector.matchLabels": {"host": "cart", "workloadSelector": {"matchLabels": {"a": "*"}}},
}  # fmt: skip
TOKENS = [
    {},
    {"jwtRules": [{"jwksUri": "https://keys.example.com/jwks"}]},
    token(jwks='{"keys": []}', fromHeaders=[{"name": "a", "prefix": ""}], audiences=["a"], timeout="5s"),
    {**SELECTOR, **token(outputClaimToHeaders=[{"header": "x", "claim": "sub"}])},
    {"targetRef": {"kind": "Service", "name": "cart"}},
]
REFUSED_TOKENS = {
    "jwtRules[0]": {"jwtRules": [None]},
    "jwtRules[0].issuer": {"jwtRules": [{}]},
    "jwtRules[0].jwksUri": token(jwksUri="file:///keys"),
    "jwtRules[0].jwks": token(jwks="keys"),
    "jwtRules[0].audiences": token(audiences=["a", ""]),
    "jwtRules[0].fromHeaders[0].name": token(fromHeaders=[{"prefix": "Bearer "}]),
    "jwtRules[0].outputClaimToHeaders[0].claim": token(outputClaimToHeaders=[{"header": "x"}]),
    "jwtRules[0].timeout": token(timeout="soon"),
    "targetRef.namespace": {"targetRef": {"kind": "Service", "name": "cart", "namespace": "shop"}},
    "targetRef": {**SELECTOR, "targetRef": {"kind": "Service", "name": "cart"}},
}
PEERS = [{}, {"mtls": {}}, {"mtls": {"mode": "STRICT"}}, {**SELECTOR, "portLevelMtls": {"8080": {"mode": "DISABLE"}}}]
REFUSED_PEERS = {
    "mtls.mode": {"mtls": {"mode": "strict"}},
    "portLevelMtls": {"portLevelMtls": {"80": {"mode": "STRICT"}}},
    "portLevelMtls.0": {**SELECTOR, "portLevelMtls": {"0": {"mode": "STRICT"}}},
    "portLevelMtls.http": {**SELECTOR, "portLevelMtls": {"http": {"mode": "STRICT"}}},
    "portLevelMtls.80.mode": {**SELECTOR, "portLevelMtls": {"80": {"mode": "ON"}}},
    "selector.matchLabels": {"selector": {"matchLabels": {"app": "*"}}},
}
JUDGES = (
    (rule_refusals, RULES, REFUSED_RULES),
    (request_refusals, TOKENS, REFUSED_TOKENS),
    (peer_refusals, PEERS, REFUSED_PEERS),
)


@pytest.mark.parametrize(("judge", "spec"), [(judge, spec) for judge, found, _ in JUDGES for spec in found])
def test_what_istio_lets_in_is_not_refused(judge, spec):
    assert list(judge(spec)) == []


@pytest.mark.parametrize(
    ("judge", "field", "spec"), [(judge, field, spec) for judge, _, found in JUDGES for field, spec in found.items()]
)
def test_what_istio_refuses_is_named_by_its_field(judge, field, spec):
    assert [each for each, _ in judge(spec)] == [field]


def test_a_mesh_is_asked_about_all_kinds():
    bad = [
        policy("closed", action="DENY", rules=None), m.o.istio("VirtualService", "v", "shop", {"hosts": ["cart"]}),
        m.o.istio("DestinationRule", "d", "shop", {"host": "_"}), m.o.istio("RequestAuthentication", "r", "shop", {"jwtRules": [{}]}),
        m.o.istio("PeerAuthentication", "p", "shop", {"mtls": {"mode": "ON"}}),
    ]  # fmt: skip
    found = [(resource.kind, field) for resource, field, _ in refusals(index(*bad).mesh)]
    assert found == [
        ("AuthorizationPolicy", "rules"), ("RequestAuthentication", "jwtRules[0].issuer"), ("PeerAuthentication", "mtls.mode"),
        ("VirtualService", "http"), ("DestinationRule", "host"),
    ]  # fmt: skip

"""What is done otherwise than it is written is named by object and field; what is done as written is not."""

import pytest
from tests.support.labs import ambient, workload

from sidestep.lab.cluster.controllers.replica_sets import MOST_REPLICAS
from sidestep.lab.cluster.misgivings import misgivings, shadowed, strays
from sidestep.report.lab.tables import misgiving_lines
from sidestep.semantics.endpoint_slices import OF_SELECTORS


def policy(spec, kind="AuthorizationPolicy"):
    meta = {"name": "one", "namespace": "shop"}
    return {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}


@pytest.mark.parametrize(
    ("tree", "field"),
    [
        (policy({"rules": [{"from": [{"source": {"principals": "x"}}]}]}), "rules[0].from[0].source.principals"),
        (policy({"action": "MAYBE"}), "action: 'MAYBE'"),
        (policy([1]), "$.spec"),
        (policy({"mtls": {"mode": "SOMETIMES"}}, "PeerAuthentication"), "mtls.mode"),
    ],
)
def test_a_policy_that_cannot_be_read_is_said_to_be_enforced_by_nobody(tree, field):
    (told,) = misgivings([tree])
    assert told.startswith(f"{tree['kind']} shop/one: it cannot be read, and nobody enforces it")
    assert field in told


def routes(*rules):
    return policy({"hosts": ["reviews"], "http": list(rules)}, "VirtualService")


def tokens(**rule):
    return policy({"jwtRules": [{"issuer": "i", **rule}]}, "RequestAuthentication")


def patched(**patch):
    return policy({"configPatches": [patch]}, "EnvoyFilter")


TO = {"route": [{"destination": {"host": "reviews"}}]}


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (routes({"match": [{"headers": {"x": {"regex": "("}}}], **TO}), "http[0] match[0]: an expression that RE2 refuses"),
        (routes({**TO, "fault": {"abort": {"httpStatus": 9, "percentage": {"value": 100}}}}), "http[0].fault: Envoy has no such fault: abort with 9"),
        (routes({**TO, "timeout": "banana"}), "http[0].timeout: expected a time"),
        (routes({**TO, "headers": {"request": {"set": {"a b": "c"}}}}), "http[0].headers: no header can be edited so: 'set a b: c'"),
        (routes({**TO, "headers": {"request": {"set": {"a": "100%"}}}}), "http[0].headers: no header can be edited so: 'set a: 100%'"),
        (routes({"directResponse": {"status": 99}}), "http[0].directResponse.status"),
        (routes({"route": []}), "http[0]: neither a destination"),
        (tokens(jwks="{}"), "jwtRules[0].jwks has no key"),
        (tokens(), "jwtRules[0].jwksUri: expected an address"),
        (tokens(jwksUri="issuer"), "jwtRules[0].jwksUri: expected an address"),
        (policy({"targetRefs": [{"kind": "Service", "name": "w"}], "configPatches": []}, "EnvoyFilter"), "spec.targetRefs: Service is not carried out"),
        (patched(applyTo="BOOTSTRAP", patch={"operation": "MERGE"}), "configPatches[0] is not carried out: the lab patches HTTP_FILTER"),
    ],
)  # fmt: skip
def test_what_proxies_are_not_told_is_said(tree, words):
    (told,) = misgivings([tree])
    assert told.startswith(f"{tree['kind']} shop/one: {words}")


def test_fields_of_a_telemetry_without_effect_are_said():
    def telemetry(**spec):
        return {"kind": "Telemetry", "metadata": {"name": "one", "namespace": "shop"}, "spec": spec}

    tags = {"a": {"formatter": {"value": "%PROTOCOL%"}}, "b": {"literal": {"value": "c"}}}
    asked = {"disableContextPropagation": True, "useRequestIdForTraceSampling": False, "customTags": tags}
    assert misgivings([telemetry(metrics=[{}], tracing=[{}, asked])]) == [
        f"Telemetry shop/one: {field} is not carried out"
        for field in (
            "spec.metrics", "spec.tracing[1].customTags[a].formatter", "spec.tracing[1].disableContextPropagation",
            "spec.tracing[1].useRequestIdForTraceSampling",
        )
    ]  # fmt: skip
    usual = {"disableContextPropagation": False, "useRequestIdForTraceSampling": True, "randomSamplingPercentage": 5}
    assert misgivings([telemetry(tracing=[usual], accessLogging=[{}])]) == []


def test_routes_tokens_and_patches_that_are_carried_out_are_not_named():
    wellformed = routes(
        {"match": [{"uri": {"prefix": "/a"}}, {"uri": {"regex": "a+"}}], **TO, "timeout": "0s"},
        {"redirect": {"uri": "/b"}},
    )
    served = tokens(jwksUri="https://issuer/keys")
    removed = patched(applyTo="CLUSTER", patch={"operation": "REMOVE"})
    delegating = routes({"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "other"}}, TO)
    assert misgivings([wellformed, served, removed, delegating]) == []


def test_more_replicas_than_the_lab_runs_are_said():
    (told,) = misgivings(workload("web", replicas=MOST_REPLICAS + 1))
    assert told.startswith("Deployment shop/web: spec.replicas asks for 2,001 pods")


def test_what_is_done_as_it_is_written_is_not_named():
    read = [policy({}), policy({"mtls": {"mode": "STRICT"}}, "PeerAuthentication"), ambient("shop")]
    assert misgivings([*read, *workload("web", replicas=MOST_REPLICAS)]) == []


def test_written_addresses_that_nobody_has_are_said():
    meta = {"name": "by-hand", "namespace": "shop", "labels": {"kubernetes.io/service-name": "db"}}
    written = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4"}
    written["endpoints"] = [{"addresses": [each]} for each in ("10.128.0.2", "192.0.2.7")]
    (told,) = strays([written], {"10.128.0.2"})
    assert told.startswith("EndpointSlice shop/by-hand: nobody in the lab has 192.0.2.7")
    made = {**meta, "labels": {**meta["labels"], "endpointslice.kubernetes.io/managed-by": OF_SELECTORS}}
    assert strays([{**written, "metadata": made}], frozenset()) == []


def test_a_telemetry_beside_an_older_one_for_all_of_its_namespace_is_said_to_count_for_nothing():
    def telemetry(name, made, space="shop", **spec):
        meta = {"name": name, "namespace": space, "creationTimestamp": f"2026-01-01T00:00:0{made}Z"}
        return {"kind": "Telemetry", "metadata": meta, "spec": spec}

    chosen = telemetry("chosen", 4, selector={"matchLabels": {"app": "web"}})
    others = [telemetry("first", 1), chosen, telemetry("elsewhere", 5, "other")]
    assert shadowed(others) == []
    (said,) = shadowed([telemetry("second", 2), *others])
    assert said.startswith("Telemetry shop/second: counts for nothing: first")


def test_of_many_a_few_are_shown():
    lines = misgiving_lines([f"Pod a/{number}: why" for number in range(30)])
    assert lines[0] == "  note: Pod a/0: why"
    assert lines[-1].startswith("  note: and 10 more")
    assert len(misgiving_lines(["one"])) == 1

"""Ranges of ports in NetworkPolicies: what AuthorizationPolicies hold of them, in the fewest numbers."""

import json
import re

import pytest
from tests.support.conversions import after, context, convert, manifests, one, severities
from tests.support.scenes import index, m, pods, service

from sidestep.convert.rules import network_policy
from sidestep.prove.prover import Leave, Terms, prove

WEB, JOB = ({"podSelector": {"matchLabels": {"app": app}}} for app in ("web", "job"))
OPENED = 15008


def doors(*rules, name="doors"):
    spec = {"podSelector": {"matchLabels": {"app": "cart"}}, "policyTypes": ["Ingress"], "ingress": list(rules)}
    return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta(name, "shop"), spec=spec)


def ports(first, last):
    return [{"port": first, "endPort": last}]


def mesh(mode):
    space = m.o.labelled_namespace("shop", {"istio-injection": "enabled"})
    return [space, *(each for name in ("cart", "web", "job") for each in pods(name, mode)), service("cart")]


def rules_of(*rules):
    found = one(network_policy.RULE, context(index(*mesh("sidecar"), doors(*rules))), "NetworkPolicy", "doors")
    assert not [each for each in found.losses if each.severity == "security"]
    return manifests(found).get("doors-ports", {"spec": {"rules": []}})["spec"]["rules"]


def numbers(first, last):
    return [str(port) for port in range(first, last + 1)]


@pytest.mark.parametrize(
    ("first", "last", "field", "told"),
    [
        (30000, 32767, "notPorts", numbers(30000, 32767)),
        (32768, 60999, "notPorts", numbers(32768, 60999)),
        (1024, 65535, "ports", numbers(1, 1023)),
        (0, 65000, "ports", numbers(65001, 65535)),
        (1, 32767, "notPorts", numbers(1, 32767)),
    ],
)
def test_a_range_is_told_by_what_is_in_it_or_by_what_is_not(first, last, field, told):
    if len(told) > 30_000:
        given = one(
            network_policy.RULE, context(index(*mesh("sidecar"), doors({"ports": ports(first, last)}))),
            "NetworkPolicy", "doors",
        )  # fmt: skip
        assert "doors-ports" not in manifests(given)
        assert severities(given.losses) == [("security", "spec.ingress")]
        assert "32767 ports" in given.losses[0].why
        return
    assert rules_of({"ports": ports(first, last)}) == [{"to": [{"operation": {field: told}}]}]


def test_ranges_that_are_all_ports_together_leave_nothing_for_nobody():
    one_half, other = {"from": [WEB], "ports": ports(1, 64000)}, {"ports": ports(64001, 65535)}
    (rule,) = rules_of(one_half, other)
    assert rule["to"] == [{"operation": {"notPorts": numbers(64001, 65535)}}]
    assert "notPrincipals" in rule["from"][0]["source"]


@pytest.mark.parametrize(
    "rules",
    [
        [{"ports": ports(30000, 32767)}],
        [{"from": [WEB], "ports": ports(1024, 65535)}],
        [{"from": [WEB], "ports": ports(1, 9000)}, {"from": [JOB], "ports": ports(8080, 9500)}],
        [{"from": [WEB], "ports": ports(9000, 12000)}, {"from": [JOB]}],
    ],
)
def test_nobody_gets_at_other_ports_than_before(rules):
    """By the pods' own addresses, on ports within and beside every range."""
    config = [doors(*rules)]
    found = context(index(*mesh("sidecar"), *config))
    then = after(mesh, config, found, convert(found).changes)
    proof = prove(found.index, then, Terms(Leave.SHAPE))
    assert not proof.counterexamples, [each.request for each in proof.counterexamples]
    assert proof.ways > 20


BARE = {"podSelector": {"matchLabels": {"app": "bare"}}}
BLOCK = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/17"]}}
SIXTH = {"ipBlock": {"cidr": "fd00::/8", "except": ["fd00:9::/32", "fd00:a::/32"]}}
PLAIN = {"ipBlock": {"cidr": "203.0.113.0/24"}}


def with_bare(mode):
    """Beside a client that has no part in the mesh, and one in a namespace of its own."""
    return [*mesh(mode), *pods("bare", "none"), m.o.labelled_namespace("out", {}), *pods("tool", "none", space="out")]


@pytest.mark.parametrize(
    "rules",
    [
        [{"from": [BARE], "ports": ports(9000, 9000)}, {"from": [WEB], "ports": ports(8080, 8080)}],
        [{"from": [BARE, WEB], "ports": ports(9000, 9000)}, {"from": [{"podSelector": {}}], "ports": ports(8080, 8080)}],
        [{"from": [{"namespaceSelector": {}}], "ports": ports(9000, 9000)}, {"from": [WEB], "ports": ports(8080, 8080)}],
        [{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "out"}}}], "ports": ports(9000, 9000)}, {"from": [WEB]}],
        [{"from": [BLOCK], "ports": ports(9000, 9000)}, {"ports": ports(8080, 8080)}],
        [{"from": [BLOCK, PLAIN, WEB], "ports": ports(9000, 9000)}, {"from": [JOB, PLAIN]}],
        [{"from": [BLOCK, SIXTH], "ports": ports(9000, 9000)}, {"from": [JOB, PLAIN]}],
    ],
)  # fmt: skip
def test_who_has_no_identity_is_asked_by_the_network_policy_alone(rules):
    config = [doors(*rules)]
    found = context(index(*with_bare("sidecar"), *config))
    changes = convert(found)
    assert not [each for each in changes.losses if each.severity == "security"]
    then = after(with_bare, config, found, changes.changes)
    proof = prove(found.index, then, Terms(Leave.SHAPE))
    assert not proof.counterexamples, [each.request for each in proof.counterexamples]


def test_a_block_with_a_gap_is_two_sources():
    told = rules_of({"from": [BLOCK, PLAIN], "ports": ports(9000, 9000)}, {"from": [WEB], "ports": ports(8080, 8080)})
    assert told[1]["from"] == [
        {"source": {"notIpBlocks": ["203.0.113.0/24", "10.0.0.0/8"]}},
        {"source": {"ipBlocks": ["10.1.0.0/17"], "notIpBlocks": ["203.0.113.0/24"]}},
    ]


DNS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}  # fmt: skip
ISTIOD = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-system"}}}


@pytest.mark.parametrize(
    ("peer", "lost"),
    [
        (DNS, False),
        (ISTIOD, False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "out"}}}, False),
        ({"ipBlock": {"cidr": "203.0.113.0/24"}}, False),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, True),
        ({"podSelector": {"matchLabels": {"app": "cart"}}}, True),
        ({"namespaceSelector": {}}, True),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "unread"}}}, True),
        (None, True),
    ],
)
def test_ports_to_whom_no_hbone_goes_are_seen_as_before(peer, lost):
    rule = {"ports": [{"port": 5353}], **({"to": [peer]} if peer else {})}
    spec = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"], "egress": [rule]}
    net = m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("net", "shop"), spec=spec)
    found = one(network_policy.RULE, context(index(*with_bare("sidecar"), net)), "NetworkPolicy", "net")
    assert severities(found.losses) == ([("security", "spec.egress")] if lost else [])


def shop(mode):
    """Pods whose port of one name is another number each."""
    space = m.o.labelled_namespace("shop", {"istio-injection": "enabled"})
    numbers = {"cart": 8080, "desk": 9090, "web": 7070}
    people = [each for name, number in numbers.items() for each in pods(name, mode, ports=(number,))]
    named = json.loads(re.sub(r'"p[0-9]{4}"', '"api"', json.dumps(people)))
    return [space, *named, service("cart"), service("desk", target=9090)]


def everybody(rules, **selector):
    spec = {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": rules}
    return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("doors", "shop"), spec=spec)


@pytest.mark.parametrize(
    "selector",
    [{}, {"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart", "desk"]}]}],
)
def test_a_name_that_is_another_number_in_each_of_the_pods(selector):
    config = [everybody([{"ports": [{"port": "api"}]}], **selector)]
    found = context(index(*shop("sidecar"), *config))
    made = {each.object.name: each.manifest["spec"] for each in convert(found).changes if "Author" in each.object.kind}
    told = {name: spec["rules"][0]["to"][0]["operation"]["notPorts"] for name, spec in made.items()}
    expected = {"doors-cart-ports": ["8080"], "doors-desk-ports": ["9090"], "doors-web-ports": ["7070"]}
    assert told == {name: each for name, each in expected.items() if not selector or "web" not in name}
    assert made["doors-cart-ports"]["selector"] == {"matchLabels": {"app": "cart"}}
    then = after(shop, config, found, convert(found).changes)
    assert not prove(found.index, then, Terms(Leave.SHAPE)).counterexamples
    assert {each.field for each in convert(found).losses} == {"spec.podSelector"}


def test_expressions_are_said_by_labels_where_some_say_the_same():
    chosen = {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["desk", "web"]}]}
    config = [everybody([{"ports": [{"port": 8080}]}], **chosen)]
    found = context(index(*shop("sidecar"), *config))
    given = one(network_policy.RULE, found, "NetworkPolicy", "doors")
    assert manifests(given)["doors-ports"]["spec"]["selector"] == {"matchLabels": {"app": "cart"}}

"""The kubelet's probes come from another address in ambient: who does not let that in has pods that are never ready."""

import copy

import pytest
from tests.support.scenes import index, m, pods, service

from sidestep.model.mesh import SourceKind
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import prove
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.requests import KubeletClient, Request, Tcp

HTTP = {"httpGet": {"path": "/healthz", "port": 8080}}
FROM_WEB = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}
HBONE = {**FROM_WEB, "ports": [{"port": 15008, "protocol": "TCP"}]}


def of_probes(block="169.254.7.127/32"):
    return {"from": [{"ipBlock": {"cidr": block}}]}


def policy(*rules):
    spec = {"podSelector": {"matchLabels": {"app": "cart"}}, "policyTypes": ["Ingress"], "ingress": list(rules)}
    return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("net", "shop"), spec=spec)


def shop(mode, *rules, probe=HTTP, kind="readinessProbe", ip="", runs=True):
    made = copy.deepcopy([*pods("cart", mode, ip=ip), *pods("web", mode)])
    for each in made:
        if probe is not None and each["kind"] != "Pod" and each["metadata"]["name"] == "cart":
            each["spec"]["template"]["spec"]["containers"][0][kind] = probe
    if runs:
        return index(*made, service("cart"), policy(*rules))
    space = m.o.namespace("shop")
    space["metadata"]["labels"] = {"istio.io/dataplane-mode": "ambient"} if mode == "ambient" else {}
    declared = [each for each in made if each["kind"] != "Pod"]
    return index(*declared, space, service("cart"), policy(*rules), kind=SourceKind.FILES)


def by_kubelet(before, after):
    proof = prove(before, after)
    return [each for each in proof.counterexamples if each.subject.client == "kubelet"], proof.verdict


@pytest.mark.parametrize("kind", ["readinessProbe", "livenessProbe", "startupProbe"])
@pytest.mark.parametrize(
    "probe",
    [HTTP, {"tcpSocket": {"port": 8080}}, {"grpc": {"port": 8080}}, {"httpGet": {"port": "8080"}}],
)
def test_a_policy_that_keeps_them_out_is_a_difference(kind, probe):
    before, after = shop("sidecar", FROM_WEB, probe=probe, kind=kind), shop("ambient", HBONE, probe=probe, kind=kind)
    found, verdict = by_kubelet(before, after)
    assert verdict is Conclusion.DIFFERS
    assert {(each.direction, each.subject.port) for each in found} == {(Direction.CLOSED, 8080)}
    assert "NetworkPolicy shop/net" in found[0].after.why
    assert {each.differences for each in found} == {("D32",)}
    assert found[0].command[:2] == ("--client", "kubelet")
    assert by_kubelet(after, before)[0][0].direction is Direction.OPEN


@pytest.mark.parametrize("block", ["169.254.7.127/32", "169.254.0.0/16", "0.0.0.0/0"])
def test_one_that_lets_them_in_is_none(block):
    assert by_kubelet(shop("sidecar", FROM_WEB), shop("ambient", HBONE, of_probes(block)))[0] == []


def test_of_ipv6_the_other_address_counts():
    six = {"ip": "fd00::7"}
    before = shop("sidecar", FROM_WEB, **six)
    assert by_kubelet(before, shop("ambient", HBONE, of_probes(), **six))[0]
    second = of_probes("fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128")
    assert by_kubelet(before, shop("ambient", HBONE, second, **six))[0] == []


@pytest.mark.parametrize(
    "probe", [None, {"exec": {"command": ["true"]}}, {"httpGet": {"port": "nowhere"}}, {"grpc": 7}]
)
def test_pods_that_nobody_asks_over_the_network_need_nothing(probe):
    assert by_kubelet(shop("sidecar", FROM_WEB, probe=probe), shop("ambient", HBONE, probe=probe))[0] == []


@pytest.mark.parametrize("mode", ["sidecar", "none"])
def test_without_ambient_the_node_is_always_let_in(mode):
    assert by_kubelet(shop("sidecar"), shop(mode))[0] == []
    assert by_kubelet(shop(mode), shop("ambient"))[0]
    assert by_kubelet(shop("ambient"), shop("ambient"))[0] == []


def test_of_files_alone_they_are_asked_by_their_service():
    before, after = shop("none", FROM_WEB, runs=False), shop("ambient", HBONE, runs=False)
    (found,) = by_kubelet(before, after)[0]
    assert (found.subject.host, found.subject.port) == ("cart.shop.svc.cluster.local", 8080)
    assert by_kubelet(before, shop("ambient", HBONE, of_probes(), runs=False))[0] == []


def test_a_name_that_nobody_has_is_unknown():
    asked = decide(shop("sidecar"), Request(KubeletClient(), "nobody.example.com", 80, Tcp()))
    assert asked.verdict is Verdict.UNKNOWN

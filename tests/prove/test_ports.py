"""Ports of pods that are asked about: ranges of NetworkPolicies by their ends, long lists once."""

import pytest
from tests.support.scenes import index, m, pods, policy, service

from sidestep.prove.guards import Guards
from sidestep.prove.ports import numbers
from sidestep.prove.prover import prove


def net(*rules, kind="ingress", app="cart"):
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": [kind.title()], kind: list(rules)}
    return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("net", "shop"), spec=spec)


def mesh(*config, mode="sidecar"):
    return index(*pods("cart", mode), *pods("web", mode), *pods("job", mode), service("cart"), *config)


def on(port, last=None, app=None):
    peers = {"from": [{"podSelector": {"matchLabels": {"app": app}}}]} if app else {}
    return {**peers, "ports": [{"port": port, "endPort": last} if last else {"port": port}]}


def asked(*config, mode="sidecar"):
    found = mesh(*config, mode=mode)
    (cart,) = (each for each in found.by_namespace["shop"] if each.labels["app"] == "cart")
    return sorted(numbers(((Guards(found), (cart,)),), (8080,)))


PAIRS = [
    (net(on(9090)), net(on(9091))),
    (net(on(9000, 9100)), net(on(9000, 9101))),
    (net(on(9000, 9100)), net(on(9001, 9100))),
    (net(on(9090, app="web"), on(9091, app="job")), net(on(9090, app="web"), on(9091, app="web"))),
    (net(on("p8080")), net(on(8081))),
]


@pytest.mark.parametrize("mode", ["sidecar", "none"])
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_port_that_only_a_network_policy_names_is_asked(one, other, mode):
    """No container declares it and no Service leads to it."""
    assert prove(mesh(one, mode=mode), mesh(other, mode=mode)).counterexamples
    assert not prove(mesh(one, mode=mode), mesh(one, mode=mode)).counterexamples


def test_a_port_that_a_sender_may_use_is_asked():
    """As the sender's NetworkPolicy has it, in whatever namespace that stands."""
    before, then = (net({"ports": [{"port": port}]}, kind="egress", app="web") for port in (7000, 7001))
    assert prove(mesh(before), mesh(then)).counterexamples


def test_ranges_are_asked_by_a_port_within_and_one_on_each_side():
    assert asked() == [8080, 9999, 15090]
    within = asked(net(on(30000, 32767)))
    sides = ((1, 30000), (30000, 32768), (32768, 65536))
    assert [sum(first <= each < after for each in within) for first, after in sides] == [3, 1, 1]


def test_ports_that_are_always_listed_together_are_one():
    many, few = [str(port) for port in range(20000, 30000)], ["20000", "8080"]
    rules = [{"to": [{"operation": {"ports": each}}]} for each in (many, few)]
    found = asked(policy("p", *rules, app="cart"))
    assert [each for each in found if 20000 <= each < 30000] == [20000, 20001]


def test_a_list_that_differs_in_one_port_is_found():
    most, all_of_them = ([str(port) for port in range(20000, last)] for last in (22999, 23000))
    before, then = (
        mesh(policy("p", {"to": [{"operation": {"notPorts": each}}]}, action="DENY", app="cart"), mode="ambient")
        for each in (most, all_of_them)
    )
    (found, *_) = prove(before, then).counterexamples
    assert found.request.endswith(":22999")

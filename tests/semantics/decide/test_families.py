"""Pods and Services with an address of each IP family: a connection is of the family that was dialled, at both ends."""

import pytest
from tests.support.scenes import ask, index, pods, policy, principal, service, waypoint

from sidestep.semantics.decisions import Verdict

WEB, CART, VIP = ("10.1.0.1", "fd00::1"), ("10.1.0.2", "fd00::2"), ("10.96.0.2", "fd00:96::2")
BOUND = {"istio.io/use-waypoint": "waypoint"}


def both(name, addresses, mode="ambient"):
    found = pods(name, mode, ip=addresses[0])
    for each in found:
        if each["kind"] == "Pod":
            each["status"]["podIPs"] = [{"ip": address} for address in addresses]
    return found


def cart(**more):
    found = service("cart", vip=VIP[0], **more)
    found["spec"]["clusterIPs"] = list(VIP)
    return found


def scene(*more, mode="ambient", labels=None):
    return index(both("web", WEB, mode), both("cart", CART, mode), cart(labels=labels), *more)


def only(**source):
    return policy("only", {"from": [{"source": source}]}, app="cart")


@pytest.mark.parametrize("to", [*CART, *VIP, "cart"])
@pytest.mark.parametrize("mode", ["ambient", "sidecar", "none"])
def test_either_address_leads_to_the_pods(to, mode):
    found = ask(scene(mode=mode), "web", to, port=8080 if to in CART else 80)
    assert found.verdict is Verdict.ALLOW
    assert found.branches[0].destination.name == "cart"


def test_a_policy_by_identity_holds_whatever_is_dialled():
    mesh = scene(only(principals=[principal("other")]))
    assert {ask(mesh, "web", to, port=8080).verdict for to in CART} == {Verdict.DENY}


@pytest.mark.parametrize(("block", "four", "six"), [("10.1.0.1", True, False), ("fd00::1", False, True), ("fd00::9", False, False)])  # fmt: skip
def test_the_client_comes_from_its_address_of_the_family(block, four, six):
    mesh = scene(only(ipBlocks=[block]))
    assert [ask(mesh, "web", to).verdict is Verdict.ALLOW for to in VIP] == [four, six]


@pytest.mark.parametrize(("block", "four", "six"), [("10.1.0.2", True, False), ("fd00::2", False, True)])
def test_the_server_is_at_its_address_of_the_family(block, four, six):
    rule = {"when": [{"key": "destination.ip", "values": [block]}]}
    mesh = scene(policy("only", rule, app="cart"))
    assert [ask(mesh, "web", to).verdict is Verdict.ALLOW for to in VIP] == [four, six]


@pytest.mark.parametrize(("block", "four", "six"), [(VIP[0], True, False), (VIP[1], False, True)])
def test_a_waypoint_sees_the_service_s_address_of_the_family(block, four, six):
    rule = {"when": [{"key": "destination.ip", "values": [block]}]}
    mesh = scene(*waypoint(), policy("only", rule, service="cart"), labels=BOUND)
    assert [ask(mesh, "web", to).verdict is Verdict.ALLOW for to in VIP] == [four, six]


def test_an_address_that_nobody_has_is_outside():
    assert ask(scene(), "web", "fd00::77", port=8080).branches[0].destination is None


def test_pods_of_one_family_stay_as_they_are():
    mesh = index(both("web", WEB[:1]), both("cart", CART[:1]), service("cart", vip=VIP[0]), only(ipBlocks=["10.1.0.1"]))
    assert ask(mesh, "web", "cart").verdict is Verdict.ALLOW
    assert [each.twins for group in mesh.workloads.values() for each in group] == [(), ()]

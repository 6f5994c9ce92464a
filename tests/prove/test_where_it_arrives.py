"""The port at which a request arrives is part of where it ends; and to a port that was bytes HTTP could be sent."""

import pytest
from tests.prove.by_hand import entry
from tests.support.scenes import index, peers, pods, policy, service

from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import prove

GET = {"to": [{"operation": {"methods": ["GET"]}}]}


def shop(mode, *more, **how):
    return index(pods("web", mode), pods("cart", mode, ports=(8080, 9090)), service("cart", **how), *more)


def directions(before, after):
    return {each.direction for each in prove(before, after).counterexamples if not each.accepted}


@pytest.mark.parametrize("mode", ["sidecar", "ambient", "none"])
def test_another_target_port_leads_elsewhere(mode):
    proof = prove(shop(mode), shop(mode, target=9090))
    assert Direction.ROUTE in {each.direction for each in proof.counterexamples}
    assert any("port: 8080 before, 9090 after" in each.changed for each in proof.counterexamples)


def test_the_same_port_by_its_name_is_the_same():
    assert prove(shop("ambient"), shop("ambient", target="p8080")).verdict is Conclusion.EQUAL


def outside(mode="sidecar", *, target=0, resolution="DNS"):
    ports = [{"number": 80, "name": "http", "protocol": "HTTP", **({"targetPort": target} if target else {})}]
    return index(pods("web", mode), entry(ports=ports, resolution=resolution))


def test_another_target_port_outside_leads_elsewhere():
    assert directions(outside(), outside(target=8443)) == {Direction.ROUTE}
    assert not directions(outside(), outside(target=80))


def test_of_those_who_keep_the_address_ztunnel_keeps_the_port_too():
    """Envoys change it (istiod's PassthroughTargetPorts, since 1.22)."""
    for mode, found in (("ambient", set()), ("sidecar", {Direction.ROUTE})):
        assert directions(outside(mode, resolution="NONE"), outside(mode, target=8443, resolution="NONE")) == found


@pytest.mark.parametrize("protocol", ["http", "x"])
@pytest.mark.parametrize(
    "guard",
    [
        policy("reads", GET, app="cart"),
        policy("none", {"to": [{"operation": {"methods": ["DELETE"]}}]}, app="cart", action="DENY"),
    ],
)
def test_a_port_of_bytes_that_is_read_now_opens(protocol, guard):
    """Rules on HTTP refuse all bytes; once the port is read as HTTP, they let some of it through."""
    before, after = (shop("sidecar", guard, protocol=each) for each in ("tcp", protocol))
    found = [each for each in prove(before, after).counterexamples if each.direction is Direction.OPEN]
    assert any("sends GET / to cart.shop" in each.request for each in found)
    assert any("sends GET / to 10." in each.request for each in found)


def test_a_port_of_bytes_that_stays_one_is_not_asked_for_http():
    before, after = (shop("sidecar", peers(mode, "shop"), protocol="tcp") for mode in ("STRICT", "PERMISSIVE"))
    told = [each.request for each in prove(before, after).counterexamples if "to cart.shop" in each.request]
    assert told
    assert not any("sends" in each for each in told)

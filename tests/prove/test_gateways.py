"""Ways into gateways and out of them: alike where nothing about the gateway changes, and told where something does."""

import pytest
from tests.semantics.differences.cases.scene import gateway, methods, pair, to, vs
from tests.support import mesh as m
from tests.support.scenes import index, pods, policy, service

from sidestep.prove.outcome import Leave
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms, prove

HTTP = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
HTTPS = {"port": {"number": 443, "protocol": "HTTPS"}, "hosts": ["*"], "tls": {"mode": "SIMPLE"}}
EDGE = service("edge", more_ports=({"name": "https", "port": 443, "targetPort": 8443},))
OTHER = (pods("other", ip="10.1.0.9"), service("other"))
IN = vs("in", "*", to("cart"), gateways=["public"])
GUARD = policy("guard", methods("DELETE"), action="DENY", app="edge")


def listener(*servers):
    return m.o.istio("Gateway", "public", "shop", {"selector": {"app": "edge"}, "servers": list(servers)})


def mesh(*more, client="sidecar"):
    return index(*pair(client, client), gateway(), EDGE, *OTHER, *more)


def proof(before, after):
    return prove(before, after, Terms(Leave.SHAPE))


@pytest.mark.parametrize("more", [(IN,), (IN, GUARD)])
def test_clients_move_and_the_gateway_stays(more):
    before, after = (mesh(listener(HTTP, HTTPS), *more, client=each) for each in ("sidecar", "ambient"))
    found = proof(before, after)
    assert (found.verdict, found.undecided) == (Conclusion.EQUAL, ())


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        ((listener(HTTP, HTTPS),), (listener(HTTP),), Direction.CLOSED),
        ((listener(HTTP, HTTPS), GUARD), (listener(HTTP, HTTPS),), Direction.OPEN),
        ((listener(HTTPS), GUARD), (listener(HTTPS),), Direction.OPEN),
        ((listener(HTTP), IN), (listener(HTTP), vs("in", "*", to("other"), gateways=["public"])), Direction.ROUTE),
        (
            (listener(HTTP), vs("in", "cart.shop.svc.cluster.local", to("other"), gateways=["public"])),
            (listener(HTTP), vs("in", "cart.shop.svc.cluster.local", to("cart"), gateways=["public"])),
            Direction.ROUTE,
        ),
        (
            (listener({**HTTPS, "tls": {"mode": "SIMPLE"}}),),
            (listener({**HTTPS, "tls": {"mode": "MUTUAL"}}),),
            Direction.ROUTE,
        ),
    ],
    ids=["listener", "policy", "policy in TLS", "route for all hosts", "route for a service", "TLS"],
)
def test_what_changes_about_a_gateway_is_found(before, after, direction):
    found = proof(mesh(*before), mesh(*after, client="ambient"))
    assert found.verdict is Conclusion.DIFFERS
    assert direction in {each.direction for each in found.counterexamples}

"""What a sidecar asks of its application: where it listens, from which address, and how much at once."""

import pytest
from tests.controlplane.generators.sidecar.test_units import istio, pod, service

from sidestep.controlplane.generators import CLUSTER
from sidestep.controlplane.generators.sidecar import SidecarGenerator
from sidestep.controlplane.registry.registry import Change, Registry

ANY = "0.0.0.0"  # noqa: S104 - as an object writes it


def told(*objects):
    """Clusters that lead inward in pod `a`, by name, and what of objects they were not told."""
    registry, generator = Registry(), SidecarGenerator()
    registry.apply(map(Change.to, [service("a"), pod("a", "10.0.0.1"), *objects]))
    [unit] = generator.units(registry.index, None)
    made = [each.message for each in generator.resources(registry.index, unit) if each.type_url == CLUSTER]
    found = {each.name: each for each in made if each.name.startswith("inbound|")}
    return found, [str(each) for each in generator.remarks[unit]]


def most(*objects):
    """Connections that the sidecar has to its application at once; None for as many as come."""
    [bounds] = told(*objects)[0]["inbound|8080||"].circuit_breakers.thresholds
    return None if bounds.max_connections.value == 2**32 - 1 else bounds.max_connections.value


def pool(number):
    return {"connectionPool": {"tcp": {"maxConnections": number}}}


def rule(policy, **more):
    return istio("DestinationRule", "shop", {"host": "a", "trafficPolicy": policy, **more}, "networking")


def sidecar(**spec):
    return istio("Sidecar", "shop", spec, "networking")


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([], None),
        ([rule(pool(3))], 3),
        ([rule({**pool(3), "portLevelSettings": [{"port": {"number": 80}, **pool(4)}]})], 4),
        ([rule({"portLevelSettings": [{"port": {"number": 81}, **pool(4)}]})], None),
        ([rule({}, subsets=[{"name": "v1", "trafficPolicy": pool(5)}])], None),
        ([rule(pool(3), workloadSelector={"matchLabels": {"app": "a"}})], None),
        ([rule(pool(3)), sidecar(inboundConnectionPool={"tcp": {"maxConnections": 6}})], 6),
    ],
    ids=["nothing is said", "of the Service", "of its port", "of another port", "of a subset", "of chosen clients", "by a Sidecar"],
)  # fmt: skip
def test_a_rule_about_a_service_bounds_what_its_pods_take_in(objects, expected):
    assert most(*objects) == expected


def test_what_a_sidecar_says_of_a_port_comes_before_what_it_says_of_all():
    ports = [{"port": {"number": 8080, "protocol": "HTTP", "name": "http"}, **pool(7)}, {"port": {"number": 9090, "protocol": "TCP", "name": "tcp"}}]  # fmt: skip
    found, _ = told(sidecar(ingress=ports, inboundConnectionPool={"tcp": {"maxConnections": 8}}))
    bounds = {name: each.circuit_breakers.thresholds[0].max_connections.value for name, each in found.items()}
    assert bounds == {"inbound|8080||": 7, "inbound|9090||": 8}


def test_what_only_clients_choose_does_not_count_inward():
    policy = {
        "connectionPool": {"http": {"h2UpgradePolicy": "UPGRADE", "useClientProtocol": True}},
        "outlierDetection": {"consecutive5xxErrors": 1},
        "tls": {"mode": "SIMPLE"},
    }
    assert told(rule(policy))[0]["inbound|8080||"] == told()[0]["inbound|8080||"]


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ([rule({"connectionPool": {"tcp": {"maxConnections": "many"}}})], "DestinationRule shop/x: trafficPolicy.connectionPool.tcp.maxConnections"),
        ([sidecar(inboundConnectionPool={"tcp": {"maxConnections": 0}})], "Sidecar shop/x: inboundConnectionPool.tcp.maxConnections"),
    ],
)  # fmt: skip
def test_a_bound_that_cannot_be_read_is_named_and_none_holds(objects, said):
    found, remarks = told(*objects)
    assert any(each.startswith(said) for each in remarks), remarks
    assert found["inbound|8080||"].circuit_breakers.thresholds[0].max_connections.value == 2**32 - 1


@pytest.mark.parametrize(
    ("endpoint", "address", "source"),
    [("127.0.0.1:9090", "127.0.0.1", ANY), (f"{ANY}:9090", "10.0.0.1", "127.0.0.6"), ("unix:///app", "127.0.0.2", ANY)],
)  # fmt: skip
def test_to_the_pods_own_address_a_sidecar_speaks_from_its_own(endpoint, address, source):
    port = {"port": {"number": 8080, "protocol": "HTTP", "name": "http"}, "defaultEndpoint": endpoint}
    found = told(sidecar(ingress=[port]))[0]["inbound|8080||"]
    [[where]] = (each.lb_endpoints for each in found.load_assignment.endpoints)
    assert where.endpoint.address.socket_address.address == address
    assert found.upstream_bind_config.source_address.address == source


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"defaultEndpoint": "unix:///app"}, "Sidecar shop/x: ingress[0].defaultEndpoint: expected 127.0.0.1"),
        (
            {"captureMode": "NONE", "bind": "10.0.0.1"},
            "Sidecar shop/x: ingress[0].captureMode: the lab's sidecar is led what comes",
        ),
        (
            {"tls": {"mode": "SIMPLE", "credentialName": "own"}},
            "Sidecar shop/x: ingress[0].tls: istiod heeds it only with ENABLE_TLS_ON_SIDECAR_INGRESS",
        ),
        ({"captureMode": "IPTABLES", "bind": "10.0.0.1", "defaultEndpoint": "[::1]:80"}, ""),
    ],
)
def test_what_is_not_done_of_a_port_is_named(more, said):
    _, remarks = told(sidecar(ingress=[{"port": {"number": 8080, "protocol": "HTTP", "name": "http"}, **more}]))
    assert [each[: len(said)] for each in remarks] == ([said] if said else [])

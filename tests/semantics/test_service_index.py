"""What can be dialled by name and address (istio-semantics.md §4.4; Kubernetes' DNS names)."""

import pytest
from tests.support.mesh import mesh, o
from tests.support.scenes import service

from sidestep.semantics.protocols import Declared, declared_protocol
from sidestep.semantics.service_index import service_index


def index(*objects):
    return service_index(mesh(*objects))


def entry(name="api", space="shop", **spec):
    return o.istio(
        "ServiceEntry",
        name,
        space,
        {"hosts": ["api.example.com"], "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}], **spec},
    )


@pytest.mark.parametrize(
    ("name", "namespace", "found"),
    [
        ("cart", "shop", True), ("cart", "back", False), ("cart.shop", "back", True), ("cart.shop.svc", "back", True), ("cart.shop.svc.cluster.local", "", True),
        ("cart.shop.svc.cluster.local.", "", True), ("cart.shop.svc.other.local", "", False), ("shop.cart", "", False), ("", "shop", False), (".", "shop", False), ("..", "", False),
    ],
)  # fmt: skip
def test_names(name, namespace, found):
    assert (index(service("cart")).named(name, namespace) is not None) is found


@pytest.mark.parametrize(
    ("host", "name", "found"),
    [
        ("*.example.com", "api.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("api.example.com", "api.example.com", True),
        ("*", "x.y", False),
    ],
)
def test_hosts_of_entries(host, name, found):
    assert (index(entry(hosts=[host])).named(name, "shop") is not None) is found


def test_the_longest_wildcard_and_the_exact_name_win():
    found = index(entry("a", hosts=["*.com"]), entry("b", hosts=["*.example.com"]), entry("c"))
    assert found.named("x.example.com", "").name == "b"
    assert found.named("x.com", "").name == "a"
    assert found.named("api.example.com", "").name == "c"


def test_a_service_wins_over_an_entry_of_its_name():
    both = index(
        entry(hosts=["cart.shop.svc.cluster.local"], addresses=["10.96.1.1"]), service("cart", vip="10.96.1.1")
    )
    assert both.named("cart", "shop").resource.kind == "Service"
    assert both.by_vip["10.96.1.1"].resource.kind == "Service"


@pytest.mark.parametrize(
    ("address", "vips", "headless"),
    [("10.96.1.1", ("10.96.1.1",), False), ("None", (), True), ("", (), False), (None, (), False)],
)
def test_addresses(address, vips, headless):
    tree = service("cart")
    tree["spec"]["clusterIP"] = address
    (found,) = index(tree).services
    assert (found.vips, found.headless) == (vips, headless)


@pytest.mark.parametrize(
    ("spec", "external", "endpoints", "selector"),
    [
        ({}, True, (), None), ({"location": "MESH_INTERNAL"}, False, (), None), ({"location": 5}, True, (), None), ({"endpoints": [{"address": "10.1.1.1"}, {"address": 5}, 5]}, True, ("10.1.1.1",), None),
        ({"workloadSelector": {"labels": {"app": "cart"}}}, True, (), {"app": "cart"}), ({"workloadSelector": {"labels": {}}}, True, (), None), ({"workloadSelector": 5, "endpoints": 5}, True, (), None),
    ],
)  # fmt: skip
def test_entries(spec, external, endpoints, selector):
    (found,) = index(entry(**spec)).services
    assert (found.external, found.endpoints, found.selector) == (external, endpoints, selector)
    assert found.port(443).protocol is Declared.TCP


@pytest.mark.parametrize("spec", [{"hosts": None}, {"hosts": 5}, {"hosts": [5]}, {"hosts": []}])
def test_entries_without_hosts(spec):
    assert index(entry(**spec)).services == ()


def test_networks_are_no_addresses_that_can_be_dialled():
    assert index(entry(addresses=["10.0.0.0/8", "10.1.1.1"])).services[0].vips == ("10.1.1.1",)


@pytest.mark.parametrize(
    ("ports", "numbers"),
    [([{"number": "80"}], []), ([{"number": None}, 5], []), ([{"number": 80}], [80]), ({"number": 80}, [])],
)
def test_ports_of_entries(ports, numbers):
    assert [port.number for port in index(entry(ports=ports)).services[0].ports] == numbers


@pytest.mark.parametrize(
    ("port", "name", "app_protocol", "transport", "declared"),
    [
        (80, "http", "", "TCP", Declared.HTTP), (80, "http-web", "", "TCP", Declared.HTTP), (80, "HTTP2", "", "TCP", Declared.HTTP), (80, "grpc-web-x", "", "TCP", Declared.HTTP),
        (80, "tcp", "http", "TCP", Declared.HTTP), (80, "http", "tcp", "TCP", Declared.TCP), (80, "https", "", "TCP", Declared.TCP), (80, "web", "", "TCP", Declared.UNDECLARED),
        (80, "", "", "TCP", Declared.UNDECLARED), (80, "httpd", "", "TCP", Declared.UNDECLARED), (3306, "", "", "TCP", Declared.TCP), (3306, "http", "", "TCP", Declared.HTTP),
        (80, "x", "kubernetes.io/h2c", "TCP", Declared.HTTP), (80, "x", "kubernetes.io/wss", "TCP", Declared.TCP), (53, "dns", "", "UDP", Declared.UDP), (80, "x", "example.com/own", "TCP", Declared.UNDECLARED),
    ],
)  # fmt: skip
def test_what_a_port_speaks(port, name, app_protocol, transport, declared):
    assert declared_protocol(port, name, app_protocol, transport) is declared


@pytest.mark.parametrize("spelled", ["10.0.0.0/255.0.0.0", "10.0.0.0/0.255.255.255", "10.0.0.0/08"])
def test_a_network_that_go_cannot_read_is_no_address_of_an_entry(spelled):
    """As of policies: istiod's parser takes lengths alone."""
    one = index(entry(addresses=[spelled, "10.0.0.0/8"], resolution="NONE")).by_host["api.example.com"]
    assert (one.vips, one.networks) == ((), ("10.0.0.0/8",))

"""Routes of each kind of the Gateway API, and mirrors, by packets: at a waypoint, and at the client's sidecar."""

import json

import pytest
from tests.support.labs import eventually, lab

from sidestep.demo.words import BOUND, http_route, pods, routed, service, spaces, thing, to, waypoint
from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

GATEWAY_API = "gateway.networking.k8s.io"


def route(kind, name, version, hostnames=(), **rule):
    """From a Service to `<name>-next`."""
    parent = {"group": "", "kind": "Service", "name": name, "port": 80}
    rules = [{"backendRefs": [{"name": f"{name}-next", "port": 80}], **rule}]
    named = {"hostnames": list(hostnames)} if hostnames else {}
    return thing(f"{GATEWAY_API}/{version}", kind, name, spec={"parentRefs": [parent], "rules": rules, **named})


def servers(name, protocol):
    """A Service and the one that it is routed to, both behind the waypoint; what they speak at port 80."""
    spoken = {"protocol": {"8080": "tcp-first" if protocol == "tcp" else protocol}}
    made = []
    for each in (name, f"{name}-next"):
        made += [pods(each, "ambient", behaviour=spoken), service(each, labels=BOUND, protocol=protocol)]
    return made


SAFE = "safe.shop.svc.cluster.local"
MIRROR = {"backendRef": {"name": "copy", "port": 80}}
OBJECTS = [
    pods("web", "ambient"),
    pods("old", "sidecar"),
    waypoint(),
    *servers("bytes", "tcp"),
    route("TCPRoute", "bytes", "v1alpha2"),
    *servers("call", "grpc"),
    route("GRPCRoute", "call", "v1", matches=[{"method": {"service": "shop.Cart"}}]),
    *servers("safe", "https"),
    route("TLSRoute", "safe", "v1alpha2", [SAFE]),
    *(each for name in ("seen", "copy") for each in (pods(name, "ambient"), service(name, labels=BOUND))),
    http_route("seen", "seen", {"backendRefs": [{"name": "seen", "port": 80}], "filters": [
        {"type": "RequestMirror", "requestMirror": MIRROR}]}),
    *(each for name in ("plain", "twin") for each in (pods(name, "sidecar"), service(name))),
    routed("plain", "plain", to("plain", mirror={"host": "twin"})),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop():
    with lab(*spaces(), *OBJECTS) as up:
        yield up


@pytest.mark.parametrize("client", ["shop/web", "shop/old"])
def test_tls_goes_where_a_tls_route_says_by_its_server_name(shop, client):
    assert eventually(lambda: pod(shop, client, f"https://{SAFE}:80/").startswith("shop/safe-next-"), 20)


def pod(made, client, url, **more):
    return made.call(client, url, **more)[0].pod


def test_bytes_go_where_a_tcp_route_says(shop):
    assert eventually(lambda: "bytes-next-" in shop.call("shop/web", "tcp-first://bytes:80")[0].body, 60)


@pytest.mark.parametrize("client", ["shop/web", "shop/old"])
def test_calls_go_where_a_grpc_route_says(shop, client):
    assert eventually(lambda: pod(shop, client, "grpc://call:80/shop.Cart/Get").startswith("shop/call-next-"), 60)
    assert shop.call(client, "grpc://call:80/shop.Menu/Get")[0].ok is False


@pytest.mark.parametrize(("client", "server", "mirror"), [("web", "seen", "copy"), ("old", "plain", "twin")])
def test_a_mirror_gets_the_request_too(shop, client, server, mirror):
    def copied():
        assert pod(shop, f"shop/{client}", f"http://{server}/mirrored").startswith(f"shop/{server}-")
        told = shop.client.ask(api.Logs(f"shop/{mirror}"))
        return "/mirrored" in json.dumps(told)

    assert eventually(copied, 60)

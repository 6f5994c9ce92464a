"""Which service declares a port of pods: those that select them, those that are written down, and entries."""

import pytest
from tests.support.mesh import o
from tests.support.scenes import index, pods, service

from sidestep.semantics.fronts import fronts

ADDRESS = "10.0.0.7"
LABEL = {"kubernetes.io/service-name": "written"}


def slice_of(**ports):
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "by-hand", "namespace": "shop", "labels": LABEL},
        "endpoints": [{"addresses": [ADDRESS]}],
        "ports": [{"name": name.replace("_", "-"), "port": port} for name, port in ports.items()],
    }  # fmt: skip


def written():
    """A Service without selector: two of its ports lead to one of the pod, as its slice says."""
    ports = [{"name": "http-a", "port": 84, "targetPort": 9090}, {"name": "tcp-b", "port": 81, "targetPort": 9091}]
    meta = {"name": "written", "namespace": "shop", "creationTimestamp": "2020-01-01T00:00:00Z"}
    tree = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"clusterIP": "10.96.0.9", "ports": ports}}
    return tree, slice_of(http_a=8080, tcp_b=8080)


def entry():
    spec = {
        "hosts": ["entry.example"], "resolution": "STATIC", "location": "MESH_INTERNAL", "endpoints": [{"address": ADDRESS}],
        "ports": [{"number": 7000, "name": "grpc", "protocol": "GRPC", "targetPort": 7070}],
    }  # fmt: skip
    return o.istio("ServiceEntry", "entry", "shop", spec)


def declared(*objects):
    """Service, its port and the pod's, for each in front of the pod at the address."""
    mesh = index(pods("cart", "sidecar", ip=ADDRESS), *objects)
    [to] = mesh.by_namespace["shop"]
    return [(each.name, port.number, number) for each, port, number in fronts(mesh.in_front_of(to), to)]


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([], []),
        ([service("cart")], [("cart", 80, 8080)]),
        ([*written()], [("written", 84, 8080), ("written", 81, 8080)]),
        ([*written(), service("cart")], [("cart", 80, 8080)]),
        ([entry()], [("entry", 7000, 7070)]),
    ],
    ids=["nobody", "a selector", "written down", "a selector comes before", "an entry"],
)
def test_who_declares_ports(objects, expected):
    assert declared(*objects) == expected


def test_an_entry_declares_beside_a_service_that_selects():
    assert sorted(declared(entry(), service("cart"))) == [("cart", 80, 8080), ("entry", 7000, 7070)]

"""Out of the mesh through a waypoint that starts TLS: the application asks in plaintext, the server sees TLS."""

import ssl
from typing import Any

from tests.support.lab import run_inside
from tests.support.servers import Authority
from tests.support.waypoint_mesh import WaypointMesh, bound, got, web

OUTSIDE = "240.240.0.5"


def _entry(address: str) -> dict[str, Any]:
    spec = {
        "hosts": ["api.example.com"],
        "addresses": [OUTSIDE],
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8443}],
        "resolution": "STATIC",
        "location": "MESH_EXTERNAL",
        "endpoints": [{"address": address}],
    }
    meta = {"name": "api", "namespace": "default"}
    return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": meta, "spec": spec}


def _originates(**tls: Any) -> dict[str, Any]:
    spec = {"host": "api.example.com", "trafficPolicy": {"tls": {"mode": "SIMPLE", **tls}}}
    meta = {"name": "api", "namespace": "default"}
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": meta, "spec": spec}


def out_of_the_mesh() -> dict[str, Any]:
    mesh = WaypointMesh()
    mesh.waypoint()
    a, server = mesh.add("a", 0), mesh.add("server", 1, captured=False)
    mesh.give(bound(_entry(server.ipv4)), _originates(insecureSkipVerify=True))
    mesh.settle()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain = mesh.folder / "server.pem"
    authority = Authority.make()
    chain.write_bytes(b"".join(authority.issue("api.example.com")))
    context.load_cert_chain(chain)
    with web(server.namespace, 8443, "outside", context) as seen:
        met = [got(a.namespace, OUTSIDE, 80)]
        mesh.give(_originates())
        mesh.settle()
        met.append(got(a.namespace, OUTSIDE, 80))
        return {"met": met, "seen": [each["host"] for each in seen]}


def test_a_waypoint_starts_tls_and_verifies_the_server():
    met = run_inside(out_of_the_mesh)
    assert met["met"][0].startswith("200 outside")
    assert met["met"][1].startswith("503 ")
    assert len(met["seen"]) == 1

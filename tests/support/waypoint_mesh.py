"""Waypoints in the mesh of scenes: objects as users write them, and Envoys as the lab starts them in pods."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec.structs import replace
from tests.support.lab import connected
from tests.support.node_mesh import NodeMesh, Pod

from sidestep.controlplane.records import ProxyRole, ServiceKey, Tunnel
from sidestep.controlplane.registry.objects import Ref
from sidestep.controlplane.registry.registry import Change, Registry
from sidestep.controlplane.tokens import Proxy as Whose
from sidestep.lab.envoy import Admin, ControlPlane, Proxy, program
from sidestep.lab.net.namespaces import Namespace, inside

_NAME = "controlplane.test"
GATEWAY = "gateway.networking.k8s.io/v1"


class WaypointMesh(NodeMesh):
    """A mesh to which objects are given."""

    def __init__(self, nodes: int = 2) -> None:
        super().__init__(nodes)
        self.registry = Registry()
        self.waypoints: list[Admin] = []
        self.waypoint_pods: list[Pod] = []

    def give(self, *trees: dict[str, Any]) -> None:
        """New or changed objects."""
        self.apply(self.registry.derive(list(map(Change.to, trees))))

    def drop(self, tree: dict[str, Any]) -> None:
        """An object is gone."""
        self.apply(self.registry.derive([Change(Change.to(tree).ref, None)]))

    def named(self, host: str) -> Any:
        """A service's record."""
        return self.index.services[ServiceKey(host)]

    def waypoint(self, name: str = "waypoint", number: int = 1, **labels: str) -> Pod:
        """A waypoint with one pod, bound by its own Service."""
        own = {"gateway.networking.k8s.io/gateway-name": name}
        self.give(service_of(name, "10.96.1.1", ("hbone", 15008)), gateway_of(name, labels))
        record = self.named(f"default/{name}.default.svc.cluster.local")
        pod = self.add(
            f"{name}-0", number, captured=False, account=name, serves=[record], proxy=ProxyRole.WAYPOINT,
            labels=own, native_tunnel=True, tunnel=Tunnel.HBONE,
        )  # fmt: skip
        self.waypoints.append(self._envoy(pod, f"default/{name}-0"))
        self.waypoint_pods.append(pod)
        return pod

    def settle(self) -> None:
        """Everything was acknowledged, and the waypoints' workers have heard of it, too: Envoy acknowledges before."""
        super().settle()
        for each in self.waypoint_pods:
            assert got(each.namespace, each.ipv4, 15021, "/healthz/ready").startswith("200")

    def _envoy(self, pod: Pod, name: str) -> Admin:
        token = self.folder / f"{pod.workload.name}.token"
        token.write_text(self._tokens.mint(Whose("waypoint", name), datetime.now(UTC)))
        plane = ControlPlane(f"unix:{self.folder}/plane.sock", _NAME, self.folder / "roots.pem", token)
        proxy = Proxy(name, self.folder / pod.workload.name, plane, drain=3, role=ProxyRole.WAYPOINT)
        proxy.write()
        log = (self.folder / f"{pod.workload.name}.log").open("ab")
        subprocess.Popen(
            ["nsenter", f"--net={pod.net.path}", *proxy.command(program())], stdout=log, stderr=log, cwd=proxy.folder
        )
        admin = Admin(proxy.admin)
        try:
            self.until(admin.ready, name)
        except AssertionError as error:
            raise AssertionError(self.waypoint_log(pod.workload.name)[-4000:]) from error
        return admin

    def waypoint_log(self, name: str = "waypoint-0") -> str:
        return (self.folder / f"{name}.log").read_text()


def service_of(name: str, vip: str, *ports: tuple[str, int], **labels: str) -> dict[str, Any]:
    """A Service; its pods listen at the same ports."""
    told = [{"name": each, "port": number} for each, number in ports]
    spec = {"clusterIP": vip, "clusterIPs": [vip, f"fd00:10:96::{vip.rpartition('.')[2]}"], "ports": told}
    meta = {"name": name, "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def bound(tree: dict[str, Any], waypoint: str = "waypoint") -> dict[str, Any]:
    """The same, bound to a waypoint."""
    return {**tree, "metadata": {**tree["metadata"], "labels": {"istio.io/use-waypoint": waypoint}}}


def gateway_of(name: str, labels: dict[str, str]) -> dict[str, Any]:
    """A waypoint's Gateway, ready."""
    spec = {
        "gatewayClassName": "istio-waypoint",
        "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
    }
    told = {"istio.io/waypoint-for": labels.get("serves", "service")}
    status = {"addresses": [{"type": "Hostname", "value": f"{name}.default.svc.cluster.local"}]}
    meta = {"name": name, "namespace": "default", "labels": told}
    return {"apiVersion": GATEWAY, "kind": "Gateway", "metadata": meta, "spec": spec, "status": status}


def policy_of(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """An AuthorizationPolicy."""
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": meta, "spec": spec}


def route_of(name: str, service: str, *rules: dict[str, Any]) -> dict[str, Any]:
    """An HTTPRoute of a Service."""
    parent = {"group": "", "kind": "Service", "name": service}
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": GATEWAY, "kind": "HTTPRoute", "metadata": meta,
            "spec": {"parentRefs": [parent], "rules": list(rules)}}  # fmt: skip


class _Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Who hangs up in the middle of a handshake is no news."""


@contextmanager
def web(
    namespace: Namespace, port: int, name: str, tls: ssl.SSLContext | None = None
) -> Iterator[list[dict[str, str]]]:
    """A server that answers with its name; the headers of all that it was asked."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            seen.append({key.lower(): value for key, value in self.headers.items()} | {":path": self.path})
            body = f"{name} {self.client_address[0]}".encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with inside(namespace):
        server = _Server(("::", port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()


class Client:
    """A connection of a pod over which requests are sent."""

    def __init__(self, namespace: Namespace, address: str, port: int) -> None:
        self._line = HTTPConnection(address, port, timeout=10)
        self._line.sock = connected(namespace, address, port, 10)
        self._line.auto_open = 0

    def get(self, path: str = "/", **headers: str) -> str:
        """Status and body, or how it ended."""
        try:
            self._line.request("GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})
            answer = self._line.getresponse()
            return f"{answer.status} {answer.read().decode()}"
        except (OSError, HTTPException) as error:
            return type(error).__name__

    def close(self) -> None:
        self._line.close()


def got(namespace: Namespace, address: str, port: int, path: str = "/", **headers: str) -> str:
    """One request over a connection of its own."""
    try:
        client = Client(namespace, address, port)
    except OSError as error:
        return type(error).__name__
    try:
        return client.get(path, **headers)
    finally:
        client.close()


__all__ = ["Ref", "replace"]

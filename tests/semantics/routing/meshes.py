"""A small language to state routes: objects in, a `Routing` out."""

from typing import Any

from tests.support.mesh import mesh

from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.routing.defaults import MeshDefaults
from sidestep.semantics.routing.hosts import Client, Host, HostPort
from sidestep.semantics.routing.routing import Routing
from sidestep.semantics.versions import IstioVersion, Version

ROOT = "istio-system"
NOW = IstioVersion()
Object = dict[str, Any]

HTTP = (HostPort(9080, "http", "HTTP"),)


def version(minor: int) -> IstioVersion:
    return IstioVersion(Version(1, minor), f"1.{minor}.0", assumed=False)


def fqdn(name: str, namespace: str = "shop") -> str:
    return f"{name}.{namespace}.svc.cluster.local"


def service(name: str, namespace: str = "shop", ports: tuple[HostPort, ...] = HTTP, **rest: Any) -> Host:
    return Host(fqdn(name, namespace), namespace, "Service", name, ports=ports, **rest)


def entry(host: str, namespace: str = "shop", ports: tuple[HostPort, ...] = HTTP, **rest: Any) -> Host:
    return Host(host, namespace, "ServiceEntry", host.strip("*."), ports=ports, **rest)


def istio(kind: str, name: str, spec: Any, namespace: str = "shop", age: int = 1, group: str = "networking") -> Object:
    created = f"2026-01-{age:02}T00:00:00Z"
    return {
        "apiVersion": f"{group}.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": created},
        "spec": spec,
    }


def vs(name: str, spec: Any, namespace: str = "shop", age: int = 1) -> Object:
    return istio("VirtualService", name, spec, namespace, age)


def dr(name: str, spec: Any, namespace: str = "shop", age: int = 1) -> Object:
    return istio("DestinationRule", name, spec, namespace, age)


def route(kind: str, name: str, spec: Any, namespace: str = "shop", age: int = 1) -> Object:
    made = istio(kind, name, spec, namespace, age)
    return {**made, "apiVersion": "gateway.networking.k8s.io/v1"}


def to(host: str, **rest: Any) -> list[Object]:
    """The `route` of a VirtualService with one destination."""
    return [{"destination": {"host": host, **rest}}]


REVIEWS, RATINGS, DETAILS = service("reviews"), service("ratings"), service("details")
HOSTS = (REVIEWS, RATINGS, DETAILS)
WEB = Client("shop", {"app": "web"})
OTHER = Client("other", {"app": "web"})


def routing(*objects: Object, hosts: tuple[Host, ...] = HOSTS, at: IstioVersion = NOW, **defaults: Any) -> Routing:
    gaps = defaults.pop("gaps", ())
    return Routing.of(
        mesh(*objects, gaps=gaps), {host.name: host for host in hosts}, ROOT, at, MeshDefaults(**defaults)
    )


def get(path: str = "/", method: str = "GET", authority: str = "", **headers: str) -> HttpSeen:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpSeen(method, path, authority or REVIEWS.name, named)

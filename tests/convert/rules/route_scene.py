"""A small language to state meshes and what becomes of their routes: objects in, changes, losses and the mesh after."""

import copy
from typing import Any

from msgspec import Struct
from tests.semantics.routing.meshes import dr, fqdn, get, istio, route, to, version, vs
from tests.support import mesh as m
from tests.support.mesh import mesh

from sidestep.convert.rewrite import Change, ChangeKind, Context, Loss, Waypoint
from sidestep.convert.rules import (
    destination_rule,
    subset_services,
    virtual_service_http,
    virtual_service_moved,
    virtual_service_streams,
)
from sidestep.model.kinds import KINDS
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.routing.hosts import Client
from sidestep.semantics.routing.route import Route

__all__ = ["dr", "fqdn", "get", "istio", "m", "route", "to", "version", "vs"]

Object = dict[str, Any]
RULES = (
    virtual_service_http.RULE,
    virtual_service_streams.RULE,
    virtual_service_moved.RULE,
    subset_services.RULE,
    destination_rule.RULE,
)
NOW = version(31)
PORTS = ({"name": "http", "port": 9080, "targetPort": 9080},)


def service(name: str, space: str = "shop", ports=PORTS, **spec: Any) -> Object:
    made = {"selector": {"app": name}, "ports": [dict(port) for port in ports], "clusterIP": "10.0.0.1", **spec}
    return m.o.thing("v1", "Service", m.o.meta(name, space), spec=made)


def entry(host: str, name: str = "", space: str = "shop", **spec: Any) -> Object:
    ports = [{"number": 80, "name": "http", "protocol": "HTTP"}, {"number": 443, "name": "tls", "protocol": "TLS"}]
    found = {"hosts": [host], "ports": ports, "resolution": "DNS", "location": "MESH_EXTERNAL", **spec}
    return istio("ServiceEntry", name or host.partition(".")[0], found, space)


def sidecars(*spaces: str) -> list[Object]:
    """A client with a sidecar in each namespace."""
    template = m.inject(m.app("client"), m.Sidecar())
    return [each for space in spaces for each in m.workload(template, "client", space, pods=1)]


SUBSETS = dr(
    "reviews", {"host": "reviews", "subsets": [{"name": f"v{at}", "labels": {"version": f"v{at}"}} for at in (1, 2, 3)]}
)
SHOP = (service("reviews"), service("ratings"), service("details"), *sidecars("shop"))


class Converted(Struct):
    """What became of a mesh."""

    changes: list[Change]
    losses: list[Loss]
    before: list[Object]
    after: list[Object]
    both: list[Object]

    def made(self, kind: str) -> list[Object]:
        return [each.manifest for each in self.changes if each.object.kind == kind and each.kind is ChangeKind.ADD]

    def only(self, kind: str) -> Object:
        (found,) = self.made(kind)
        return found

    def rules(self, kind: str = "HTTPRoute") -> list[Object]:
        return self.only(kind)["spec"]["rules"]

    def fields(self) -> set[str]:
        return {each.field for each in self.losses}

    def gone(self) -> set[str]:
        return {str(each.object) for each in self.changes if each.kind is ChangeKind.REMOVE}


def context(objects, at=NOW, waypoints=None, moving=True) -> Context:
    index = MeshIndex.of(mesh(*objects), at)
    if waypoints is None:
        waypoints = {each.host: Waypoint(each.namespace, "waypoint") for each in index.services.services}
    leaving = frozenset({WorkloadRef("shop", "Deployment", "client")}) if moving else frozenset()
    return Context(index, waypoints, leaving, at)


def convert(*objects: Object, base=SHOP, at=NOW, waypoints=None, moving=True) -> Converted:
    before = [*base, *objects]
    made = context(before, at, waypoints, moving)
    changes, losses = [], []
    for rule in RULES:
        for kind in KINDS:
            if kind.name in rule.kinds:
                for resource in made.index.mesh.of(kind):
                    found = rule.rewrite(resource, made)
                    changes += found.changes
                    losses += found.losses
    early = [each for each in changes if not each.late]
    return Converted(changes, losses, before, applied(before, changes), applied(before, early))


def applied(objects, changes) -> list[Object]:
    """Objects after changes, which appear in no cluster twice."""
    found = {named(each): each for each in copy.deepcopy(list(objects))}
    for change in changes:
        identity = change.object
        key = (identity.kind, identity.namespace, identity.name)
        if change.kind is ChangeKind.REMOVE:
            assert found.pop(key, None), f"{identity} goes and is not there"
        else:
            assert (key in found) == (change.kind is ChangeKind.REPLACE), f"{change.kind} {identity}"
            found[key] = change.manifest
    return list(found.values())


def named(tree: Object) -> tuple[str, str, str]:
    return tree["kind"], tree["metadata"].get("namespace", ""), tree["metadata"]["name"]


class Asked:
    """One mesh, asked where requests go."""

    def __init__(self, objects, at=NOW) -> None:
        self.index = MeshIndex.of(mesh(*objects), at)

    def sidecar(self, http, name="reviews", space="shop", port=9080, client="shop") -> Route:
        host = self._host(name, space)
        return self.index.routing.sidecar_http(Client(client, {"app": "client"}), host, host.name, port, http)

    def waypoint(self, http, name="reviews", space="shop", port=9080) -> Route:
        return self.index.routing.waypoint_http(space, self._host(name, space), port, http)

    def sidecar_tcp(self, name="reviews", port=9080, sni="", client="shop") -> Route:
        return self.index.routing.sidecar_tcp(Client(client, {"app": "client"}), self._host(name, "shop"), port, sni)

    def waypoint_tcp(self, name="reviews", port=9080) -> Route:
        return self.index.routing.waypoint_tcp("shop", self._host(name, "shop"), port)

    def _host(self, name, space):
        by_host = self.index.services.by_host
        return self.index.host(by_host.get(fqdn(name, space)) or by_host[name])

"""Ways for a request to go: no mesh, sidecars, ambient at layer 4 and 7, and both ways in between.

Each is a namespace with a client on one node and a server on another. The same things are asked of each: a policy that
admits the client only and, where something understands HTTP, the same conditions on requests and the same route.
"""

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.lab.bench import BULK_PORT, HTTP_PORT
from sidestep.lab.cluster.objects import Tree

CLIENT, SERVER = "client", "server"
PORT = 80
_ELSEWHERE = "elsewhere.example"
CLIENTS_NODE, SERVERS_NODE = "node-1", "node-2"
_AMBIENT = {"istio.io/dataplane-mode": "ambient"}
_SIDECAR = {"sidecar.istio.io/inject": "true", "istio.io/dataplane-mode": "none"}
_INJECTED = {"istio-injection": "enabled"}
_WAYPOINT = {"istio.io/use-waypoint": "waypoint"}
_PRIVATE = {"networking.istio.io/exportTo": "."}
_NETWORKING, _SECURITY = "networking.istio.io/v1", "security.istio.io/v1"
_GATEWAY_API = "gateway.networking.k8s.io/v1"


class Edited(Struct, frozen=True):
    """An object that can be edited.

    Attributes:
        what: it is: a policy or a route.
        other: as edited: what was answered with 200 is not.
        usual: as it is.
    """

    what: str
    other: Tree
    usual: Tree


class Scenario(Struct, frozen=True):
    """One way for a request to go.

    Attributes:
        name: as users say it, and what its namespace is called after.
        title: in a table.
        namespace: labels of its namespace.
        client: labels of the client's pods.
        server: labels of the server's pods.
        http: what the server's side looks at requests with: `sidecar`, `waypoint`, or empty for nothing.
        more: Services beside the one that is dialled, each with two policies of its own.
    """

    name: str
    title: str
    namespace: dict[str, str] = {}
    client: dict[str, str] = {}
    server: dict[str, str] = {}
    http: str = ""
    more: int = 0

    @property
    def home(self) -> str:
        """Its namespace."""
        return f"bench-{self.name}"

    @property
    def host(self) -> str:
        """The server, as its client dials it."""
        return f"{SERVER}.{self.home}"

    def objects(self) -> Iterator[Tree]:
        """All that it is made of."""
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.home, "labels": self.namespace}}
        yield from self.workload(CLIENT, CLIENTS_NODE, self.client)
        yield from self.workload(SERVER, SERVERS_NODE, self.server)
        if self.namespace or self.server:
            yield self._policy()
        if self.http == "waypoint":
            yield self._gateway()
            yield self._http_route()
        if self.http == "sidecar":
            yield self._virtual_service()
        for number in range(self.more):
            yield from self._further(f"{SERVER}-{number}")

    def edits(self) -> Iterator[Edited]:
        """Objects as they could be edited so that a request is answered otherwise, and as they are."""
        if self.http:
            yield Edited("policy", self._policy(methods=("POST",)), self._policy())
        if self.http == "waypoint":
            yield Edited("route", self._http_route(elsewhere=True), self._http_route())
        if self.http == "sidecar" and self.namespace == _INJECTED:
            yield Edited("route", self._virtual_service(elsewhere=True), self._virtual_service())

    def workload(self, name: str, node: str, labels: dict[str, str]) -> Iterator[Tree]:
        """A Deployment of one pod that serves, its account and its Service."""
        meta = {"name": name, "namespace": self.home}
        ports = [{"name": "http", "containerPort": HTTP_PORT}, {"name": "tcp-bulk", "containerPort": BULK_PORT}]
        command = f"exec {shlex.quote(sys.executable)} -m sidestep.lab.bench.server"
        pod = {
            "serviceAccountName": name,
            "nodeSelector": {"kubernetes.io/hostname": node},
            "containers": [{"name": name, "image": "sidestep/peer", "ports": ports}],
        }
        template = {
            "metadata": {"labels": {"app": name, **labels}, "annotations": {"sidestep.dev/command": command}},
            "spec": pod,
        }
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
        spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
        yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
        dialled = [
            {"name": "http", "port": PORT, "targetPort": HTTP_PORT},
            {"name": "tcp-bulk", "port": BULK_PORT, "targetPort": BULK_PORT},
        ]
        service = {"selector": {"app": name}, "ports": dialled}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service}

    def _policy(self, methods: Sequence[str] = ("GET", "POST")) -> Tree:
        """Who may come; where HTTP is understood, also how."""
        principal = f"cluster.local/ns/{self.home}/sa/{CLIENT}"
        rule: dict[str, Any] = {"from": [{"source": {"principals": [principal]}}]}
        bulk: list[dict[str, Any]] = []
        if self.http:
            rule["to"] = [{"operation": {"methods": list(methods), "paths": ["/*"]}}]
            bulk = [{"from": rule["from"], "to": [{"operation": {"ports": [str(BULK_PORT)]}}]}]
        spec: dict[str, Any] = {"action": "ALLOW", "rules": [rule, *bulk]}
        if self.http == "waypoint":
            spec["targetRefs"] = [{"group": "", "kind": "Service", "name": SERVER}]
        else:
            spec["selector"] = {"matchLabels": {"app": SERVER}}
        return {"apiVersion": _SECURITY, "kind": "AuthorizationPolicy", **self._named("clients"), "spec": spec}

    def _further(self, name: str) -> Iterator[Tree]:
        """A Service that nobody dials, and what its policies refuse; other scenarios' sidecars hear nothing of it."""
        service = {"selector": {"app": SERVER}, "ports": [{"name": "http", "port": PORT, "targetPort": HTTP_PORT}]}
        meta = {**self._named(name)["metadata"], "annotations": _PRIVATE}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service}
        for number, path in enumerate(("/private/*", "/internal/*")):
            rule = {"to": [{"operation": {"paths": [path], "hosts": [f"{name}.*"]}}]}
            spec: dict[str, Any] = {"action": "DENY", "rules": [rule]}
            if self.http == "waypoint":
                spec["targetRefs"] = [{"group": "", "kind": "Service", "name": name}]
            else:
                spec["selector"] = {"matchLabels": {"app": SERVER}}
            yield {
                "apiVersion": _SECURITY,
                "kind": "AuthorizationPolicy",
                **self._named(f"{name}-{number}"),
                "spec": spec,
            }

    def _gateway(self) -> Tree:
        listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
        spec = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
        return {"apiVersion": _GATEWAY_API, "kind": "Gateway", **self._named("waypoint"), "spec": spec}

    def _http_route(self, *, elsewhere: bool = False) -> Tree:
        backend = [{"name": SERVER, "port": PORT}]
        usual: Tree = {"backendRefs": backend}
        moved: Tree = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": _ELSEWHERE}}]}
        odd = {"matches": [{"headers": [{"name": "x-bench", "value": "other"}]}], "backendRefs": backend}
        spec = {
            "parentRefs": [{"group": "", "kind": "Service", "name": SERVER, "port": PORT}],
            "rules": [odd, moved if elsewhere else usual],
        }
        return {"apiVersion": _GATEWAY_API, "kind": "HTTPRoute", **self._named(SERVER), "spec": spec}

    def _virtual_service(self, *, elsewhere: bool = False) -> Tree:
        route = [{"destination": {"host": SERVER, "port": {"number": PORT}}}]
        odd = {"match": [{"headers": {"x-bench": {"exact": "other"}}}], "route": route}
        usual = {"redirect": {"authority": _ELSEWHERE}} if elsewhere else {"route": route}
        spec = {"hosts": [SERVER], "http": [odd, usual]}
        return {"apiVersion": _NETWORKING, "kind": "VirtualService", **self._named(SERVER), "spec": spec}

    def _named(self, name: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "namespace": self.home}}


SCENARIOS = (
    Scenario("none", "no mesh"),
    Scenario("sidecar", "sidecar pair", _INJECTED, http="sidecar"),
    Scenario("l4", "ambient, L4", _AMBIENT),
    Scenario("l7", "ambient, L7 (waypoint)", {**_AMBIENT, **_WAYPOINT}, http="waypoint"),
    Scenario("sidecar-to-ambient", "sidecar → ambient", _AMBIENT, client=_SIDECAR),
    Scenario("ambient-to-sidecar", "ambient → sidecar", _AMBIENT, server=_SIDECAR, http="sidecar"),
)
_MANY = 500
LARGE = (
    Scenario("sidecar-large", f"sidecar pair, {_MANY} Services", _INJECTED, http="sidecar", more=_MANY),
    Scenario("l7-large", f"ambient, L7, {_MANY} Services", {**_AMBIENT, **_WAYPOINT}, http="waypoint", more=_MANY),
)
"""What Services and policies cost that a request has nothing to do with; measured where they are asked for."""
BASE, PAIR = SCENARIOS[0].name, SCENARIOS[1].name


def chosen(names: Iterable[str]) -> tuple[Scenario, ...]:
    """Scenarios by name, with no mesh always among them, for what is added is told against it; the usual ones for none.

    Raises:
        UsageError: there is none of that name.
    """
    wanted = set(names)
    known = {each.name for each in (*SCENARIOS, *LARGE)}
    if unknown := sorted(wanted - known):
        raise UsageError(f"no scenario is called {unknown[0]!r}", remedy=f"say one of {', '.join(sorted(known))}")
    if not wanted:
        return SCENARIOS
    return tuple(each for each in (*SCENARIOS, *LARGE) if each.name in wanted | {BASE})

"""From a pod by its node's proxy through a waypoint to a pod: who is let in, where requests go, what is held meanwhile."""

from typing import Any

import pytest
from tests.support.lab import USERS, asked, greeter, run_inside
from tests.support.waypoint_mesh import Client, WaypointMesh, bound, got, policy_of, route_of, service_of, web

from sidestep.controlplane.generators.waypoint import routes
from sidestep.controlplane.records import ServiceKey, WaypointAddress

WEB, RAW, ANY = "10.96.0.20", "10.96.0.21", "10.96.0.22"
REFUSED = "403 RBAC: access denied"
_A = {"source": {"principals": ["cluster.local/ns/default/sa/a"]}}


def _attached(name: str, service: str, *rules: dict[str, Any], action: str = "ALLOW") -> dict[str, Any]:
    target = {"group": "", "kind": "Service", "name": service}
    return policy_of(name, {"targetRefs": [target], "action": action, "rules": list(rules)})


def who_is_let_in() -> dict[str, Any]:
    mesh = WaypointMesh()
    mesh.waypoint()
    mesh.give(
        bound(service_of("web", WEB, ("http", 80))),
        bound(service_of("raw", RAW, ("tcp", 90))),
        bound(service_of("any", ANY, ("", 100))),
        _attached("web", "web", {"from": [_A], "to": [{"operation": {"paths": ["/ok*"]}}]}),
        _attached("raw", "raw", {"from": [_A], "to": [{"operation": {"ports": ["90"]}}]}),
        _attached("any", "any", {"from": [_A]}),
    )
    serves = [mesh.named(f"default/{name}.default.svc.cluster.local") for name in ("web", "raw", "any")]
    a, x, b = mesh.add("a", 0), mesh.add("x", 0), mesh.add("b", 1, serves=serves)
    mesh.settle()
    spoofed = {"x_mesh_chain": "mesh.pods", "forwarded": 'for="10.0.0.1"', "x_forwarded_client_cert": "URI=a"}
    with web(b.namespace, 80, "b") as seen, greeter(b.namespace, 90, "raw"), web(b.namespace, 100, "any"):
        met = {
            each.workload.name: {
                "paths": [got(each.namespace, WEB, 80, path) for path in ("/ok", "/no")],
                "spoofed": got(each.namespace, WEB, 80, "/ok", **spoofed),
                "bytes": asked(each.namespace, RAW, 90),
                "sniffed": got(each.namespace, ANY, 100),
                "no such port": asked(each.namespace, WEB, 81),
            }
            for each in (a, x)
        }
        return {**met, "headers": sorted({name for each in seen for name in each})}


@pytest.mark.parametrize("user", USERS)
def test_a_waypoint_judges_by_who_opened_the_tunnel_and_by_nothing_that_a_client_may_say(user):
    met = run_inside(who_is_let_in, user=user)
    assert [each.partition(" ")[0] for each in met["a"]["paths"]] == ["200", "403"]
    assert met["a"]["spoofed"].startswith("200 b")
    assert met["a"]["bytes"].startswith("raw ")
    assert met["a"]["sniffed"].startswith("200 any")
    assert met["x"] == {
        "paths": [REFUSED, REFUSED], "spoofed": REFUSED, "bytes": met["x"]["bytes"], "sniffed": REFUSED,
        "no such port": met["x"]["no such port"],
    }  # fmt: skip
    assert met["x"]["bytes"] in ("", "ConnectionResetError")
    assert met["a"]["no such port"] in ("", "ConnectionResetError")
    assert "x-mesh-chain" not in met["headers"]
    assert "x-forwarded-client-cert" not in met["headers"]


def edits() -> dict[str, Any]:
    """A connection that is held while policies, routes, services and tokens come and go."""
    mesh = WaypointMesh()
    mesh.waypoint()
    mesh.give(bound(service_of("web", WEB, ("http", 80))), service_of("other", RAW, ("http", 80)))
    serves = {name: mesh.named(f"default/{name}.default.svc.cluster.local") for name in ("web", "other")}
    a = mesh.add("a", 0)
    b, c = mesh.add("b", 1, serves=[serves["web"]]), mesh.add("c", 1, serves=[serves["other"]])
    mesh.settle()
    met: dict[str, Any] = {}
    with web(b.namespace, 80, "b"), web(c.namespace, 80, "c") as seen:
        held = Client(a.namespace, WEB, 80)
        met["before"] = [held.get("/no"), held.get("/c/x")]
        mesh.give(_attached("p", "web", {"to": [{"operation": {"paths": ["/no"]}}]}, action="DENY"))
        mesh.settle()
        met["denied"] = held.get("/no")
        named = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-a", "value": "1"}]}}
        match = {"path": {"type": "PathPrefix", "value": "/c"}}
        mesh.give(
            route_of(
                "r",
                "web",
                {"matches": [match], "filters": [named], "backendRefs": [{"name": "other", "port": 80}]},
                {"backendRefs": [{"name": "web", "port": 80}]},
            )
        )
        mesh.settle()
        met["routed"] = [held.get("/c/x"), held.get("/d")]
        met["edited"] = seen[-1].get("x-a")
        token = {"issuer": "me", "jwks": '{"keys": []}'}
        spec = {"targetRefs": [{"group": "", "kind": "Service", "name": "web"}], "jwtRules": [token]}
        meta = {"name": "t", "namespace": "default"}
        kind = {"apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication"}
        mesh.give({**kind, "metadata": meta, "spec": spec}, bound(service_of("late", ANY, ("http", 80))))
        mesh.settle()
        met["tokens"] = [held.get("/d"), held.get("/d", authorization="Bearer a.b.c")]
        late = mesh.named("default/late.default.svc.cluster.local")
        mesh.change(b, services={**b.workload.services, late.key: late.ports})
        mesh.settle()
        met["late"] = got(a.namespace, ANY, 80)
        mesh.drop(route_of("r", "web"))
        mesh.settle()
        met["after"] = held.get("/c/x")
        mesh.drop({**kind, "metadata": meta})
        mesh.settle()
        held.get("/d")
        mesh.give(service_of("web", WEB, ("http", 80)))
        mesh.settle()
        met["unbound"] = [held.get("/d"), held.get("/no"), got(a.namespace, WEB, 80, "/no")]
        met["lists"] = mesh.waypoints[0].stats("^listener_manager")["listener_manager.listener_modified"]
    return met


def test_edits_of_policies_routes_and_tokens_are_in_force_at_once_and_cut_no_connection():
    met = run_inside(edits)
    words = {key: [" ".join(one.split()[:2]) for one in each] for key, each in met.items() if isinstance(each, list)}
    assert words == {
        "before": ["200 b", "200 b"],
        "routed": ["200 c", "200 b"],
        "tokens": ["200 b", "401 Jwt"],
        "unbound": ["200 b", "403 RBAC:", "200 b"],
    }
    assert met["denied"] == REFUSED
    assert met["edited"] == "1"
    assert met["late"].startswith("200 b")
    assert met["after"].startswith("200 b")
    assert met["lists"] == 0


def bad_objects() -> dict[str, Any]:
    mesh = WaypointMesh()
    mesh.waypoint()
    names = [f"s{number}" for number in range(4)]
    mesh.give(*(bound(service_of(name, f"10.96.0.3{at}", ("http", 80))) for at, name in enumerate(names)))
    serves = [mesh.named(f"default/{name}.default.svc.cluster.local") for name in names]
    a, b = mesh.add("a", 0), mesh.add("b", 1, serves=serves)
    regex = {"path": {"type": "RegularExpression", "value": "/(["}}
    mesh.give(
        route_of("r0", "s0", {"matches": [regex], "backendRefs": [{"name": "s0", "port": 80}]}),
        route_of("r1", "s1", {"backendRefs": [{"name": "gone", "port": 80}]}),
        {**route_of("r2", "s2"), "spec": "nonsense"},
        _attached("p2", "s2", {"to": [{"operation": {"paths": ["/no"]}}]}, action="DENY"),
    )
    mesh.settle()
    with web(b.namespace, 80, "b"):
        return {name: got(a.namespace, f"10.96.0.3{at}", 80, "/no")[:5] for at, name in enumerate(names)}


def test_a_bad_object_stops_no_other():
    assert run_inside(bad_objects) == {"s0": "404 ", "s1": "500 ", "s2": "403 R", "s3": "200 b"}


def pods_themselves() -> dict[str, Any]:
    """Pods that ask for a waypoint, dialled by their own addresses."""
    mesh = WaypointMesh()
    mesh.waypoint(serves="all")
    a, x, b = mesh.add("a", 0), mesh.add("x", 0), mesh.add("b", 1)
    plain = mesh.add("plain", 1, captured=False)
    there = WaypointAddress(ServiceKey("default/waypoint.default.svc.cluster.local"))
    mesh.change(b, waypoint=there)
    mesh.change(plain, waypoint=there)
    gateway = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}
    refused = {"from": [{"source": {"principals": ["cluster.local/ns/default/sa/x"]}}]}
    mesh.give(policy_of("w", {"targetRefs": [gateway], "action": "DENY", "rules": [refused]}))
    mesh.settle()
    with web(b.namespace, 80, "b"), web(plain.namespace, 8080, "plain"):
        return {
            each.workload.name: [
                got(each.namespace, b.ipv4, 80)[:5],
                got(each.namespace, b.ipv6, 80)[:5],
                got(each.namespace, plain.ipv4, 8080)[:9],
            ]
            for each in (a, x)
        }


def test_pods_that_ask_for_a_waypoint_are_reached_through_it_at_any_port():
    assert run_inside(pods_themselves) == {"a": ["200 b", "200 b", "200 plain"], "x": ["403 R", "403 R", "403 RBAC:"]}


def rejected() -> dict[str, Any]:
    """Routes of three services change at once, and Envoy takes one of them not."""
    mesh = WaypointMesh()
    mesh.waypoint()
    names = ("a0", "bad", "c0")
    mesh.give(*(bound(service_of(name, f"10.96.0.3{at}", ("http", 80))) for at, name in enumerate(names)))
    serves = [mesh.named(f"default/{name}.default.svc.cluster.local") for name in names]
    a, b = mesh.add("a", 0), mesh.add("b", 1, serves=serves)
    mesh.settle()
    plain = routes.requests

    def broken(chain: str, told: Any) -> Any:
        made = plain(chain, told)
        if chain.startswith("bad.") and told.entries:
            made.route_configuration.virtual_hosts[0].routes[0].match.safe_regex.regex = "/(["
        return made

    met: dict[str, Any] = {}
    with web(b.namespace, 80, "b") as seen, pytest.MonkeyPatch.context() as patch:
        patch.setattr(routes, "requests", broken)
        mesh.rejected.add(("bad.default.svc.cluster.local|80",))
        for value in ("1", "2"):
            edit = {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"set": [{"name": "x-a", "value": value}]},
            }
            mesh.give(*(
                route_of(name, name, {"filters": [edit], "backendRefs": [{"name": name, "port": 80}]}) for name in names
            ))  # fmt: skip
            mesh.settle()
            said = [got(a.namespace, f"10.96.0.3{at}", 80)[:5] for at in range(3)]
            met[value] = [*said, *(each.get("x-a") for each in seen[-3:])]
    return met


def test_a_route_that_envoy_rejects_costs_no_other_that_came_with_it():
    assert run_inside(rejected) == {
        value: ["200 b", "200 b", "200 b", value, None, value] for value in ("1", "2")
    }  # fmt: skip

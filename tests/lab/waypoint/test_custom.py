"""A waypoint asks somebody else whether a request may pass."""

from typing import Any

from tests.support.lab import run_inside
from tests.support.waypoint_mesh import WaypointMesh, bound, got, policy_of, service_of, web

WEB = "10.96.0.20"
_MESH = """
extensionProviders:
- name: asked
  envoyExtAuthzHttp:
    service: authz.default.svc.cluster.local
    port: 9000
    headersToUpstreamOnAllow: [x-name]
"""


def somebody_else_decides() -> dict[str, Any]:
    mesh = WaypointMesh()
    meta = {"name": "istio", "namespace": "istio-system"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"mesh": _MESH}}
    mesh.give(config, service_of("authz", "10.96.0.40", ("http", 9000)))
    mesh.waypoint()
    mesh.give(bound(service_of("web", WEB, ("http", 80))))
    names = [mesh.named(f"default/{name}.default.svc.cluster.local") for name in ("web", "authz")]
    a, b, authz = mesh.add("a", 0), mesh.add("b", 1, serves=names[:1]), mesh.add("authz", 0, serves=names[1:])
    target = {"group": "", "kind": "Service", "name": "web"}
    rule = {"to": [{"operation": {"paths": ["/asked*"]}}]}
    spec = {"targetRefs": [target], "action": "CUSTOM", "provider": {"name": "asked"}, "rules": [rule]}
    mesh.give(policy_of("custom", spec))
    mesh.settle()
    with web(b.namespace, 80, "b"):
        met = {"away": got(a.namespace, WEB, 80, "/asked"), "not asked": got(a.namespace, WEB, 80, "/")}
        with web(authz.namespace, 9000, "authz") as seen:
            met["allowed"] = got(a.namespace, WEB, 80, "/asked/1")
            return {**met, "asked": [each[":path"] for each in seen]}


def test_a_waypoint_asks_an_authorizer_of_the_mesh_and_refuses_when_it_is_away():
    met = run_inside(somebody_else_decides)
    assert met["away"].startswith("403")
    assert met["not asked"].startswith("200 b")
    assert met["allowed"].startswith("200 b")
    assert met["asked"] == ["/asked/1"]

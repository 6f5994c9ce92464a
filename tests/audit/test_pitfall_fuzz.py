"""Wrong types anywhere in what the pitfalls read: no rule stumbles, and what it says stays whole."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from tests.audit.test_fuzz import WRONG, changed, paths
from tests.support.mesh import Sidecar, app, facts, gateway, inject, labelled, mesh, o, waypoint, workload

from sidestep.audit.catalogue import RULES
from sidestep.audit.facts import Options
from sidestep.audit.gather import gather
from sidestep.model.telemetry import Telemetry
from sidestep.sources.snapshot import SnapshotSource, new_hash_key, write_snapshot

THROUGH = {"istio.io/use-waypoint": "waypoint", "istio.io/ingress-use-waypoint": "true"}
PEER = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"], "trustDomains": ["x"]}}]}
L7 = {
    "to": [{"operation": {"methods": ["GET"], "ports": ["80"]}}],
    "when": [{"key": "request.headers[x]", "values": ["1"]}],
}
ROUTES = [{"route": [{"destination": {"host": "egress.istio-system.svc.cluster.local"}}], "retries": {"attempts": 2}}]


def host_network():
    made = app("agent")
    made["spec"]["hostNetwork"] = True
    return made


MESH = [
    labelled("shop", {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"}),
    *workload(app("cart")),
    *workload(inject(app("web"), Sidecar()), "web", "front"),
    *workload(waypoint("waypoint"), "waypoint"),
    *workload(gateway("egress"), "egress", "istio-system"),
    *workload(host_network(), "agent"),
    o.waypoint("waypoint", "shop"),
    o.service("cart", "shop", labels=THROUGH),
    o.service("db", "shop", headless=True, labels=THROUGH),
    o.service("egress", "istio-system"),
    o.http_route("cart", "shop", "cart"),
    o.istio("ServiceEntry", "api", "outside", {"hosts": ["api.example.com"], "addresses": []}),
    o.istio("DestinationRule", "api", "shop", {"host": "api.example.com", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}),
    o.istio("VirtualService", "api", "shop", {"hosts": ["api.example.com"], "gateways": ["mesh", "x"], "http": ROUTES}),
    o.istio("Sidecar", "default", "front", {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}),
    o.istio("PeerAuthentication", "default", "istio-system", {"mtls": {"mode": "STRICT"}}),
    o.istio("PeerAuthentication", "cart", "shop", {"selector": {"matchLabels": {"app": "cart"}},
                                                   "mtls": {"mode": "PERMISSIVE"}, "portLevelMtls": {"80": {"mode": "STRICT"}}}),
    o.istio("AuthorizationPolicy", "l7", "shop", {"rules": [L7, PEER]}),
    o.istio("AuthorizationPolicy", "deny", "shop", {"action": "DENY", "selector": {"matchLabels": {"app": "cart"}}, "rules": [L7]}),
    o.istio("AuthorizationPolicy", "at", "shop", {"targetRefs": [{"kind": "Service", "name": "gone"}], "rules": [L7]}),
    o.istio("Telemetry", "t", "shop", {"tracing": [{"randomSamplingPercentage": 5}]}),
    o.thing("v1", "ConfigMap", o.meta("istio", "istio-system"), data={"mesh": "trustDomain: cluster.local"}),
]  # fmt: skip


def judged(objects):
    known = facts(*objects)
    return [finding for rule in RULES for finding in rule.findings(known)]


def test_the_mesh_that_is_mutated_has_most_of_the_pitfalls():
    assert len({finding.code for finding in judged(MESH) if finding.code >= "SID200"}) >= 12


def test_hashed_names_change_nothing(tmp_path):
    path = str(tmp_path / "mesh.sidestep")
    write_snapshot(mesh(*MESH), path, created="2026-01-01T00:00:00Z", tool_version="1", hash_key=new_hash_key())
    hashed = gather(SnapshotSource(path).read(), Telemetry(), Options())
    after = [finding for rule in RULES for finding in rule.findings(hashed)]
    assert Counter(finding.code for finding in after) == Counter(finding.code for finding in judged(MESH))


@given(st.data())
def test_any_type_in_any_place(data):
    objects = list(MESH)
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(objects) - 1))
        path = data.draw(st.sampled_from(list(paths(objects[index]))))
        objects[index] = changed(objects[index], path, data.draw(WRONG))
    for finding in judged(objects):
        assert finding.message
        assert finding.fix
        assert finding.evidence

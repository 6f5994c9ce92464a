"""After any sequence of changes, records equal those of a registry that sees the objects for the first time."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sidestep.controlplane.records import Records
from sidestep.controlplane.registry.objects import Ref, ref_of
from sidestep.controlplane.registry.registry import Change, Registry

_SPACES = st.sampled_from(["a", "b", "istio-system"])
_LABELS = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["x", "y"]), max_size=2)
_NAMES = st.sampled_from(["one", "two"])


def _object(api_version: str, kind: str, meta: dict, **rest) -> dict:
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **rest}


def _meta(draw, labels=_LABELS, **extra) -> dict:
    return {"name": draw(_NAMES), "namespace": draw(_SPACES), "labels": draw(labels), **extra}


_ASKS = st.fixed_dictionaries(
    {},
    optional={"app": st.sampled_from(["x", "y"]), "istio.io/use-waypoint": st.sampled_from(["one", "none", "absent"])},
)


@st.composite
def _pod(draw) -> dict:
    ready = draw(st.booleans())
    status = {"podIPs": [{"ip": ip} for ip in draw(st.sampled_from([[], ["10.0.0.1"], ["10.0.0.2", "fd00::2"]]))]}
    status["conditions"] = [{"type": "Ready", "status": str(ready)}]
    annotations = draw(st.sampled_from([{}, {"ambient.istio.io/redirection": "enabled"}]))
    ports = [{"name": "web", "containerPort": draw(st.sampled_from([80, 8080]))}]
    spec = {"nodeName": draw(_NAMES), "containers": [{"name": "app", "ports": ports}]}
    meta = _meta(draw, draw(st.sampled_from([_LABELS, _ASKS])), annotations=annotations)
    return _object("v1", "Pod", meta, spec=spec, status=status)


@st.composite
def _service(draw) -> dict:
    target = draw(st.sampled_from([8080, "web", "absent"]))
    spec = {"selector": draw(_LABELS), "clusterIP": draw(st.sampled_from(["None", "10.96.0.1"]))}
    spec["ports"] = [{"port": 80, "targetPort": target}]
    spec["type"] = draw(st.sampled_from(["ClusterIP", "ExternalName"]))
    return _object("v1", "Service", _meta(draw, _ASKS), spec=spec)


@st.composite
def _slice(draw) -> dict:
    endpoint: dict = {"addresses": [draw(st.sampled_from(["10.0.0.1", "192.0.2.1"]))]}
    if draw(st.booleans()):
        endpoint["targetRef"] = {"kind": "Pod", "name": draw(_NAMES)}
    labels = st.sampled_from([{}, *({"kubernetes.io/service-name": name} for name in ("one", "two"))])
    ports = [{"port": draw(st.sampled_from([80, 8080]))}]
    return _object("discovery.k8s.io/v1", "EndpointSlice", _meta(draw, labels), endpoints=[endpoint], ports=ports)


@st.composite
def _entry(draw) -> dict:
    host = draw(st.sampled_from(["one.a.svc.cluster.local", "example.com", "*.example.com"]))
    spec = {"hosts": [host], "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}]}
    spec["resolution"] = draw(st.sampled_from(["NONE", "STATIC", "DNS"]))
    spec.update(
        draw(
            st.sampled_from(
                [{}, {"workloadSelector": {"labels": {"app": "x"}}}, {"endpoints": [{"address": "192.0.2.1"}]}]
            )
        )
    )
    return _object("networking.istio.io/v1", "ServiceEntry", _meta(draw, _ASKS), spec=spec)


@st.composite
def _workload_entry(draw) -> dict:
    spec = {"address": draw(st.sampled_from(["192.0.2.7", "vm.example.com"])), "labels": draw(_LABELS)}
    return _object("networking.istio.io/v1", "WorkloadEntry", _meta(draw), spec=spec)


@st.composite
def _policy(draw) -> dict:
    selector = draw(st.sampled_from([None, {"matchLabels": {}}, {"matchLabels": {"app": "x"}}, "broken"]))
    spec = {"action": draw(st.sampled_from(["ALLOW", "DENY", "AUDIT"])), "rules": [{}]}
    if selector is not None:
        spec["selector"] = selector
    return _object("security.istio.io/v1", "AuthorizationPolicy", _meta(draw), spec=spec)


@st.composite
def _peer(draw) -> dict:
    spec: dict = {"mtls": {"mode": draw(st.sampled_from(["STRICT", "PERMISSIVE", "UNSET"]))}}
    if draw(st.booleans()):
        spec["selector"] = {"matchLabels": {"app": draw(st.sampled_from(["x", "y"]))}}
        spec["portLevelMtls"] = {"8080": {"mode": draw(st.sampled_from(["STRICT", "DISABLE"]))}}
    meta = _meta(draw, creationTimestamp=f"2026-01-0{draw(st.integers(1, 9))}T00:00:00Z")
    return _object("security.istio.io/v1", "PeerAuthentication", meta, spec=spec)


@st.composite
def _gateway(draw) -> dict:
    scope = draw(st.sampled_from(["Same", "All"]))
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE", "allowedRoutes": {"namespaces": {"from": scope}}}
    spec = {"gatewayClassName": draw(st.sampled_from(["istio-waypoint", "other"])), "listeners": [listener]}
    addresses = draw(st.sampled_from([[], [{"type": "IPAddress", "value": "10.96.0.9"}]]))
    labels = st.sampled_from([{}, {"istio.io/waypoint-for": "all"}])
    meta = _meta(draw, labels)
    return _object("gateway.networking.k8s.io/v1", "Gateway", meta, spec=spec, status={"addresses": addresses})


@st.composite
def _class(draw) -> dict:
    meta = {"name": "istio-waypoint", "labels": draw(st.sampled_from([{}, {"istio.io/waypoint-for": "workload"}]))}
    return _object("gateway.networking.k8s.io/v1", "GatewayClass", meta, spec={})


@st.composite
def _node(draw) -> dict:
    labels = draw(st.sampled_from([{}, {"topology.kubernetes.io/zone": "z"}]))
    return _object("v1", "Node", {"name": draw(_NAMES), "labels": labels})


@st.composite
def _namespace(draw) -> dict:
    return _object("v1", "Namespace", {"name": draw(_SPACES), "labels": draw(_ASKS)})


@st.composite
def _istiod(draw) -> dict:
    env = [{"name": "PILOT_AUTO_ALLOW_WAYPOINT_POLICY", "value": draw(st.sampled_from(["true", "false"]))}]
    template = {"spec": {"containers": [{"name": "discovery", "env": env}]}}
    return _object(
        "apps/v1", "Deployment", {"name": "istiod", "namespace": "istio-system"}, spec={"template": template}
    )


_OBJECTS = st.one_of(
    _pod(),
    _pod(),
    _service(),
    _slice(),
    _entry(),
    _workload_entry(),
    _policy(),
    _peer(),
    _gateway(),
    _class(),
    _node(),
    _namespace(),
    _istiod(),
)
_STEPS = st.lists(st.lists(st.tuples(_OBJECTS, st.booleans()), min_size=1, max_size=4), max_size=12)


@given(_STEPS)
def test_records_are_as_if_the_objects_were_seen_for_the_first_time(steps):
    kept, held = Registry(), {}
    for step in steps:
        changes = [Change(ref_of(tree), tree if there else None) for tree, there in step]
        before = kept.index.records()
        dirty = kept.apply(changes)
        for change in changes:
            _take(held, change)
        assert kept.index.records() == _afresh(held)
        assert dirty.workloads == _differing(before.workloads, kept.index.workloads)
        assert dirty.services == _differing(before.services, kept.index.services)
        assert dirty.policies == _differing(before.policies, kept.index.policies)


@given(st.lists(_OBJECTS, max_size=15), st.randoms(use_true_random=False))
def test_the_order_of_objects_does_not_show(objects, random):
    held = {ref_of(tree): tree for tree in objects}
    shuffled = list(held.values())
    random.shuffle(shuffled)
    one_by_one = Registry()
    for tree in shuffled:
        one_by_one.apply([Change.to(tree)])
    assert one_by_one.index.records() == _afresh(held)


@given(st.lists(_OBJECTS, max_size=15))
def test_nothing_is_left_of_what_is_gone(objects):
    registry = Registry()
    registry.apply(map(Change.to, objects))
    registry.apply(Change(ref_of(tree), None) for tree in objects)
    assert registry.index.records() == Records({}, {}, {})
    assert not registry.withheld


def _take(held: dict[Ref, dict], change: Change) -> None:
    held.pop(change.ref, None)
    if change.tree is not None:
        held[change.ref] = change.tree


def _afresh(held: dict[Ref, dict]) -> Records:
    registry = Registry()
    trees = msgspec.json.decode(msgspec.json.encode(list(held.values())))
    registry.apply(map(Change.to, trees))
    return registry.index.records()


def _differing(before, after) -> frozenset:
    return frozenset(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))

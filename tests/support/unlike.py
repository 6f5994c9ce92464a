"""Small meshes of workloads that are alike but for what is drawn: policies, routes, calls and modes of some of them."""

from hypothesis import strategies as st
from tests.support import alike as a

_NAMES = [f"w-{number}" for number in range(6)]
_SOME = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3, unique=True)
_ONE = st.sampled_from(_NAMES)
_ACTION = st.sampled_from(("ALLOW", "DENY"))
_METHOD = st.sampled_from(("GET", "DELETE"))


def istio(kind, group, spec, *, space=a.SPACE, name="extra"):
    return {
        "apiVersion": f"{group}.istio.io/v1", "kind": kind, "metadata": {"name": name, "namespace": space}, "spec": spec,
    }  # fmt: skip


def _selected(name):
    return {"matchLabels": {"app": name}}


def _network_policy(name, app, peer):
    spec = {
        "podSelector": _selected(app),
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": _selected(peer)}]}],
    }
    meta = {"name": name, "namespace": a.SPACE}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


@st.composite
def _decorations(draw, number):
    """The same said of some of them, each in an object of its own."""
    kind, action, method, sources = draw(st.integers(0, 8)), draw(_ACTION), draw(_METHOD), draw(_SOME)
    space = draw(st.sampled_from((a.SPACE, a.SPACE, "istio-system")))
    mode, other = draw(st.sampled_from(("STRICT", "PERMISSIVE", "DISABLE"))), draw(_ONE)
    found = []
    for app in draw(_SOME):
        name = f"p{number}-{draw(st.sampled_from('xyz'))}-{app}"
        made = {
            0: lambda n, x: a.policy(n, x, a.callers(*sources), action=action),
            1: lambda n, x: a.policy(n, x, a.methods(method), action=action),
            2: lambda n, x: a.policy(n, other, a.callers(x), action=action),
            3: lambda n, x: a.policy(n, x, a.callers(x, *sources), action=action, space=space),
            4: lambda n, x: istio("PeerAuthentication", "security", {"selector": _selected(x), "mtls": {"mode": mode}}, name=n),
            5: lambda n, x: istio("DestinationRule", "networking", {"host": x, "trafficPolicy": {"tls": {"mode": "DISABLE"}}}, name=n),
            6: lambda n, x: istio("VirtualService", "networking", {"hosts": [x], "http": [{"route": [{"destination": {"host": other}}]}]}, name=n),
            7: lambda n, x: istio("Sidecar", "networking", {"workloadSelector": {"labels": {"app": x}}, "egress": [{"hosts": [f"./{each}.shop.svc.cluster.local" for each in sources]}]}, name=n),
            8: lambda n, x: _network_policy(n, x, other),
        }[kind]  # fmt: skip
        found.append(made(name, app))
    return found


@st.composite
def meshes(draw):
    """Objects of six workloads."""
    found = [a.namespace()]
    for name in _NAMES:
        labels = {"sidecar.istio.io/inject": "false"} if draw(st.integers(0, 6)) == 0 else {}
        labels |= {"tier": draw(st.sampled_from("ab"))} if draw(st.booleans()) else {}
        calls = draw(st.lists(_ONE, max_size=2, unique=True)) if draw(st.booleans()) else []
        port = "tcp" if draw(st.integers(0, 6)) == 0 else "http"
        found += a.workload(name, *calls, port=port, labels=labels)
    for number in range(draw(st.integers(0, 3))):
        found += draw(_decorations(number))
    if draw(st.booleans()):
        spec = {
            "selector": {"matchLabels": {"tier": "a"}},
            "action": draw(_ACTION),
            "rules": [a.methods(draw(_METHOD))],
        }
        found.append(istio("AuthorizationPolicy", "security", spec, name="tiers"))
    return found

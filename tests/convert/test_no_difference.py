"""A converted mesh with everybody in ambient decides as the sidecars did, except where a loss says otherwise."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.conversions import after, apply, context, convert, flat
from tests.support.scenes import ask, get, index, m, peers, pods, policy, principal, service

from sidestep.convert.rewrite import Severity
from sidestep.semantics.decisions import Verdict

APPS = ("web", "admin", "cart", "stock")
CLIENTS = (*APPS, "outside")
PAYLOADS = (
    get(),
    get("/a", "DELETE"),
    get("/a/b"),
    get(token="valid", claims={"iss": "i", "sub": "s"}),
    get(token="invalid"),
)


def shop(mode):
    injected = m.o.labelled_namespace("shop", {"istio-injection": "enabled"})
    return [injected, *(pods(name, mode) for name in APPS), *(service(name) for name in APPS)]


SOURCES = st.one_of(
    st.fixed_dictionaries(
        {"principals": st.lists(st.sampled_from([principal("web"), principal("admin"), "*"]), min_size=1, max_size=2)}
    ),
    st.fixed_dictionaries({"notPrincipals": st.just([principal("web")])}),
    st.fixed_dictionaries({"namespaces": st.sampled_from([["shop"], ["s*p"], ["other"]])}),
    st.fixed_dictionaries({"notNamespaces": st.sampled_from([["shop"], ["other"]])}),
    st.fixed_dictionaries({"requestPrincipals": st.just(["*"])}),
    st.fixed_dictionaries({"trustDomains": st.just(["cluster.local"]), "namespaces": st.just(["shop"])}),
)
OPERATIONS = st.one_of(
    st.fixed_dictionaries({"methods": st.sampled_from([["GET"], ["DELETE"]])}),
    st.fixed_dictionaries({"paths": st.just(["/a*"]), "ports": st.sampled_from([["8080"], ["9999"]])}),
    st.fixed_dictionaries({"ports": st.sampled_from([["8080"], ["9999"]])}),
    st.fixed_dictionaries({"notPorts": st.sampled_from([["8080"], ["9999"]])}),
    st.fixed_dictionaries({"notMethods": st.just(["GET"])}),
)
WHENS = st.sampled_from(
    [
        {"key": "source.serviceAccount", "values": ["web"]},
        {"key": "source.trustDomain", "notValues": ["old"]},
        {"key": "request.headers[x]", "values": ["1"]},
        {"key": "source.principal", "values": [principal("admin")]},
        {"key": "destination.port", "values": ["8080"]},
    ]
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "from": st.lists(st.builds(lambda source: {"source": source}, SOURCES), min_size=1, max_size=2),
        "to": st.lists(st.builds(lambda operation: {"operation": operation}, OPERATIONS), min_size=1, max_size=2),
        "when": st.lists(WHENS, min_size=1, max_size=2),
    },
)


PEERS = st.lists(
    st.sampled_from([{"podSelector": {"matchLabels": {"app": each}}} for each in APPS] + [{"podSelector": {}}]),
    max_size=2,
)
PORTS = st.lists(st.sampled_from([{"port": 8080}, {"port": "p8080"}, {"port": 9090}]), max_size=2)
DOORS = st.builds(lambda peers, ports: {**({"from": peers} if peers else {}), **({"ports": ports} if ports else {})}, PEERS, PORTS)  # fmt: skip


@st.composite
def network_policies(draw):
    """One or two for the same pods, and perhaps a default deny."""
    specs = [{"podSelector": {"matchLabels": {"app": "cart"}}, "ingress": draw(st.lists(DOORS, max_size=2))} for _ in range(draw(st.integers(1, 2)))]  # fmt: skip
    if draw(st.booleans()):
        specs.append({"podSelector": {}, "policyTypes": ["Ingress"]})
    made = [
        m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta(f"doors-{at}", "shop")) for at in range(len(specs))
    ]
    return [{**each, "spec": spec} for each, spec in zip(made, specs, strict=True)]


@st.composite
def configurations(draw):
    """A few policies of any scope, with or without mTLS for all and tokens."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        action = draw(st.sampled_from(["ALLOW", "DENY"]))
        rules = draw(st.lists(RULES, min_size=0 if action == "ALLOW" else 1, max_size=2))
        scope = draw(st.sampled_from([{"app": "cart"}, {"app": "stock"}, {}, {"space": "istio-system"}]))
        found.append(policy(f"p{number}", *rules, action=action, **scope))
    if draw(st.booleans()):
        found.append(peers(draw(st.sampled_from(["STRICT", "PERMISSIVE"]))))
    if draw(st.booleans()):
        spec = {"selector": {"matchLabels": {"app": "cart"}}, "jwtRules": [{"issuer": "i", "jwks": "{}"}]}
        found.append(m.o.istio("RequestAuthentication", "tokens", "shop", spec))
    if draw(st.booleans()):
        modes = st.sampled_from(["STRICT", "PERMISSIVE"])
        found.append(peers(draw(st.sampled_from(["", "STRICT", "PERMISSIVE"])), "shop", name="space"))
        ports = draw(st.dictionaries(st.sampled_from([8080, 9090]), modes, min_size=1))
        own = draw(st.sampled_from(["", "STRICT", "PERMISSIVE"]))
        found.append(peers(own, "shop", name="cart", app="cart", ports=ports))
    if draw(st.booleans()):
        found += draw(network_policies())
    return found


def verdict(mesh, client, server, payload, port):
    found = ask(mesh, client, server, payload, port=port).verdict
    return Verdict.DENY if found is Verdict.UNREACHABLE else found


def questions():
    return [
        (client, server, payload) for client, server, payload in product(CLIENTS, APPS, PAYLOADS) if client != server
    ]


def pod_of(mesh, server):
    return next(each.addresses[0] for ref, group in mesh.workloads.items() if ref.name == server for each in group)


@given(configurations())
@settings(max_examples=120, deadline=None)
def test_behind_waypoints_nothing_is_decided_otherwise(config):
    """Whoever dials Services gets today's answer; who goes past the waypoint gets no further than today."""
    today = index(*shop("sidecar"), *config)
    found = context(today, *APPS)
    given_ = convert(found)
    then = after(shop, config, found, given_.changes)
    assert not [loss for loss in given_.losses if loss.severity is Severity.SECURITY and "D11" not in loss.why]
    for client, server, payload in questions():
        now, got = (verdict(mesh, client, server, payload, 80) for mesh in (today, then))
        assert got is now, (client, server, payload)
        pod = pod_of(then, server)
        before, past = (verdict(mesh, client, pod, payload, 8080) for mesh in (today, then))
        if now is before is Verdict.DENY:
            assert past is Verdict.DENY, (client, server, payload)


@given(configurations())
@settings(max_examples=60, deadline=None)
def test_sidecars_see_no_difference_before_anybody_moves(config):
    today = index(*shop("sidecar"), *config)
    found = context(today, *APPS)
    staged = index(*apply([*flat(shop("sidecar")), *config], convert(found).changes, late=False))
    for client, server, payload in questions():
        assert verdict(staged, client, server, payload, 80) is verdict(today, client, server, payload, 80)


@given(configurations())
@settings(max_examples=60, deadline=None)
def test_without_waypoints_only_losses_decide_otherwise(config):
    today = index(*shop("sidecar"), *config)
    found = context(today)
    given_ = convert(found)
    then = after(shop, config, found, given_.changes)
    changed = {
        verdict(then, *question, 80)
        for question in questions()
        if verdict(then, *question, 80) is not verdict(today, *question, 80)
    }
    if Verdict.ALLOW in changed:
        assert given_.losses
    if Verdict.DENY in changed:
        assert given_.losses


@given(configurations())
@settings(max_examples=60, deadline=None)
def test_twice_is_once(config):
    today = index(*shop("sidecar"), *config)
    found = context(today, *APPS)
    then = after(shop, config, found, convert(found).changes)
    assert not convert(context(then, *APPS)).changes

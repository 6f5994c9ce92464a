"""Bad input is normal input: nothing raises, and what cannot be told is said, by name, never guessed."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.generated import GATEWAY, indexed, requests, worlds
from tests.support.mesh import o
from tests.support.scenes import ask, get, index, m, mesh_config, peers, pods, policy, principal, service, waypoint

from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import KINDS
from sidestep.model.mesh import SourceInfo, SourceKind
from sidestep.model.origin import FileOrigin
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Tcp
from sidestep.sources.objects.builder import MeshBuilder

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
BOUND = {"istio.io/use-waypoint": "waypoint"}
WRONG = (
    st.none() | st.booleans() | st.integers() | st.sampled_from((65536, -1, 0, 1.5, "", "x", "²", "*", "1" * 5000))
    | st.text(max_size=5) | st.just([]) | st.just([None]) | st.just([[{}]]) | st.just({}) | st.just({"a": 5})
    | st.sampled_from(("(", "((a*)*)*b", "%zz", "10.0.0.0/99", "{*}{**}", "cluster.local/ns//sa/", "*a*", "a\u0000b", "\u202e"))
)  # fmt: skip


def scene(*more, mode="sidecar", **how):
    return index(pods("web", mode), pods("cart", mode), service("cart"), *more, **how)


def told(found):
    """All that a decision says of what it does not know."""
    return " ".join([*(each.reason for each in found.unknowns), *(str(each.object) for each in found.unknowns)])


def places(tree, here=()):
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in children:
        yield (*here, key)
        yield from places(value, (*here, key))


def changed(tree, path, value):
    tree = copy.deepcopy(tree)
    at = tree
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return tree


@given(worlds(), st.lists(requests(), min_size=1, max_size=4), st.data())
def test_any_type_in_any_place_raises_nothing(objects, asked, data):
    objects = json.loads(json.dumps(objects))
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(objects) - 1))
        path = data.draw(
            st.sampled_from([each for each in places(objects[number]) if each[0] not in {"apiVersion", "kind"}])
        )
        objects[number] = changed(objects[number], path, data.draw(WRONG))
    mesh = indexed(objects)
    for request in asked:
        found = decide(mesh, request)
        assert found.verdict is not Verdict.UNKNOWN or told(found)


RULES = {
    "to": [{"operation": {"methods": ["GET"]}}],
    "from": [{"source": {"principals": ["*"]}}],
    "when": [{"key": "source.ip", "values": ["::/0"]}],
}
MALFORMED = [
    ("action", "PERMIT"), ("action", 5), ("action", ["ALLOW"]), ("rules", "all"), ("rules", {"to": []}), ("rules", [5]),
    ("rules", [{"to": 5}]), ("rules", [{"to": [{"operation": []}]}]), ("rules", [{"to": [{"operation": {"methods": "GET"}}]}]),
    ("rules", [{"to": [{"operation": {"ports": [80]}}]}]), ("rules", [{"from": [{"source": {"principals": {"a": "b"}}}]}]),
    ("rules", [{"from": [{"source": [None]}]}]), ("rules", [{"when": {"key": "source.ip"}}]), ("rules", [{"when": [{"key": 5}]}]),
    ("rules", [{"when": [{"key": "source.ip", "values": "10.0.0.0/8"}]}]), ("provider", "authz"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), MALFORMED)
@pytest.mark.parametrize("mode", ["sidecar", "ambient"])
def test_a_malformed_policy_makes_unknown_what_it_applies_to_and_nothing_else(field, value, mode):
    broken = policy("broken", RULES, app="cart")
    broken["spec"][field] = value
    mesh = scene(broken, pods("stock", mode), service("stock"), mode=mode)
    found = ask(mesh, "web", "cart")
    assert found.verdict is Verdict.UNKNOWN
    assert "shop/broken" in told(found)
    assert ask(mesh, "web", "stock").verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("selector", "app=cart"), ("selector", {"matchLabels": ["app"]}), ("selector", {"matchLabels": {"app": 5}}),
        ("targetRefs", "cart"), ("targetRefs", [5]), ("targetRefs", [{"kind": ["Service"], "name": "cart"}]), ("targetRef", []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"])
def test_one_of_which_the_place_cannot_be_read_may_apply_to_all_of_its_namespace(field, value, kind):
    if kind == "PeerAuthentication" and field != "selector":
        return
    spec = {"jwtRules": [{"issuer": "a", "jwks": "{}"}]} if kind == "RequestAuthentication" else {}
    broken = o.istio(kind, "broken", "shop", {**spec, field: value})
    mesh = scene(broken, pods("stock", "sidecar", "back"), service("stock", "back"))
    valid = get(token="valid")
    found = ask(mesh, "web", "cart", valid)
    assert found.verdict is Verdict.UNKNOWN
    assert "shop/broken" in told(found)
    assert ask(mesh, "web", "stock.back", valid).verdict is Verdict.ALLOW
    bound = index(pods("web", "ambient"), pods("mail", "ambient"), service("mail", labels=BOUND), waypoint(), broken)
    assert ask(bound, "web", "mail", valid).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "kind", ["AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication", "NetworkPolicy"]
)
@pytest.mark.parametrize("part", [("metadata", "labels"), ("spec",)])
def test_an_object_that_no_view_can_be_made_of_is_not_forgotten(kind, part):
    """It is carried among what is not understood, and was passed by."""
    group = {"NetworkPolicy": "networking.k8s.io/v1"}.get(kind, "security.istio.io/v1")
    broken = changed(o.thing(group, kind, o.meta("broken", "shop", labels={}), spec={}), part, 5)
    found = ask(scene(broken), "web", "cart", get(token="valid"))
    assert found.verdict is Verdict.UNKNOWN
    assert "broken" in told(found)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mtls", "STRICT"), ("mtls", {"mode": "MAYBE"}), ("mtls", {"mode": 1}), ("portLevelMtls", [8080]),
        ("portLevelMtls", {"http": {"mode": "STRICT"}}), ("portLevelMtls", {"8080": "STRICT"}), ("portLevelMtls", {"²": {}}),
        ("portLevelMtls", {"9" * 5000: {}}),
    ],
)  # fmt: skip
def test_a_malformed_peer_authentication(field, value):
    broken = changed(peers("PERMISSIVE", "shop", name="broken", app="cart"), ("spec", field), value)
    mesh = scene(broken, pods("stock"), service("stock"))
    assert "shop/broken" in told(ask(mesh, "web", "cart"))
    assert ask(mesh, "web", "cart").verdict is Verdict.UNKNOWN
    assert ask(mesh, "web", "stock").verdict is Verdict.ALLOW


@pytest.mark.parametrize("mode", ["sidecar", "ambient"])
def test_a_sure_deny_beside_what_cannot_be_read_stays_a_deny(mode):
    """Whatever the other says, DENY wins."""
    deny = policy("no-web", {"from": [{"source": {"principals": [principal("web")]}}]}, action="DENY", app="cart")
    broken = policy("broken", RULES, app="cart", rules=5)
    for more in ((broken,), (changed(peers("STRICT", "shop"), ("spec", "mtls"), 5),)):
        found = ask(scene(deny, *more, mode=mode), "web", "cart")
        assert found.verdict is Verdict.DENY
        assert found.branches[0].decider.object.name == "no-web"


def forbidden(*keys):
    return tuple(Gap(key, GapReason.FORBIDDEN, "no", "grant list") for key in keys)


@pytest.mark.parametrize("mode", ["sidecar", "ambient"])
@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        ("authorizationpolicies.security.istio.io", Verdict.UNKNOWN), ("peerauthentications.security.istio.io", Verdict.UNKNOWN),
        ("services", Verdict.ALLOW), ("networkpolicies.networking.k8s.io", Verdict.ALLOW), ("namespaces", Verdict.ALLOW),
        ("deployments.apps", Verdict.ALLOW),
    ],
)  # fmt: skip
def test_a_kind_that_was_forbidden_is_told(mode, key, verdict):
    plain, found = ask(scene(mode=mode), "web", "cart"), ask(scene(mode=mode, gaps=forbidden(key)), "web", "cart")
    assert found.verdict is verdict
    plural = key.partition(".")[0]
    assert key == "services" or plural in f"{told(found)} {found.assumptions}"
    assert not any(plural in each for each in plain.assumptions)


def test_a_kind_that_is_not_served_is_no_gap():
    gap = Gap("authorizationpolicies.security.istio.io", GapReason.ABSENT, "not installed")
    assert ask(scene(gaps=(gap,)), "web", "cart").verdict is Verdict.ALLOW


def test_tokens_matter_to_who_carries_one():
    mesh = scene(gaps=forbidden("requestauthentications.security.istio.io"))
    assert ask(mesh, "web", "cart").verdict is Verdict.ALLOW
    assert ask(mesh, "web", "cart", get(token="valid")).verdict is Verdict.UNKNOWN


def test_a_deny_stands_though_not_all_policies_were_read():
    deny = policy("no", {}, action="DENY", app="cart")
    gaps = forbidden("authorizationpolicies.security.istio.io")
    assert ask(scene(deny, gaps=gaps), "web", "cart").verdict is Verdict.DENY
    assert ask(scene(policy("yes", {}, app="cart"), gaps=gaps), "web", "cart").verdict is Verdict.UNKNOWN
    assert ask(scene(policy("never", app="cart"), gaps=gaps), "web", "cart").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("client", ["sidecar", "ambient", "none"])
@pytest.mark.parametrize(
    ("to", "gap", "verdict"),
    [
        ("typo", "", Verdict.UNREACHABLE), ("typo.shop", "", Verdict.UNREACHABLE), ("typo.shop.svc.cluster.local", "", Verdict.UNREACHABLE),
        ("x.typo.shop.svc.cluster.local", "", Verdict.UNREACHABLE), ("typo", "services", Verdict.UNKNOWN), ("api.example.com", "services", Verdict.ALLOW),
        ("typo.nowhere", "", Verdict.ALLOW), ("10.9.9.9", "", Verdict.ALLOW), ("10.9.9.9", "services", Verdict.UNKNOWN), ("10.9.9.9", "pods", Verdict.UNKNOWN),
        ("empty", "", Verdict.UNREACHABLE), ("empty", "pods", Verdict.UNKNOWN), ("headless", "", Verdict.UNREACHABLE), ("headless", "pods", Verdict.UNKNOWN),
    ],
)  # fmt: skip
def test_names_and_addresses_that_lead_nowhere(client, to, gap, verdict):
    """A name of the cluster without a Service does not leave the mesh, and a headless Service without pods has an answer."""
    more = service("empty"), service("headless", headless=True)
    found = ask(index(pods("web", client), *more, gaps=forbidden(gap) if gap else ()), "web", to)
    assert found.verdict is verdict
    assert found.branches


def test_names_of_other_namespaces_than_those_that_were_read():
    objects = [*pods("web"), o.namespace("shop")]
    builder = MeshBuilder()
    for tree in objects:
        builder.add(json.dumps(tree).encode(), FileOrigin("x"))
    mesh = MeshIndex.of(builder.build(SourceInfo(SourceKind.CLUSTER, "test", namespaces=("shop",))))
    assert ask(mesh, "web", "cart.back.svc").verdict is Verdict.UNKNOWN
    assert ask(mesh, "web", "cart").verdict is Verdict.UNREACHABLE
    assert any("istio-system" in each for each in ask(mesh, "web", "cart").assumptions)


def test_no_name_of_files_is_surely_nowhere():
    mesh = index(pods("web"), kind=SourceKind.FILES)
    assert ask(mesh, "web", "cart").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("peer", "verdict"),
    [
        ({"podSelector": {}}, Verdict.ALLOW), ({"podSelector": {"matchLabels": {"app": "x"}}}, Verdict.UNREACHABLE),
        ({"podSelector": 5}, Verdict.UNKNOWN), ({"podSelector": {"matchLabels": []}}, Verdict.UNKNOWN), ({"namespaceSelector": "shop"}, Verdict.UNKNOWN),
        ({}, Verdict.UNKNOWN), ({"ipBlock": "10.0.0.0/8"}, Verdict.UNKNOWN), ({"ipBlock": {}}, Verdict.UNKNOWN), ({"ipBlock": {"cidr": 5}}, Verdict.UNKNOWN),
        ({"ipBlock": {"cidr": "10.0.0.0/8", "except": 5}}, Verdict.UNKNOWN), ({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["x"]}}, Verdict.UNKNOWN),
        ({"ipBlock": {"cidr": "10.0.0.0/8", "except": None}}, Verdict.ALLOW),
    ],
)  # fmt: skip
def test_peers_of_network_policies(peer, verdict):
    spec = {"podSelector": {"matchLabels": {"app": "cart"}}, "ingress": [{"from": [peer]}]}
    net = o.thing("networking.k8s.io/v1", "NetworkPolicy", o.meta("net", "shop"), spec=spec)
    assert ask(scene(net), "web", "cart").verdict is verdict


@pytest.mark.parametrize(
    ("found", "version"),
    [("0.9.1", "1.22"), ("9.99", "1.31"), ("latest", "1.31"), ("²", "1.31"), ("1.x", "1.31"), ("", "1.31")],
)
def test_versions_that_nobody_models(found, version):
    template = {
        "metadata": {"labels": {"app": "istiod"}},
        "spec": {"containers": [{"name": "d", "image": f"istio/pilot:{found}" if found else None}]},
    }
    istiod = o.thing(
        "apps/v1", "Deployment", o.meta("istiod", "istio-system", labels={"app": "istiod"}), spec={"template": template}
    )
    mesh = MeshIndex.of(m.mesh(o.namespace("shop"), istiod, *pods("web"), *pods("cart"), service("cart")))
    assert str(mesh.settings.version.version) == version
    decision = ask(mesh, "web", "cart")
    assert decision.verdict is Verdict.ALLOW
    assert any("version" in each or "outside of what is modelled" in each for each in decision.assumptions)


def test_pods_of_one_service_that_differ_make_the_answer_depend_on_the_pod():
    """Half migrated: the policy has a method, which ztunnel never sees."""
    moved = [each for each in pods("cart", "ambient", ip="10.1.7.7") if each["kind"] == "Pod"]
    moved[0]["metadata"]["name"] = "cart-new"
    mesh = index(
        pods("web"),
        pods("cart"),
        moved,
        service("cart"),
        policy("reads", {"to": [{"operation": {"methods": ["GET"]}}]}, app="cart"),
    )
    found = ask(mesh, "web", "cart")
    assert {branch.verdict for branch in found.branches} == {Verdict.ALLOW, Verdict.DENY}
    assert found.verdict is Verdict.UNKNOWN
    assert told(found)


@pytest.mark.parametrize(
    "label",
    [
        {"istio.io/use-waypoint": "typo"},
        {"istio.io/use-waypoint": "none"},
        {"istio.io/use-waypoint": ""},
        {**BOUND, "istio.io/use-waypoint-namespace": "nowhere"},
    ],
)
def test_waypoints_that_do_not_exist_are_passed_by(label):
    deny = policy("no", {}, action="DENY", service="cart")
    mesh = index(pods("web", "ambient"), pods("cart", "ambient"), service("cart", labels=label), waypoint(), deny)
    assert ask(mesh, "web", "cart").verdict is Verdict.ALLOW


@pytest.mark.parametrize("change", [("metadata", "labels"), ("spec",), ("status",)])
def test_a_waypoint_that_cannot_be_read_may_be_there(change):
    broken = changed(waypoint()[0], change, 5)
    mesh = index(pods("web", "ambient"), pods("cart", "ambient"), service("cart", labels=BOUND), broken)
    assert ask(mesh, "web", "cart").verdict is Verdict.UNKNOWN


def test_policies_for_nobody():
    dangling = [
        policy("a", action="DENY", service="typo"),
        policy("b", action="DENY", gateway="typo"),
        policy("c", app="typo"),
    ]
    assert ask(scene(*dangling), "web", "cart").verdict is Verdict.ALLOW


def routed_by(expression):
    match = {"match": [{"uri": {"regex": expression}}], "route": [{"destination": {"host": "nowhere"}}]}
    return o.istio(
        "VirtualService",
        "by-path",
        "shop",
        {"hosts": ["cart"], "http": [match, {"route": [{"destination": {"host": "cart"}}]}]},
    )


@pytest.mark.parametrize("expression", ["(", "(a{900}){900}", "a**", "\\"])
def test_an_expression_that_no_proxy_reads_is_told(expression):
    found = ask(scene(routed_by(expression)), "web", "cart")
    assert found.verdict is Verdict.UNKNOWN
    assert "by-path" in told(found)


def test_five_hundred_rules_and_expressions_that_explode():
    """RE2 takes time in proportion to the text."""
    rules = [
        {
            "to": [{"operation": {"paths": [f"/p{n}/*", f"*{n}"]}}],
            "from": [{"source": {"principals": [f"a/ns/{n}/sa/b"]}}],
        }
        for n in range(500)
    ]
    last = {"to": [{"operation": {"paths": ["/here"]}}]}
    evil = routed_by("/(((a*)*)*)*b")
    mesh = scene(policy("many", *rules, last, app="cart"), evil)
    assert ask(mesh, "web", "cart", get("/here")).verdict is Verdict.ALLOW
    assert ask(mesh, "web", "cart", get("/" + "a" * 5000)).verdict is Verdict.DENY


@pytest.mark.parametrize("port", [0, 65535, 65536, -1, 2**70])
def test_ports_that_are_none(port):
    for mode in ("sidecar", "ambient", "none"):
        found = ask(scene(mode=mode), "web", "cart", port=port)
        assert found.verdict is Verdict.UNREACHABLE
        assert ask(scene(mode=mode), "web", "cart", Tcp(), port=port).verdict is Verdict.UNREACHABLE


@pytest.mark.parametrize("target", ["", "typo", 0, 65536, -1])
def test_target_ports_that_are_none(target):
    for mode in ("sidecar", "ambient", "none"):
        found = ask(index(pods("web", mode), pods("cart", mode), service("cart", target=target)), "web", "cart")
        assert found.verdict in {Verdict.ALLOW, Verdict.UNREACHABLE}


@pytest.mark.parametrize("first", ["TCP", "UDP"])
def test_a_port_number_that_is_declared_for_tcp_and_udp(first):
    """HTTP/3 beside HTTP: the one declared last hid the other."""
    both = service("cart")
    ports = [
        {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"},
        {"name": "h3", "port": 80, "targetPort": 9090, "protocol": "UDP"},
    ]
    both["spec"]["ports"] = ports if first == "TCP" else ports[::-1]
    found = ask(index(pods("web"), pods("cart"), both), "web", "cart")
    assert found.verdict is Verdict.ALLOW
    assert found.path[-1].port == 8080


@pytest.mark.parametrize("ports", [None, [], [{}], [{"port": 0}]])
def test_services_without_ports(ports):
    bare = changed(service("cart"), ("spec", "ports"), ports)
    for mode in ("sidecar", "ambient"):
        assert ask(index(pods("web", mode), pods("cart", mode), bare), "web", "cart").verdict is Verdict.UNREACHABLE


@pytest.mark.parametrize("selector", [None, {}])
def test_services_without_selector_have_endpoints_that_nobody_read(selector):
    bare = changed(service("cart"), ("spec", "selector"), selector)
    assert ask(index(pods("web"), bare), "web", "cart").verdict is Verdict.UNKNOWN


def test_an_empty_selector_selects_everybody():
    deny = policy("no", {}, action="DENY")
    deny["spec"]["selector"] = {"matchLabels": {}}
    assert ask(scene(deny), "web", "cart").verdict is Verdict.DENY
    deny["spec"]["selector"] = None
    assert ask(scene(deny), "web", "cart").verdict is Verdict.DENY


def test_pods_without_containers():
    bare = [
        changed(each, ("spec", "containers"), []) if each["kind"] == "Pod" else each for each in pods("cart", "none")
    ]
    assert ask(index(pods("web"), bare, service("cart")), "web", "cart").verdict is Verdict.ALLOW


@pytest.mark.parametrize("created", ["2999-01-01T00:00:00Z", "", "yesterday", None])
def test_of_two_peer_authentications_the_older_counts_whatever_the_clock_says(created):
    """What has no time is a manifest, and taken for the older."""
    first, second = peers("STRICT", "shop", name="b"), peers("PERMISSIVE", "shop", name="a")
    first["metadata"]["creationTimestamp"], second["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z", created
    verdict = ask(index(pods("web", "none"), pods("cart"), service("cart"), first, second), "web", "cart").verdict
    assert verdict is (Verdict.ALLOW if created in {"", None} else Verdict.DENY)


@pytest.mark.parametrize("name", ["ünïcode", "a\u0000b", "\u202egnirts", "a b", "🛒", "x" * 300, "a/b", "..", "%2e"])
def test_any_text_as_a_name(name):
    mesh = index(pods("web"), pods(name, labels={"app": name}), service(name), policy("p", {}, app=name))
    assert ask(mesh, "web", name).verdict in {Verdict.ALLOW, Verdict.UNREACHABLE}


@pytest.mark.parametrize("annotation", ["²", "80,²", "9" * 5000, ",,", "80-90", " 8080 "])
def test_ports_in_annotations(annotation):
    """A superscript is a digit to Python and no number."""
    excluded = {"traffic.sidecar.istio.io/excludeInboundPorts": annotation}
    mesh = index(pods("web", "none"), pods("cart", annotations=excluded), service("cart"), peers("STRICT"))
    assert ask(mesh, "web", "cart").verdict is (Verdict.ALLOW if annotation == " 8080 " else Verdict.DENY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "[]",
        "a: [",
        "rootNamespace: 5\ntrustDomain: []\nextensionProviders: x\npathNormalization: 1",
        "\t",
        "trustDomainAliases: [1, null]",
    ],
)
def test_mesh_configurations(text):
    config = mesh_config()
    config["data"]["mesh"] = text
    assert ask(scene(config), "web", "cart").verdict is Verdict.ALLOW


def test_names_that_stand_for_each_other_in_a_circle():
    def alias(name, other):
        return o.thing(
            "v1",
            "Service",
            o.meta(name, "shop"),
            spec={"type": "ExternalName", "externalName": f"{other}.shop.svc.cluster.local"},
        )

    for mode in ("sidecar", "ambient", "none"):
        assert ask(index(pods("web", mode), alias("a", "b"), alias("b", "a"), alias("c", "c")), "web", "a").branches
        assert ask(index(pods("web", mode), alias("c", "c")), "web", "c").branches


def test_an_empty_mesh():
    for who in ("web", f"gateway:shop/{GATEWAY}", "node", "outside"):
        assert ask(index(), who, "cart.shop").verdict in {Verdict.UNKNOWN, Verdict.ALLOW, Verdict.UNREACHABLE}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_no_kind_is_too_empty(kind):
    """An object that is nothing but its type and name."""
    empty = {"apiVersion": kind.api_version(), "kind": kind.name, "metadata": {"name": "empty", "namespace": "shop"}}
    for more in (
        empty,
        {**empty, "spec": None},
        {**empty, "spec": {}},
        {**empty, "metadata": None},
        {**empty, "status": []},
    ):
        assert ask(indexed([*pods("web"), *pods("cart"), service("cart"), more]), "web", "cart").branches

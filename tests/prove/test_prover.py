"""What the prover says of small meshes: who is missed by nobody, what counts for nothing, and how it is told."""

import pytest
from tests.semantics.decide.test_families import CART, WEB
from tests.semantics.decide.test_families import scene as two_families
from tests.semantics.routing.meshes import istio, to
from tests.support.scenes import index, m, mesh_config, peers, pods, policy, principal, service, waypoint

from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms, prove

BOTH = [*pods("web"), *pods("cart"), service("web"), service("cart")]


def callers(*names, **more):
    return {"from": [{"source": {"principals": list(names), **more}}]}


def only(direction, proof):
    assert proof.verdict is Conclusion.DIFFERS
    assert {each.direction for each in proof.counterexamples if not each.accepted} == {direction}
    return [each for each in proof.counterexamples if not each.accepted]


def test_somebody_without_identity_is_asked_for():
    everybody, named = policy("all", {}, app="cart"), policy("all", callers("*"), app="cart")
    found = only(Direction.CLOSED, prove(index(*BOTH, everybody), index(*BOTH, named)))
    assert any(each.request.startswith("outside") for each in found)


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ({"methods": ["GET"]}, {"methods": ["GET", "HEAD"]}, "HEAD /"),
        ({"paths": ["/a/*"]}, {"paths": ["/a/*", "/b"]}, "GET /b"),
        ({"paths": ["/a/{*}/c"]}, {"paths": ["/a/{**}"]}, "GET /a/"),
        ({"paths": ["*/x"]}, {"paths": ["*x"]}, "GET /"),
        ({"ports": ["9090"]}, {"ports": ["8080"]}, "GET /"),
        ({"methods": ["GET"]}, {"notMethods": ["DELETE"]}, "sends"),
        ({"hosts": ["other.example.com"]}, {"hosts": ["other.example.com", "third.example.com"]}, "GET /"),
    ],
)
def test_the_smallest_request_is_shown(one, other, shown):
    made = [index(*BOTH, policy("p", {"to": [{"operation": each}]}, app="cart")) for each in (one, other)]
    proof = prove(*made)
    assert [each for each in proof.counterexamples if shown in each.request and each.direction is Direction.OPEN]


def test_headers_and_claims_are_told_apart():
    def guard(key, values, **more):
        return policy("p", {"when": [{"key": key, **values}]}, app="cart", **more)

    token = m.o.istio("RequestAuthentication", "jwt", "shop", {"jwtRules": [{"issuer": "https://i.example"}]})
    for key in (
        "request.headers[x-a]",
        "request.auth.claims[groups]",
        "request.auth.claims[a][b]",
        "request.auth.audiences",
    ):
        one = index(*BOTH, token, guard(key, {"values": ["x"]}))
        for other in ({"values": ["x", "y"]}, {"values": ["x*"]}, {"values": ["*"]}):
            only(Direction.OPEN, prove(one, index(*BOTH, token, guard(key, other))))
        assert prove(one, index(*BOTH, token, guard(key, {"values": ["x"]}))).verdict is Conclusion.EQUAL


def test_a_list_of_claims_is_told_from_single_ones():
    """Who has both groups is refused by one mesh alone."""

    def when(group):
        return {"key": "request.auth.claims[groups]", "values": [group]}

    token = m.o.istio("RequestAuthentication", "jwt", "shop", {"jwtRules": [{"issuer": "https://i.example"}]})
    both = policy("both", {"when": [when("a"), when("b")]}, app="cart", action="DENY")
    found = only(Direction.CLOSED, prove(index(*BOTH, token), index(*BOTH, token, both)))
    assert found


IN_A_HEADER = {"issuer": "https://i.example", "fromHeaders": [{"name": "x-jwt", "prefix": "Bearer "}]}


def tokens(*rules):
    return m.o.istio("RequestAuthentication", "jwt", "shop", {"jwtRules": list(rules)})


def test_a_token_in_a_place_that_rules_name_is_told_apart_like_any_other():
    def guarded(action, name):
        return index(
            *BOTH, tokens(IN_A_HEADER), policy("g", {"from": [{"source": {name: ["*"]}}]}, app="cart", action=action)
        )

    by_deny, by_allow = guarded("DENY", "notRequestPrincipals"), guarded("ALLOW", "requestPrincipals")
    assert prove(by_deny, by_deny).verdict is Conclusion.EQUAL
    assert only(Direction.OPEN, prove(by_allow, index(*BOTH, tokens(IN_A_HEADER))))
    handed_on = {**IN_A_HEADER, "forwardOriginalToken": True}
    assert only(Direction.CLOSED, prove(index(*BOTH), index(*BOTH, tokens(handed_on))))


def test_places_of_tokens_that_differ_are_not_decided():
    usual = {"issuer": "https://i.example"}
    proof = prove(index(*BOTH, tokens(usual)), index(*BOTH, tokens(IN_A_HEADER)))
    assert proof.verdict is Conclusion.UNDECIDED
    assert "tokens are looked for" in proof.undecided[0].reason


def test_preflight_requests_need_no_token():
    token = m.o.istio("RequestAuthentication", "jwt", "shop", {"jwtRules": [{"issuer": "https://i.example"}]})
    preflight = {
        "to": [{"operation": {"methods": ["OPTIONS"]}}],
        "when": [{"key": "request.headers[origin]", "values": ["*"]}],
    }
    proof = prove(index(*BOTH, token), index(*BOTH, token, policy("no", preflight, app="cart", action="DENY")))
    assert [each for each in only(Direction.CLOSED, proof) if "OPTIONS" in each.request]


def test_addresses_of_somebody_outside_are_told_apart():
    def near(*blocks):
        return policy("near", {"from": [{"source": {"ipBlocks": list(blocks)}}]}, app="cart")

    one, other = index(*BOTH, near("192.0.2.0/24")), index(*BOTH, near("192.0.2.0/24", "198.51.100.7"))
    found = only(Direction.OPEN, prove(one, other))
    assert any("outside 198.51.100.7" in each.request for each in found)
    assert prove(one, index(*BOTH, near("192.0.2.0/25", "192.0.2.128/25"))).verdict is Conclusion.EQUAL


def test_a_forwarded_address_is_told_apart():
    def near(block):
        return policy("near", {"from": [{"source": {"remoteIpBlocks": [block]}}]}, app="cart")

    found = prove(index(*BOTH, near("192.0.2.0/24")), index(*BOTH, near("192.0.2.0/25")))
    assert found.verdict is Conclusion.DIFFERS


def test_path_normalisation_is_part_of_a_mesh():
    guard = policy("p", {"to": [{"operation": {"paths": ["/a%2Fb"]}}]}, app="cart", action="DENY")
    one = index(*BOTH, guard, mesh_config(pathNormalization={"normalization": "BASE"}))
    other = index(*BOTH, guard, mesh_config(pathNormalization={"normalization": "DECODE_AND_MERGE_SLASHES"}))
    assert [each for each in only(Direction.OPEN, prove(one, other)) if "/a%2Fb" in each.request]


def test_server_names_are_told_apart():
    def served(name):
        guard = policy("p", {"when": [{"key": "connection.sni", "values": [name]}]}, app="cart")
        return index(*pods("web"), *pods("cart"), service("cart", protocol="tls", port=443), guard)

    assert prove(served("a.example"), served("b.example")).verdict is Conclusion.DIFFERS
    assert prove(served("a.example"), served("a.example")).verdict is Conclusion.EQUAL


def test_server_names_are_told_apart_at_pods_without_a_service():
    def alone(name):
        guard = policy("p", {"when": [{"key": "connection.sni", "values": [name]}]}, app="cart", action="DENY")
        return index(*pods("web"), *pods("cart"), guard)

    proof = prove(alone("a.example"), alone("b.example"))
    assert {each.direction for each in proof.counterexamples} == {Direction.OPEN, Direction.CLOSED}
    assert prove(alone("a.example"), alone("a.example")).verdict is Conclusion.EQUAL


def test_what_a_route_rewrites_is_what_policies_see():
    def route(into):
        rule = {
            "match": [{"uri": {"prefix": "/v1/"}}],
            "rewrite": {"uri": into},
            "route": [{"destination": {"host": "cart"}}],
        }
        spec = {"hosts": ["cart"], "http": [rule, {"route": [{"destination": {"host": "cart"}}]}]}
        return m.o.istio("VirtualService", "cart", "shop", spec)

    def guard(*paths):
        return policy("p", {"to": [{"operation": {"paths": list(paths)}}]}, app="cart", action="DENY")

    one = index(*BOTH, route("/"), guard("/secret"))
    closed = only(Direction.CLOSED, prove(one, index(*BOTH, route("/"), guard("/secret", "/other"))))
    assert {"/other", "/v1/other"} & {each.request.split(" ")[4] for each in closed}
    assert prove(one, index(*BOTH, route("/"), guard("/secret", "/secret"))).verdict is Conclusion.EQUAL


def test_a_regular_rewrite_before_a_policy_is_undecided():
    rule = {
        "rewrite": {"uriRegexRewrite": {"match": "/a+", "rewrite": "/b"}},
        "route": [{"destination": {"host": "cart"}}],
    }
    route = m.o.istio("VirtualService", "cart", "shop", {"hosts": ["cart"], "http": [rule]})
    guards = [policy("p", {"to": [{"operation": {"paths": [path]}}]}, app="cart") for path in ("/b*", "/c*")]
    proof = prove(index(*BOTH, route, guards[0]), index(*BOTH, route, guards[1]))
    assert any("a route rewrites by an expression" in each.reason for each in proof.undecided)
    assert prove(index(*BOTH, route, guards[0]), index(*BOTH, route, guards[0])).verdict is Conclusion.EQUAL


def test_metadata_of_other_filters_is_undecided():
    def guard(value):
        when = {"key": "experimental.envoy.filters.mine[key]", "values": [value]}
        return index(*BOTH, policy("p", {"when": [when]}, app="cart"))

    proof = prove(guard("a"), guard("b"))
    assert proof.verdict is Conclusion.UNDECIDED
    assert prove(guard("a"), guard("a")).verdict is Conclusion.EQUAL


def test_a_budget_ends_the_search():
    def guard(*values):
        whens = [{"key": f"request.headers[x-{number}]", "values": list(values)} for number in range(12)]
        return index(*BOTH, policy("p", {"when": whens}, app="cart"))

    proof = prove(guard("a", "b"), guard("a", "b", "c"), Terms(budget=100))
    assert proof.verdict is Conclusion.UNDECIDED
    assert any("budget" in each.reason for each in proof.undecided)


def test_what_was_found_within_the_budget_is_told():
    """Reads differ at once; for writes there is no end of headers."""

    def guard(*methods):
        whens = [{"key": f"request.headers[x-{number}]", "values": ["a", "b"]} for number in range(12)]
        writes = {"to": [{"operation": {"methods": ["POST"]}}], "when": whens}
        reads = {"to": [{"operation": {"methods": list(methods)}}]}
        return index(*BOTH, policy("p", reads, writes, app="cart"))

    proof = prove(guard("GET"), guard("GET", "HEAD", "POST"), Terms(budget=100))
    assert [each for each in only(Direction.OPEN, proof) if "HEAD" in each.request]
    assert any("budget" in each.reason for each in proof.undecided)


def test_an_external_authorizer_is_asked_both_ways():
    providers = mesh_config(extensionProviders=[{"name": "x", "envoyExtAuthzHttp": {"service": "x", "port": 80}}])
    custom = policy("c", {}, app="cart", action="CUSTOM", provider={"name": "x"})
    only(Direction.CLOSED, prove(index(*BOTH, providers), index(*BOTH, providers, custom)))
    assert prove(index(*BOTH, providers, custom), index(*BOTH, providers, custom)).verdict is Conclusion.EQUAL


def test_private_routes_count_for_their_namespace():
    host = "cart.shop.svc.cluster.local"
    fault = {"abort": {"httpStatus": 500, "percentage": {"value": 100}}}
    rule = {"fault": fault, "route": [{"destination": {"host": host}}]}
    spec = {"hosts": [host], "exportTo": ["."], "http": [rule]}
    route = m.o.istio("VirtualService", "mine", "desk", spec)
    objects = [*BOTH, *pods("web", space="desk"), *pods("web", space="other")]
    found = only(Direction.ROUTE, prove(index(*objects), index(*objects, route)))
    assert {each.request.split(" ")[1] for each in found} == {"desk/web"}


def test_a_new_name_that_leads_past_a_waypoint_is_found():
    deny = policy("no-delete", {"to": [{"operation": {"methods": ["DELETE"]}}]}, action="DENY", service="cart")
    closed = policy("only", callers(principal("waypoint")), app="cart")
    bound = service("cart", labels={"istio.io/use-waypoint": "waypoint"})
    mesh = [*pods("web", "ambient"), *pods("cart", "ambient"), bound, *waypoint(), deny]
    beside = service("cart-debug", port=81, selector={"app": "cart"})
    found = only(Direction.OPEN, prove(index(*mesh), index(*mesh, beside)))
    assert all("DELETE" in each.request or "TCP" in each.request for each in found)
    assert prove(index(*mesh, closed), index(*mesh, closed, beside)).verdict is Conclusion.EQUAL


def test_pods_without_a_service_are_destinations():
    alone = [*pods("web"), *pods("cart")]
    strict = index(*alone, policy("nobody", app="cart"))
    assert prove(strict, index(*alone)).verdict is Conclusion.DIFFERS


def test_what_is_assumed_is_said():
    plain = prove(index(*BOTH), index(*BOTH), Terms(Leave.NOTHING, assume=Assume.NOTHING)).assumptions
    usual = prove(index(*BOTH), index(*BOTH)).assumptions
    assert len(usual) > len(plain)
    assert any("D43" in each for each in usual)
    assert any("D15" in each for each in usual)


def test_closed_is_fine_where_that_is_said():
    one, other = index(*BOTH), index(*BOTH, peers("STRICT"))
    assert prove(one, other).verdict is Conclusion.DIFFERS
    proof = prove(one, other, Terms(Leave.SHAPE | Leave.CLOSED))
    assert proof.verdict is Conclusion.EQUAL
    assert all(each.accepted for each in proof.counterexamples)


def test_only_asked_namespaces_are_looked_at():
    objects = [*BOTH, *pods("desk", space="ops"), service("desk", "ops")]
    guard = policy("nobody", app="desk", space="ops")
    assert prove(index(*objects), index(*objects, guard), Terms(namespaces=("shop",))).verdict is Conclusion.EQUAL
    assert prove(index(*objects), index(*objects, guard), Terms(namespaces=("ops",))).verdict is Conclusion.DIFFERS


@pytest.mark.parametrize("address", [*WEB, *CART])
@pytest.mark.parametrize("mode", ["ambient", "sidecar"])
def test_addresses_of_both_families_are_asked(address, mode):
    key = "source.ip" if address in WEB else "destination.ip"
    guard = policy("guard", {"when": [{"key": key, "values": [address]}]}, app="cart", action="DENY")
    found = only(Direction.OPEN, prove(two_families(guard, mode=mode), two_families(mode=mode)))
    assert {":" in each.subject.host for each in found} >= {":" in address}
    assert prove(two_families(guard, mode=mode), two_families(guard, mode=mode)).verdict is Conclusion.EQUAL


def test_a_difference_that_is_fine_does_not_end_a_proof_early():
    """Two policies admit more, in the order of their names."""
    meshes = [
        index(
            *BOTH, *(policy(name, {"to": [{"operation": {"methods": methods}}]}, app=name) for name in ("cart", "web"))
        )
        for methods in (["GET"], ["GET", "HEAD"])
    ]

    def fine(example):
        return example.subject.host == "cart.shop.svc.cluster.local"

    early = prove(*meshes, Terms(most=1)).counterexamples
    assert early
    assert all(map(fine, early))
    late = prove(*meshes, Terms(most=1), fine=fine).counterexamples
    assert {fine(each) for each in late} == {True, False}
    assert len(late) < len(prove(*meshes).counterexamples)


def test_what_hangs_on_a_waypoint_that_may_not_be_ready_is_not_refused():
    """Past it the route is lost, and nobody is refused: that no share says how often counted as a refusal."""
    limit = istio("VirtualService", "cart", {"hosts": ["cart"], "http": [{"route": to("cart"), "timeout": "3s"}]})
    ambient = [*pods("web", "ambient"), *pods("cart", "ambient"), service("web")]
    gateway = {key: value for key, value in waypoint()[0].items() if key != "status"}
    bound = [*ambient, service("cart", labels={"istio.io/use-waypoint": "waypoint"}), gateway, limit]
    found = only(Direction.ROUTE, prove(index(*BOTH, limit), index(*bound)))
    assert any("shop/web sends GET / to cart" in each.request for each in found)


@pytest.mark.parametrize("host", ["api.acme.test", "*.acme.test"])
@pytest.mark.parametrize("known", [False, True], ids=["a host that nobody knows", "under a wildcard"])
def test_names_that_routes_alone_know_are_asked(host, known):
    """Nobody has a Service or ServiceEntry of that name: it is sidecars that route what is sent there."""
    entry = istio(
        "ServiceEntry",
        "api",
        {"hosts": ["*.test"], "resolution": "NONE", "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}]},
    )
    more = [entry] if known else []
    limits = [
        istio("VirtualService", "api", {"hosts": [host], "http": [{"route": to("cart"), "timeout": f"{length}s"}]})
        for length in (3, 5)
    ]
    one, other = (index(*BOTH, *more, each) for each in limits)
    found = only(Direction.ROUTE, prove(one, other))
    assert any("acme.test:80" in each.request for each in found)
    assert prove(one, one).verdict is Conclusion.EQUAL


def test_a_service_that_is_not_there_is_asked_by_nobody():
    """Its name cannot be looked up, whatever routes say of it."""
    gone = [
        istio("VirtualService", "gone", {"hosts": ["gone"], "http": [{"route": to("cart"), "timeout": f"{length}s"}]})
        for length in (3, 5)
    ]
    assert prove(*(index(*BOTH, each) for each in gone)).verdict is Conclusion.EQUAL


def disabled(mode="DISABLE"):
    return istio("DestinationRule", "plain", {"host": "cart", "trafficPolicy": {"tls": {"mode": mode}}})


def test_a_client_that_starts_no_tls_is_answered_as_one_that_is_not_asked_to():
    """HBONE in the place of plaintext is nobody's request: before, every mesh with such a rule differed."""
    ambient = index(*pods("web", "ambient"), *pods("cart", "ambient"), service("web"), service("cart"), disabled())
    assert prove(index(*BOTH, disabled()), ambient).verdict is Conclusion.EQUAL
    outside = [*pods("cart", "none"), service("cart"), disabled()]
    after = index(*pods("web", "ambient"), *outside)
    assert prove(index(*pods("web"), *outside), after).verdict is Conclusion.EQUAL
    strict = peers("STRICT")
    only(Direction.OPEN, prove(index(*BOTH, disabled(), strict), index(*BOTH, disabled("ISTIO_MUTUAL"), strict)))

"""The list of filters that never changes, in the real Envoy: what hosts switch on of it does what semantics says.

Every case is a virtual host of one connection manager, so that all of them share one list.
"""

import http.client
import json
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from google.protobuf.json_format import MessageToDict
from tests.support import scenes
from tests.support.envoy import MeshIdentities, running_envoy
from tests.support.envoy_config import extension
from tests.support.mesh import o
from tests.support.scenes import ask, index, mesh_config, pods, policy, service
from tests.support.workloads import workload

from sidestep.controlplane.generators.http.authorization import JWT_FILTER, Place
from sidestep.controlplane.generators.http.filters import BOTH, Enforced, enforced, http_filters
from sidestep.controlplane.generators.http.tokens import authentication
from sidestep.controlplane.generators.http.upstreams import outside_cluster, outside_name, upstreams
from sidestep.lab.workload.containers import Behaviour, Protocol
from sidestep.lab.workload.issuer import Issuer
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.decisions import Shape, Verdict
from sidestep.semantics.requests import Answers

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("envoy-filters")]

KEYS = Issuer()
ISSUERS = {"https://issuer.example": KEYS, "https://other.example": KEYS, "https://served.example": KEYS}
PREFLIGHT = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}


def jwt(name, *rules, app="cart"):
    spec = {"selector": {"matchLabels": {"app": app}}, "jwtRules": list(rules)}
    return o.istio("RequestAuthentication", name, "shop", spec)


def inline(issuer="https://issuer.example", **more):
    return {"issuer": issuer, "jwks": json.dumps(KEYS.jwks()), **more}


def tried(name, *rules, **more):
    made = policy(name, *rules, app="cart", **more)
    made["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
    return made


def when(key, *values):
    return {"when": [{"key": key, "values": list(values)}]}


def custom(provider, *rules, **more):
    return policy(
        f"ask-{provider}", *(rules or ({},)), action="CUSTOM", app="cart", provider={"name": provider}, **more
    )


@dataclass
class Case:
    """Objects that apply to one workload, and requests with what becomes of them.

    `decided` is false where an outcome hangs on what semantics does not know: that the authorizer is there.
    """

    name: str
    objects: list
    requests: list
    decided: bool = True
    flags: dict = field(default_factory=dict)


@dataclass
class Sent:
    status: int
    path: str = "/"
    method: str = "GET"
    token: str = "none"
    claims: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)


def bearer(status, path="/", state="valid", method="GET", **claims):
    return Sent(status, path, method, state, {"iss": "https://issuer.example", **claims})


ALLOWED, DENIED = {"x-ext-authz": "allow"}, {"x-ext-authz": "deny"}
PATHS = {"to": [{"operation": {"paths": ["/open/*"]}}]}
CASES = [
    Case("nothing", [], [Sent(200), bearer(200, state="invalid")]),
    Case("tokens", [jwt("jwt", inline())],
         [Sent(200), bearer(200), bearer(401, state="invalid"), bearer(401, state="expired"), bearer(401, iss="https://stranger.example"),
          Sent(200, method="OPTIONS", token="invalid", headers=PREFLIGHT)]),
    Case("audiences", [jwt("jwt", inline(audiences=["shop", "web"]))], [bearer(200, aud="shop"), bearer(200, aud=["x", "web"]), bearer(403, aud="else"), bearer(403), bearer(401, iss="https://stranger.example", aud="shop")]),
    Case("two-issuers", [jwt("a", inline()), jwt("b", inline("https://other.example"))],
         [Sent(200), bearer(200), bearer(200, iss="https://other.example"), bearer(401, iss="https://stranger.example"), bearer(401, state="invalid")]),
    Case("two-audiences", [jwt("a", inline(audiences=["a"])), jwt("b", inline("https://other.example", audiences=["b"]))],
         [bearer(200, aud="a"), bearer(403, aud="b"), bearer(200, iss="https://other.example", aud="b"), bearer(403, iss="https://other.example", aud="a")]),
    Case("same-issuer", [jwt("a", inline(audiences=["a"])), jwt("b", inline(audiences=["b"]))], [bearer(200, aud="a"), bearer(200, aud="b"), bearer(403, aud="c")]),
    Case("served", [jwt("jwt", {"issuer": "https://served.example", "jwksUri": "http://127.0.0.1:$issuer/jwks.json"})],
         [Sent(200), bearer(200, iss="https://served.example"), bearer(401, state="invalid", iss="https://served.example")]),
    Case("keys-down", [jwt("jwt", {"issuer": "https://issuer.example", "jwksUri": "http://127.0.0.1:1/jwks.json"})], [Sent(200), bearer(401)], decided=False),
    Case("keys-nowhere", [jwt("jwt", {"issuer": "https://issuer.example", "jwksUri": "nonsense"})], [Sent(200), bearer(401)], decided=False),
    *(Case(f"keys-{number}", [jwt("jwt", {"issuer": "https://issuer.example", "jwks": written})], [Sent(200), bearer(401)], decided=False)
      for number, written in enumerate(["nonsense", "{}", "[]", '{"keys": []}', '{"keys": [{"kty": "RSA", "n": "?", "e": 5}]}', '{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}', '{"keys": ["x", {"kty": "oct"}]}'])),
    Case("claims", [jwt("jwt", inline()), policy("admins", when("request.auth.claims[groups]", "admin"), app="cart")],
         [Sent(403), bearer(200, groups=["x", "admin"]), bearer(200, groups="admin"), bearer(403, groups=["x"]), bearer(401, state="invalid", groups=["admin"])]),
    Case("nested-claims", [jwt("jwt", inline()), policy("admins", when("request.auth.claims[realm][roles]", "a*"), app="cart")],
         [bearer(200, realm={"roles": ["admin"]}), bearer(403, realm={"roles": ["user"]}), bearer(403)]),
    Case("principals", [jwt("jwt", inline()), policy("p", {"from": [{"source": {"requestPrincipals": ["https://issuer.example/ann"]}}]}, app="cart")],
         [bearer(200, sub="ann"), bearer(403, sub="bob"), Sent(403)]),
    Case("scopes", [jwt("jwt", inline()), policy("p", when("request.auth.claims[scope]", "write"), app="cart")],
         [bearer(200, scope="read write"), bearer(403, scope="read"), bearer(403, scope="writer")]),
    Case("deny", [policy("d", {"to": [{"operation": {"methods": ["DELETE"]}}]}, action="DENY", app="cart")], [Sent(200), Sent(403, method="DELETE")]),
    Case("deny-before-allow", [policy("d", {"to": [{"operation": {"methods": ["DELETE"]}}]}, action="DENY", app="cart"), policy("a", PATHS, app="cart")],
         [Sent(403), Sent(200, "/open/a"), Sent(403, "/open/a", "DELETE")]),
    Case("shut", [policy("nobody", app="cart")], [Sent(403), Sent(403, "/open/a")]),
    Case("policy-before-404", [policy("a", PATHS, app="cart")], [Sent(403, "/gone/a")]),
    Case("audit", [policy("a", PATHS, action="AUDIT", app="cart")], [Sent(200), Sent(200, "/open/a")]),
    Case("dry-run", [tried("a", PATHS), tried("d", PATHS, action="DENY")], [Sent(200), Sent(200, "/open/a")]),
    Case("custom-http", [custom("http", PATHS)], [Sent(200), Sent(403, "/open/a"), Sent(200, "/open/a", headers=ALLOWED), Sent(403, "/open/a", headers=DENIED)]),
    Case("custom-grpc", [custom("grpc", PATHS)], [Sent(200), Sent(403, "/open/a"), Sent(200, "/open/a", headers=ALLOWED), Sent(403, "/open/a", headers=DENIED)]),
    Case("custom-and-allow", [custom("http"), policy("a", PATHS, app="cart")], [Sent(403, headers=ALLOWED), Sent(200, "/open/a", headers=ALLOWED), Sent(403, "/open/a")]),
    Case("custom-before-tokens", [custom("http"), jwt("jwt", inline())], [Sent(200, headers=ALLOWED), Sent(403, token="invalid"), Sent(401, token="invalid", headers=ALLOWED)], decided=False),
    Case("unknown-provider", [custom("nobody", PATHS)], [Sent(200), Sent(403, "/open/a", headers=ALLOWED)]),
    Case("several-providers", [custom("http", PATHS), custom("grpc", PATHS)], [Sent(200), Sent(403, "/open/a", headers=ALLOWED)]),
    Case("several-allowed", [custom("http", PATHS), custom("grpc", PATHS)], [Sent(200), Sent(200, "/open/a", headers=ALLOWED), Sent(403, "/open/a")],
         flags={"PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS": "true"}, decided=False),
    Case("authorizer-down", [custom("down", PATHS)], [Sent(200), Sent(403, "/open/a", headers=ALLOWED)], decided=False),
    Case("authorizer-down-but-open", [custom("open", PATHS)], [Sent(200, "/open/a", headers=DENIED)], decided=False),
    Case("authorizer-down-with-status", [custom("status", PATHS)], [Sent(503, "/open/a", headers=ALLOWED)], decided=False),
    Case("authorizer-slow", [custom("slow", PATHS)], [Sent(403, "/open/a", headers=ALLOWED)], decided=False),
    Case("authorizer-failing", [custom("failing", PATHS)], [Sent(403, "/open/a", headers=ALLOWED)], decided=False),
]  # fmt: skip


def providers(ports):
    def http_(name, port, **more):
        told = {"service": "127.0.0.1", "port": port, "includeRequestHeadersInCheck": ["x-ext-*"], **more}
        return {"name": name, "envoyExtAuthzHttp": {**told, "headersToUpstreamOnAllow": ["x-ext-authz-check-result"]}}

    return mesh_config(extensionProviders=[
        http_("http", ports["http"]), http_("down", 1), http_("open", 1, failOpen=True), http_("status", 1, statusOnError="503"),
        http_("slow", ports["slow"], timeout="0.05s"), http_("failing", ports["failing"]),
        {"name": "grpc", "envoyExtAuthzGrpc": {"service": "127.0.0.1", "port": ports["grpc"]}},
    ])  # fmt: skip


def mesh(case, ports):
    """The objects of a case, under names of its own: one Envoy knows those of all."""
    objects = json.loads(json.dumps(case.objects).replace("$issuer", str(ports["issuer"])))
    for each in objects:
        each["metadata"]["name"] += f"-{case.name}"
    everybody = [*pods("cart"), *pods("legacy", "none"), service("cart")]
    return index(everybody, objects, providers(ports))


class Stand:
    """What runs for all cases."""

    def __init__(self, stack, folder):
        def run(protocol=Protocol.HTTP, **behaviour):
            return stack.enter_context(workload(Behaviour(**behaviour), protocol, KEYS))

        self.ports = {
            "issuer": run(service="issuer"), "http": run(service="authorizer"), "slow": run(service="authorizer", latency=5),
            "failing": run(service="authorizer", error_rate=1, error_code=500), "grpc": run(Protocol.GRPC, service="authorizer"),
        }  # fmt: skip
        self.meshes = {case.name: mesh(case, self.ports) for case in CASES}
        self.envoy = stack.enter_context(running_envoy(self._config(), MeshIdentities(folder)))

    def _config(self):
        enforced_here = {name: self._enforced(each) for name, each in self.meshes.items()}
        authorizers = self.meshes["nothing"].settings.authorizers
        tokens = [each.tokens for each in enforced_here.values()]
        known = authentication(tokens, outside_name)
        filters = [MessageToDict(each) for each in http_filters(BOTH, authorizers.values(), outside_name, known)]
        manager = extension(
            "manager", "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix="cases", http_filters=filters,
            route_config={"virtual_hosts": [self._host(case, enforced_here[case.name]) for case in CASES]},
        )  # fmt: skip
        asked = upstreams(authorizers.values(), [policy for each in tokens for policy in each])
        listener = {
            "name": "cases", "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [manager]}],
        }  # fmt: skip
        return {
            "static_resources": {
                "listeners": [listener],
                "clusters": [MessageToDict(outside_cluster(each)) for each in asked],
            }
        }

    def _enforced(self, mesh):
        cart = next(each for group in mesh.workloads.values() for each in group if each.labels.get("app") == "cart")
        return Enforced(mesh.sidecar_policies(cart, Chain.HTTP), mesh.sidecar_request_policies(cart))

    def _host(self, case, what):
        place, several = Place.SIDECAR, "PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS" in case.flags
        settings = self.meshes[case.name].settings
        switched = enforced(what, place, settings.authorizers, several=several)
        told = [
            {"header": {"key": f"x-{name}", "value": f"%DYNAMIC_METADATA({name})%"}}
            for name in ("envoy.filters.http.rbac", JWT_FILTER)
        ]
        seen = {"header": {"key": "x-check", "value": "%REQ(x-ext-authz-check-result)%"}}
        answer = {
            "match": {"prefix": "/"},
            "direct_response": {"status": 200},
            "response_headers_to_add": [*told, seen],
        }
        gone = {"match": {"prefix": "/gone"}, "direct_response": {"status": 404}}
        return {
            "name": case.name, "domains": [case.name], "routes": [gone, answer],
            "typed_per_filter_config": {name: MessageToDict(each) for name, each in switched.items()},
        }  # fmt: skip

    def ask(self, case, sent):
        connection = http.client.HTTPConnection("127.0.0.1", self.envoy.ports["cases"], timeout=10)
        headers = {"Host": case.name, **sent.headers}
        if sent.token != "none":
            headers["Authorization"] = f"Bearer {token(sent)}"
        connection.request(sent.method, sent.path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer


def token(sent):
    made = KEYS.token(
        {"iss": "https://issuer.example", "sub": "ann", **sent.claims}, -600 if sent.token == "expired" else 600
    )
    return made[:-8] + "AAAAAAAA" if sent.token == "invalid" else made


@pytest.fixture(scope="module")
def stand(tmp_path_factory):
    with ExitStack() as stack:
        yield Stand(stack, tmp_path_factory.mktemp("envoy"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_requests_become_what_is_expected_and_what_semantics_says(stand, case):
    for sent in case.requests:
        assert stand.ask(case, sent).status == sent.status, sent
        if case.decided:
            assert decided(stand.meshes[case.name], sent) == (sent.status if sent.path != "/gone" else 200), sent


def decided(mesh, sent):
    headers = {name.lower(): value for name, value in sent.headers.items()}
    claims = {"iss": "https://issuer.example", "sub": "ann", **sent.claims} if sent.token != "none" else {}
    payload = scenes.get(sent.path, sent.method, token=sent.token, claims=claims, **headers)
    says = Answers.ALLOWS if headers.get("x-ext-authz") == "allow" else Answers.DENIES
    found = ask(mesh, "legacy", "cart", payload, authorizer=says)
    if found.verdict is Verdict.ALLOW:
        return 200
    assert found.verdict is Verdict.DENY, found
    return {Shape.UNAUTHORIZED: 401, Shape.FORBIDDEN: 403}[found.shape]

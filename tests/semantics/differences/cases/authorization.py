"""Cases of area A: AuthorizationPolicy."""

from tests.semantics.differences.cases.case import Case
from tests.semantics.differences.cases.scene import (
    BOUND,
    CART,
    SIDECARS,
    THROUGH,
    TO_WAYPOINT,
    WEB,
    ZTUNNELS,
    admitted,
    ambient,
    ask,
    at,
    bound,
    callers,
    depends,
    istiod,
    methods,
    pair,
    refused,
    sidecars,
    waypoint,
)
from tests.support.scenes import get, mesh_config, pods, policy, service

from sidestep.semantics.decisions import Bypass, Proxy, Shape
from sidestep.semantics.requests import Answers

DELETE = get("/items/1", "DELETE")
_FORBIDDEN, _RESET, _UNAVAILABLE = Shape.FORBIDDEN, Shape.RESET, Shape.UNAVAILABLE
_PORT = {"to": [{"operation": {"ports": ["8080"]}}]}
_DENIES_DELETE = {"action": "DENY"}
_CUSTOM = {"action": "CUSTOM", "provider": {"name": "checks"}}
_PROVIDERS = mesh_config(
    extensionProviders=[
        {"name": "checks", "envoyExtAuthzHttp": {"service": "checks.shop.svc.cluster.local", "port": 80}},
        {"name": "other", "envoyExtAuthzHttp": {"service": "other.shop.svc.cluster.local", "port": 80}},
    ]
)


def _deny(**where):
    return policy("no-delete", methods("DELETE"), action="DENY", **where)


def _same(code, name, objects, request, before, after) -> Case:
    """The same objects in both meshes, without a waypoint."""
    return Case(code, name, sidecars(*objects), ambient(*objects), request, before, after)


def _dry_run(found):
    found["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
    return found


def _versions(mode):
    return [
        *pods("cart-v1", mode, labels={"app": "cart", "version": "v1"}, ip="10.1.0.3"),
        *pods("cart-v2", mode, labels={"app": "cart", "version": "v2"}, ip="10.1.0.4"),
        *pods("web", mode, ip=WEB),
    ]


AUTHORIZATION: tuple[Case, ...] = (
    Case(
        "D01", "a rule on the target port moves to the waypoint as it stands",
        sidecars(policy("port", _PORT, app="cart")),
        bound(policy("port", _PORT, service="cart")),
        ask(), admitted(SIDECARS, "port"), refused(TO_WAYPOINT, _FORBIDDEN, "port"),
    ),
    Case(
        "D01", "a denied port is no longer denied",
        sidecars(policy("port", _PORT, app="cart", action="DENY")),
        bound(policy("port", _PORT, service="cart", action="DENY")),
        ask(), refused(SIDECARS, _FORBIDDEN, "port"), admitted(THROUGH),
    ),
    Case(
        "D02", "the pod admits callers by name, and the waypoint is none of them",
        sidecars(policy("web-only", callers("web"), app="cart")),
        bound(policy("web-only", callers("web"), app="cart")),
        ask(), admitted(SIDECARS, "web-only"), refused(THROUGH, _UNAVAILABLE, "web-only"),
    ),
    Case(
        "D02", "the pod refuses a caller by name, and the waypoint speaks for it",
        sidecars(policy("not-web", callers("web"), app="cart", action="DENY")),
        bound(policy("not-web", callers("web"), app="cart", action="DENY")),
        ask(), refused(SIDECARS, _FORBIDDEN, "not-web"), admitted(THROUGH),
    ),
    Case(
        "D03", "the pod admits addresses, and the waypoint has another",
        sidecars(policy("near", {"from": [{"source": {"ipBlocks": [WEB]}}]}, app="cart")),
        bound(policy("near", {"from": [{"source": {"ipBlocks": [WEB]}}]}, app="cart")),
        ask(), admitted(SIDECARS, "near"), refused(THROUGH, _UNAVAILABLE, "near"),
    ),
    Case(
        "D04", "a policy of the namespace is not read by the waypoint",
        sidecars(_deny()), bound(_deny()),
        ask(DELETE), refused(SIDECARS, _FORBIDDEN, "no-delete"), admitted(THROUGH),
    ),
    _same(
        "D05", "nobody gets in", (policy("readers", methods("GET"), app="cart"),),
        ask(), admitted(SIDECARS, "readers"), refused(ZTUNNELS, _RESET, "readers", lost=("methods",)),
    ),
    _same(
        "D06", "everybody gets in", (_deny(app="cart"),),
        ask(DELETE), refused(SIDECARS, _FORBIDDEN, "no-delete"), admitted(ZTUNNELS),
    ),
    _same(
        "D07", "a denied method becomes a denied port",
        (policy("no-delete", {"to": [{"operation": {"ports": ["8080"], "methods": ["DELETE"]}}]}, action="DENY", app="cart"),),
        ask(), admitted(SIDECARS), refused(ZTUNNELS, _RESET, "no-delete", lost=("methods",)),
    ),
    _same(
        "D08", "the external authorizer is not asked", (_PROVIDERS, policy("checked", methods("GET"), app="cart", **_CUSTOM)),
        ask(authorizer=Answers.DENIES), refused(SIDECARS, _FORBIDDEN, "checked"), admitted(ZTUNNELS),
    ),
    at("1.31", _same(
        "D09", "beside a namespace the trust domain is forgotten",
        (policy("partner", {"from": [{"source": {"trustDomains": ["partner.example"], "namespaces": ["shop"]}}]}, app="cart"),),
        ask(), refused(SIDECARS, _FORBIDDEN, "partner"), admitted(ZTUNNELS, "partner"),
    )),
    at("1.31", _same(
        "D09", "alone the trust domain admits nobody",
        (policy("own", {"from": [{"source": {"trustDomains": ["cluster.local"]}}]}, app="cart"),),
        ask(), admitted(SIDECARS, "own"), refused(ZTUNNELS, _RESET, "own"),
    )),
    _same(
        "D10", "a principal of the old trust domain", (
            mesh_config(trustDomain="new.example", trustDomainAliases=["old.example"]),
            policy("web-only", {"from": [{"source": {"principals": ["old.example/ns/shop/sa/web"]}}]}, app="cart"),
        ),
        ask(), admitted(SIDECARS, "web-only"), refused(ZTUNNELS, _RESET, "web-only"),
    ),
    _same(
        "D10", "and a refusal of one", (
            mesh_config(trustDomain="new.example", trustDomainAliases=["old.example"]),
            policy("not-web", {"from": [{"source": {"principals": ["old.example/ns/shop/sa/web"]}}]}, app="cart", action="DENY"),
        ),
        ask(), refused(SIDECARS, _FORBIDDEN, "not-web"), admitted(ZTUNNELS),
    ),
    _same(
        "D11", "a star within a namespace", (policy("shops", {"from": [{"source": {"namespaces": ["s*p"]}}]}, app="cart"),),
        ask(), admitted(SIDECARS, "shops"), refused(ZTUNNELS, _RESET, "shops"),
    ),
    _same(
        "D12", "a condition on the service account",
        (policy("web-only", {"when": [{"key": "source.serviceAccount", "values": ["shop/web"]}]}, app="cart"),),
        ask(), admitted(SIDECARS, "web-only"), refused(ZTUNNELS, _RESET, "web-only"),
    ),
    _same(
        "D12", "and one on the client's address, in a refusal",
        (policy("not-web", {"when": [{"key": "remote.ip", "values": [WEB]}]}, app="cart", action="DENY"),),
        ask(), refused(SIDECARS, _FORBIDDEN, "not-web"), admitted(ZTUNNELS),
    ),
    _same(
        "D13", "nobody reports what a dry run would have done", (_dry_run(_deny(app="cart")),),
        ask(DELETE), admitted(SIDECARS, shadowed=("no-delete",)), admitted(ZTUNNELS, shadowed=()),
    ),
    _same(
        "D14", "a rule with an unknown key is no rule in both",
        (policy("typo", {"when": [{"key": "request.heders[x]", "values": ["1"]}]}, app="cart", action="DENY"),),
        ask(), admitted(SIDECARS), admitted(ZTUNNELS),
    ),
    _same(
        "D15", "a refusal has no status", (policy("others", callers("desk"), app="cart"),),
        ask(), refused(SIDECARS, _FORBIDDEN, "others"), refused(ZTUNNELS, _RESET, "others"),
    ),
    Case(
        "D17", "the waypoint that has the policy is not there",
        sidecars(_deny(app="cart")), ambient(_deny(service="cart"), labels=BOUND),
        ask(DELETE), refused(SIDECARS, _FORBIDDEN, "no-delete"), admitted(ZTUNNELS, bypass=Bypass.UNAVAILABLE),
    ),
    Case(
        "D17", "the waypoint does not admit the Service's namespace",
        sidecars(_deny(app="cart")),
        ambient(_deny(service="cart"), waypoint(space="infra"), labels={**BOUND, "istio.io/use-waypoint-namespace": "infra"}),
        ask(DELETE), refused(SIDECARS, _FORBIDDEN, "no-delete"), admitted(ZTUNNELS, bypass=Bypass.UNAVAILABLE),
    ),
    Case(
        "D18", "a pod's address leads past the policy of the Service",
        sidecars(_deny(app="cart")), bound(_deny(service="cart")),
        ask(DELETE, host=CART, port=8080),
        refused(SIDECARS, _FORBIDDEN, "no-delete"), admitted(ZTUNNELS, bypass=Bypass.POD),
    ),
    Case(
        "D18", "a headless Service has no address of its own",
        sidecars(_deny(app="cart"), headless=True), bound(_deny(service="cart"), headless=True),
        ask(DELETE, port=8080), refused(SIDECARS, _FORBIDDEN, "no-delete"), admitted(ZTUNNELS, bypass=Bypass.POD),
    ),
    Case(
        "D19", "a second Service leads past the policy of the first",
        sidecars(_deny(app="cart"), service("cart-debug", selector={"app": "cart"})),
        bound(_deny(service="cart"), service("cart-debug", selector={"app": "cart"})),
        ask(DELETE, host="cart-debug"),
        refused(SIDECARS, _FORBIDDEN, "no-delete"), admitted(ZTUNNELS, bypass=Bypass.OTHER_SERVICE),
    ),
    Case(
        "D20", "one version of the Service is guarded",
        (*_versions("sidecar"), service("cart"), _deny(labels={"version": "v2"})),
        (*_versions("ambient"), service("cart", labels=BOUND), *waypoint(), _deny(service="cart")),
        ask(DELETE),
        depends(SIDECARS, ways={"Deployment shop/cart-v1": "allow", "Deployment shop/cart-v2": "deny"}),
        refused(TO_WAYPOINT, _FORBIDDEN, "no-delete"),
    ),
    Case(
        "D21", "the Host header names another Service than the address",
        sidecars(
            policy("no-cart", {"to": [{"operation": {"hosts": ["cart"]}}]}, app="cart", action="DENY"),
            pods("menu", "sidecar"), service("menu"),
        ),
        bound(
            policy("no-cart", {"to": [{"operation": {"hosts": ["cart"]}}]}, service="cart", action="DENY"),
            pods("menu", "ambient"), service("menu", labels=BOUND),
        ),
        ask(get(host="cart"), host="menu"),
        refused(SIDECARS, _FORBIDDEN, "no-cart"), admitted(THROUGH, destination="menu"),
    ),
    Case(
        "D22", "a mesh-wide policy loses its selector",
        sidecars(policy("no-delete", methods("DELETE"), action="DENY", space="istio-system", labels={"tier": "data"})),
        bound(policy(
            "no-delete", methods("DELETE"), action="DENY", space="istio-system",
            targetRefs=[{"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"}],
        )),
        ask(DELETE), admitted(SIDECARS), refused(TO_WAYPOINT, _FORBIDDEN, "no-delete"),
    ),
    Case(
        "D23", "a caller that does not pass the waypoint",
        sidecars(istiod(PILOT_AUTO_ALLOW_WAYPOINT_POLICY="true")),
        bound(istiod(PILOT_AUTO_ALLOW_WAYPOINT_POLICY="true"), client="sidecar"),
        ask(), admitted(SIDECARS),
        refused((Proxy.SIDECAR_OUT, Proxy.ZTUNNEL_IN), _UNAVAILABLE, "istio_allow_waypoint_shop_waypoint"),
    ),
    Case(
        "D24", "a policy for pods of the waypoint's team",
        sidecars(istiod(ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES="true"), policy("desk", callers("desk"), labels={"team": "infra"})),
        pair(
            "ambient", "ambient", istiod(ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES="true"),
            waypoint(labels={"team": "infra"}), policy("desk", callers("desk"), labels={"team": "infra"}), labels=BOUND,
        ),
        ask(), admitted(SIDECARS), refused(TO_WAYPOINT, _RESET, "desk"),
    ),
    Case(
        "D25", "two authorizers meet on one waypoint",
        sidecars(_PROVIDERS, policy("checked", methods("GET"), app="cart", **_CUSTOM)),
        bound(
            _PROVIDERS, policy("checked", methods("GET"), gateway="waypoint", **_CUSTOM),
            policy("menu", methods("GET"), gateway="waypoint", action="CUSTOM", provider={"name": "other"}),
        ),
        ask(authorizer=Answers.ALLOWS), admitted(SIDECARS, "checked"), refused(TO_WAYPOINT, _FORBIDDEN, "checked"),
    ),
)  # fmt: skip

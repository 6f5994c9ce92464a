"""Scenes of area A: AuthorizationPolicy."""

from typing import Any

from sidestep.demo.scene import Object, Question, Scene
from sidestep.demo.words import (
    AUTHORIZER,
    BOUND,
    DELETE,
    ROOT,
    ambient,
    bound,
    callers,
    deny,
    istiod,
    mesh_config,
    methods,
    pods,
    policy,
    service,
    sidecars,
    spaces,
    waypoint,
)
from sidestep.semantics.requests import Answers

_PORT = {"to": [{"operation": {"ports": ["8080"]}}]}
_CUSTOM: dict[str, Any] = {"action": "CUSTOM", "provider": {"name": "checks"}}
_SERVED_BY = {
    "envoyExtAuthzHttp": {
        "service": "checks.shop.svc.cluster.local",
        "port": 80,
        "includeRequestHeadersInCheck": ["x-ext-authz"],
    }
}
_AUTHORIZER: tuple[Object, ...] = (
    mesh_config(extensionProviders=[{"name": "checks", **_SERVED_BY}, {"name": "other", **_SERVED_BY}]),
    pods(AUTHORIZER, "none", behaviour={"service": "authorizer"}),
    service(AUTHORIZER),
)
_RENAMED: dict[str, Any] = {"trust_domain": "new.example", "aliases": ("old.example",)}
_ALIASES = mesh_config(trustDomain="new.example", trustDomainAliases=["old.example"])
_OLD_NAME = {"from": [{"source": {"principals": ["old.example/ns/shop/sa/web"]}}]}
_DELETE, _PLAIN = Question(**DELETE), Question()


_ADMITTING = istiod("1.30.0", PILOT_AUTO_ALLOW_WAYPOINT_POLICY="true")
_LAYERED = istiod("1.30.0", ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES="true")
_INFRA = {"team": "infra"}
_DESK_ONLY = policy("desk", callers("desk"), labels=_INFRA)


def _same(code: str, name: str, *objects: Object, question: Question = _PLAIN, **more: Any) -> Scene:
    """The same objects in both meshes, without a waypoint."""
    return Scene(code, name, sidecars(*objects), ambient(*objects), question, **more)


def _shut(account: str, **where: Any) -> Object:
    return policy("shut-out", callers(account), action="DENY", **where)


def _open(name: str, before: Object | None, then: Object) -> Scene:
    """A connection of bytes is open while a policy comes or changes, which refuses another one."""
    there = (before,) if before else ()
    kept = Question(kept=True)
    return Scene("D16", name, sidecars(*there, protocol="tcp"), ambient(*there, protocol="tcp"), kept, then=(then,))


def _versions(mode: str, *more: Object) -> tuple[Object, ...]:
    made = [pods(f"cart-{each}", mode, labels={"app": "cart", "version": each}) for each in ("v1", "v2")]
    return (*spaces(), pods("web", mode), *made, *more)


AUTHORIZATION: tuple[Scene, ...] = (
    Scene(
        "D01",
        "a rule on the target port moves to the waypoint as it stands",
        sidecars(policy("port", _PORT, app="cart")),
        bound(policy("port", _PORT, service="cart")),
    ),
    Scene(
        "D01",
        "a denied port is no longer denied",
        sidecars(policy("port", _PORT, app="cart", action="DENY")),
        bound(policy("port", _PORT, service="cart", action="DENY")),
    ),
    Scene(
        "D02",
        "the pod admits callers by name, and the waypoint is none of them",
        sidecars(policy("web-only", callers("web"), app="cart")),
        bound(policy("web-only", callers("web"), app="cart")),
    ),
    Scene(
        "D02",
        "the pod refuses a caller by name, and the waypoint speaks for it",
        sidecars(policy("not-web", callers("web"), app="cart", action="DENY")),
        bound(policy("not-web", callers("web"), app="cart", action="DENY")),
    ),
    Scene(
        "D03",
        "the pod admits addresses, and the waypoint has another",
        sidecars(policy("near", {"from": [{"source": {"ipBlocks": ["{web}"]}}]}, app="cart")),
        bound(policy("near", {"from": [{"source": {"ipBlocks": ["{web}"]}}]}, app="cart")),
    ),
    Scene("D04", "a policy of the namespace is not read by the waypoint", sidecars(deny()), bound(deny()), _DELETE),
    _same("D05", "nobody gets in", policy("readers", methods("GET"), app="cart")),
    _same("D06", "everybody gets in", deny(app="cart"), question=_DELETE),
    _same(
        "D07",
        "a denied method becomes a denied port",
        policy(
            "no-delete", {"to": [{"operation": {"ports": ["8080"], "methods": ["DELETE"]}}]}, action="DENY", app="cart"
        ),
    ),
    _same(
        "D08",
        "the external authorizer is not asked",
        *_AUTHORIZER,
        policy("checked", methods("GET"), app="cart", **_CUSTOM),
        question=Question(authorizer=Answers.DENIES),
    ),
    _same(
        "D09",
        "beside a namespace the trust domain is forgotten",
        istiod("1.31.0"),
        policy(
            "partner", {"from": [{"source": {"trustDomains": ["partner.example"], "namespaces": ["shop"]}}]}, app="cart"
        ),
    ),
    _same(
        "D09",
        "alone the trust domain admits nobody",
        istiod("1.31.0"),
        policy("own", {"from": [{"source": {"trustDomains": ["cluster.local"]}}]}, app="cart"),
    ),
    _same(
        "D10",
        "a principal of the old trust domain",
        _ALIASES,
        policy("web-only", _OLD_NAME, app="cart"),
        settings=_RENAMED,
    ),
    _same(
        "D10",
        "and a refusal of one",
        _ALIASES,
        policy("not-web", _OLD_NAME, app="cart", action="DENY"),
        settings=_RENAMED,
    ),
    _same(
        "D11", "a star within a namespace", policy("shops", {"from": [{"source": {"namespaces": ["s*p"]}}]}, app="cart")
    ),
    _same(
        "D12",
        "a condition on the service account",
        policy("web-only", {"when": [{"key": "source.serviceAccount", "values": ["shop/web"]}]}, app="cart"),
    ),
    _same(
        "D12",
        "and one on the client's address, in a refusal",
        policy("not-web", {"when": [{"key": "remote.ip", "values": ["{web}"]}]}, app="cart", action="DENY"),
    ),
    _same("D15", "a refusal has no status", policy("others", callers("desk"), app="cart")),
    _open("a policy by selector changes", _shut("desk", app="cart"), _shut("web", app="cart")),
    _open("the namespace gets a policy", None, _shut("web")),
    _open("a policy by selector is new: what is open stays open", None, _shut("web", app="cart")),
    Scene(
        "D17",
        "the waypoint that has the policy is not there",
        sidecars(deny(app="cart")),
        ambient(deny(service="cart"), labels=BOUND),
        _DELETE,
    ),
    Scene(
        "D18",
        "a pod's address leads past the policy of the Service",
        sidecars(deny(app="cart")),
        bound(deny(service="cart")),
        Question(host="{cart}", port=8080, **DELETE),
    ),
    Scene(
        "D18",
        "a headless Service has no address of its own",
        sidecars(deny(app="cart"), headless=True),
        bound(deny(service="cart"), headless=True),
        Question(port=8080, **DELETE),
    ),
    Scene(
        "D19",
        "a second Service leads past the policy of the first",
        sidecars(deny(app="cart"), service("cart-debug", selector={"app": "cart"})),
        bound(deny(service="cart"), service("cart-debug", selector={"app": "cart"})),
        Question(host="cart-debug", **DELETE),
    ),
    Scene(
        "D20",
        "one version of the Service is guarded",
        _versions("sidecar", service("cart"), deny(labels={"version": "v2"})),
        _versions("ambient", service("cart", labels=BOUND), waypoint(), deny(service="cart")),
        Question(times=12, **DELETE),
    ),
    Scene(
        "D21",
        "the Host header names another Service than the address",
        sidecars(
            policy("no-cart", {"to": [{"operation": {"hosts": ["cart"]}}]}, app="cart", action="DENY"),
            pods("menu", "sidecar"),
            service("menu"),
        ),
        bound(
            policy("no-cart", {"to": [{"operation": {"hosts": ["cart"]}}]}, service="cart", action="DENY"),
            pods("menu", "ambient"),
            service("menu", labels=BOUND),
        ),
        Question(host="menu", authority="cart"),
    ),
    Scene(
        "D22",
        "a mesh-wide policy loses its selector",
        sidecars(deny(space=ROOT, labels={"tier": "data"})),
        bound(
            policy(
                "no-delete",
                methods("DELETE"),
                action="DENY",
                space=ROOT,
                targetRefs=[{"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"}],
            )
        ),
        _DELETE,
    ),
    Scene(
        "D23",
        "a caller that still has a sidecar does not pass the waypoint",
        sidecars(_ADMITTING),
        bound(_ADMITTING, client="sidecar"),
    ),
    Scene(
        "D23",
        "and whoever dials a pod's address does not, either",
        sidecars(_ADMITTING),
        bound(_ADMITTING),
        Question(host="{cart}", port=8080),
    ),
    Scene(
        "D24",
        "a policy for pods of the waypoint's team",
        sidecars(_LAYERED, _DESK_ONLY),
        ambient(_LAYERED, _DESK_ONLY, waypoint(labels=_INFRA), labels=BOUND),
    ),
    Scene(
        "D25",
        "two authorizers meet on one waypoint",
        sidecars(*_AUTHORIZER, policy("checked", methods("GET"), app="cart", **_CUSTOM)),
        bound(
            *_AUTHORIZER,
            policy("checked", methods("GET"), gateway="waypoint", **_CUSTOM),
            policy("menu", methods("GET"), gateway="waypoint", action="CUSTOM", provider={"name": "other"}),
        ),
        Question(headers={"x-ext-authz": "allow"}, authorizer=Answers.ALLOWS),
    ),
)

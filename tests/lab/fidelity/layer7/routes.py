"""Services by chance, and what routes and DestinationRules say about requests to them."""

from collections.abc import Sequence
from random import Random
from typing import Any

from tests.lab.fidelity.layer7.population import ADMIN, APPS, EDGE, GATEWAY, GRPC, HTTP, WAYPOINT
from tests.lab.fidelity.meshes import Object, thing

NETWORKING, ROUTES = "networking.istio.io/v1", "gateway.networking.k8s.io/v1"
PORTS = {
    80: {"name": "http", "targetPort": HTTP},
    81: {"name": "tcp-admin", "targetPort": ADMIN},
    82: {"name": "any", "targetPort": HTTP},
    83: {"name": "grpc", "targetPort": GRPC},
    84: {"name": "http-admin", "targetPort": "admin"},
}
"""What Services may have; all have the first."""
RPC = 83
PATHS = ("/", "/a", "/a/b", "/api/v1/x", "/A", "/ab", "/a?q=1", "/a?q=2&r=x", "/b/", "/redirect")
METHODS = ("GET", "POST", "DELETE")
HEADERS = {"x-user": ("ann", "bob", ""), "x-team": ("red", "blue"), "x-more": ("a,b", "1")}
_FRESH = {"connectionPool": {"http": {"maxRequestsPerConnection": 1}}}
"""Each request has a connection of its own: what is open is not judged by what is said later."""
_USE, _USE_SPACE, _INGRESS = "istio.io/use-waypoint", "istio.io/use-waypoint-namespace", "istio.io/ingress-use-waypoint"


def services(chance: Random) -> list[Object]:
    """One for most applications, now and then one more in front of the same pods, or in front of nobody."""
    wanted = [(space, app, {"app": app}) for space, app in APPS if chance.random() < 0.9]
    wanted += [(space, "more", chance.choice(_FURTHER[space])) for space in _FURTHER if chance.random() < 0.3]
    return [_service(chance, *each) for each in wanted]


_FURTHER: dict[str, tuple[Object, ...]] = {
    "shop": ({"tier": "front"}, {"app": "web", "version": "v2"}, {"app": "nobody"}),
    "back": ({"tier": "rear"}, {"app": "stock", "version": "v1"}, {"app": "nobody"}),
}


def _service(chance: Random, space: str, name: str, selector: Object) -> Object:
    numbers = [80, *chance.sample(sorted(PORTS)[1:], chance.choice((0, 1, 2, 3)))]
    spec: Object = {"selector": selector, "ports": [{"port": number, **PORTS[number]} for number in numbers]}
    if chance.random() < 0.08 and "nobody" not in selector.values():
        spec["clusterIP"] = "None"
    labels = {}
    if space != "plain" and chance.random() < (0.65 if space == "back" else 0.35):
        labels[_USE] = WAYPOINT
        if chance.random() < 0.15:
            labels[_USE_SPACE] = chance.choice(("shop", "back", "nowhere"))
    if labels and chance.random() < 0.5:
        labels[_INGRESS] = "true"
    return thing("v1", "Service", name, space, spec, labels=labels)


def routes(chance: Random, made: Sequence[Object]) -> list[Object]:
    """Of VirtualServices, HTTPRoutes and GRPCRoutes some, of DestinationRules one for each namespace and more."""
    found = [_rule("all", space, f"*.{space}.svc.cluster.local", {}) for space in ("shop", "back", "plain")]
    for service in made:
        meta = service["metadata"]
        if chance.random() < 0.45:
            found.append(_virtual_service(chance, service, made))
        if chance.random() < 0.35:
            found.append(_http_route(chance, service, made, {"kind": "Service", "group": "", "name": meta["name"]}))
        if chance.random() < 0.3:
            front = {"name": GATEWAY, "namespace": EDGE}
            found.append(_http_route(chance, service, made, front, front=True))
        if chance.random() < 0.2 and any(each["port"] == RPC for each in service["spec"]["ports"]):
            found.append(_grpc_route(chance, service))
        if chance.random() < 0.5:
            found.append(_subsets(chance, meta["namespace"], meta["name"]))
    return found


def _rule(name: str, space: str, host: str, spec: Object, policy: Object | None = None) -> Object:
    whole = {"host": host, "trafficPolicy": {**_FRESH, **(policy or {})}, **spec}
    return thing(NETWORKING, "DestinationRule", name, space, whole)


def _subsets(chance: Random, space: str, name: str) -> Object:
    subsets = [{"name": version, "labels": {"version": version}} for version in ("v1", "v2")]
    tls = chance.choice(({},) * 6 + ({"tls": {"mode": "DISABLE"}}, {"tls": {"mode": "ISTIO_MUTUAL"}}))
    balanced: Object = chance.choice(({}, {"loadBalancer": {"simple": "ROUND_ROBIN"}}))
    return _rule(name, space, f"{name}.{space}.svc.cluster.local", {"subsets": subsets}, {**tls, **balanced})


def sidecars(chance: Random) -> list[Object]:
    """What sidecars know of the mesh, where it is said."""
    if chance.random() < 0.75:
        return []
    hosts = chance.choice((["./*"], ["./*", "back/*"], ["*/*"], ["./web.shop.svc.cluster.local", "plain/*"]))
    policy: Object = chance.choice(({}, {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}))
    return [thing(NETWORKING, "Sidecar", "default", "shop", {"egress": [{"hosts": hosts}], **policy})]


def _text(chance: Random, *values: str) -> Object:
    value = chance.choice(values)
    return chance.choice(
        ({"exact": value}, {"prefix": value[:3]}, {"regex": value[:2].replace("/", "/?") + ".*"}, {"exact": value})
    )


def _match(chance: Random) -> Object:
    """Of a VirtualService."""
    found: Object = {}
    names = chance.sample(("uri", "method", "headers", "queryParams", "withoutHeaders", "authority", "port", "source", "case"), chance.choice((1, 1, 2)))  # fmt: skip
    for name in names:
        match name:
            case "uri" | "case":
                found["uri"] = _text(chance, *PATHS[:5])
                found |= {"ignoreUriCase": True} if name == "case" else {}
            case "method":
                found["method"] = {"exact": chance.choice(METHODS)}
            case "headers" | "withoutHeaders":
                header = chance.choice(sorted(HEADERS))
                found[name] = {header: chance.choice(({}, _text(chance, *HEADERS[header])))}
            case "queryParams":
                found["queryParams"] = {"q": chance.choice(({"exact": "1"}, {"regex": "[0-9]"}))}
            case "authority":
                found["authority"] = chance.choice(({"prefix": "web"}, {"exact": "cart.shop"}, {"regex": ".*back.*"}))
            case "port":
                found["port"] = chance.choice((80, 82))
            case _:
                found |= chance.choice(({"sourceNamespace": "shop"}, {"sourceLabels": {"app": "web"}}, {"sourceLabels": {"tier": "front"}}))  # fmt: skip
    return found


def _edits(chance: Random) -> Object:
    """Of headers, both ways."""
    sides = {}
    for side in chance.sample(("request", "response"), chance.choice((1, 2))):
        sides[side] = chance.choice(
            ({"set": {"x-user": "edited"}}, {"add": {"x-edit": "1"}}, {"remove": ["x-team"]},
             {"set": {"x-edit": "2"}, "add": {"x-more": "c"}, "remove": ["x-user"]}))  # fmt: skip
    return sides


def _destinations(chance: Random, service: Object, made: Sequence[Object]) -> list[Object]:
    """One, or several with weights; subsets among them, and now and then somebody who is not there."""
    found = []
    number = chance.choice((1, 1, 2))
    for at in range(number):
        to = chance.choice((service, service, chance.choice(made)))["metadata"]
        host = chance.choice((f"{to['name']}.{to['namespace']}.svc.cluster.local",) * 12 + ("gone.shop.svc.cluster.local",))  # fmt: skip
        aim: Object = {"host": host}
        if chance.random() < 0.3:
            aim["subset"] = chance.choice(("v1", "v2"))
        if chance.random() < 0.2:
            aim["port"] = {"number": 80}
        weight = {"weight": 50 if number == 2 else 100} if number == 2 else {}
        more = {"headers": _edits(chance)} if chance.random() < 0.1 and at == 0 else {}
        found.append({"destination": aim, **weight, **more})
    return found


def _http(chance: Random, service: Object, made: Sequence[Object], *, last: bool) -> Object:
    """One rule of a VirtualService."""
    found: Object = {} if last else {"match": [_match(chance) for _ in range(chance.choice((1, 1, 2)))]}
    if chance.random() < 0.25:
        found["headers"] = _edits(chance)
    match chance.randrange(10):
        case 0:
            return {**found, "redirect": chance.choice(({"uri": "/new"}, {"authority": "new.example", "redirectCode": 302}))}  # fmt: skip
        case 1:
            return {**found, "directResponse": {"status": chance.choice((200, 418, 503))}}
        case 2:
            found["fault"] = {"abort": {"httpStatus": chance.choice((418, 503)), "percentage": {"value": 100}}}
        case 3:
            found["rewrite"] = chance.choice(({"uri": "/re"}, {"authority": "re.example"}, {"uri": "/", "authority": "cart.shop"}))  # fmt: skip
        case 4:
            found["timeout"] = "20s"
        case 5:
            found["retries"] = {"attempts": 0}
    return {**found, "route": _destinations(chance, service, made)}


def _virtual_service(chance: Random, service: Object, made: Sequence[Object]) -> Object:
    meta = service["metadata"]
    full = f"{meta['name']}.{meta['namespace']}.svc.cluster.local"
    host = chance.choice((full, full, full, meta["name"], f"*.{meta['namespace']}.svc.cluster.local"))
    rules = [_http(chance, service, made, last=False) for _ in range(chance.choice((0, 1, 2)))]
    rules += [_http(chance, service, made, last=True)] if not rules or chance.random() < 0.8 else []
    more = {"exportTo": [chance.choice((".", "*"))]} if chance.random() < 0.1 else {}
    return thing(NETWORKING, "VirtualService", f"of-{meta['name']}", meta["namespace"], {"hosts": [host], "http": rules, **more})  # fmt: skip


def _api_match(chance: Random) -> Object:
    """Of an HTTPRoute."""
    found: Object = {}
    for name in chance.sample(("path", "method", "headers", "queryParams"), chance.choice((1, 1, 2))):
        match name:
            case "path":
                kind = chance.choice(("Exact", "PathPrefix", "PathPrefix", "RegularExpression"))
                path = chance.choice(("/", "/a", "/a/b", "/api"))
                found["path"] = {"type": kind, "value": f"{path}.*" if kind == "RegularExpression" else path}
            case "method":
                found["method"] = chance.choice(METHODS)
            case "headers":
                found["headers"] = [{"name": "x-user", "value": chance.choice(("ann", "bob"))}]
            case _:
                found["queryParams"] = [{"name": "q", "value": "1"}]
    return found


def _filter(chance: Random) -> Object:
    changed = {"set": [{"name": "x-user", "value": "edited"}], "add": [{"name": "x-edit", "value": "1"}], "remove": ["x-team"]}  # fmt: skip
    name = chance.choice(("RequestHeaderModifier", "RequestHeaderModifier", "ResponseHeaderModifier", "URLRewrite", "RequestRedirect"))  # fmt: skip
    some = {key: changed[key] for key in chance.sample(sorted(changed), chance.choice((1, 2)))}
    told: dict[str, Any] = {
        "RequestHeaderModifier": some, "ResponseHeaderModifier": some,
        "URLRewrite": chance.choice((
            {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/re"}}, {"hostname": "re.example"})),
        "RequestRedirect": chance.choice(({"statusCode": 302, "path": {"type": "ReplaceFullPath", "replaceFullPath": "/new"}}, {"hostname": "new.example"})),
    }  # fmt: skip
    return {"type": name, f"{name[0].lower()}{name[1:]}" if name != "URLRewrite" else "urlRewrite": told[name]}


def _http_route(
    chance: Random, service: Object, made: Sequence[Object], parent: Object, *, front: bool = False
) -> Object:
    meta = service["metadata"]
    rules = []
    for _ in range(chance.choice((1, 1, 2))):
        rule: Object = {"matches": [_api_match(chance)]} if chance.random() < 0.6 else {}
        if chance.random() < 0.4:
            rule["filters"] = [_filter(chance)]
        if not any(each["type"] == "RequestRedirect" for each in rule.get("filters", ())):
            others = [each for each in made if each["metadata"]["namespace"] == meta["namespace"]]
            several = [service, *chance.sample(others, chance.choice((0, 0, 1)))]
            refs = [{"name": each["metadata"]["name"], "port": 80, "weight": 1} for each in several]
            rule["backendRefs"] = refs if chance.random() < 0.93 else [{"name": "gone", "port": 80}]
        rules.append(rule)
    hosts = {"hostnames": [f"{meta['name']}.example"]} if front else {}
    name = f"{'front' if front else 'mesh'}-{meta['name']}"
    return thing(ROUTES, "HTTPRoute", name, meta["namespace"], {"parentRefs": [parent], "rules": rules, **hosts})


def _grpc_route(chance: Random, service: Object) -> Object:
    meta = service["metadata"]
    match = chance.choice(({"method": {"service": "shop.Cart"}}, {"method": {"service": "shop.Cart", "method": "Get"}}, {"headers": [{"name": "x-user", "value": "ann"}]}))  # fmt: skip
    rule = {"matches": [match], "backendRefs": [{"name": meta["name"], "port": RPC}]}
    parent = {"kind": "Service", "group": "", "name": meta["name"]}
    return thing(ROUTES, "GRPCRoute", f"rpc-{meta['name']}", meta["namespace"], {"parentRefs": [parent], "rules": [rule]})  # fmt: skip

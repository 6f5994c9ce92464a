"""Faults and other words in where routes and rules stand: their parents, gateways, namespaces, and who else speaks."""

import copy
from typing import Any

from tests.prove.by_hand import (
    PARENTS,
    PEOPLE,
    WAYPOINT,
    Scene,
    bound,
    far,
    people,
    subsets,
)
from tests.prove.routes_by_hand import (
    CART,
    JOB,
    RANDOM,
    ROUND,
    SAME,
    STANDING,
    WEB,
    at,
    rules,
    said,
    shares,
    under,
)
from tests.semantics.routing.meshes import dr, route, vs
from tests.support.scenes import m, mesh_config, pods, service, waypoint


def routed(*told: Any, kind="HTTPRoute", name="cart", space="shop", version="v1", parents=PARENTS, **more):
    made = route(kind, name, {"parentRefs": parents, "rules": list(told), **more}, space)
    return {**made, "apiVersion": f"gateway.networking.k8s.io/{version}"}


def ref(name, port=80, **more):
    return {"name": name, "port": port, **more}


def path(value, kind="PathPrefix", **more):
    return [{"path": {"type": kind, "value": value}, **more}]


def rewrite(path=None, **more):
    return {"type": "URLRewrite", "urlRewrite": {**more, **({"path": path} if path else {})}}


def prefix(value):
    return {"type": "ReplacePrefixMatch", "replacePrefixMatch": value}


def edit(kind="Request", **told):
    return {"type": f"{kind}HeaderModifier", f"{kind.lower()}HeaderModifier": told}


ENV = [{"name": "X-Env", "value": "p"}]
A = {"matches": path("/a", headers=ENV), "backendRefs": [ref("web")]}
REST = {"backendRefs": [ref("cart")]}
SET = edit(set=[{"name": "X-A", "value": "1"}], remove=["x-b"])
SHAPED = {**A, "timeouts": {"request": "10s"}, "filters": [SET, rewrite(prefix("/z"))]}
CALL = {"matches": [{"method": {"service": "a.B", "method": "C"}}], "backendRefs": [ref("web")]}


def first(**more):
    return routed({**A, **more}, REST)


def shaped(**more):
    return routed({**SHAPED, **more}, REST)


def called(**method):
    return routed({**CALL, "matches": [{"method": method}]}, REST, kind="GRPCRoute")


def speaking(protocol):
    """In ambient, all Services of one protocol, and cart behind a waypoint."""
    lists = (pods(name, "ambient") for name in PEOPLE)
    own = [bound("cart", protocol=protocol), *(service(name, protocol=protocol) for name in ("web", "job"))]
    return [m.o.namespace("shop"), *(each for listed in lists for each in listed), *own, *waypoint()]


ROUTES = {
    "a route's rules": Scene(
        [*WAYPOINT, *far("ambient")], first(),
        {
            "header lost": first(matches=path("/a")),
            "header by expression": first(matches=path("/a", headers=[{**ENV[0], "type": "RegularExpression", "value": "p.*"}])),
            "a parameter more": first(matches=path("/a", headers=ENV, queryParams=[{"name": "q", "value": "1"}])),
            "rewritten": first(filters=[rewrite(prefix("/"))]),
            "another host": first(filters=[rewrite(hostname="x.example")]),
            "redirected": routed({"matches": A["matches"], "filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "x.example"}}]}, REST),
            "mirrored": first(filters=[{"type": "RequestMirror", "requestMirror": {"backendRef": ref("job")}}]),
            "answer edited": first(filters=[edit("Response", remove=["server"])]),
            "tried again": first(retry={"attempts": 5, "codes": [500]}),
            "attempts shorter": first(timeouts={"backendRequest": "2s"}),
            "no backend": first(backendRefs=[]),
            "of no weight": first(backendRefs=[ref("web", weight=0)]),
            "of no port": first(backendRefs=[ref("web", 81)]),
            "of another namespace": first(backendRefs=[ref("web", namespace="depot")]),
            "CORS": first(filters=[{"type": "CORS", "cors": {"allowOrigins": ["https://a.example"]}}]),
            "refused whole": first(filters=[{"type": "ExtensionRef", "extensionRef": {"group": "x", "kind": "Y", "name": "z"}}]),
            "behind all, by expression": first(matches=path("/a(/.*)?", "RegularExpression", headers=ENV)),
        },
        {
            "other case": first(matches=path("/a/", headers=[{"name": "x-env", "value": "p", "type": "Exact"}])),
            "types unsaid": first(matches=[{"path": {"value": "/a"}, "headers": ENV}]),
            "one with a weight": first(backendRefs=[ref("web", weight=3), ref("job", weight=0)]),
            "parent in full": routed(A, REST, parents=[{**PARENTS[0], "namespace": "shop"}]),
            "backend in full": first(backendRefs=[ref("web", kind="Service", group="", namespace="shop")]),
            "named rules": routed({**A, "name": "one"}, {**REST, "name": "two"}),
            "of an old version": routed(A, REST, version="v1beta1"),
            "with hosts": routed(A, REST, hostnames=["x.example"]),
        },
    ),
    "a route's filters": Scene(
        WAYPOINT, shaped(),
        {
            "shorter": shaped(timeouts={"request": "1s"}),
            "no limit": shaped(timeouts={}),
            "not rewritten": shaped(filters=[SET]),
            "not edited": shaped(filters=[rewrite(prefix("/z"))]),
            "the whole path": shaped(filters=[SET, rewrite({"type": "ReplaceFullPath", "replaceFullPath": "/z"})]),
        },
        {
            "swapped": shaped(filters=SHAPED["filters"][::-1]),
            "in milliseconds": shaped(timeouts={"request": "10000ms"}),
            "with a slash": shaped(filters=[SET, rewrite(prefix("/z/"))]),
            "of its backend": shaped(filters=[rewrite(prefix("/z"))], backendRefs=[ref("web", filters=[edit(set=[{"name": "x-a", "value": "1"}], remove=["X-B"])])]),
        },
    ),
    "calls": Scene(
        speaking("grpc"), routed(CALL, REST, kind="GRPCRoute"),
        {
            "gone": None,
            "any method": called(service="a.B"),
            "any service": called(method="C"),
            "another": called(service="a.B", method="D"),
            "by expression": called(type="RegularExpression", service="a.B", method="C.*"),
            "with a header": routed({**CALL, "matches": [{**CALL["matches"][0], "headers": [{"name": "x", "value": "1"}]}]}, REST, kind="GRPCRoute"),
        },
        {
            "as paths": routed({**CALL, "matches": path("/a.B/C", "Exact")}, REST),
            "type said": called(type="Exact", service="a.B", method="C"),
        },
    ),
}  # fmt: skip


def tcp(*rules, **more):
    return vs("cart", {"hosts": ["cart"], "tcp": list(rules), **more})


def tls(host, *names, **more):
    hosts = ["cart", "*.cart.shop.svc.cluster.local"]
    return vs("cart", {"hosts": hosts, "tls": [{"match": [{"sniHosts": list(names), **more}], **host}]})


def in_sidecars(protocol, port):
    lists = (pods(name) for name in PEOPLE)
    space = m.o.labelled_namespace("shop", {"istio-injection": "enabled"})
    made = (service(name, protocol=protocol, port=port) for name in PEOPLE)
    return [space, *(each for listed in lists for each in listed), *made]


FROM_WEB = {"match": [{"sourceLabels": {"app": "web"}}], **JOB}
NAMES = ("a.cart.shop.svc.cluster.local", "cart.shop.svc.cluster.local")
STREAMS = {
    "connections": Scene(
        in_sidecars("tcp", 80), tcp(FROM_WEB, CART),
        {
            "gone": None,
            "of others": tcp({"match": [{"sourceLabels": {"app": "job"}}], **JOB}, CART),
            "of all": tcp(JOB),
            "of another port": tcp({"match": [{"sourceLabels": {"app": "web"}, "port": 81}], **JOB}, CART),
            "in halves": tcp({**FROM_WEB, "route": [{**each, "weight": 50} for each in (*JOB["route"], *CART["route"])]}, CART),
            "as HTTP": said(FROM_WEB, CART),
        },
        {
            "port said": tcp({"match": [{"sourceLabels": {"app": "web"}, "port": 80}], **JOB}, CART),
            "in full": tcp({**FROM_WEB, "route": [{"destination": {"host": "job.shop.svc.cluster.local", "port": {"number": 80}}}]}, CART),
            "rest by port": tcp(FROM_WEB, {"match": [{"port": 80}], **CART}),
        },
    ),
    "server names": Scene(
        in_sidecars("tls", 443), tls(WEB, *NAMES),
        {"gone": None, "one less": tls(WEB, NAMES[1]), "all below": tls(WEB, "*.cart.shop.svc.cluster.local"), "elsewhere": tls(JOB, *NAMES)},
        {"swapped": tls(WEB, *NAMES[::-1]), "port said": tls(WEB, *NAMES, port=443)},
    ),
}  # fmt: skip

EDGE = [*people(), *far(), *pods("edge", "gateway", ip="10.1.0.7")]
API_EDGE = [
    *people(),
    *far(),
    *pods("gg-istio", "gateway", ip="10.1.0.7", labels={"gateway.networking.k8s.io/gateway-name": "gg"}),
]
IN, LATE = under({"prefix": "/a"}, WEB), {**CART, "timeout": "3s"}
RULES = {"matches": path("/a"), "backendRefs": [ref("web")]}, REST
READY = {
    "addresses": [{"type": "IPAddress", "value": "10.1.0.7"}],
    "conditions": [{"type": "Programmed", "status": "True"}],
}


def server(*hosts, number=80, protocol="HTTP", **more):
    name = f"{protocol.lower()}-{number}"
    return {"port": {"number": number, "name": name, "protocol": protocol}, "hosts": list(hosts), **more}


def gateway(*servers, app="edge"):
    return m.o.istio("Gateway", "gw", "shop", {"selector": {"app": app}, "servers": list(servers)})


def entering(*http, hosts=("a.example.com",), gateways=("gw",), **more):
    return said(*(http or (IN, LATE)), hosts=hosts, name="in", gateways=list(gateways), **more)


def listening(**more):
    listener = {"name": "http", "port": 80, "protocol": "HTTP", **more}
    spec = {"gatewayClassName": "istio", "listeners": [listener]}
    return m.o.thing("gateway.networking.k8s.io/v1", "Gateway", m.o.meta("gg", "shop"), spec=spec, status=READY)


def parent(*rules, space="shop", hosts=("a.example.com",), **more):
    return routed(*(rules or RULES), parents=[{"name": "gg", **more}], hostnames=list(hosts), name="r", space=space)


def grant(to=None, version="v1beta1", **source):
    source = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop", **source}
    spec = {"from": [source], "to": to or [{"group": "", "kind": "Service"}]}
    return m.o.thing(f"gateway.networking.k8s.io/{version}", "ReferenceGrant", m.o.meta("g", "depot"), spec=spec)


GATEWAYS = {
    "routes of a gateway": Scene(
        [*EDGE, gateway(server("*.example.com"))], entering(),
        {
            "gone": None,
            "another host": entering(hosts=["b.example.com"]),
            "no host of it": entering(hosts=["a.example.org"]),
            "another gateway": entering(gateways=["other"]),
            "of the mesh": entering(gateways=["mesh"]),
            "of another namespace": entering(gateways=["depot/gw"]),
            "swapped": entering(LATE, IN),
            "no limit": entering(IN, CART),
            "of another port": entering({**IN, "match": [{**IN["match"][0], "port": 443}]}, LATE),
        },
        {
            "in full": entering(gateways=["shop/gw"], exportTo=["*"]),
            "port said": entering({**IN, "match": [{**IN["match"][0], "port": 80}]}, LATE),
            "gateway said": entering({**IN, "match": [{**IN["match"][0], "gateways": ["gw"]}]}, LATE),
        },
    ),
    "servers": Scene(
        [*EDGE, entering()], gateway(server("*.example.com")),
        {
            "another host": gateway(server("b.example.com")),
            "another port": gateway(server("*.example.com", number=8081)),
            "in TLS": gateway(server("*.example.com", number=443, protocol="HTTPS", tls={"mode": "SIMPLE", "credentialName": "c"})),
            "redirected": gateway(server("*.example.com", tls={"httpsRedirect": True})),
            "for another namespace": gateway(server("depot/*.example.com")),
        },
        {
            "for its own": gateway(server("shop/*.example.com")),
            "for any": gateway(server("*/*.example.com", "a.example.com")),
            "two": gateway(server("*.example.com"), server("*.example.org", number=8081)),
        },
    ),
    "parents": Scene(
        [*API_EDGE, listening()], parent(),
        {
            "gone": None,
            "another listener": parent(sectionName="other"),
            "another host": parent(hosts=["b.example.com"]),
            "from another namespace": parent(space="depot"),
            "not granted": parent({"matches": path("/a"), "backendRefs": [ref("stock", namespace="depot")]}, REST),
        },
        {"listener said": parent(sectionName="http"), "port said": parent(port=80), "in full": parent(kind="Gateway", group="gateway.networking.k8s.io", namespace="shop"), "swapped": parent(*RULES[::-1])},
    ),
    "listeners": Scene(
        [*API_EDGE, parent()], listening(),
        {
            "another host": listening(hostname="b.example.com"),
            "another port": listening(port=81),
            "of other kinds": listening(allowedRoutes={"kinds": [{"kind": "TCPRoute"}]}),
            "of other namespaces": listening(allowedRoutes={"namespaces": {"from": "Selector", "selector": {"matchLabels": {"x": "y"}}}}),
        },
        {"all such hosts": listening(hostname="*.example.com"), "its own said": listening(allowedRoutes={"namespaces": {"from": "Same"}}), "from all": listening(allowedRoutes={"namespaces": {"from": "All"}})},
    ),
    "grants": Scene(
        [*API_EDGE, listening(), parent({"backendRefs": [ref("stock", namespace="depot")]})], grant(),
        {"gone": None, "from elsewhere": grant(namespace="other"), "another kind": grant(kind="GRPCRoute"), "another Service": grant([{"group": "", "kind": "Service", "name": "other"}]), "of Secrets": grant([{"group": "", "kind": "Secret"}])},
        {"by name": grant([{"group": "", "kind": "Service", "name": "stock"}]), "of v1": grant(version="v1"), "one more": grant([{"group": "", "kind": each} for each in ("Secret", "Service")])},
    ),
}  # fmt: skip


def aged(made, day):
    return {**copy.deepcopy(made), "metadata": {**made["metadata"], "creationTimestamp": f"2026-01-0{day}T00:00:00Z"}}


def balanced(host, how, name="one", space="shop"):
    return dr(name, {"host": host, "trafficPolicy": how}, namespace=space)


def mesh(**more):
    return mesh_config(**more)


def places(**more):
    return rules(trafficPolicy={"outlierDetection": {}, "loadBalancer": {"localityLbSetting": more}})


def warmed(**more):
    return rules(trafficPolicy={"loadBalancer": {"simple": "ROUND_ROBIN", **more}})


ONE, TWO = said(WEB, name="a"), said(JOB, name="b")
EVERYBODY, ITS_OWN = said({**WEB, "timeout": "1s"}, name="all", hosts=["*.shop.svc.cluster.local"]), said(JOB)
SHOP, SVC = "*.shop.svc.cluster.local", "*.svc.cluster.local"
FAILOVER = [{"from": "a", "to": "b"}, {"from": "c", "to": "d"}]
USUAL = {"defaultHttpRetryPolicy": {"attempts": 4, "retryOn": "5xx"}}
ROOT = m.o.namespace("istio-system")
SPEAKERS = {
    "two of one host": Scene(
        people(), [aged(ONE, 1), aged(TWO, 2)],
        {"the other older": [aged(ONE, 2), aged(TWO, 1)], "the older gone": aged(TWO, 2)},
        {"the younger gone": aged(ONE, 1), "swapped": [aged(TWO, 2), aged(ONE, 1)]},
    ),
    "wildcards": Scene(
        people(), [EVERYBODY, ITS_OWN],
        {"its own gone": EVERYBODY, "all gone": ITS_OWN},
        {"swapped": [ITS_OWN, EVERYBODY]},
    ),
    "rules of wildcards": Scene(
        [*people(), *far(), ROOT], [balanced("web", ROUND), balanced(SHOP, RANDOM, "two")],
        {
            "its own gone": balanced(SHOP, RANDOM, "two"),
            "all gone": balanced("web", ROUND),
            "its own in the root": [balanced("web.shop.svc.cluster.local", ROUND, space="istio-system"), balanced(SHOP, RANDOM, "two")],
            "its own at a client": [balanced("web.shop.svc.cluster.local", ROUND, space="depot"), balanced(SHOP, RANDOM, "two")],
        },
        {"swapped": [balanced(SHOP, RANDOM, "two"), balanced("web", ROUND)]},
    ),
    "rules of the root": Scene(
        [*people(), *far(), ROOT], balanced(SVC, RANDOM, space="istio-system"),
        {"gone": None, "of one namespace": balanced(SHOP, RANDOM)},
        {"of each": [balanced(f"*.{space}.svc.cluster.local", RANDOM, space, "istio-system") for space in ("shop", "depot")], "of all": balanced("*", RANDOM, space="istio-system")},
    ),
    "merged rules": Scene(
        [*STANDING, shares(*SAME)], dr("cart", subsets("a", "b")),
        {"one elsewhere": [dr("cart", subsets("a")), dr("two", {"host": "cart.shop.svc.cluster.local", "subsets": subsets("a", "b")["subsets"][1:]}, namespace="depot")]},
        {"two": [dr("cart", subsets("a")), dr("two", {"host": "cart", "subsets": subsets("a", "b")["subsets"][1:]})]},
    ),
    "other namespaces": Scene(
        [*people(), *far()], vs("cart", {"hosts": ["cart.shop.svc.cluster.local"], "http": [{"route": [{"destination": {"host": "web.shop.svc.cluster.local"}}]}]}, namespace="depot"),
        {"short": vs("cart", {"hosts": ["cart"], "http": [WEB]}, namespace="depot"), "to its own": vs("cart", {"hosts": ["cart.shop.svc.cluster.local"], "http": [WEB]}, namespace="depot")},
        {"moved": said(WEB)},
    ),
    "settings of the mesh": Scene(
        [*people(), said(IN, CART), rules("job", trafficPolicy=at(80, ROUND))], mesh(**USUAL),
        {
            "gone": None,
            "fewer": mesh(defaultHttpRetryPolicy={"attempts": 1, "retryOn": "5xx"}),
            "routes for their own": mesh(**USUAL, defaultVirtualServiceExportTo=["."]),
            "rules for their own": mesh(**USUAL, defaultDestinationRuleExportTo=["."]),
            "closed": mesh(**USUAL, outboundTrafficPolicy={"mode": "REGISTRY_ONLY"}),
        },
        {"the usual said": mesh(**USUAL, outboundTrafficPolicy={"mode": "ALLOW_ANY"}, defaultServiceExportTo=["*"])},
    ),
    "near places": Scene(
        people(), places(failover=FAILOVER),
        {"elsewhere": places(failover=[{"from": "a", "to": "c"}, FAILOVER[1]]), "off": places(enabled=False), "by labels": places(failoverPriority=["x"]), "shared": places(distribute=[{"from": "a/*", "to": {"b/*": 100}}])},
        {"swapped": places(failover=FAILOVER[::-1]), "on": places(failover=FAILOVER, enabled=True)},
    ),
    "slow starts": Scene(
        people(), warmed(warmup={"duration": "60s"}),
        {"gone": warmed(), "longer": warmed(warmup={"duration": "2m"}), "from more": warmed(warmup={"duration": "60s", "minimumPercent": 20})},
        {"in minutes": warmed(warmup={"duration": "1m"}), "by the old field": warmed(warmupDurationSecs="60s"), "the usual said": warmed(warmup={"duration": "60s", "minimumPercent": 10, "aggression": 1})},
    ),
}  # fmt: skip

SCENES = {**ROUTES, **STREAMS, **GATEWAYS, **SPEAKERS}

"""Meshes whose routes and rules `convert` has rewritten, and every edit of one value in what came out."""

import copy
import random
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

from tests.prove.by_hand import CLOSED, far, subsets
from tests.prove.by_hand import calls as calling
from tests.prove.faults import faulty
from tests.prove.routes_by_hand import CART, JOB, WEB, at, rules, said, under
from tests.semantics.routing.meshes import dr, vs
from tests.support.migrations import Migration, migrated, town
from tests.support.scenes import client, get, m, pods, policy, principal, service

from sidestep.model import kinds
from sidestep.plan.steps import Apply
from sidestep.prove.outcome import difference, outcome
from sidestep.prove.proof import Direction
from sidestep.semantics.decide import decide
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Request, Tcp

Path = tuple[str | int, ...]
_PORTS = (
    {"name": "http-admin", "port": 81, "targetPort": 9090},
    {"name": "tcp-db", "port": 5432, "targetPort": 5432},
)
_LISTENS = (8080, 9090, 5432)
_BASE = [
    *pods("web", ip="10.1.0.1"),
    *pods("job", ip="10.1.0.3"),
    *map(service, ("web", "job")),
    *pods("cart", labels={"version": "a"}, ports=_LISTENS, ip="10.1.0.2"),
    *pods("cart2", labels={"app": "cart", "version": "b"}, ports=_LISTENS, account="cart", ip="10.1.0.9"),
    service("cart", more_ports=_PORTS),
]
_GUARD = policy("allow", {"from": [{"source": {"principals": [principal("web")]}}], "to": [{"operation": {"methods": ["GET", "POST"]}}]}, app="cart")  # fmt: skip


def _to(host, **more):
    return {"destination": {"host": host, **more}}


def _entry():
    ports = [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 443}]
    spec = {"hosts": ["api.example.com"], "ports": ports, "resolution": "DNS", "location": "MESH_EXTERNAL"}
    return m.o.istio("ServiceEntry", "api", "shop", spec)


SCENES = {
    "canary": [
        *_BASE,
        _GUARD,
        dr("cart", subsets("a", "b", trafficPolicy={"connectionPool": {"http": {"http1MaxPendingRequests": 7}}, "outlierDetection": {"consecutive5xxErrors": 2}})),
        said(
            {**under({"prefix": "/v2"}, {}, headers={"x-canary": {"exact": "yes"}}), "route": [_to("cart", subset="v2")], "timeout": "2s", "retries": {"attempts": 3, "perTryTimeout": "500ms", "retryOn": "5xx"}},
            {"match": [{"port": 81}], "route": [_to("cart", subset="v1", port={"number": 81})]},
            {"route": [{**_to("cart", subset="v1"), "weight": 90}, {**_to("cart", subset="v2"), "weight": 10, "headers": {"response": {"add": {"x-version": "b"}}}}]},
        ),
    ],
    "versions": [
        *_BASE,
        dr("cart", subsets("a", "b", trafficPolicy={"outlierDetection": {"consecutive5xxErrors": 2}})),
        said(
            {**under({"prefix": "/v2/"}, {}, headers={"x-canary": {"regex": "yes|maybe"}}), "rewrite": {"uri": "/"}, "route": [_to("cart", subset="v2")], "timeout": "2s"},
            {"route": [{**_to("cart", subset="v1"), "weight": 90}, {**_to("cart", subset="v2"), "weight": 10}]},
        ),
    ],
    "shaped": [
        *_BASE,
        said(
            under({"prefix": "/old/"}, {"redirect": {"uri": "/new", "redirectCode": 302}}),
            under({"exact": "/teapot"}, {"directResponse": {"status": 418, "body": {"string": "short"}}, "headers": {"response": {"set": {"x-pot": "tea"}}}}),
            {
                **under({"prefix": "/api/"}, CART), "rewrite": {"uri": "/", "authority": "api.internal"},
                "headers": {"request": {"set": {"x-from": "mesh"}, "remove": ["x-secret"]}, "response": {"remove": ["server"]}},
                "corsPolicy": {"allowOrigins": [{"exact": "https://a.example"}], "allowMethods": ["GET"], "maxAge": "60s", "unmatchedPreflights": "IGNORE"},
                "mirror": {"host": "job"}, "mirrorPercentage": {"value": 20},
            },
            {**under({"regex": "/x/[a-z]+"}, WEB), "fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 100}}}},
            CART,
        ),
    ],
    "as routes": [
        *_BASE,
        said(
            under({"prefix": "/old/"}, {"redirect": {"uri": "/new", "redirectCode": 302}}),
            {
                **under({"prefix": "/api/"}, CART), "rewrite": {"uri": "/", "authority": "api.internal"},
                "headers": {"request": {"set": {"x-from": "mesh"}, "remove": ["x-secret"]}, "response": {"remove": ["server"]}},
                "corsPolicy": {"allowOrigins": [{"exact": "https://a.example"}], "allowMethods": ["GET"], "maxAge": "60s", "unmatchedPreflights": "IGNORE"},
                "mirror": {"host": "job"}, "mirrorPercentage": {"value": 20},
            },
            CART,
        ),
    ],
    "delegated": [
        *_BASE,
        *far(),
        said({"match": [{"uri": {"prefix": "/shop"}}], "delegate": {"name": "inner"}}, {**under({"prefix": "/STOCK"}, {}, ignoreUriCase=True), "route": [_to("stock.depot.svc.cluster.local")]}, CART),
        vs("inner", {"http": [{**under({"prefix": "/shop/admin"}, JOB, queryParams={"k": {"exact": "1"}}), "timeout": "9s"}, WEB]}),
    ],
    "streams": [
        *_BASE,
        vs("cart", {"hosts": ["cart"], "tcp": [{"match": [{"port": 5432}], "route": [{**_to("cart", port={"number": 5432}), "weight": 80}, {**_to("job", port={"number": 80}), "weight": 20}]}]}),
        policy("db", {"from": [{"source": {"principals": [principal("web")]}}], "to": [{"operation": {"ports": ["5432"]}}]}, {"to": [{"operation": {"ports": ["8080", "9090"], "methods": ["GET"]}}]}, app="cart"),
    ],
    "outside": [
        *_BASE,
        CLOSED,
        _GUARD,
        _entry(),
        dr("api", {"host": "api.example.com", "trafficPolicy": {"portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "SIMPLE", "sni": "api.example.com"}}]}}),
        calling({**under({"prefix": "/slow"}, {}), "route": [_to("api.example.com")], "timeout": "20s"}, {"route": [_to("api.example.com")], "timeout": "3s"}),
    ],
    "policies": [
        *_BASE,
        _GUARD,
        rules("cart", trafficPolicy=at(81, {"loadBalancer": {"simple": "RANDOM"}}, outlierDetection={"interval": "20s"}, loadBalancer={"simple": "ROUND_ROBIN"})),
        said({"match": [{"method": {"exact": "POST"}}, {"headers": {"x-user": {"regex": "[0-9]+"}}}], **CART, "retries": {"attempts": 0}}, CART),
    ],
}  # fmt: skip
_KINDS = (
    kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, kinds.HTTP_ROUTE, kinds.TCP_ROUTE, kinds.SERVICE_ENTRY,
    kinds.AUTHORIZATION_POLICY,
)  # fmt: skip
_TIME = re.compile(r"\d+m?s")


@cache
def found(name: str) -> Migration:
    """A scene, planned and converted."""
    return migrated(town(*SCENES[name]))


def broken(name: str) -> Iterator[tuple[str, MeshIndex]]:
    """What came of a scene with one value of one object gone or another."""
    end = found(name).end
    for kind in _KINDS:
        for resource in end.mesh.of(kind):
            tree = resource.tree()
            for words, spec in _edits(tree["spec"]):
                changed = faulty(end.mesh, Apply(resource.id, {**tree, "spec": spec}, tree))
                yield f"{resource.id} {words}", MeshIndex.of(changed, end.settings.version)


def _edits(spec: Any) -> Iterator[tuple[str, Any]]:
    for path, value in _places(spec, ()):
        for words, new in (("gone", None), *_others(value)):
            changed = copy.deepcopy(spec)
            *way, last = path
            holder = changed
            for part in way:
                holder = holder[part]
            if new is None:
                holder.pop(last)
            else:
                holder[last] = new
            yield f"{'.'.join(map(str, path))} {words}", changed


def _places(tree: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    named = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in named:
        yield (*path, key), value
        yield from _places(value, (*path, key))


def _others(value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case bool():
            yield "not", not value
        case int():
            yield "more", value * 2 + 1
        case str():
            yield "other", f"1{value}" if _TIME.fullmatch(value) else f"{value}z"
        case [_, _, *_]:
            yield "reversed", value[::-1]


_PATHS = (
    "/",
    "/v2",
    "/v2/x",
    "/old/x",
    "/teapot",
    "/api/x",
    "/x/ab",
    "/shop",
    "/shop/admin?k=1",
    "/stock",
    "/slow",
    "/q",
)
_HEADERS = (
    {},
    {"x_canary": "yes"},
    {"x_user": "12"},
    {"x_secret": "s", "x_canary": "maybe"},
    {"origin": "https://a.example"},
)
_TO = (("cart", 80), ("cart", 81), ("cart", 5432), ("web", 80), ("job", 80), ("api.example.com", 80), ("nobody.example.com", 80))  # fmt: skip


def differs(one: MeshIndex, other: MeshIndex, seed: int) -> Request | None:
    """Any of many random requests that both answer, and not alike."""
    chance = random.Random(seed)  # noqa: S311 - the same seed must ask the same
    for who, (to, port) in product(map(client, ("web", "job", "cart", "outside")), _TO):
        sent = (
            get(chance.choice(_PATHS), chance.choice(("GET", "POST")), **chance.choice(_HEADERS)) for _ in range(12)
        )
        for payload in (Tcp(),) if port == 5432 else sent:
            request = Request(who, to if "." in to else f"{to}.shop", port, payload)
            left, right = outcome(decide(one, request)), outcome(decide(other, request))
            told = None if left.reason or right.reason else difference(left, right)
            if told not in (None, Direction.SHAPE):
                return request
    return None

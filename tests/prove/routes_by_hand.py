"""Faults and other words in what routes and DestinationRules do to a request: one rule, one field of it another."""

from typing import Any

from tests.prove.by_hand import VERSIONS, Scene, entry, far, people, subsets
from tests.semantics.routing.meshes import dr, vs
from tests.support.scenes import pods, service

WEB, JOB, CART = ({"route": [{"destination": {"host": host}}]} for host in ("web", "job", "cart"))


def said(*http: Any, hosts=("cart",), name="cart", **more):
    return vs(name, {"hosts": list(hosts), "http": list(http), **more})


def under(uri, rule, **match):
    return {"match": [{"uri": uri, **match}], **rule}


def field(name, given, base=WEB, *, before=(), behind=()):
    """A rule with one field, and that field with parts of it in the place of others; None takes one away."""

    def made(_=None, **others):
        told = {key: value for key, value in {**given, **others}.items() if value is not None}
        return said(*before, {**base, name: told}, *behind)

    return made


def rules(host="web", **spec):
    return dr(host, {"host": host, **spec})


HI = {"directResponse": {"status": 200, "body": {"string": "hi"}}}
GONE = {"redirect": {"uri": "/new", "authority": "web.shop", "redirectCode": 302}}
X, HALF = {"prefix": "/x"}, {"value": 50}
ADDED = {
    "response header": {"headers": {"response": {"set": {"x": "1"}}}},
    "fault": {"fault": {"abort": {"httpStatus": 500, "percentage": HALF}}},
    "CORS": {"corsPolicy": {"allowOrigins": [{"exact": "https://a.example"}]}},
}
"""What a proxy does of its own answers, too."""


def answered(rule, **more):
    return said(under(X, {**rule, **more}), WEB)


ANSWERS = {
    "direct responses": Scene(
        people(), answered(HI),
        {
            **{name: answered(HI, **more) for name, more in ADDED.items()},
            "another body": answered({"directResponse": {"status": 200, "body": {"string": "ho"}}}),
            "no body": answered({"directResponse": {"status": 200}}),
            "another status": answered({"directResponse": {**HI["directResponse"], "status": 201}}),
        },
        {
            "in base64": answered({"directResponse": {"status": 200, "body": {"bytes": "aGk="}}}),
            "header of requests": answered(HI, headers={"request": {"set": {"x": "1"}}}),
            "a timeout": answered(HI, timeout="3s"),
        },
    ),
    "redirects": Scene(
        people(), answered(GONE),
        {
            **{name: answered(GONE, **more) for name, more in ADDED.items()},
            "code forgotten": answered({"redirect": {"uri": "/new", "authority": "web.shop"}}),
            "elsewhere": answered({"redirect": {**GONE["redirect"], "uri": "/newer"}}),
            "with a scheme": answered({"redirect": {**GONE["redirect"], "scheme": "https"}}),
        },
        {
            "by expression": said({**under({"regex": "^/x.*$"}, GONE)}, WEB),
        },
    ),
}  # fmt: skip

HEADERS = field("headers", {
    "request": {"set": {"x-a": "1", "x-b": "2"}, "add": {"x-c": "3"}, "remove": ["x-d", "x-e"]},
    "response": {"set": {"y-a": "1"}, "remove": ["server"]},
})  # fmt: skip
RETRIES = field("retries", {"attempts": 3, "perTryTimeout": "2s", "retryOn": "5xx,reset", "backoff": "50ms"})
MIRROR = {"host": "job"}
ABORT, DELAY = {"httpStatus": 503, "percentage": {"value": 10}}, {"fixedDelay": "2s", "percentage": {"value": 20}}
FAULT = field("fault", {"abort": ABORT, "delay": DELAY})
ORIGINS = [{"exact": "https://a.example"}, {"prefix": "https://c."}]
CORS = field("corsPolicy", {
    "allowOrigins": ORIGINS, "allowMethods": ["GET", "POST"], "allowHeaders": ["x-a", "x-b"], "exposeHeaders": ["x-z"],
    "maxAge": "24h", "allowCredentials": True,
})  # fmt: skip
ONE_LESS = {"set": {"x-a": "1", "x-b": "2"}, "add": {"x-c": "3"}, "remove": ["x-d"]}
FROM = under({"prefix": "/a/"}, WEB)


def copied(**more):
    return said({**WEB, **more})


EDITS = {
    "header edits": Scene(
        people(), HEADERS(),
        {
            "another value": HEADERS(request={"set": {"x-a": "1", "x-b": "3"}, "add": {"x-c": "3"}, "remove": ["x-d", "x-e"]}),
            "added instead of set": HEADERS(request={"set": {"x-a": "1"}, "add": {"x-c": "3", "x-b": "2"}, "remove": ["x-d", "x-e"]}),
            "one less removed": HEADERS(request=ONE_LESS),
            "of answers added": HEADERS(response={"add": {"y-a": "1"}, "remove": ["server"]}),
            "of answers not set": HEADERS(response={"remove": ["server"]}),
            "of answers not removed": HEADERS(response={"set": {"y-a": "1"}}),
            "of requests alone": HEADERS(response=None),
        },
        {
            "in capitals": HEADERS(
                request={"remove": ["X-E", "X-D"], "add": {"X-C": "3"}, "set": {"X-B": "2", "X-A": "1"}},
                response={"remove": ["Server"], "set": {"Y-A": "1"}},
            ),
            "removed twice": HEADERS(request={**ONE_LESS, "remove": ["x-d", "x-e", "x-d"]}),
            "of its destination": said({"route": [{**WEB["route"][0], "headers": HEADERS()["spec"]["http"][0]["headers"]}]}),
            "removed first": HEADERS(request={**ONE_LESS, "remove": ["x-d", "x-e", "x-a", "x-b"]}),
        },
    ),
    "retries": Scene(
        people(), RETRIES(),
        {
            "fewer": RETRIES(attempts=2),
            "each shorter": RETRIES(perTryTimeout="1s"),
            "each as long": RETRIES(perTryTimeout=None),
            "on less": RETRIES(retryOn="5xx"),
            "on the usual": RETRIES(retryOn=None),
            "on a status": RETRIES(retryOn="5xx,reset,429"),
            "none": RETRIES(attempts=0),
            "farther": RETRIES(retryRemoteLocalities=True),
            "of the same host": RETRIES(retryIgnorePreviousHosts=False),
            "sooner": RETRIES(backoff="25ms"),
        },
        {
            "in another order": RETRIES(retryOn=" reset , 5xx,5xx"),
            "in other units": RETRIES(perTryTimeout="2000ms", backoff="0.05s"),
            "with what is usual": RETRIES(retryRemoteLocalities=False, retryIgnorePreviousHosts=True),
        },
    ),
    "mirrors": Scene(
        people(), copied(mirror=MIRROR, mirrorPercentage=HALF),
        {
            "fewer": copied(mirror=MIRROR, mirrorPercentage={"value": 49.0}),
            "to another": copied(mirror={"host": "cart"}, mirrorPercentage=HALF),
            "none": copied(),
            "all": copied(mirror=MIRROR),
            "one more": copied(mirrors=[{"destination": {"host": name}, "percentage": HALF} for name in ("job", "cart")]),
            "to nobody": copied(mirror={"host": "nothing"}, mirrorPercentage=HALF),
        },
        {
            "listed": copied(mirrors=[{"destination": {"host": "job"}, "percentage": HALF}]),
            "by the old field": copied(mirror=MIRROR, mirrorPercent=50),
            "in full": copied(mirror={"host": "job.shop.svc.cluster.local", "port": {"number": 80}}, mirrorPercentage={"value": 50.0}),
        },
    ),
    "faults": Scene(
        people(), FAULT(),
        {
            "another status": FAULT(abort={**ABORT, "httpStatus": 500}),
            "of gRPC": FAULT(abort={"grpcStatus": "UNAVAILABLE", "percentage": {"value": 10}}),
            "more often": FAULT(abort={**ABORT, "percentage": {"value": 11}}),
            "longer": FAULT(delay={**DELAY, "fixedDelay": "3s"}),
            "delayed less often": FAULT(delay={**DELAY, "percentage": {"value": 2}}),
            "no delay": FAULT(delay=None),
        },
        {
            "in milliseconds": FAULT(delay={"percentage": {"value": 20.0}, "fixedDelay": "2000ms"}),
            "by the old field": FAULT(delay={"percent": 20, "fixedDelay": "2s"}),
        },
    ),
    "CORS": Scene(
        people(), CORS(),
        {
            "another origin": CORS(allowOrigins=[{"exact": "https://b.example"}, ORIGINS[1]]),
            "a method less": CORS(allowMethods=["GET"]),
            "a header less": CORS(allowHeaders=["x-a"]),
            "nothing shown": CORS(exposeHeaders=None),
            "shorter": CORS(maxAge="1h"),
            "no credentials": CORS(allowCredentials=False),
            "preflights of others": CORS(unmatchedPreflights="IGNORE"),
        },
        {
            "in minutes": CORS(maxAge="1440m"),
            "reordered": CORS(allowOrigins=ORIGINS[::-1], allowMethods=["POST", "GET"], allowHeaders=["X-B", "X-A"]),
            "preflights forwarded": CORS(unmatchedPreflights="FORWARD"),
        },
    ),
    "rewrites": Scene(
        people(), said({**FROM, "rewrite": {"uri": "/b/"}}, WEB),
        {
            "elsewhere": said({**FROM, "rewrite": {"uri": "/c/"}}, WEB),
            "gone": said(FROM, WEB),
            "a slash less": said({**FROM, "rewrite": {"uri": "/b"}}, WEB),
            "another host": said({**FROM, "rewrite": {"uri": "/b/", "authority": "x.example"}}, WEB),
            "of one path": said({**under({"exact": "/a/"}, WEB), "rewrite": {"uri": "/b/"}}, WEB),
            "each time": said({**FROM, "rewrite": {"uriRegexRewrite": {"match": "/a/", "rewrite": "/b/"}}}, WEB),
            "in any case": said({**under({"prefix": "/a/"}, WEB, ignoreUriCase=True), "rewrite": {"uri": "/b/"}}, WEB),
        },
        {
            "by expression": said({**FROM, "rewrite": {"uriRegexRewrite": {"match": "^/a/(.*)$", "rewrite": "/b/\\1"}}}, WEB),
            "by its beginning": said({**FROM, "rewrite": {"uriRegexRewrite": {"match": "^/a/", "rewrite": "/b/"}}}, WEB),
            "by method first": said({**under({"prefix": "/a/"}, WEB, method={"exact": "GET"}), "rewrite": {"uri": "/b/"}}, {**FROM, "rewrite": {"uri": "/b/"}}, WEB),
        },
    ),
}  # fmt: skip

POOL = {
    "tcp": {"maxConnections": 10, "connectTimeout": "2s"},
    "http": {"http1MaxPendingRequests": 5, "idleTimeout": "60s"},
}
EJECTED = {"consecutive5xxErrors": 3, "interval": "5s", "baseEjectionTime": "60s"}
ROUND = {"loadBalancer": {"simple": "ROUND_ROBIN"}}
RANDOM = {"loadBalancer": {"simple": "RANDOM"}}
WHOLE = {"connectionPool": POOL, "outlierDetection": EJECTED, **ROUND}


def asked(**more):
    return rules(trafficPolicy={key: value for key, value in {**WHOLE, **more}.items() if value is not None})


def at(port, *policies, **more):
    return {**more, "portLevelSettings": [{"port": {"number": port}, **each} for each in policies]}


def hashed(**by):
    return rules(trafficPolicy={"loadBalancer": {"consistentHash": by}})


def ejects(**how):
    return rules(trafficPolicy={"outlierDetection": how})


def apart(first, second, **more):
    found = subsets("a", "b", **more)
    for each, own in zip(found["subsets"], (first, second), strict=True):
        each["trafficPolicy"] = own
    return dr("cart", found)


def shares(*parts, **rule):
    """By version, each with its weight, and with what its destination says beside."""
    listed = [
        {"destination": {"host": "cart", "subset": name}, "weight": weight, **more} for name, weight, more in parts
    ]
    return said({"route": listed, **rule})


SAME = ("v1", 50, {}), ("v2", 50, {})
NAMED = {"headers": {"request": {"set": {"host": "a.example"}}}}
STANDING = [*VERSIONS, *pods("web"), *map(service, ("cart", "web"))]
CONNECTIONS = {
    "traffic policies": Scene(
        people(), asked(),
        {
            "gone": None,
            "more connections": asked(connectionPool={**POOL, "tcp": {"maxConnections": 11, "connectTimeout": "2s"}}),
            "slower to connect": asked(connectionPool={**POOL, "tcp": {"maxConnections": 10, "connectTimeout": "20s"}}),
            "of HTTP lost": asked(connectionPool={"tcp": POOL["tcp"]}),
            "nobody ejected": asked(outlierDetection=None),
            "ejected as usual": asked(outlierDetection={}),
            "balanced otherwise": asked(**RANDOM),
            "balanced as usual": asked(loadBalancer={"simple": "LEAST_REQUEST"}),
            "of another port": rules(trafficPolicy=at(81, WHOLE)),
            "of another host": rules("job", trafficPolicy=WHOLE),
            "for others": rules(exportTo=["other"], trafficPolicy=WHOLE),
            "for some clients": rules(workloadSelector={"matchLabels": {"app": "job"}}, trafficPolicy=WHOLE),
        },
        {
            "other units": asked(
                connectionPool={"tcp": {"maxConnections": 10, "connectTimeout": "2000ms"}, "http": {"http1MaxPendingRequests": 5, "idleTimeout": "1m"}},
                outlierDetection={"consecutive5xxErrors": 3, "interval": "5000ms", "baseEjectionTime": "1m"},
            ),
            "the usual said": asked(outlierDetection={**EJECTED, "maxEjectionPercent": 10, "minHealthPercent": 0, "splitExternalLocalOriginErrors": False}),
            "of the port": rules(trafficPolicy=at(80, WHOLE)),
            "of the port, too": rules(trafficPolicy=at(80, WHOLE, **RANDOM)),
            "in full": rules("web.shop.svc.cluster.local", trafficPolicy=WHOLE),
            "for all": rules(exportTo=["*"], trafficPolicy=WHOLE),
            "of an old version": {**asked(), "apiVersion": "networking.istio.io/v1alpha3"},
            "mutual TLS said": asked(tls={"mode": "ISTIO_MUTUAL"}),
        },
    ),
    "ejection": Scene(
        people(), ejects(),
        {"gone": None, "not by 5xx": ejects(consecutive5xxErrors=0), "of gateways": ejects(consecutiveGatewayErrors=3), "in panic": ejects(minHealthPercent=50)},
        {"written out": ejects(consecutive5xxErrors=5, interval="10s", baseEjectionTime="30s", maxEjectionPercent=10)},
    ),
    "hashes": Scene(
        people(), hashed(httpCookie={"name": "u", "ttl": "0s"}),
        {
            "gone": None,
            "kept longer": hashed(httpCookie={"name": "u", "ttl": "60s"}),
            "another cookie": hashed(httpCookie={"name": "v", "ttl": "0s"}),
            "of a path": hashed(httpCookie={"name": "u", "ttl": "0s", "path": "/a"}),
            "by a header": hashed(httpHeaderName="u"),
            "by address": hashed(useSourceIp=True),
            "by a table": hashed(httpCookie={"name": "u", "ttl": "0s"}, maglev={"tableSize": 65537}),
        },
        {"other unit": hashed(httpCookie={"name": "u", "ttl": "0ms"})},
    ),
    "policies of subsets": Scene(
        [*STANDING, shares(*SAME)], apart(ROUND, RANDOM),
        {
            "swapped": apart(RANDOM, ROUND),
            "one for both": apart(ROUND, ROUND),
            "one lost": apart(ROUND, {}),
            "of another port": apart(at(81, ROUND), RANDOM),
        },
        {"of the host": apart({}, RANDOM, trafficPolicy=ROUND), "of the port": apart(at(80, ROUND), RANDOM)},
    ),
    "weights": Scene(
        [*STANDING, dr("cart", subsets("a", "b"))], shares(*SAME),
        {
            "moved": shares(("v1", 60, {}), ("v2", 40, {})),
            "one twice": shares(("v2", 50, {}), ("v2", 50, {})),
            "one without": shares(("v1", 0, {}), ("v2", 100, {})),
            "unknown": shares(("v1", 50, {}), ("v9", 50, {})),
            "one renamed": shares(("v1", 50, NAMED), ("v2", 50, {})),
            "one with a header": shares(("v1", 50, {"headers": {"response": {"set": {"x": "1"}}}}), ("v2", 50, {})),
        },
        {
            "of two": shares(("v1", 1, {}), ("v2", 1, {})),
            "swapped": shares(*SAME[::-1]),
            "in parts": shares(("v1", 50, {}), ("v2", 25, {}), ("v2", 25, {})),
            "nothing beside": shares(*SAME, ("v9", 0, {})),
        },
    ),
}  # fmt: skip

DELEGATED = {"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "d"}}


def delegate(*http, **more):
    return vs("d", {"http": list(http), **more})


LATE = {**CART, "timeout": "3s"}
INNER = under({"prefix": "/a/b"}, JOB)
STRICT = (
    under({"prefix": "/a"}, WEB),
    under({"exact": "/b"}, JOB),
    under({"regex": "/c/[0-9]+"}, WEB),
    under({"prefix": "/D"}, JOB, ignoreUriCase=True),
)
MATCHED = {
    "headers": {"x-Env": {"exact": "a"}},
    "queryParams": {"q": {"exact": "1"}},
    "withoutHeaders": {"x-no": {"prefix": "b"}},
}


def first(rule):
    return said(rule, *STRICT[1:])


def matched(*matches, **more):
    return said({"match": list(matches) or [{**MATCHED, **more}], **JOB}, WEB)


MATCHES = {
    "delegates": Scene(
        people(), [said(DELEGATED, WEB), delegate(INNER, LATE)],
        {
            "gone": said(DELEGATED, WEB),
            "out of room": [said(DELEGATED, WEB), delegate(under({"prefix": "/c"}, JOB), LATE)],
            "for others": [said(DELEGATED, WEB), delegate(INNER, LATE, exportTo=["depot"])],
            "rewritten by the root": [said({**DELEGATED, "rewrite": {"uri": "/z"}}, WEB), delegate(INNER, LATE)],
            "swapped": [said(DELEGATED, WEB), delegate(LATE, INNER)],
        },
        {
            "inlined": said(INNER, under({"prefix": "/a"}, LATE), WEB),
            "in full": [said({**DELEGATED, "delegate": {"name": "d", "namespace": "shop"}}, WEB), delegate(INNER, LATE, exportTo=["."])],
            "timeout of the root": [said(INNER, {**DELEGATED, "timeout": "3s"}, WEB), delegate(CART)],
        },
    ),
    "hosts": Scene(
        [*people(), *far(), service("cart2", selector={"app": "cart"})], said(WEB, hosts=("cart", "cart2")),
        {
            "one less": said(WEB),
            "another": said(WEB, hosts=("cart", "job")),
            "all": said(WEB, hosts=("*.shop.svc.cluster.local",)),
            "of a port": said({"match": [{"port": 81}], **WEB}, hosts=("cart", "cart2")),
            "of a namespace": said({"match": [{"sourceNamespace": "depot"}], **WEB}, hosts=("cart", "cart2")),
            "of a gateway": said({"match": [{"gateways": ["shop/gw"]}], **WEB}, hosts=("cart", "cart2")),
        },
        {
            "in full, twice": said(WEB, hosts=("cart.shop.svc.cluster.local", "cart2", "cart")),
            "two objects": [said(WEB), said(WEB, hosts=("cart2",), name="second")],
            "also of a gateway": said(WEB, hosts=("cart", "cart2"), gateways=["mesh", "gw"]),
            "by namespace": said(*({"match": [{"sourceNamespace": each}], **WEB} for each in ("depot", "shop")), WEB, hosts=("cart", "cart2")),
            "by port": said({"match": [{"port": 80}], **WEB}, WEB, hosts=("cart", "cart2")),
            "by labels": said({"match": [{"sourceLabels": {"app": "web"}}], **WEB}, WEB, hosts=("cart", "cart2")),
        },
    ),
    "paths": Scene(
        people(), said(*STRICT),
        {
            "shadowed": said(under({"prefix": "/"}, JOB), *STRICT),
            "case counts": said(*STRICT[:3], under({"prefix": "/D"}, JOB)),
            "none or more digits": said(*STRICT[:2], under({"regex": "/c/[0-9]*"}, WEB), STRICT[3]),
            "by element": first(under({"regex": "/a(/.*)?"}, WEB)),
            "one path": first(under({"exact": "/a"}, WEB)),
            "below": first(under({"prefix": "/a/"}, WEB)),
            "all else": said(*STRICT, WEB),
            "by method": first(under({"prefix": "/a"}, WEB, method={"exact": "GET"})),
            "by scheme": first(under({"prefix": "/a"}, WEB, scheme={"exact": "https"})),
            "by host": first(under({"prefix": "/a"}, WEB, authority={"exact": "cart.shop"})),
        },
        {
            "swapped": said(*STRICT[::-1]),
            "by expression": said(under({"regex": "/a.*"}, WEB), under({"regex": "/b"}, JOB), under({"regex": r"/c/\d+"}, WEB), under({"regex": "(?i)/d.*"}, JOB)),
            "merged": said(*({"match": [one["match"][0], two["match"][0]], "route": one["route"]} for one, two in (STRICT[::2], STRICT[1::2]))),
            "shadowed beside": said(STRICT[0], INNER, *STRICT[1:]),
            "any method": first(under({"prefix": "/a"}, WEB, method={"regex": ".*"})),
        },
    ),
    "conditions": Scene(
        people(), matched(),
        {
            "another value": matched(headers={"x-env": {"exact": "b"}}),
            "a prefix": matched(headers={"x-env": {"prefix": "a"}}),
            "presence": matched(headers={"x-env": {}}),
            "a prefix of the parameter": matched(queryParams={"q": {"prefix": "1"}}),
            "no parameter": matched(queryParams={}),
            "with, not without": matched(headers={**MATCHED["headers"], "x-no": {"prefix": "b"}}, withoutHeaders={}),
            "without one value": matched(withoutHeaders={"x-no": {"exact": "b"}}),
            "without any value": matched(withoutHeaders={"x-no": {}}),
            "either": matched(*({name: MATCHED[name]} for name in ("headers", "queryParams"))),
        },
        {
            "by expression": matched(headers={"X-ENV": {"regex": "^a$"}}, queryParams={"q": {"regex": "1"}}, withoutHeaders={"X-No": {"regex": "b.*"}}),
        },
    ),
}  # fmt: skip


def local(**spec):
    found = service("cart")
    found["spec"] |= spec
    return found


def api(**spec):
    return entry(endpoints=[{"address": "b.example.com"}, {"address": "a.example.com", "weight": 2}], **spec)


def own(**retries):
    return said({**WEB, **({"retries": retries} if retries else {})})


CHOSEN = {
    "nodes": Scene(
        [each for each in people() if each["metadata"]["name"] != "cart" or each["kind"] != "Service"],
        local(internalTrafficPolicy="Local"),
        {"everywhere": local(), "near ones": local(trafficDistribution="PreferClose")},
        {},
    ),
    "nodes in ambient": Scene(
        [each for each in people("ambient") if each["metadata"]["name"] != "cart" or each["kind"] != "Service"],
        local(trafficDistribution="PreferClose"),
        {"anywhere": local(), "of the node": local(trafficDistribution="PreferSameNode")},
        {"its new name": local(trafficDistribution="PreferSameZone"), "the usual said": local(trafficDistribution="PreferClose", internalTrafficPolicy="Cluster")},
    ),
    "endpoints": Scene(
        people(), api(),
        {"none": entry(), "one less": entry(endpoints=[{"address": "b.example.com"}]), "other shares": entry(endpoints=[{"address": "b.example.com"}, {"address": "a.example.com"}])},
        {"swapped": entry(endpoints=[{"weight": 2, "address": "a.example.com"}, {"address": "b.example.com"}])},
    ),
    "no retries": Scene(
        people(), own(attempts=0),
        {"as usual": own(), "one": own(attempts=1)},
        {"on nothing": own(attempts=0, perTryTimeout="2s"), "unsaid": own(retryOn="5xx")},
    ),
}  # fmt: skip

SCENES = {**ANSWERS, **EDITS, **CONNECTIONS, **MATCHES, **CHOSEN}

"""VirtualServices that Istio's admission lets in, and those that it refuses, by the field that it names."""

import pytest

from sidestep.semantics.admission.virtual_service import virtual_service_refusals

TO_CART = {"destination": {"host": "cart"}}
ROUTE = {"route": [TO_CART]}


def of(*rules, hosts=("cart",), **more):
    return {"hosts": list(hosts), "http": list(rules), **more}


def matching(**match):
    return of({"match": [match], **ROUTE})


SNI = {"match": [{"sniHosts": ["a.example.com"], "port": 443}], "route": [TO_CART]}
VALID = [
    of(ROUTE),
    of(ROUTE, hosts=["*"], gateways=["edge"]),
    of(ROUTE, hosts=["cart", "*.example.com", "10.0.0.1", "2001:db8::1"]),
    of(ROUTE, hosts=[], http=[{"match": [{"uri": {"prefix": ""}}], **ROUTE}]),
    of({"delegate": {"name": "carts"}}),
    of({"redirect": {"uri": "/"}}, {"directResponse": {"status": 503}}),
    of({"route": [{**TO_CART, "weight": 0}]}),
    of({"route": [{**TO_CART, "weight": 1}, {"destination": {"host": "cart", "subset": "v-1", "port": {"number": 80}}}]}),
    of({**ROUTE, "timeout": "1m0.5s", "retries": {"attempts": 2, "perTryTimeout": "10ms", "retryOn": "5xx"}}),
    of({**ROUTE, "retries": {"attempts": 0}}),
    of({**ROUTE, "rewrite": {"uriRegexRewrite": {"match": "^/a(.*)", "rewrite": "\\1"}}}),
    of({**ROUTE, "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 0.1}}, "delay": {"fixedDelay": "5s"}}}),
    of({**ROUTE, "mirror": {"host": "cart"}, "mirrorPercentage": {"value": 100.0}}),
    matching(withoutHeaders={"x": {"regex": "*"}, "y": {}}, headers={"z": {"exact": ""}}, queryParams={"q": {"regex": ".*"}}),
    {"hosts": ["a.example.com"], "tls": [SNI], "tcp": [ROUTE], "exportTo": [".", "web"]},
]  # fmt: skip
INVALID = {
    "hosts": of(ROUTE, hosts=["*.com", "a.com"]),
    "hosts[0]": of(ROUTE, hosts=["*"]),
    "hosts[1]": of(ROUTE, hosts=["cart", "a_b.com"]),
    "gateways": of(ROUTE, hosts=[], gateways=["edge"]),
    "http": {"hosts": ["cart"]},
    "http[0]": of({}),
    "http[1]": of(ROUTE, None),
    "http[0].directResponse": of({"redirect": {"uri": "/"}, "directResponse": {"status": 200}}),
    "http[0].route": of({"redirect": {"uri": "/"}, **ROUTE}),
    "http[0].fault": of({"directResponse": {"status": 200}, "fault": {"delay": {"fixedDelay": "5s"}}}),
    "http[0].delegate": of({"delegate": {"name": "a"}, **ROUTE}, hosts=[]),
    "http[0].redirect": of({"redirect": {}}),
    "http[0].redirect.redirectCode": of({"redirect": {"uri": "/", "redirectCode": 200}}),
    "http[0].directResponse.status": of({"directResponse": {"status": 99}}),
    "http[0].mirrors": of({**ROUTE, "mirror": {"host": "cart"}, "mirrors": [TO_CART]}),
    "http[0].mirrors[0].destination": of({**ROUTE, "mirrors": [{}]}),
    "http[0].mirrorPercentage": of({**ROUTE, "mirrorPercentage": {"value": 101}}),
    "http[0].route[0].destination": of({"route": [{}]}),
    "http[0].route[0].destination.host": of({"route": [{"destination": {}}]}),
    "http[0].route[0].destination.subset": of({"route": [{"destination": {"host": "cart", "subset": "v 1"}}]}),
    "http[0].route[0].destination.port.number": of({"route": [{"destination": {"host": "a", "port": {"number": 70000}}}]}),
    "http[0].route[1].weight": of({"route": [{**TO_CART, "weight": 3}, {**TO_CART, "weight": -1}]}),
    "http[0].timeout": of({**ROUTE, "timeout": "0s"}),
    "http[0].retries.attempts": of({**ROUTE, "retries": {"perTryTimeout": "2s"}}),
    "http[0].retries.perTryTimeout": of({**ROUTE, "retries": {"attempts": 1, "perTryTimeout": "2 s"}}),
    "http[0].rewrite": of({**ROUTE, "rewrite": {}}),
    "http[0].rewrite.uri": of({**ROUTE, "rewrite": {"uri": "/", "uriRegexRewrite": {"match": "a", "rewrite": "b"}}}),
    "http[0].rewrite.uriRegexRewrite.match": of({**ROUTE, "rewrite": {"uriRegexRewrite": {"match": "(", "rewrite": "b"}}}),
    "http[0].fault.delay.percentage": of({**ROUTE, "fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": -1}}}}),
    "http[0].fault.abort.httpStatus": of({**ROUTE, "fault": {"abort": {"httpStatus": 700}}}),
    "http[0].fault.delay.fixedDelay": of({**ROUTE, "fault": {"delay": {"fixedDelay": "1us"}}}),
    "http[0].corsPolicy.maxAge": of({**ROUTE, "corsPolicy": {"maxAge": "a day"}}),
    "http[0].match[0].uri.regex": matching(uri={"regex": "a(?=b)"}),
    "http[0].match[0].method.prefix": matching(method={"prefix": ""}),
    "http[0].match[0].headers.x.regex": matching(headers={"x": {"regex": "a" * 1025}}),
    "http[0].match[0].port": matching(port=65536),
    "tls[0].match": {"hosts": ["a"], "tls": [ROUTE]},
    "tls[0].match[0].sniHosts": {"hosts": ["b.example.com"], "tls": [SNI]},
    "tcp[0].route": {"hosts": ["a"], "tcp": [{}]},
    "exportTo": of(ROUTE, exportTo=["*", "a"]),
}  # fmt: skip


@pytest.mark.parametrize("spec", VALID)
def test_what_istio_lets_in_is_not_refused(spec):
    assert list(virtual_service_refusals(spec)) == []


@pytest.mark.parametrize("field", INVALID)
def test_what_istio_refuses_is_named_by_its_field(field):
    assert [each for each, _ in virtual_service_refusals(INVALID[field])] == [field]


def test_several_are_all_named():
    spec = of({"route": [{**TO_CART, "weight": 0}, {**TO_CART, "weight": 0}], "timeout": "x"}, hosts="cart")
    assert [each for each, _ in virtual_service_refusals({**spec, "hosts": "cart"})] == ["hosts"]
    assert [each for each, _ in virtual_service_refusals({**spec, "hosts": ["cart"]})] == ["http[0].route", "http[0].timeout"]  # fmt: skip


def test_the_own_namespace_by_two_names_is_named_twice():
    spec = of(ROUTE, exportTo=[".", "shop"])
    assert list(virtual_service_refusals(spec, "web")) == []
    assert [each for each, _ in virtual_service_refusals(spec, "shop")] == ["exportTo"]

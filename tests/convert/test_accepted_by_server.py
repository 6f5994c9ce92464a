"""A real API server, with the definitions of Gateway API and Istio, takes every object that a conversion writes.

What is asked is server-side validation: schemas, CEL rules and unknown fields. An object made from one that the server
itself refuses is not held against the conversion.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.convert.rules.route_scene import SHOP, SUBSETS, convert, vs
from tests.convert.rules.test_routes_properties import EXPERIMENTAL, virtual_services
from tests.convert.test_conversion import labelled_shop, planned
from tests.support.definitions import Validation
from tests.support.generated import indexed, worlds
from tests.support.scenes import index
from tests.support.servers import api_server

from sidestep.actions.stages import tree_of
from sidestep.sources.files import FilesSource
from sidestep.sources.interface import unheard

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "docs" / "examples" / "shop.yaml"
BOOKINFO = ("apps/bookinfo.yaml", "apps/bookinfo-versions.yaml", "networking/destination-rule-all.yaml")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with api_server(tmp_path_factory.mktemp("definitions")) as running:
        yield Validation(running)


def refused(server, mesh):
    """Objects of a mesh's conversion that are refused, though what they were made from is not."""
    _, _, staged = planned(mesh.in_order)
    assert staged
    found = [(each, server.refusal(each.after)) for stage in staged for each in stage.objects if each.after]
    wrong = [(str(each.object), why, tree_of(mesh, each.origin)) for each, why in found if why]
    return [(name, why) for name, why, origin in wrong if origin is None or not server.refusal(origin)]


def files(*paths):
    return FilesSource(tuple(str(path) for path in paths)).read(unheard)


@pytest.mark.parametrize("mesh", ["labelled", "sample"])
def test_samples(server, mesh):
    assert refused(server, index(*labelled_shop()).mesh if mesh == "labelled" else files(SAMPLE)) == []


def test_bookinfo_with_each_of_its_routes(server, corpus):
    folder = corpus / "bookinfo"
    routes = sorted((folder / "networking").glob("virtual-service-*.yaml"))
    assert routes
    for each in routes:
        assert refused(server, files(*(folder / name for name in BOOKINFO), each)) == [], each.name


@pytest.mark.parametrize("folder", ["online-boutique", "istio-samples"])
def test_corpus(server, corpus, folder):
    assert refused(server, files(corpus / folder)) == []


@given(worlds())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_meshes(server, objects):
    assert refused(server, indexed(objects).mesh) == []


PATHS = st.sampled_from([
    "/", "/a", "/a//b", "/a/./b", "/a/../b", "/a/.", "/a/..", "/a%2fb", "/a#b", "/a b", "/ä", "/a?b", "a", "//", "/" + "x" * 1100, "/{a}", "/a|b",
])  # fmt: skip
NAMES = st.sampled_from(["x-a", "X-A", "x a", "ä", ":path", "x_y", "n" * 300, "content-type", "a/b", "host"])
TEXTS = st.sampled_from(["v", "a b", "v" * 5000, "ä", "%REQ(x)%", "", "\tx"])
MATCHERS = st.builds(lambda form, text: {form: text}, st.sampled_from(["exact", "prefix", "regex"]), TEXTS)
SPANS = st.sampled_from(["1s", "0s", "1h30m", "100000h", "0.5ms", "1.5s", "99999s", "36h", "1ms", "3m0.001s"])
HOSTS = st.sampled_from(
    ["b.example", "B.example", "*.example", "10.0.0.1", "b.example:80", "a_b", "x" * 64 + ".example"]
)
ORIGINS = st.sampled_from([{"exact": each} for each in ("https://a.example", "*", "null", "http://a.example:70000", "https://*.a.example", "a.example", "https://A.example/")])  # fmt: skip
METHODS = st.sampled_from(["GET", "get", "*", "PROPFIND", "CONNECT"])
EDITS = st.fixed_dictionaries({}, optional={
    "set": st.dictionaries(NAMES, TEXTS, max_size=2),
    "add": st.dictionaries(NAMES, TEXTS, max_size=2),
    "remove": st.lists(NAMES, max_size=3),
})  # fmt: skip
HEADERS = st.fixed_dictionaries({}, optional={"request": EDITS, "response": EDITS})
DESTINATION = st.fixed_dictionaries(
    {"host": st.sampled_from(["reviews", "ratings", "details", "nobody"])},
    optional={
        "subset": st.sampled_from(["v1", "v2", "v9"]),
        "port": st.sampled_from([{"number": 9080}, {"number": 1}]),
    },
)
WEIGHTED = st.fixed_dictionaries({"destination": DESTINATION, "weight": st.sampled_from([0, 1, 100, 2_000_000, 2**31 - 1])}, optional={"headers": HEADERS})  # fmt: skip
MATCHES = st.fixed_dictionaries({}, optional={
    "uri": st.builds(lambda form, text: {form: text}, st.sampled_from(["exact", "prefix", "regex"]), PATHS),
    "headers": st.dictionaries(NAMES, MATCHERS, max_size=2),
    "withoutHeaders": st.dictionaries(NAMES, MATCHERS, max_size=1),
    "queryParams": st.dictionaries(NAMES, MATCHERS, max_size=2),
    "method": st.builds(lambda text: {"exact": text}, METHODS),
    "name": st.sampled_from(["first", "Not A Name"]),
})  # fmt: skip
REDIRECTS = st.fixed_dictionaries({}, optional={
    "uri": PATHS, "authority": HOSTS, "scheme": st.sampled_from(["http", "https", "HTTP"]), "redirectCode": st.sampled_from([301, 307, 399]), "port": st.sampled_from([80, 65535]),
})  # fmt: skip
CORS = st.fixed_dictionaries({}, optional={
    "allowOrigins": st.lists(ORIGINS, max_size=3), "allowMethods": st.lists(METHODS, max_size=3), "allowHeaders": st.lists(NAMES, max_size=2),
    "exposeHeaders": st.lists(NAMES, max_size=2), "maxAge": SPANS, "allowCredentials": st.booleans(),
})  # fmt: skip
RETRIES = st.fixed_dictionaries({}, optional={
    "attempts": st.sampled_from([0, 1, 1000]), "perTryTimeout": SPANS, "backoff": SPANS, "retryOn": st.sampled_from(["503", "connect-failure,refused-stream,unavailable,cancelled,599,400", "404,404"]),
})  # fmt: skip
ODD = st.fixed_dictionaries({}, optional={
    "match": st.lists(MATCHES, min_size=1, max_size=3), "timeout": SPANS, "headers": HEADERS, "corsPolicy": CORS, "retries": RETRIES,
    "rewrite": st.fixed_dictionaries({}, optional={"uri": PATHS, "authority": HOSTS}), "mirror": DESTINATION, "mirrorPercentage": st.sampled_from([{"value": 0.001}, {"value": 33.3}, {"value": 100}]),
    "name": st.sampled_from(["first", "Not A Name", "x" * 300]),
})  # fmt: skip


@st.composite
def odd_routes(draw):
    """VirtualServices with what schemas have opinions on."""
    rules = draw(st.lists(ODD, min_size=1, max_size=3))
    for rule in rules:
        if draw(st.integers(0, 4)):
            rule["route"] = draw(st.lists(WEIGHTED, min_size=1, max_size=2))
        else:
            rule["redirect"] = draw(REDIRECTS)
    return vs(draw(st.sampled_from(["reviews", "x" * 253])), {"hosts": ["reviews"], "http": rules})


@given(st.one_of(virtual_services(), odd_routes()), st.booleans())
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_routes(server, made, experimental):
    base = (*SHOP, SUBSETS, *((EXPERIMENTAL,) if experimental else ()))
    found = convert(made, base=base)
    refusals = [(each.object, server.refusal(each.manifest)) for each in found.changes if each.manifest]
    wrong = [(str(named), why) for named, why in refusals if why]
    assert not wrong or server.refusal(made), wrong

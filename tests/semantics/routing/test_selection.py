"""Which object speaks about a request: visibility, order, hosts, authority (D38 to D40)."""

import pytest
from tests.semantics.routing.meshes import (
    DETAILS,
    HOSTS,
    HTTP,
    OTHER,
    RATINGS,
    REVIEWS,
    WEB,
    entry,
    fqdn,
    get,
    istio,
    route,
    routing,
    service,
    to,
    version,
    vs,
)

from sidestep.model.gaps import Gap, GapReason
from sidestep.semantics.routing.hosts import Client, HostPort
from sidestep.semantics.routing.route import Answer, AnswerKind, RouteSource

SNIFFED = (HostPort(9080, "web", ""),)
STREAM = (HostPort(9080, "tcp", "TCP"),)


def says(
    name,
    host="reviews.shop.svc.cluster.local",
    target="ratings.shop.svc.cluster.local",
    namespace="shop",
    age=1,
    **spec,
):
    hosts = [host] if isinstance(host, str) else host
    return vs(name, {"hosts": hosts, "http": [{"route": to(target)}], **spec}, namespace, age)


def winner(*objects, client=WEB, host=REVIEWS, authority="", port=9080, **how):
    """Name of the object that a sidecar follows, or the kind of default."""
    found = routing(*objects, **how).sidecar_http(client, host, authority or (host.name if host else ""), port, get())
    assert not found.unknown
    return found.object.name if found.object else found.source.value


@pytest.mark.parametrize(
    ("exported", "shop", "other"),
    [
        (None, "a", "a"), (["*"], "a", "a"), (["."], "a", "default"), (["other"], "default", "a"), (["shop", "other"], "a", "a"),
        (["~"], "default", "default"), (["third"], "default", "default"), ([".", "*"], "a", "a"),
    ],
)  # fmt: skip
def test_exports(exported, shop, other):
    """D38: a client follows what is exported to it."""
    made = says("a", exportTo=exported)
    assert (winner(made), winner(made, client=OTHER)) == (shop, other)


def test_default_exports():
    made = says("a")
    assert winner(made, client=OTHER, virtual_service_export_to=(".",)) == "default"
    assert winner(made, virtual_service_export_to=(".",)) == "a"


def test_private_then_exported_then_public_then_oldest():
    """D40: at sidecars the first wins."""
    public = says("public", age=1)
    newer = says("newer", age=2)
    exported = says("exported", namespace="third", age=3, exportTo=["shop"])
    private = says("private", age=4, exportTo=["."])
    assert winner(newer, public) == "public"
    assert winner(newer, public, exported) == "exported"
    assert winner(newer, public, exported, private) == "private"
    assert winner(newer, public, exported, private, client=OTHER) == "public"
    assert winner(says("b"), says("a")) == "a", "of one age, the first name"


def test_a_client_namespace_object_holds_for_its_clients_only():
    """D38."""
    mine = says("mine", namespace="other", exportTo=["."])
    assert (winner(mine, client=OTHER), winner(mine)) == ("mine", "default")


def test_an_object_without_rules_for_the_port_leaves_it_to_the_next():
    first = vs("first", {"hosts": ["reviews"], "http": [{"match": [{"port": 80}], "route": to("details")}]}, age=1)
    assert winner(first, says("second", age=2)) == "second"
    assert winner(first) == "default"
    labelled = vs(
        "first", {"hosts": ["reviews"], "http": [{"match": [{"sourceLabels": {"a": "b"}}], "route": to("details")}]}
    )
    assert winner(labelled, says("second", age=2)) == "second"


def test_an_object_with_rules_for_the_port_is_not_left():
    """A request that none of its rules takes is answered with 404."""
    first = vs(
        "first", {"hosts": ["reviews"], "http": [{"match": [{"uri": {"exact": "/a"}}], "route": to("details")}]}, age=1
    )
    found = routing(first, says("second", age=2)).sidecar_http(WEB, REVIEWS, "reviews", 9080, get("/b"))
    assert found.answer == Answer(AnswerKind.NOT_FOUND, 404)


def test_exact_hosts_before_wildcards_before_shorter_ones():
    exact, near = says("exact", age=9), says("near", "*.shop.svc.cluster.local", age=8)
    far, all_ = says("far", "*.cluster.local", age=2), says("all", "*", age=1)
    assert winner(all_, far, near, exact) == "exact"
    assert winner(all_, far, near) == "near"
    assert winner(all_, far) == "far"
    assert winner(all_) == "all"


def test_hosts_do_not_meet_by_accident():
    assert winner(says("a", "views.shop.svc.cluster.local")) == "default"
    assert winner(says("a", "*.reviews.shop.svc.cluster.local")) == "default"


def test_gateways():
    """D50: bound to the mesh unless it names gateways without it."""
    assert winner(says("a", gateways=["ingress"])) == "default"
    assert winner(says("a", gateways=["ingress", "mesh"])) == "a"
    assert winner(says("a", gateways=[])) == "a"


@pytest.mark.parametrize(
    "authority", ["reviews", "reviews:9080", "reviews.shop", "reviews.shop.svc", "Reviews.Shop.svc.cluster.local:80", "reviews.shop.svc.cluster.local."]
)  # fmt: skip
def test_names_of_one_service(authority):
    assert winner(says("a"), authority=authority) == "a"


def test_short_names_are_the_clients_namespaces():
    found = routing(says("a")).sidecar_http(OTHER, REVIEWS, "reviews", 9080, get())
    assert found.source is RouteSource.PASSTHROUGH, "reviews of the namespace other does not exist"
    assert winner(says("a"), client=OTHER, authority="reviews.shop") == "a"


def test_a_final_dot_since_1_27():
    assert winner(says("a"), authority=f"{REVIEWS.name}.", at=version(26)) == "passthrough"
    assert winner(says("a"), authority=f"{REVIEWS.name}.", at=version(27)) == "a"


def test_the_authority_picks_the_service_whatever_was_dialled():
    """D39."""
    made = says("a", RATINGS.name, DETAILS.name)
    assert winner(made, host=REVIEWS, authority=RATINGS.name) == "a"
    assert winner(made, host=None, authority=RATINGS.name) == "a"
    assert winner(made, host=RATINGS, authority="10.0.0.7") == "a", "an address names what was dialled"
    found = routing(says("a")).sidecar_http(WEB, REVIEWS, RATINGS.name, 9080, get())
    assert found.backends[0].host == RATINGS.name


def test_unknown_authority():
    """D39: passed on to where it was dialled, or refused."""
    found = routing(says("a")).sidecar_http(WEB, REVIEWS, "example.com", 9080, get())
    assert (found.source, found.backends) == (RouteSource.PASSTHROUGH, ())
    found = routing(says("a"), outbound="REGISTRY_ONLY").sidecar_http(WEB, REVIEWS, "example.com", 9080, get())
    assert (found.source, found.answer) == (RouteSource.BLACKHOLE, Answer(AnswerKind.ERROR, 502))


def test_a_port_that_nobody_declares():
    """D46."""
    found = routing().sidecar_http(WEB, REVIEWS, REVIEWS.name, 1234, get())
    assert found.source is RouteSource.PASSTHROUGH
    found = routing(outbound="REGISTRY_ONLY").sidecar_http(WEB, REVIEWS, REVIEWS.name, 1234, get())
    assert (found.source, found.answer.status) == (RouteSource.BLACKHOLE, 0)


def test_an_undeclared_port_is_the_services_alone():
    """§5.3: the authority does not matter where the protocol is sniffed."""
    quiet = service("quiet", ports=SNIFFED)
    made = says("a", quiet.name)
    assert winner(made, host=quiet, authority="example.com", hosts=(*HOSTS, quiet)) == "a"
    assert winner(made, host=quiet, authority=REVIEWS.name, hosts=(*HOSTS, quiet)) == "a"
    assert winner(made, host=REVIEWS, authority=quiet.name, hosts=(*HOSTS, quiet)) == "a"


def test_a_tcp_port_reads_no_http():
    stream = service("db", ports=STREAM)
    found = routing(says("a", stream.name), hosts=(*HOSTS, stream)).sidecar_http(WEB, stream, REVIEWS.name, 9080, get())
    assert (found.source, found.retries, found.backends[0].host) == (RouteSource.DEFAULT, None, stream.name)


def test_names_that_are_no_service():
    """Beside the object's services on their ports, or else on port 80 alone."""
    web = service("web", ports=(HostPort(80, "http", "HTTP"),))
    named = says("named", ["bookinfo.com", "*.bookinfo.com"])
    everywhere = (web, *HOSTS)
    assert winner(named, host=None, authority="bookinfo.com", port=80, hosts=everywhere) == "named"
    assert winner(named, host=None, authority="a.bookinfo.com", port=80, hosts=everywhere) == "named"
    assert winner(named, host=None, authority="bookinfo.com", hosts=everywhere) == "passthrough"
    beside = says("beside", ["bookinfo.com", REVIEWS.name])
    assert winner(beside, host=None, authority="bookinfo.com", hosts=everywhere) == "beside"


def test_a_name_that_looks_short():
    """`reviews.shop` as a host is that very text: it counts before what it is short for, where it is older."""
    literal = says("literal", ["reviews.shop", DETAILS.name], age=1)
    full = says("full", age=2)
    assert winner(full, literal, authority="reviews.shop") == "literal"
    assert winner(full, literal, authority=REVIEWS.name) == "full"
    assert (
        winner(says("older", age=1), says("literal", ["reviews.shop", DETAILS.name], age=2), authority="reviews.shop")
        == "older"
    )


def test_wildcards_of_service_entries():
    google = entry("*.google.com")
    made = says("a", "*.google.com")
    assert winner(made, host=None, authority="www.google.com", hosts=(*HOSTS, google)) == "a"
    found = routing(hosts=(*HOSTS, google)).sidecar_http(WEB, None, "www.google.com", 9080, get())
    assert found.backends[0].host == "*.google.com"
    assert winner(hosts=(*HOSTS, google), host=None, authority="google.com") == "passthrough"


def test_pods_of_a_headless_service():
    headless = service("db", headless=True)
    found = routing(hosts=(*HOSTS, headless)).sidecar_http(WEB, None, "db-0.db.shop.svc.cluster.local", 9080, get())
    assert found.backends[0].host == headless.name
    found = routing().sidecar_http(WEB, None, f"pod-0.{REVIEWS.name}", 9080, get())
    assert found.source is RouteSource.PASSTHROUGH


def test_hosts_that_the_client_does_not_see():
    hidden = service("hidden", "third", export_to=(".",))
    made = routing(hosts=(*HOSTS, hidden))
    assert made.sidecar_http(WEB, hidden, hidden.name, 9080, get()).source is RouteSource.PASSTHROUGH
    assert made.sidecar_http(Client("third", {}), hidden, hidden.name, 9080, get()).source is RouteSource.DEFAULT
    to_hidden = says("a", target=hidden.name)
    assert (
        routing(to_hidden, hosts=(*HOSTS, hidden)).sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).answer.status
        == 503
    )


DELEGATE = {"match": [{"uri": {"prefix": "/x/y"}}], "route": to("ratings")}


def delegated(root, *rules, http=None, **how):
    delegate = vs("inner", {"http": list(rules), **how.pop("spec", {})}, how.pop("namespace", "shop"))
    rest = {"name": "rest", "route": to("details")}
    outer = vs(
        "outer", {"hosts": ["reviews"], "http": [{"delegate": {"name": "inner", **how.pop("at", {})}, **root}, rest]}
    )
    return routing(outer, delegate, **how).sidecar_http(WEB, REVIEWS, "reviews", 9080, http or get("/x/y"))


def test_delegates():
    found = delegated({"match": [{"uri": {"prefix": "/x"}}], "timeout": "3s"}, DELEGATE)
    assert (found.object.name, found.rule, found.timeout) == ("inner", "http[0]", "3s")
    assert delegated({"match": [{"uri": {"prefix": "/x"}}]}, DELEGATE, http=get("/x")).rule == "rest"
    assert delegated({}, {**DELEGATE, "timeout": "1s", "name": "n"}).timeout == "1s"
    assert delegated({"name": "r"}, {**DELEGATE, "name": "n"}).rule == "r-n"
    headers = {"match": [{"headers": {"a": {"exact": "1"}}}]}
    assert delegated(headers, DELEGATE).rule == "rest"
    assert delegated(headers, DELEGATE, http=get("/x/y", a="1")).object.name == "inner"


@pytest.mark.parametrize(
    ("root", "rule"),
    [
        ({"match": [{"uri": {"prefix": "/z"}}]}, DELEGATE), ({"match": [{"uri": {"regex": ".*"}}]}, DELEGATE),
        ({"match": [{"uri": {"exact": "/x/y"}}]}, DELEGATE), ({"match": [{"uri": {"prefix": "/x"}, "ignoreUriCase": True}]}, DELEGATE),
        ({"match": [{"port": 80}]}, {"match": [{"port": 9080}], "route": to("ratings")}),
        ({"match": [{"sourceNamespace": "shop"}]}, DELEGATE),
    ],
)  # fmt: skip
def test_delegates_that_do_not_fit(root, rule):
    """What does not lie within the root's conditions is dropped."""
    assert delegated(root, rule).rule == "rest"


def test_delegates_that_are_not_there():
    assert delegated({}, DELEGATE, at={"namespace": "third"}).rule == "rest"
    assert delegated({}, DELEGATE, namespace="third", at={"namespace": "third"}).object.namespace == "third"
    assert (
        delegated({}, DELEGATE, namespace="third", at={"namespace": "third"}, spec={"exportTo": ["."]}).rule == "rest"
    )
    assert delegated({}, DELEGATE, spec={"exportTo": 4}).unknown


def test_short_names_in_delegates_are_their_own():
    found = delegated({"mirror": {"host": "details"}}, DELEGATE, namespace="third", at={"namespace": "third"})
    assert found.backends[0].host == fqdn("ratings", "third")
    assert found.mirrors == (f"100% to {DETAILS.name}:9080",)


@pytest.mark.parametrize(
    "spec",
    [{"hosts": "reviews"}, {"hosts": [1]}, {"hosts": ["reviews"], "exportTo": "x"}, {"hosts": ["x"], "gateways": 3}],
)
def test_objects_whose_hosts_cannot_be_told_make_everything_doubtful(spec):
    found = routing(vs("odd", spec)).sidecar_http(WEB, REVIEWS, "reviews", 9080, get())
    assert "VirtualService shop/odd" in found.unknown
    assert found.backends


def test_what_was_not_read_is_said():
    lost = Gap("virtualservices.networking.istio.io", GapReason.FORBIDDEN)
    assert "virtualservices" in routing(gaps=(lost,)).sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).unknown
    absent = Gap("tcproutes.gateway.networking.k8s.io", GapReason.ABSENT)
    assert not routing(gaps=(absent,)).sidecar_http(WEB, REVIEWS, "reviews", 9080, get()).unknown


def test_precedence_of_routes_of_the_gateway_api():
    """D40: the client's own routes first, then the oldest of all."""
    spec = {
        "parentRefs": [{"group": "", "kind": "Service", "name": "reviews", "namespace": "shop"}],
        "rules": [{"backendRefs": [{"name": "details", "port": 9080}]}],
    }
    old, mine = says("old", age=1), route("HTTPRoute", "mine", spec, age=5)
    assert winner(old, mine) == "mine"
    assert winner(old, mine, client=OTHER) == "old"
    assert winner(old, mine, at=version(23)) == "old", "by age alone before 1.24"
    assert winner(says("old", age=1, exportTo=["."]), mine) == "old", "private objects come first"
    consumer = route("HTTPRoute", "consumer", spec, "other", age=5)
    assert winner(consumer, client=OTHER) == "consumer"
    assert winner(consumer) == "default", "a consumer's route holds for its namespace"


def test_a_service_entry_beside_services():
    extra = entry("api.example.com", "third", ports=HTTP)
    made = istio("VirtualService", "a", {"hosts": ["api.example.com"], "http": [{"route": to("api.example.com")}]})
    assert winner(made, host=extra, hosts=(*HOSTS, extra)) == "a"

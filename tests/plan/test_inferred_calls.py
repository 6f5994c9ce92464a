"""Who calls whom, by configuration alone: what it says, and what it does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.mesh import app, mesh, o, workload

from sidestep.model.call_graph import CallerRole, CallGraph, Evidence
from sidestep.model.mesh import SourceKind
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.sources.files import FilesSource

SECRET = "hunter2"


def template(env: Any = None, account: str = "", **container: Any) -> dict[str, Any]:
    made = app("app")
    listed = [{"name": name, "value": value} for name, value in env.items()] if isinstance(env, dict) else env
    made["spec"]["containers"][0] |= {"env": listed or [], **container}
    if account:
        made["spec"]["serviceAccountName"] = account
    return made


def labelled(name: str, made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "metadata": {**made["metadata"], "labels": {"app": name}}}


def running(name: str, env: Any = None, space: str = "shop", account: str = "", **container: Any) -> list[Any]:
    return workload(labelled(name, template(env, account, **container)), name, space)


def service(name: str, space: str = "shop", port: int = 80, **spec: Any) -> dict[str, Any]:
    ports = [{"port": port, "name": spec.pop("port_name", "http")}]
    return o.thing("v1", "Service", o.meta(name, space), spec={"selector": {"app": name}, "ports": ports, **spec})


def istio(kind: str, name: str, spec: Any, space: str = "shop", group: str = "networking") -> dict[str, Any]:
    return o.thing(f"{group}.istio.io/v1", kind, o.meta(name, space), spec=spec)


def route(name: str, spec: Any, space: str = "shop", kind: str = "HTTPRoute") -> dict[str, Any]:
    return o.thing("gateway.networking.k8s.io/v1", kind, o.meta(name, space), spec=spec)


def calls(*objects: Any) -> set[tuple[str, str]]:
    """Caller and callee, each by its name, or by its host or role where it has none."""
    graph = inferred_calls(mesh(*flat(objects)))
    assert {edge.evidence for edge in graph.edges} <= {Evidence.INFERRED}
    assert all(edge.proofs for edge in graph.edges)
    return shown(graph)


def shown(graph: CallGraph) -> set[tuple[str, str]]:
    return {
        (edge.source.name or str(edge.source.role), edge.target.name or edge.target.host or edge.target.service)
        for edge in graph.edges
    }


def flat(objects: Any) -> list[Any]:
    return [each for found in objects for each in (found if isinstance(found, list) else [found])]


CART = (service("cart", port=7070), running("cart"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CART_SERVICE_ADDR", "cart:7070"),
        ("X", "http://cart:7070"),
        ("X", "grpc://cart.shop:7070/path?x=1"),
        ("X", "cart.shop.svc.cluster.local:7070"),
        ("X", "CART.shop.svc:7070"),
        ("X", "http://user:hunter2@cart:7070/db"),
        ("X", "jdbc:postgresql://cart:7070/db"),
        ("X", "nobody:1,cart:7070"),
        ("X", "mongodb://u:p@nobody:1,cart:7070/db"),
        ("X", "user:pw@tcp(cart:7070)/db"),
        ("X", "cart-0.cart.shop.svc.cluster.local:7070"),
        ("CART_HOST", "cart"),
        ("cartUrl", "cart"),
        ("CART_ENDPOINTS", "cart"),
    ],
)
def test_a_variable_names_a_service(name, value):
    assert calls(*CART, running("web", {name: value})) == {("web", "cart")}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_NAME", "cart"),
        ("OTEL_SERVICE_NAME", "cart"),
        ("IMAGE", "cart:7"),
        ("IMAGE", "registry/cart:7070"),
        ("CART_ADDR", "cart:7071"),
        ("LISTEN_ADDR", "0.0.0.0:7070"),
        ("X", "http://localhost:7070"),
        ("X", "mycart:7070"),
        ("X", "cart:7070@sha"),
        ("CART_ADDR", "cart.other:7070"),
        ("X", "2024-01-01T12:70:70"),
        ("CART_ADDR", ""),
    ],
)
def test_a_text_that_names_no_service(name, value):
    assert calls(*CART, running("web", {name: value})) == set()


@pytest.mark.parametrize(
    "container",
    [
        {"args": ["--cart=cart:7070"]},
        {"args": ["--cart-host", "cart"]},
        {"args": ["--upstream=cart"]},
        {"command": ["sh", "-c", "until curl http://cart:7070/ready; do sleep 1; done"]},
        {"args": ["--url=http://$(CART):7070"], "env": [{"name": "CART", "value": "cart"}]},
    ],
)
def test_commands_and_arguments_name_services(container):
    assert calls(*CART, workload(labelled("web", template(**container)), "web")) == {("web", "cart")}


@pytest.mark.parametrize("container", [{"args": ["cart"]}, {"args": ["--name=cart"]}, {"args": ["--verbose", "cart"]}])
def test_an_argument_that_is_no_address_names_nobody(container):
    assert calls(*CART, running("web", None, **container)) == set()


def test_the_proof_names_object_and_field_and_never_a_value():
    (edge,) = inferred_calls(mesh(*flat(CART), *running("web", {"DB": f"http://u:{SECRET}@cart:7070"}))).edges
    assert edge.proofs == ("Deployment shop/web: env DB of container app",)
    assert SECRET not in repr(edge)
    assert (edge.protocol, edge.requests_per_second, edge.bytes_per_second) == ("http", None, None)


def test_a_name_is_looked_up_in_the_own_namespace():
    far = (service("cart", "far", 7070), running("cart", space="far"))
    assert calls(*far, running("web", {"CART_ADDR": "cart:7070"})) == set()
    assert calls(*far, running("web", {"CART_ADDR": "cart.far:7070"})) == {("web", "cart")}


def test_whoever_a_service_selects_is_called():
    versions = [workload(labelled("cart", template()), f"cart-{version}") for version in ("v1", "v2")]
    found = inferred_calls(mesh(*flat([CART[0], *versions, running("web", {"CART_ADDR": "cart:7070"})])))
    assert [(edge.target.name, edge.target.service) for edge in found.edges] == [
        ("cart-v1", "cart"),
        ("cart-v2", "cart"),
    ]


def test_naming_oneself_is_no_call():
    assert calls(CART[0], running("cart", {"PUBLIC_URL": "http://cart:7070"})) == set()


def test_a_headless_service_is_called_at_any_port():
    database = service("db", port=5432, clusterIP="None")
    assert calls(database, running("db"), running("web", {"DB": "db-0.db.shop:6432"})) == {("web", "db")}


def test_a_service_without_selector_and_one_that_was_not_read():
    assert calls(service("old", selector=None), running("web", {"OLD_ADDR": "old:80"})) == {("web", "old")}
    assert calls(running("web", {"PAY": "http://pay.bank.svc.cluster.local"})) == {("web", "pay")}


def test_hosts_outside_the_mesh():
    assert calls(running("web", {"PAY": "https://api.pay.test/v1", "X": "api.pay.test:443"})) == {
        ("web", "api.pay.test")
    }


def test_the_sidecar_itself_names_nobody():
    made = template()
    made["spec"]["containers"].append({"name": "istio-proxy", "env": [{"name": "CA_ADDR", "value": "cart:7070"}]})
    assert calls(*CART, workload(labelled("web", made), "web")) == set()


def test_pods_without_controller_that_was_read():
    (bare,) = [each for each in running("web", {"CART_ADDR": "cart:7070"}) if each["kind"] == "Pod"][:1]
    assert calls(*CART, bare) == {("web-abc", "cart")}


def test_names_that_nobody_has_are_told_together():
    graph = inferred_calls(mesh(*running("web", {"A_ADDR": "a:1", "B_HOST": "b", "C": "c:3"})))
    (remark,) = graph.remarks
    assert "a (Deployment shop/web, env A_ADDR" in remark.text
    assert "b (Deployment shop/web, env B_HOST" in remark.text
    assert "C" not in remark.text.replace("CONTAINER", "")


def test_values_from_elsewhere_are_said_to_be_unread():
    graph = inferred_calls(mesh(*running("web", [{"name": "DB", "valueFrom": {"secretKeyRef": {"name": "db"}}}])))
    assert [remark.text for remark in graph.remarks] == [
        "1 environment variables refer to other objects, which are not read"
    ]


def test_a_snapshot_does_not_hold_what_names_services():
    assert inferred_calls(mesh(kind=SourceKind.SNAPSHOT)).gaps
    assert not inferred_calls(mesh(kind=SourceKind.FILES)).gaps


ENTRANCE = istio("Gateway", "entrance", {"selector": {"app": "gw"}})


def virtual(name: str = "web", hosts: Any = ("web.acme.test",), gateways: Any = ("entrance",), **http: Any) -> Any:
    rule = http or {"route": [{"destination": {"host": "cart"}}]}
    return istio("VirtualService", name, {"hosts": list(hosts), "gateways": list(gateways), "http": [rule]})


def test_a_gateway_calls_where_its_routes_lead():
    gateway = running("gw", space="istio-ingress")
    graph = inferred_calls(mesh(*flat([*CART, gateway, ENTRANCE, virtual()])))
    (edge,) = graph.edges
    assert (edge.source.role, edge.source.namespace, edge.source.name) == (CallerRole.GATEWAY, "istio-ingress", "gw")
    assert (edge.target.name, edge.proofs) == ("cart", ("VirtualService shop/web: spec.http[0]",))


def test_a_gateway_whose_pods_are_unknown_goes_by_its_own_name():
    assert calls(*CART, ENTRANCE, virtual()) == calls(*CART, virtual()) == {("entrance", "cart")}


@pytest.mark.parametrize(
    "rule",
    [
        {"route": [], "mirror": {"host": "cart"}},
        {"mirrors": [{"destination": {"host": "cart.shop.svc.cluster.local"}}]},
        {"route": [{"destination": {"host": "cart", "port": {"number": 7070}}}]},
    ],
)
def test_mirrors_and_ports_of_routes(rule):
    assert calls(*CART, virtual(**rule)) == {("entrance", "cart")}


def test_a_delegate_is_followed():
    root = virtual(delegate={"name": "inner"})
    inner = istio("VirtualService", "inner", {"http": [{"route": [{"destination": {"host": "cart"}}]}]})
    assert calls(*CART, root, inner) == {("entrance", "cart")}


def test_a_route_in_the_mesh_leads_a_call_elsewhere():
    web = running("web", {"CART_ADDR": "cart:7070"})
    other = (service("basket"), running("basket"))
    away = virtual("cart", ("cart",), (), route=[{"destination": {"host": "basket"}}])
    assert calls(*CART, *other, web, away) == {("web", "cart"), ("web", "basket")}
    guest = route(
        "cart", {"parentRefs": [{"kind": "Service", "name": "cart"}], "rules": [{"backendRefs": [{"name": "basket"}]}]}
    )
    assert calls(*CART, *other, web, guest) == {("web", "cart"), ("web", "basket")}


def test_a_route_in_the_mesh_without_known_caller_says_that_somebody_calls():
    assert calls(*CART, virtual("cart", ("cart",), ("mesh",))) == {("unknown", "cart")}


def test_routes_of_the_gateway_api():
    gateway = workload(
        {**template(), "metadata": {"labels": {"gateway.networking.k8s.io/gateway-name": "front"}}}, "front-istio"
    )
    found = route(
        "r", {"parentRefs": [{"name": "front"}], "rules": [{"backendRefs": [{"name": "cart", "port": 7070}]}]}
    )
    assert calls(*CART, gateway, found) == {("front-istio", "cart")}
    assert calls(*CART, found) == {("front", "cart")}


def test_a_waypoint_is_no_entrance():
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]}
    found = route("r", {"parentRefs": [{"name": "wp"}], "rules": [{"backendRefs": [{"name": "cart"}]}]})
    assert calls(*CART, route("wp", spec, kind="Gateway"), found) == set()


ENTRY = istio("ServiceEntry", "api", {"hosts": ["api.acme.test", "*.maps.test"]})


def test_a_declared_host_is_called_by_somebody():
    assert calls(ENTRY) == {("unknown", "api.acme.test"), ("unknown", "*.maps.test")}


def test_whoever_names_a_declared_host_calls_it():
    web = running("web", {"A_HOST": "api.acme.test", "B": "tiles.maps.test:443"})
    assert calls(ENTRY, web) == {("web", "api.acme.test"), ("web", "tiles.maps.test")}


def policy(source: Any, action: Any = "ALLOW", selector: Any = "cart", **rule: Any) -> Any:
    spec = {"action": action, "rules": [{"from": [{"source": source}], **rule}]}
    if selector:
        spec["selector"] = {"matchLabels": {"app": selector}}
    return istio("AuthorizationPolicy", "only", spec, group="security")


@pytest.mark.parametrize(
    "source",
    [{"principals": ["cluster.local/ns/shop/sa/web"]}, {"serviceAccounts": ["shop/web"]}, {"serviceAccounts": ["web"]}],
)
def test_a_policy_allows_a_workload_by_its_account(source):
    graph = inferred_calls(mesh(*flat([*CART, running("web", account="web"), policy(source)])))
    assert shown(graph) == {("web", "cart")}
    assert graph.edges[0].proofs[0].startswith("AuthorizationPolicy shop/only: spec.rules[0].from[0].source.")


def test_a_condition_says_the_same():
    found = policy({}, when=[{"key": "source.principal", "values": ["cluster.local/ns/shop/sa/web"]}])
    assert calls(*CART, running("web", account="web"), found) == {("web", "cart")}


def test_an_account_of_many_and_a_namespace_leave_the_caller_unknown():
    two = [running(name, account="web") for name in ("web", "batch")]
    for source in ({"principals": ["cluster.local/ns/shop/sa/web"]}, {"namespaces": ["shop"]}):
        (edge,) = inferred_calls(mesh(*flat([*CART, *two, policy(source)]))).edges
        assert (edge.source.role, edge.source.namespace, edge.source.name) == (CallerRole.UNKNOWN, "shop", "")


@pytest.mark.parametrize(
    "found",
    [
        policy({"principals": ["*"]}),
        policy({"principals": ["cluster.local/ns/shop/*"]}),
        policy({"principals": ["cluster.local/ns/shop/sa/web"]}, action="DENY"),
        policy({"principals": ["cluster.local/ns/shop/sa/cart"]}),
        policy({"notPrincipals": ["cluster.local/ns/shop/sa/web"]}),
        policy({"ipBlocks": ["10.0.0.0/8"]}),
    ],
)
def test_a_policy_that_tells_no_call(found):
    assert calls(CART[0], running("cart", account="cart"), running("web", account="web"), found) == set()


def test_a_policy_for_a_whole_namespace_tells_no_call_and_says_so():
    graph = inferred_calls(mesh(*flat([*CART, policy({"namespaces": ["shop"]}, selector="")])))
    assert not graph.edges
    assert len(graph.remarks) == 1


def test_a_policy_on_a_service():
    found = policy({"namespaces": ["far"]}, selector="")
    found["spec"]["targetRefs"] = [{"kind": "Service", "group": "", "name": "cart"}]
    assert calls(*CART, found) == {("unknown", "cart")}


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "cart", "*", "a/b", "http://cart:7070"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["hosts", "gateways", "http", "route", "destination", "host", "rules", "from", "source", "when", "values", "principals", "parentRefs", "backendRefs", "name", "selector", "matchLabels", "delegate", "mirror"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(ODD)
def test_specs_of_any_form_are_no_accident(spec):
    kinds = [istio(kind, "x", spec) for kind in ("VirtualService", "ServiceEntry", "Gateway")]
    others = [
        istio("AuthorizationPolicy", "x", spec, group="security"),
        route("x", spec),
        route("x", spec, kind="Gateway"),
    ]
    for edge in inferred_calls(mesh(*flat([*CART, *kinds, *others]))).edges:
        assert edge.target.name or edge.target.service or edge.target.host
        assert edge.source.name or edge.source.role is CallerRole.UNKNOWN


BOUTIQUE = {
    "istio-gateway": ["frontend"],
    "loadgenerator": ["frontend"],
    "frontend": [
        "adservice",
        "cartservice",
        "checkoutservice",
        "currencyservice",
        "productcatalogservice",
        "recommendationservice",
        "shippingservice",
    ],
    "checkoutservice": [
        "cartservice",
        "currencyservice",
        "emailservice",
        "paymentservice",
        "productcatalogservice",
        "shippingservice",
    ],
    "recommendationservice": ["productcatalogservice"],
    "cartservice": ["redis-cart"],
    "unknown": ["*.googleapis.com", "accounts.google.com", "metadata.google.internal"],
}
"""The architecture in the shop's own README, and its ServiceEntries."""


def test_the_boutiques_calls_are_found_and_no_others(corpus):
    graph = inferred_calls(FilesSource([str(corpus / "online-boutique")]).read())
    assert shown(graph) == {(source, target) for source, targets in BOUTIQUE.items() for target in targets}
    assert ["shoppingassistantservice" in remark.text for remark in graph.remarks] == [True]


def test_bookinfo_names_its_services_in_its_programs_so_only_its_entrance_is_known(corpus):
    folder = corpus / "bookinfo"
    paths = [folder / "apps" / "bookinfo.yaml", folder / "networking" / "bookinfo-gateway.yaml"]
    assert shown(inferred_calls(FilesSource([str(path) for path in paths]).read())) == {
        ("bookinfo-gateway", "productpage-v1")
    }
    routed = FilesSource([str(path) for path in [*paths, folder / "networking" / "virtual-service-all-v1.yaml"]]).read()
    assert ("unknown", "ratings-v1") in shown(inferred_calls(routed))

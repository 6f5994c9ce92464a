"""What is sent in a rehearsal is what is answered, and what is refused, today."""

import msgspec
import pytest
import yaml
from tests.support.rehearsals import example, example_traffic
from tests.support.runs import EXAMPLE, manifests

from sidestep.errors import UsageError
from sidestep.model.call_graph import Callee, Caller, CallerRole, Edge, Evidence, call_graph
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.choreography import Lasting
from sidestep.plan.planner import PlanRequest, Wishes, make_plan
from sidestep.plan.steps import Gate
from sidestep.prove.languages import METHODS
from sidestep.rehearse.question import Manner
from sidestep.rehearse.scaling import behaving, most_replicas, scaled, spaced
from sidestep.rehearse.traffic import traffic
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Tcp
from sidestep.sources.files import FilesSource
from sidestep.sources.prices import load_prices


def measured(**rates):
    """A graph of what web and orders call, so many requests a second, each a kilobyte."""
    called = {"web": "orders", "orders": "stock"}
    return call_graph(
        Edge(Caller(CallerRole.WORKLOAD, "shop", "Deployment", name), Callee(service_namespace="shop", service=called[name]),
             rate, rate * 1000, evidence=Evidence.METRICS)
        for name, rate in rates.items()
    )  # fmt: skip


CALLS = {"shop/web to shop/orders:80, GET /", "shop/orders to shop/stock:9090, bytes"}


def test_calls_that_are_known_share_the_rate():
    load = [each for each in example_traffic().questions if each.called and each.allowed]
    assert {each.name: each.rate for each in load} == dict.fromkeys(CALLS, 50.0)


def test_what_was_measured_shares_the_rate_in_proportion():
    told = example_traffic(graph=measured(web=30.0, orders=10.0))
    assert {each.rate for each in told.questions if each.called and each.allowed} == {75.0, 25.0}
    assert {str(ref): size for ref, size in told.sizes.items()} == {
        "Deployment shop/orders": 1000,
        "Deployment shop/stock": 1000,
    }


def test_a_call_that_is_hardly_ever_made_is_made_all_the_same():
    load = [
        each.rate
        for each in example_traffic(graph=measured(web=1e6, orders=1e-6)).questions
        if each.called and each.allowed
    ]
    assert sum(load) == pytest.approx(100)
    assert min(load) > 0.9


def test_what_nobody_is_known_to_call_is_tried_too():
    beside = {each.name: each.rate for each in example_traffic().questions if each.allowed and not each.called}
    assert beside == {"shop/orders to shop/web:80, GET /": 1.0, "shop/stock to shop/orders:80, GET /": 1.0}


def test_everything_that_policies_refuse_is_tried():
    refused = {each.name for each in example_traffic().questions if not each.allowed}
    assert refused == {
        "shop/orders to shop/orders:80, DELETE /",
        "shop/stock to shop/orders:80, DELETE /",
        "shop/web to shop/orders:80, DELETE /",
        "shop/stock to shop/stock:9090, bytes",
        "shop/web to shop/stock:9090, bytes",
    }


def test_who_speaks_grpc_is_asked_by_it(tmp_path):
    written = tmp_path / "shop.yaml"
    written.write_text(EXAMPLE.read_text().replace("name: http", "name: grpc"))
    index = MeshIndex.of(FilesSource([str(written)]).read())
    sent = traffic(index, index, call_graph(()), 10).questions
    orders = [each for each in sent if each.service == ("shop", "orders")]
    assert {each.manner for each in orders} == {Manner.GRPC}
    assert orders[0].edge().url == "grpc://orders.shop.svc.cluster.local.:80/sidestep.Rehearsal/Ask"


def test_a_question_is_sent_by_the_workloads_own_pods():
    edge = next(each for each in example_traffic().questions if each.method == "GET").edge()
    assert (edge.workload, edge.url) == ("shop/Deployment/web", "http://orders.shop.svc.cluster.local.:80/")
    assert edge.expect == ["shop/orders"]
    bytes_ = next(each for each in example_traffic().questions if not each.method).edge()
    assert bytes_.url.startswith("tcp://")
    assert bytes_.expect == [], "bytes do not say who gives them"


def test_nobody_has_more_replicas_than_there_is_room_for():
    found, merged = scaled(tuple(manifests()), 1)
    counts = {each["metadata"]["name"]: each["spec"]["replicas"] for each in found if each["kind"] == "Deployment"}
    assert set(counts.values()) == {1}
    assert [each.split(":")[0] for each in merged] == [f"Deployment shop/{name}" for name in counts]
    assert len(found) == len(manifests())


def test_a_mesh_that_this_machine_has_no_memory_for_is_made_smaller_and_then_refused():
    """Three Deployments of two pods and more, and a pod on each of three nodes."""
    agents = {"kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": {"template": {}}}
    objects = (*manifests(), agents)
    assert most_replicas(objects, 2, 3, 9) == (2, ())
    most, told = most_replicas(objects, 2, 3, 8)
    assert (most, *told) == (1, "there is room for 8 pods: at most 1 of a workload, and not 2")
    with pytest.raises(UsageError, match="one pod of each workload is 6 pods, and there is room for 5"):
        most_replicas(objects, 2, 3, 5)


def templated(annotations=None, **spec):
    meta = {"annotations": annotations} if annotations else {}
    return {"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": {"metadata": meta, "spec": spec}}}


def annotated(tree, sizes=None):
    before = msgspec.json.encode(tree)
    (found,) = behaving((tree,), 2.0, sizes or {})
    assert msgspec.json.encode(tree) == before
    return found["spec"]["template"]["metadata"]["annotations"]


def test_workloads_serve_on_and_call_nobody_by_themselves():
    assert annotated(templated()) == {"sidestep.dev/behaviour": '{"linger":2.0}', "sidestep.dev/calls": "none"}
    short = annotated(templated(terminationGracePeriodSeconds=3))
    assert short["sidestep.dev/behaviour"] == '{"linger":1.5}'
    sized = annotated(templated(), {WorkloadRef("default", "Deployment", "a"): 512})
    assert sized["sidestep.dev/behaviour"] == '{"linger":2.0,"size":512}'


def test_workloads_that_say_how_they_behave_and_whom_they_call_do_so():
    told = {"sidestep.dev/behaviour": '{"latency": "1s"}', "sidestep.dev/calls": "http://b/"}
    assert annotated(templated(told)) == told


def test_a_namespace_that_was_not_read_is_made_as_the_plan_takes_it(tmp_path):
    trees = [each for each in manifests() if each["kind"] != "Namespace"]
    written = tmp_path / "shop.yaml"
    written.write_text(yaml.safe_dump_all(trees))
    found, told = spaced(tuple(trees), MeshIndex.of(FilesSource([str(written)]).read()))
    assert [each["metadata"] for each in found if each not in trees] == [
        {"name": "shop", "labels": {"istio-injection": "enabled"}}
    ]
    assert told[0].startswith("Namespace shop was not read")
    assert spaced(tuple(manifests()), MeshIndex.of(example())) == (tuple(manifests()), ())


def test_old_connections_are_waited_for_where_bytes_are_served_and_that_is_wished():
    def gates(**wishes):
        plan = make_plan(PlanRequest(example(), load_prices(None), wishes=Wishes(**wishes)))
        return {step.id: step for step in plan.steps if step.description.startswith("wait until no old connection")}

    assert gates() == {}
    for wished, stops in ((Lasting.WAIT, True), (Lasting.DRAIN, False)):
        (found,) = gates(lasting=wished).values()
        assert "shop/stock" in found.description, "orders and web serve HTTP"
        assert isinstance(found.effect, Gate)
        assert found.effect.stops is stops


GUARDED = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-reading, namespace: shop}
spec:
  action: DENY
  selector: {matchLabels: {app: stock}}
  rules: [{to: [{operation: {methods: [GET]}}]}]
"""


def questions(tmp_path, text):
    """All that is asked of a mesh that stays as it is."""
    written = tmp_path / "shop.yaml"
    written.write_text(text)
    index = MeshIndex.of(FilesSource([str(written)]).read())
    return traffic(index, index, call_graph(()), 10).questions


def test_where_reading_is_refused_another_method_is_sent_that_proxies_read(tmp_path):
    text = EXAMPLE.read_text().replace("name: tcp", "name: http") + "---" + GUARDED
    stock = [each for each in questions(tmp_path, text) if each.service == ("shop", "stock")]
    assert {each.method for each in stock if not each.allowed} >= {"GET"}
    assert {each.method for each in stock} <= set(METHODS)


def test_who_speaks_only_when_spoken_to_is_not_asked_as_one_who_greets(tmp_path):
    text = EXAMPLE.read_text()
    for name, manner, scheme in (("tcp", Manner.TCP, "tcp"), ("mysql", Manner.GREETED, "tcp-first")):
        stock = [each for each in questions(tmp_path, text.replace("name: tcp", f"name: {name}")) if each.service[1] == "stock"]  # fmt: skip
        assert {each.manner for each in stock} == {manner}
        assert {each.payload for each in stock} == {Tcp(server_first=manner is Manner.GREETED)}
        assert stock[0].edge().url == f"{scheme}://stock.shop.svc.cluster.local.:9090"


GATEWAY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: shop}
spec:
  selector: {matchLabels: {istio: front}}
  template:
    metadata:
      labels: {istio: front, sidecar.istio.io/inject: "true"}
      annotations: {inject.istio.io/templates: gateway}
    spec: {containers: [{name: istio-proxy, image: auto}]}
"""


def test_a_gateway_asks_for_nothing_by_itself(tmp_path):
    asking = {each.client.name for each in questions(tmp_path, f"{EXAMPLE.read_text()}---{GATEWAY}")}
    assert asking == {"web", "orders", "stock"}

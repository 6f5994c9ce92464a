"""What is sent in a rehearsal is what is answered, and what is refused, today."""

from tests.support.runs import EXAMPLE, manifests

from sidestep.plan.inferred_calls import inferred_calls
from sidestep.rehearse.scaling import lingering, scaled
from sidestep.rehearse.traffic import traffic
from sidestep.sources.files import FilesSource


def of_example(rate=100.0):
    mesh = FilesSource([str(EXAMPLE)]).read()
    return traffic(mesh, inferred_calls(mesh), rate)


def test_calls_that_are_known_share_the_rate():
    sent = [each for each in of_example().questions if each.allowed]
    assert {each.name for each in sent} == {
        "shop/web to shop/orders:80, GET /",
        "shop/orders to shop/stock:9090, bytes",
    }
    assert sum(each.rate for each in sent) == 100


def test_everything_that_policies_refuse_is_tried():
    refused = {each.name for each in of_example().questions if not each.allowed}
    assert refused == {
        "shop/orders to shop/orders:80, DELETE /",
        "shop/stock to shop/orders:80, DELETE /",
        "shop/web to shop/orders:80, DELETE /",
        "shop/stock to shop/stock:9090, bytes",
        "shop/web to shop/stock:9090, bytes",
    }


def test_a_question_is_sent_by_the_workloads_own_pods():
    edge = next(each for each in of_example().questions if each.method == "GET").edge()
    assert (edge.workload, edge.url) == ("shop/Deployment/web", "http://orders.shop.svc.cluster.local:80/")
    bytes_ = next(each for each in of_example().questions if not each.method).edge()
    assert bytes_.url.startswith("tcp://")


def test_nobody_has_more_replicas_than_there_is_room_for():
    found, merged = scaled(tuple(manifests()), 1)
    counts = {each["metadata"]["name"]: each["spec"]["replicas"] for each in found if each["kind"] == "Deployment"}
    assert set(counts.values()) == {1}
    assert [each.split(":")[0] for each in merged] == [f"Deployment shop/{name}" for name in counts]
    assert len(found) == len(manifests())


def test_workloads_serve_on_unless_they_say_how_they_behave():
    own = {"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": {"metadata": {}}}}
    told = {"sidestep.dev/behaviour": '{"latency": "1s"}'}
    theirs = {**own, "spec": {"template": {"metadata": {"annotations": told}}}}
    one, other = lingering((own, theirs), 2.0)
    assert one["spec"]["template"]["metadata"]["annotations"] == {"sidestep.dev/behaviour": '{"linger":2.0}'}
    assert other == theirs
    assert own["spec"]["template"]["metadata"] == {}

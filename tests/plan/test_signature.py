"""A plan knows of what it was made: what it rests on may not change, what it does not read may."""

import msgspec
import yaml
from msgspec.structs import replace
from tests.support.runs import EXAMPLE, example_plan

from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.reading import read_plan
from sidestep.plan.signature import Change, Changed, changed, digest, inputs
from sidestep.report.formats import Look
from sidestep.report.plan import json_plan
from sidestep.report.plan.report import PlanReport
from sidestep.sources.files import FilesSource
from sidestep.sources.prices import load_prices


def mesh(tmp_path, change=lambda _: None, cluster="one"):
    """The shop, as if it was read from a cluster."""
    trees = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(EXAMPLE.read_text()) if each}
    change(trees)
    (tmp_path / "mesh.yaml").write_text(yaml.safe_dump_all(trees.values()))
    found = FilesSource([str(tmp_path / "mesh.yaml")]).read()
    return replace(found, source=replace(found.source, cluster_id=cluster))


def plan(tmp_path):
    return make_plan(PlanRequest(mesh(tmp_path), load_prices(None)))


def of(made):
    return digest(msgspec.json.encode(made))


def differences(tmp_path, change):
    made = plan(tmp_path)
    return list(changed(made, inputs(mesh(tmp_path, change))))


def test_a_plan_read_back_has_the_digest_it_was_written_with(tmp_path):
    made = plan(tmp_path)
    text = json_plan.render(PlanReport(made), Look()).encode()
    assert made.signature.cluster == "one"
    assert read_plan(text).signature == made.signature
    assert digest(text) == digest(msgspec.json.encode(made)) == made.signature.digest


def test_a_field_that_this_sidestep_does_not_know_is_signed_like_any_other(tmp_path):
    tree = msgspec.json.decode(msgspec.json.encode(plan(tmp_path)))
    tree["steps"][0]["later"] = 1
    tree["signature"]["digest"] = digest(msgspec.json.encode(tree))
    assert read_plan(msgspec.json.encode(tree)).signature.digest == digest(msgspec.json.encode(tree))
    assert digest(msgspec.json.encode(tree)) != digest(msgspec.json.encode(plan(tmp_path)))


def test_edited_steps_have_another_digest_and_edited_words_have_not(tmp_path):
    made = plan(tmp_path)
    step = replace(made.steps[0], wave=7)
    assert of(replace(made, steps=(step, *made.steps[1:]))) != made.signature.digest
    assert of(replace(made, summary="read by us")) == made.signature.digest
    other = replace(made, signature=replace(made.signature, cluster="two"))
    assert of(other) != made.signature.digest


def test_manifests_say_less_than_a_cluster_makes_of_them_so_nothing_is_held_against_them(tmp_path):
    made = example_plan()
    assert (made.signature.cluster, made.signature.inputs) == ("", {})
    assert made.signature.digest == of(made)
    assert not list(changed(made, inputs(mesh(tmp_path))))


def test_what_comes_goes_or_changes_is_named(tmp_path):
    def change(trees):
        del trees["ServiceAccount", "web"]
        trees["Service", "web"]["spec"]["ports"][0]["targetPort"] = 9090
        del trees["Service", "stock"]
        trees["new", "new"] = {
            "apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "metadata": {"name": "new", "namespace": "shop"},
        }  # fmt: skip

    assert differences(tmp_path, change) == [
        Changed("Service shop/stock", Change.WENT),
        Changed("Service shop/web", Change.CHANGED),
        Changed("Sidecar.networking.istio.io shop/new", Change.CAME),
    ]


def test_what_a_plan_does_not_read_may_change(tmp_path):
    def change(trees):
        web = trees["Deployment", "web"]
        web["spec"]["replicas"] = 9
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/shop/web:2"
        web["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "7"}
        web["status"] = {"replicas": 9}
        trees["made", "made"] = {
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "waypoint", "namespace": "shop", "ownerReferences": [{"kind": "Gateway", "name": "w"}]},
        }  # fmt: skip

    assert differences(tmp_path, change) == []


def test_what_the_plan_itself_changes_is_left_to_its_steps(tmp_path):
    def change(trees):
        trees["Deployment", "web"]["spec"]["template"]["metadata"]["labels"]["istio.io/dataplane-mode"] = "ambient"

    assert differences(tmp_path, change) == []

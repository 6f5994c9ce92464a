"""Long compact lists of pods are decoded in one go, and give what item by item gives."""

import io
import json

import pytest
from tests.support.mesh import Sidecar, app, inject, pod

from sidestep.sources.documents.item import Items, Pods
from sidestep.sources.documents.json_stream import read_json
from sidestep.sources.files import FilesSource

PODS = [pod(inject(app("cart"), Sidecar()), f"cart-{number}") for number in range(40)]


def text(items, kind="List", **layout) -> bytes:
    return json.dumps(
        {"apiVersion": "v1", "kind": kind, "items": items}, **(layout or {"separators": (",", ":")})
    ).encode()


def forms(content: bytes):
    return {type(found) for found in read_json(io.BytesIO(content), "f", 20_000)}


def mesh_of(tmp_path, content: bytes):
    path = tmp_path / "pods.json"
    path.write_bytes(content)
    return FilesSource([str(path)]).read()


def test_pods_come_together_and_the_last_stretch_with_its_end():
    assert forms(text(PODS)) == {Pods, Items}
    bare = [{key: value for key, value in tree.items() if key not in ("apiVersion", "kind")} for tree in PODS]
    assert forms(text(bare, "PodList")) == {Pods, Items}


@pytest.mark.parametrize("other", [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}, {"kind": "x"}])
def test_one_other_thing_takes_a_stretch_apart(other):
    mixed = [each for tree in PODS for each in (tree, other)]
    assert forms(text(mixed)) == {Items}


def test_pretty_lists_keep_their_lines():
    assert forms(text(PODS, indent=1)) == {Items}


def test_both_ways_give_the_same_mesh(tmp_path):
    many = PODS * 30
    for number, tree in enumerate(many):
        many[number] = {**tree, "metadata": {**tree["metadata"], "name": f"cart-{number}"}}
    together, apart = (mesh_of(tmp_path, text(many, **layout)) for layout in ({}, {"indent": 1}))
    assert [(p.name, p.shape, p.status, p.node) for p in together.pods] == [
        (p.name, p.shape, p.status, p.node) for p in apart.pods
    ]
    assert len(together.pods) == 1_200


def test_a_pod_with_a_wrong_type_costs_only_itself(tmp_path):
    many = [{**tree, "metadata": {**tree["metadata"], "name": f"p{n}"}} for n, tree in enumerate(PODS * 30)]
    many[7] = {**many[7], "status": {"phase": 5}}
    mesh = mesh_of(tmp_path, text(many))
    assert len(mesh.pods) == 1_199
    assert len(mesh.gaps) == 1


def test_a_pod_met_twice_counts_once(tmp_path):
    mesh = mesh_of(tmp_path, text([PODS[0], *PODS]))
    assert len(mesh.pods) == 40
    assert len(mesh.remarks) == 1

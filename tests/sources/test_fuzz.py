"""Any bytes end in a mesh or in one of our errors, and what we do not know survives."""

import io
import json

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.manifests import objects

from sidestep.errors import WorldError
from sidestep.model.mesh import Mesh
from sidestep.sources.files import FilesSource
from sidestep.sources.snapshot import SnapshotSource, write_snapshot

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)  # fmt: skip
JSON = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects()}).encode()
YAML = yaml.safe_dump_all(objects()).encode()


def read(content: bytes) -> Mesh | None:
    try:
        return FilesSource(["-"], io.BytesIO(content)).read()
    except WorldError:
        return None


@given(TREES)
def test_unknown_fields_survive_json(tree):
    mesh = read(json.dumps({"apiVersion": "v1", "kind": "Service", "unknown": tree}).encode())
    assert mesh is not None
    assert mesh.resources["services"][0].tree()["unknown"] == tree


@given(TREES)
def test_unknown_fields_survive_yaml(tree):
    text = yaml.safe_dump({"apiVersion": "x.test/v1", "kind": "Thing", "unknown": tree}, default_style='"')
    mesh = read(text.encode())
    assert mesh is not None
    if mesh.others:
        assert mesh.others[0].tree()["unknown"] == tree
    else:
        assert mesh.gaps


@given(st.sampled_from([JSON, YAML]), st.data())
@settings(max_examples=300)
def test_changed_bytes_never_crash(content, data):
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        change = data.draw(st.sampled_from(["flip", "cut", "insert"]))
        if change == "flip":
            changed[at] = data.draw(st.integers(0, 255))
        elif change == "cut":
            del changed[at : at + data.draw(st.integers(1, 40))]
        else:
            changed[at:at] = data.draw(
                st.sampled_from([b"\t", b"\xff", b"{", b"]", b"&a ", b"*a", b"\n---\n", b"<<: ", b"null", b'"'])
            )
    read(bytes(changed))


@given(st.binary(max_size=400))
def test_any_bytes_never_crash(content):
    read(content)


@given(st.sampled_from(["metadata", "spec", "status", "data", "kind", "apiVersion"]), TREES, st.integers(0, 11))
@settings(max_examples=300)
def test_wrong_types_in_any_field_are_told_and_can_be_written(tmp_path_factory, field, tree, which):
    changed = [*objects()[:which], {**objects()[which], field: tree}, *objects()[which + 1 :]]
    mesh = read(json.dumps({"apiVersion": "v1", "kind": "List", "items": changed}).encode())
    assert mesh is not None
    path = str(tmp_path_factory.mktemp("fuzz") / "x.sidestep")
    for key in (None, b"k" * 32):
        write_snapshot(mesh, path, created="2026-01-01T00:00:00Z", tool_version="1", hash_key=key)
        again = SnapshotSource(path).read()
        assert len(again.pods) == len(mesh.pods)
        assert len(again.others) == len(mesh.others)
        assert len(again.gaps) == len(mesh.gaps)

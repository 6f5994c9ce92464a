"""JSON of any size, in windows of any size."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.model.gaps import Gap, GapReason
from sidestep.sources.documents import json_stream
from sidestep.sources.documents.item import Items
from sidestep.sources.documents.json_stream import read_json

TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | st.sampled_from(["},{", '"kind":', "[{"]),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(["kind", "metadata", "items", "a"]), children, max_size=3),
    max_leaves=8,
)  # fmt: skip
OBJECTS = st.lists(
    st.builds(lambda name, spec: {"metadata": {"name": name}, "spec": spec}, st.text(max_size=5), TREES), max_size=12
)
WINDOWS = st.integers(3, 300)
LAYOUTS = st.sampled_from([{}, {"indent": 4}, {"separators": (",", ":")}])


def read(text: str | bytes, window: int = 2**20):
    content = text if isinstance(text, bytes) else text.encode()
    return list(read_json(io.BytesIO(content), "f.json", window))


def values(found) -> list:
    assert [f for f in found if isinstance(f, Gap)] == []
    return whole(found)


def whole(found) -> list:
    return [json.loads(bytes(raw)) for items in found if isinstance(items, Items) for raw in items.raws]


@given(OBJECTS, WINDOWS, LAYOUTS)
def test_a_list_in_any_window(trees, window, layout):
    text = json.dumps({"apiVersion": "v1", "kind": "ServiceList", "metadata": {}, "items": trees}, **layout)
    found = read(text, window)
    assert values(found) == trees
    assert {item.declared.kind for item in found} <= {"Service"}


@given(OBJECTS, WINDOWS, LAYOUTS)
def test_items_before_the_kind(trees, window, layout):
    text = json.dumps({"apiVersion": "v1", "items": trees, "kind": "List", "metadata": {"a": [1]}}, **layout)
    assert values(read(text, window)) == trees


@given(OBJECTS, WINDOWS)
def test_one_value_a_line(trees, window):
    text = "\n".join(json.dumps(tree) for tree in trees)
    assert values(read(text, window)) == trees


@given(OBJECTS, WINDOWS, LAYOUTS)
def test_a_bare_array(trees, window, layout):
    assert values(read(json.dumps(trees, **layout), window)) == trees


@given(OBJECTS, LAYOUTS, st.sampled_from(["", "\n", " \n\n"]))
def test_one_value_after_the_other(trees, layout, between):
    assert values(read(between.join(json.dumps(tree, **layout) for tree in trees))) == trees


@given(OBJECTS, WINDOWS, st.integers(0, 400))
def test_a_cut_list_keeps_what_was_whole(trees, window, cut):
    text = json.dumps({"kind": "ServiceList", "items": trees})
    found = read(text[: max(0, len(text) - cut)], window)
    kept = whole(items for items in found if isinstance(items, Items) and items.declared)
    assert kept == trees[: len(kept)]


@pytest.mark.parametrize("window", [64, 1000, 2**20])
def test_every_cut_is_told(window):
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [{"kind": "A", "n": n} for n in range(50)]})
    for cut in range(60, len(text) - 1, 13):
        found = read(text[:cut], window)
        assert [f.reason for f in found if isinstance(f, Gap)] == [GapReason.TRUNCATED]
        assert len(whole(found)) >= text[:cut].count("}") - 1


@pytest.mark.parametrize("window", [50, 2**20])
def test_lines_of_items(window):
    trees = [{"metadata": {"name": f"n{n}"}, "kind": "A"} for n in range(40)]
    text = json.dumps({"kind": "List", "items": trees}, indent=2)
    starts = [number for number, line in enumerate(text.splitlines(), 1) if line == "    {"]
    assert [origin.line for items in read(text, window) for _, origin in items] == starts


def test_a_mark_at_the_start_is_skipped():
    assert values(read(b"\xef\xbb\xbf" + b'{"kind":"A"}')) == [{"kind": "A"}]


def test_an_object_with_items_is_not_always_a_list():
    tree = {"kind": "Menu", "items": [{"a": 1}]}
    assert values(read(json.dumps(tree))) == [tree]


@pytest.mark.parametrize(
    "text", ['{"a":' + "[" * 100_000, '{"a":' + "[" * 100_000 + "]" * 100_000 + "}", '{"a":1,}', "{'a':1}"]
)
def test_nonsense_is_a_gap(text):
    assert [type(found) for found in read(text)] == [Gap]


@given(st.binary(max_size=200), WINDOWS)
def test_any_bytes_end_in_items_or_gaps(content, window):
    for prefix in (b"", b"{", b'{"items":['):
        assert all(isinstance(found, Items | Gap) for found in read(prefix + content, window))


@pytest.mark.parametrize(
    "text",
    ['{"kind":"A","items":[{"odd":"' + "x" * 5000, '{"kind":"A"}\n{"kind":"' + "x" * 5000, '{"odd":"' + "x" * 5000],
)
def test_what_never_ends_is_refused(text, monkeypatch):
    monkeypatch.setattr(json_stream, "LARGEST_VALUE", 1000)
    assert [found.reason for found in read(text, 100) if isinstance(found, Gap)] == [GapReason.TOO_LARGE]

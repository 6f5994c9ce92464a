"""Files: several documents, lists, JSON; what stands beside an object that changes is not touched."""

import copy
import difflib

import pytest
from tests.support.yaml_texts import manifests

from sidestep.convert.editing.chunks import chunks
from sidestep.convert.editing.document import read_value
from sidestep.convert.editing.file import ObjectEdit, edit_file, new_file
from sidestep.errors import WorldError

FIRST = "# licence\n\n# about a\nkind: A # a\nmetadata: {name: a}\n"
SECOND = "---\n# about b\nkind: B\nmetadata:\n  name: b\n"
BROKEN = "--- # broken\na: {{ .Values.x }}\n  b: [\n"
LAST = "---\nkind: C\nmetadata:\n  name: c\n...\n"
WHOLE = FIRST + SECOND + BROKEN + LAST
A = {"kind": "A", "metadata": {"name": "a"}}
B = {"kind": "B", "metadata": {"name": "b"}}
C = {"kind": "C", "metadata": {"name": "c"}}


def test_documents_are_counted_as_they_are_read():
    text = "# only words\n---\n---\nkind: A\n--- # none\n--- {kind: B}\n---x: 1\n"
    assert [(piece.number, piece.line) for piece in chunks(text)] == [(0, 1), (0, 2), (1, 3), (0, 5), (2, 6)]
    assert "".join(piece.text for piece in chunks(text)) == text


def test_documents_in_brackets_are_counted_whether_they_are_json_or_not():
    text = '{"kind": "A"}\n--- {"kind": "B"}\n---\n{kind: C}\n'
    assert [(piece.number, piece.line) for piece in chunks(text)] == [(1, 1), (2, 2), (3, 3)]
    edits = [ObjectEdit(2, {"kind": "B"}, {"kind": "B", "x": 1}), ObjectEdit(3, {"kind": "C"}, None)]
    assert edit_file(text, edits) == '{"kind": "A"}\n--- {"kind": "B", "x": 1}\n'
    assert edit_file("{kind: A}\n", [], [{"kind": "B"}]) == "{kind: A}\n---\nkind: B\n"


def test_several_objects_of_a_file_change_and_a_broken_one_stays():
    edits = [ObjectEdit(1, A, {**A, "x": 1}), ObjectEdit(4, C, {**C, "z": 2})]
    assert edit_file(WHOLE, edits) == FIRST + "x: 1\n" + SECOND + BROKEN + LAST.replace("...", "z: 2\n...")


@pytest.mark.parametrize(
    ("edits", "wanted"),
    [
        ([ObjectEdit(1, A, None)], "# licence\n\n" + SECOND + BROKEN + LAST),
        ([ObjectEdit(2, B, None)], FIRST + BROKEN + LAST),
        ([ObjectEdit(4, C, None), ObjectEdit(2, B, None)], FIRST + BROKEN),
    ],
)
def test_a_document_goes_with_its_marker_and_comments(edits, wanted):
    assert edit_file(WHOLE, edits) == wanted


def test_a_file_of_which_no_object_is_left_goes():
    assert edit_file(FIRST + SECOND, [ObjectEdit(1, A, None), ObjectEdit(2, B, None)]) is None


def test_documents_are_added_at_the_end():
    assert edit_file(FIRST.rstrip(), [], [B, C]) == FIRST + new_file([B]).join(("---\n", "---\n")) + new_file([C])
    assert edit_file("kind: A\r\n", [], [B]) == "kind: A\r\n---\r\nkind: B\r\nmetadata:\r\n  name: b\r\n"
    assert edit_file(FIRST, [ObjectEdit(1, A, None)], [B]) == "# licence\n\n---\nkind: B\nmetadata:\n  name: b\n"


LIST = "apiVersion: v1\nkind: List\nitems:\n# of a\n- kind: A # a\n  metadata: {name: a}\n# of b\n- kind: B\n  metadata:\n    name: b\n"


def test_items_of_a_list():
    edits = [ObjectEdit(1, A, None), ObjectEdit(1, B, {**B, "x": 1})]
    wanted = "apiVersion: v1\nkind: List\nitems:\n# of b\n- kind: B\n  metadata:\n    name: b\n  x: 1\n"
    assert edit_file(LIST, edits) == wanted
    assert edit_file(LIST, [], [C]) == LIST + "- kind: C\n  metadata:\n    name: c\n"
    assert edit_file(LIST, [ObjectEdit(1, A, None), ObjectEdit(1, B, None)]) is None


def test_an_item_of_a_list_that_turns_into_another_of_its_kind_keeps_its_comments():
    text = (
        "kind: List\nitems:\n# of a\n- apiVersion: s/v1beta1\n  kind: P\n  metadata: {name: a} # who\n  spec: {x: 1}\n"
    )
    before = read_value(text)["items"][0]
    after = {"apiVersion": "s/v1", "kind": "P", "metadata": {"name": "a-b"}, "spec": {"x": 1, "z": 2}}
    wanted = text.replace("v1beta1", "v1").replace("name: a}", "name: a-b}").replace("x: 1", "x: 1, z: 2")
    assert edit_file(text, [ObjectEdit(1, before, after)]) == wanted


def test_items_of_a_typed_list_say_no_type():
    text = "apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: a}\n"
    before = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}
    new = edit_file(text, [ObjectEdit(1, before, {**before, "spec": {"x": 1}})])
    assert new == text + "  spec:\n    x: 1\n"


def test_json_values_one_after_the_other():
    text = '{"kind": "A", "metadata": {"name": "a"}}\n{"kind": "C",\n "metadata": {"name": "c"}}\n'
    assert edit_file(text, [ObjectEdit(2, C, {**C, "x": [1]})]) == text.replace('"c"}}', '"c"},\n "x": [1]}')
    assert edit_file(text, [ObjectEdit(1, A, None)]) == '\n{"kind": "C",\n "metadata": {"name": "c"}}\n'


def test_a_file_of_json_ends_as_it_did_when_the_last_value_goes():
    assert edit_file('{"kind": "A"}\n{"kind": "B"}\n', [ObjectEdit(2, {"kind": "B"}, None)]) == '{"kind": "A"}\n'
    assert edit_file('{"kind": "A"}\n{"kind": "B"}', [ObjectEdit(2, {"kind": "B"}, None)]) == '{"kind": "A"}'


def test_numbers_are_the_same_however_they_are_written():
    before = {"kind": "A", "x": 1.0}
    assert (
        edit_file('{"kind": "A", "x": 1.0}', [ObjectEdit(1, before, {**before, "z": 1})])
        == '{"kind": "A", "x": 1.0, "z": 1}'
    )


def test_of_two_equal_objects_each_takes_its_own_change():
    edits = [ObjectEdit(1, {"kind": "A"}, {"kind": "A", "x": 1}), ObjectEdit(1, {"kind": "A"}, None)]
    assert edit_file("kind: List\nitems:\n- kind: A\n- kind: A\n", edits) == "kind: List\nitems:\n- kind: A\n  x: 1\n"
    with pytest.raises(WorldError, match="not there"):
        edit_file("kind: A\n", [*edits, edits[0]])


def test_a_json_list_takes_new_objects_and_a_single_object_does_not():
    text = '{\n  "kind": "List",\n  "items": [\n    {\n      "kind": "A"\n    }\n  ]\n}\n'
    new = edit_file(text, [], [C])
    assert read_value(new)["items"] == [{"kind": "A"}, C]
    assert new.startswith(text[: text.index("\n  ]")])
    with pytest.raises(WorldError, match="holds one object"):
        edit_file('{"kind": "A"}', [], [C])


@pytest.mark.parametrize(
    ("text", "edit", "says"),
    [
        (FIRST, ObjectEdit(1, B, None), "not there as it was read"),
        (FIRST, ObjectEdit(2, B, None), "gone since it was read"),
        ("kind: A\nx:\n\t- 1\n", ObjectEdit(1, A, None), "cannot start any token"),
        ("", ObjectEdit(1, A, None), "gone since it was read"),
    ],
)
def test_what_is_not_as_it_was_read_is_refused(text, edit, says):
    with pytest.raises(WorldError, match=says) as raised:
        edit_file(text, [edit], path="f.yaml")
    assert raised.value.where.startswith("f.yaml")


def test_every_object_of_the_corpus_takes_a_label_and_little_else(corpus):
    count = 0
    for path in manifests(corpus):
        text = path.read_bytes().decode()
        edits = [ObjectEdit(number, tree, labelled(tree)) for number, tree in objects(text)]
        assert edit_file(text, [ObjectEdit(e.document, e.before, e.before) for e in edits]) == text
        new = edit_file(text, edits, path=path.name)
        assert [tree for _, tree in objects(new)] == [edit.after for edit in edits]
        diff = [line for line in difflib.ndiff(text.splitlines(), new.splitlines()) if line[0] in "+-"]
        assert not [line for line in diff if line[0] == "-" and "labels: {" not in line]
        assert len(diff) <= sum(1 if has_labels(e.before) else 3 if "metadata" not in e.before else 2 for e in edits)
        count += len(edits)
    assert count > 300


def test_every_object_of_the_corpus_goes_and_leaves_the_others(corpus):
    for path in manifests(corpus):
        text = path.read_bytes().decode()
        found = objects(text)
        for at, (number, tree) in enumerate(found):
            new = edit_file(text, [ObjectEdit(number, tree, None)], path=path.name)
            assert [each for _, each in objects(new or "")] == [each for _, each in found[:at] + found[at + 1 :]]


def objects(text):
    found = []
    for piece in chunks(text):
        try:
            value = read_value(piece.text)
        except WorldError:
            continue
        members = value["items"] if isinstance(value, dict) and value.get("kind") == "List" else [value]
        found += [(piece.number, each) for each in members if isinstance(each, dict) and piece.number]
    return found


def has_labels(tree):
    return bool((tree.get("metadata") or {}).get("labels"))


def labelled(tree):
    new = copy.deepcopy(tree)
    new["metadata"] = {**(new.get("metadata") or {})}
    new["metadata"]["labels"] = {**(new["metadata"].get("labels") or {}), "istio.io/use-waypoint": "none"}
    return new

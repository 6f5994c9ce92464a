"""One document: what changes changes alone, in the manner of its neighbours."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.yaml_texts import changed, texts, trees

from sidestep.convert.editing.alignment import same
from sidestep.convert.editing.document import edit_document, read_value
from sidestep.errors import WorldError


def edited(text, change):
    before = read_value(text)
    after = read_value(text)
    change(after)
    new = edit_document(text, before, after)
    assert same(read_value(new), after)
    return new


def set_at(*path):
    *keys, last, value = path

    def change(tree):
        for key in keys:
            tree = tree[key]
        if value is None:
            del tree[last]
        else:
            tree[last] = value

    return change


@given(st.data())
def test_any_change_of_any_text_says_what_is_wanted(data):
    tree = data.draw(trees)
    text = data.draw(texts(tree))
    assert edit_document(text, tree, tree) == text
    after = data.draw(changed(tree))
    assert same(read_value(edit_document(text, tree, after)), after)


@given(st.data())
def test_a_change_of_one_entry_leaves_the_lines_of_all_others(data):
    tree = {"first": data.draw(trees), "other": 1, "last": data.draw(trees)}
    text = data.draw(texts(tree))
    new = edit_document(text, tree, {**tree, "other": 2})
    diff = [line for line in difflib.ndiff(text.splitlines(), new.splitlines()) if line[0] in "+-"]
    assert len(diff) == 2
    assert all("other" in line for line in diff)


@given(st.data())
def test_an_entry_that_comes_and_goes_again_leaves_the_text_as_it_was(data):
    tree = {"first": data.draw(trees), "last": 1}
    text = data.draw(texts(tree))
    more = {"first": tree["first"], "new": {"a": ["b"]}, "last": 1}
    added = edit_document(text, tree, more)
    assert len(added.splitlines()) == len(text.splitlines()) + 3
    assert edit_document(added, more, tree) == text


CASES = {
    "a scalar keeps its comment": ("a: 1 # one\nb: 2\n", ("a", 5), "a: 5 # one\nb: 2\n"),
    "a scalar keeps its quotes": ("a: 'x'\nb: \"y\"\n", ("a", "it's"), "a: 'it''s'\nb: \"y\"\n"),
    "a scalar keeps its alignment": ("a:    x\nbbbb: y\n", ("a", "z"), "a:    z\nbbbb: y\n"),
    "a text that reads as something else is quoted": ("a: x\n", ("a", "yes"), 'a: "yes"\n'),
    "a text of one letter too": ("a: x\n", ("a", "y"), 'a: "y"\n'),
    "the quotes are those of the document": ("a: x\nb: 'c'\n", ("a", "on"), "a: 'on'\nb: 'c'\n"),
    "an empty value is filled": ("a: # none\nb: 1\n", ("a", "x"), "a: x # none\nb: 1\n"),
    "an empty value becomes a mapping": ("a: # none\nb: 1\n", ("a", {"x": 1}), "a: # none\n  x: 1\nb: 1\n"),
    "braces of which nothing stays are written anew": ("a: {x: y} # one\nb: 1\n", ("a", {"istio.io/z": "u"}), "a: {istio.io/z: u} # one\nb: 1\n"),
    "braces like those of JSON, too": ('a: {"x": "y"}\n', ("a", {"z": "u"}), 'a: {"z": "u"}\n'),
    "braces on several lines become a block": ("a: {\n  x: y\n}\nb: 1\n", ("a", {"z": "u"}), "a:\n  z: u\nb: 1\n"),
    "empty braces become a block": ("a: {} # none\nb: 1\n", ("a", {"x": 1}), "a: # none\n  x: 1\nb: 1\n"),
    "a key stands with its neighbours": ("a:\n    x: 1 # c\n    # deeper\nb: 1\n", ("a", "z", 2), "a:\n    x: 1 # c\n    # deeper\n    z: 2\nb: 1\n"),
    "a key goes with its comments": ("a: 1\n# of b\n# and more\nb:\n  c: 1\n  # d: 2\n# of e\ne: 1\n", ("b", None), "a: 1\n# of e\ne: 1\n"),
    "a comment apart stays": ("a: 1\n# apart\n\nb: 1\nc: 1\n", ("b", None), "a: 1\n# apart\n\nc: 1\n"),
    "blank lines do not double": ("a: 1\n\nb: 1\n\nc: 1\n", ("b", None), "a: 1\n\nc: 1\n"),
    "the first key goes": ("# licence\na: 1\nb: 2\n", ("a", None), "# licence\nb: 2\n"),
    "the last key goes": ("a: 1\nb: 2", ("b", None), "a: 1"),
    "nothing is left": ("a:\n  b: 1 # c\nd: 1\n", ("a", "b", None), "a: {}\nd: 1\n"),
    "the first key of an item goes": ("a:\n- x: 1 # x\n  # of y\n  y: 2\n", ("a", 0, "x", None), "a:\n- # of y\n  y: 2\n"),
    "an item goes": ("a:\n  - x # x\n  # of y\n  - y\n  - z\n", ("a", 1, None), "a:\n  - x # x\n  - z\n"),
    "items are indented as others": ("a:\n  - x\nb: 1\n", ("b", [{"c": 1, "d": [2]}]), "a:\n  - x\nb:\n  - c: 1\n    d:\n      - 2\n"),
    "items are not indented where others are not": ("a:\n- x\nb: 1\n", ("b", [{"c": 1}]), "a:\n- x\nb:\n- c: 1\n"),
    "flow stays flow": ("a: {b: 1, c: [x, y]} # c\n", ("a", "c", ["x", "z, w", "q"]), 'a: {b: 1, c: [x, "z, w", q]} # c\n'),
    "a key in braces": ("a: {b: 1}\n", ("a", "c", {"d": ["e"]}), "a: {b: 1, c: {d: [e]}}\n"),
    "a key in braces goes": ("a: {b: 1, c: 2, d: 3}\n", ("a", "c", None), "a: {b: 1, d: 3}\n"),
    "the first in braces goes": ("a: {b: 1, c: 2}\n", ("a", "b", None), "a: {c: 2}\n"),
    "Windows line ends": ("a:\r\n  b: 1\r\nc: 2\r\n", ("a", "d", {"e": 1}), "a:\r\n  b: 1\r\n  d:\r\n    e: 1\r\nc: 2\r\n"),
    "a byte order mark": ("\ufeffa: 1\nb: 2\n", ("a", 2), "\ufeffa: 2\nb: 2\n"),
    "no line end": ("a: 1\nb: 2", ("c", 3), "a: 1\nb: 2\nc: 3"),
    "markers": ("--- # doc\na: 1\n...\n", ("b", 2), "--- # doc\na: 1\nb: 2\n...\n"),
    "a literal block": ("a: |\n  x\n  y\nb: 1\n", ("a", "x\nz\n"), "a: |\n  x\n  z\nb: 1\n"),
    "a literal block after which trailing lines count": ("a: |+\n  x\n\n\nb: 1\n", ("c", 1), "a: |+\n  x\n\n\nb: 1\nc: 1\n"),
    "a text of several lines": ("a:\n  b: x # c\n  d: 1\n", ("a", "b", "p\nq\n"), "a:\n  b: | # c\n    p\n    q\n  d: 1\n"),
    "a number that is written otherwise": ("a: 0777\nb: 1\n", ("b", 2), "a: 0777\nb: 2\n"),
    "of a key given twice the last counts": ("a: 1\nb: 1\na: 2\n", ("a", 3), "a: 1\nb: 1\na: 3\n"),
    "a key given twice goes twice": ("a: 1\nb: 1\na: 2\n", ("a", None), "b: 1\n"),
    "a question mark": ("? a\n: 1\n? b\n: 2\n", ("a", None), "? b\n: 2\n"),
    "a tag that no longer fits": ("a: !!str 1\n", ("a", 5), "a: 5\n"),
    "JSON": ('{\n  "a": 1,\n  "b": {\n    "c": []\n  }\n}\n', ("b", "d", {"e": "f"}), '{\n  "a": 1,\n  "b": {\n    "c": [],\n    "d": {\n      "e": "f"\n    }\n  }\n}\n'),
    "the last of JSON goes": ('{\n  "a": 1,\n  "b": 2\n}\n', ("b", None), '{\n  "a": 1\n}\n'),
    "JSON with tabs": ('{\n\t"a": 1,\n\t"b": 2\n}\n', ("c", 3), '{\n\t"a": 1,\n\t"b": 2,\n\t"c": 3\n}\n'),
    "a mapping for JSON with tabs": ('{\n\t"a": 1\n}\n', ("b", {"c": 3}), '{\n\t"a": 1,\n\t"b": {\n\t\t"c": 3\n\t}\n}\n'),
    "tight JSON": ('{"a":1,"b":{"c":"d"}}', ("b", "e", "y"), '{"a":1,"b":{"c":"d", "e":"y"}}'),
    "braces over lines with comments": ("a: [\n  x, # x\n  v # v\n]\n", ("a", ["x", "w", "v", "z"]), "a: [\n  x, # x\n  w,\n  v, # v\n  z\n]\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "path", "wanted"), CASES.values(), ids=CASES)
def test_only_what_changes_changes(text, path, wanted):
    assert edited(text, set_at(*path)) == wanted


ALIASES = {
    "the use changes, never the anchor": ("a: &x\n  p: 1\nb: *x # b\nc: *x\n", ("b", {"p": 2}), "a: &x\n  p: 1\nb: # b\n  p: 2\nc: *x\n"),
    "others keep what they had": ("a: &x\n  p: 1\nb: *x\n", ("a", {"p": 2}), "a: &x\n  p: 2\nb:\n  p: 1\n"),
    "all uses change with the anchor": ("a: &x 1\nb: [*x, *x]\n", None, "a: &x 2\nb: [*x, *x]\n"),
    "a scalar of one use": ("a: &x 1\nb: *x\nc: *x\n", ("b", 2), "a: &x 1\nb: 2\nc: *x\n"),
    "an anchor that goes": ("a: &x 1\nb: *x\n", ("a", None), "b: 1\n"),
    "a merge is overridden": ("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  r: 3\n", ("b", "p", 5), "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  r: 3\n  p: 5\n"),
    "a merge that gives too much": ("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  r: 3\n", ("b", "p", None), "a: &x {p: 1, q: 2}\nb:\n  r: 3\n  q: 2\n"),
    "the merged mapping changes": ("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  r: 3\n", ("a", "p", 5), "a: &x {p: 5, q: 2}\nb:\n  <<: *x\n  r: 3\n  p: 1\n"),
    "what overrides a merge goes": ("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  p: 3\n", ("b", "p", None), "a: &x {p: 1, q: 2}\nb:\n  q: 2\n"),
    "several are merged": ("a: &x {p: 1}\nb: &y {q: 2}\nc:\n  <<: [*x, *y]\n  r: 3\n", ("c", "q", 5), "a: &x {p: 1}\nb: &y {q: 2}\nc:\n  <<: [*x, *y]\n  r: 3\n  q: 5\n"),
    "what a merge wins stays": ("a: &x {p: 1}\nc:\n  <<: *x\n  r: 3\n", ("c", "r", 4), "a: &x {p: 1}\nc:\n  <<: *x\n  r: 4\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "path", "wanted"), ALIASES.values(), ids=ALIASES)
def test_what_is_repeated(text, path, wanted):
    change = set_at(*path) if path else lambda tree: tree.update(a=2, b=[2, 2])
    assert edited(text, change) == wanted


def test_what_comes_below_a_line_that_goes():
    text = "a:\n  b: 1\n  c: 2\n# end\n"
    assert edit_document(text, read_value(text), {"a": {"b": 1}, "d": 1}) == "a:\n  b: 1\nd: 1\n# end\n"
    text = "a:\n  b: 1\n  c: 2"
    assert edit_document(text, read_value(text), {"a": {"b": 1}, "d": 1}) == "a:\n  b: 1\nd: 1"


def test_items_are_found_again_by_their_name():
    text = "c:\n# one\n- name: a\n  v: 1 # a\n# two\n- name: b\n  v: 1 # b\n# three\n- name: c\n  v: 1 # c\n"

    def change(tree):
        tree["c"] = [{"name": "z", "v": 0}, {"name": "b", "v": 2}, {"name": "c", "v": 1}, {"name": "d", "v": 4}]

    wanted = "c:\n- name: z\n  v: 0\n# two\n- name: b\n  v: 2 # b\n# three\n- name: c\n  v: 1 # c\n- name: d\n  v: 4\n"
    assert edited(text, change) == wanted


def test_what_cannot_be_read_is_placed():
    with pytest.raises(WorldError, match=r"f.yaml:3") as raised:
        read_value("a: [1\n", "f.yaml:3")
    assert "correct" in raised.value.remedy


def test_what_cannot_be_edited_is_printed_as_a_patch():
    text = "a: 1 # to a reader of YAML 1.1 this line ends here:\x85b: 2\n"
    assert read_value(text) == {"a": 1, "b": 2}
    with pytest.raises(WorldError, match="cannot be edited in place") as raised:
        edit_document(text, {"a": 1, "b": 2}, {"a": {"x": 1}, "b": 2}, "f")
    assert "- op: replace\n  path: /a\n" in raised.value.remedy

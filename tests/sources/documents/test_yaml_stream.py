"""YAML files: each document for itself, with its place."""

import io
import json

import pytest

from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.sources.documents import yaml_stream
from sidestep.sources.documents.item import Items
from sidestep.sources.documents.yaml_stream import read_text, read_yaml

GOOD = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"


def read(text: str | bytes):
    content = text if isinstance(text, bytes) else text.encode()
    return list(read_yaml(io.BytesIO(content), "f.yaml"))


def values(text: str | bytes) -> list:
    return [json.loads(bytes(raw)) for found in read(text) if isinstance(found, Items) for raw in found.raws]


def gaps(text: str | bytes) -> list[Gap]:
    return [found for found in read(text) if isinstance(found, Gap)]


def one(text: str):
    (value,) = values(f"kind: x\nv: {text}\n")
    return value["v"]


def test_documents_know_their_line_and_number():
    found = read(f"# licence\n---\n{GOOD}---\n# nothing\n---\n\n{GOOD}")
    assert [(f.origin.line, f.origin.document) for f in found] == [(3, 1), (10, 2)]


def test_members_of_a_list_know_their_line():
    found = read("apiVersion: v1\nkind: List\nitems:\n- kind: A\n\n- kind: B\n")
    assert [f.origin.line for f in found] == [4, 6]


def test_members_of_a_list_without_a_name_know_their_line():
    found = read("# all\n- kind: A\n\n- kind: List\n  items: [{kind: B}, {kind: C}]\n- kind: D\n")
    assert [f.origin.line for f in found] == [2, 4, 4, 6]
    assert not any(f.whole for f in found)


def test_members_of_a_typed_list_have_its_type():
    found = read("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- {apiVersion: v1, kind: Pod}\n")
    assert [f.declared and f.declared.kind for f in found] == ["Pod", None]


@pytest.mark.parametrize(
    ("broken", "line", "reason"),
    [
        ("a: [1\n", 6, GapReason.MALFORMED),
        ("a:\n\tb: 1\n", 6, GapReason.MALFORMED),
        ("a: !!python/object:os.system x\n", 5, GapReason.MALFORMED),
        ("a: *nothing\n", 5, GapReason.MALFORMED),
        ("a: .inf\n", 5, GapReason.MALFORMED),
        ("{{ .Values.all }}\n", 5, GapReason.UNSUPPORTED),
        ('a: {{ include "x" . }}\n', 5, GapReason.UNSUPPORTED),
        ("? [a]\n: b\n", 5, GapReason.MALFORMED),
        ("~: b\n", 5, GapReason.MALFORMED),
        ("a: 1\n<<: 5\n", 6, GapReason.MALFORMED),
    ],
)  # fmt: skip
def test_a_broken_document_costs_only_itself(broken, line, reason):
    text = f"{GOOD}---\n{broken}---\n{GOOD}"
    assert len(values(text)) == 2
    (gap,) = gaps(text)
    assert gap.reason is reason
    assert gap.remedy
    assert abs(int(gap.resource.removeprefix("f.yaml:")) - line) <= 1


@pytest.mark.parametrize("text", [GOOD, f"# licence\n{GOOD}", f"{GOOD}---\n{GOOD}", "# only a comment\n\n" + GOOD])
def test_lines_that_end_in_cr_alone_are_told(text):
    assert not values(text.replace("\n", "\r"))
    (gap,) = gaps(text.replace("\n", "\r"))
    assert (gap.resource, gap.reason) == ("f.yaml:1", GapReason.MALFORMED)
    assert "CR alone" in gap.detail
    assert values(text) == values(text.replace("\n", "\r\n")) == values(text.replace("\n", "\r\n", 2))


def test_a_stray_cr_is_no_line_end_of_its_own():
    assert (
        values(f"{GOOD}---\r\n# nothing\r\n---\r\n{GOOD}") == values(f"{GOOD}\r\n---\r\r\n{GOOD}") == values(GOOD) * 2
    )
    assert "CR alone" in gaps(f"{GOOD}\r---\n{GOOD}")[0].detail
    assert not gaps("# nothing\r# nothing\r")


def test_a_character_that_yaml_refuses_is_named_with_its_line():
    (gap,) = gaps(f"{GOOD}labels: \x00\n")
    assert gap.resource == "f.yaml:4"
    assert gap.detail == "character U+0000: control characters are not allowed"


def test_tabs_are_named():
    assert "tabs" in gaps("a:\n\tb: 1\n")[0].remedy


@pytest.mark.parametrize("start", ["{{- if .Values.on }}\n", "\n{{ if .Values.on }}\n"])
def test_a_template_that_starts_with_a_call_is_no_json(start):
    text = (start + "kind: Service\n{{- end }}\n").encode()
    (gap,) = yaml_stream.read_text(io.BytesIO(text), "a.yaml", text)
    assert (gap.reason, gap.detail) == (GapReason.UNSUPPORTED, "a Helm template")


@pytest.mark.parametrize("name", ["'{{ team }}-web'", "web-${COLOUR}"])
def test_an_object_without_a_name_yet_is_a_template_and_its_neighbours_are_none(name):
    text = (
        f"kind: Service\nmetadata:\n  name: {name}\n---\nkind: Service\nmetadata:\n  name: web\nspec: '{{{{ x }}}}'\n"
    )
    (gap,) = gaps(text)
    assert (gap.resource, gap.reason, gap.detail) == ("f.yaml:1", GapReason.UNSUPPORTED, "a template")
    assert [each["metadata"]["name"] for each in values(text)] == ["web"]


INJECTOR = """\
  kind: ConfigMap
  metadata: {name: istio-sidecar-injector%s}
  data:
    config: |
      templates: '{{ include "proxy" . }}{{ .Values.global.hub }}'
"""


def test_files_that_a_config_map_carries_may_be_templates_of_others():
    assert values(INJECTOR.replace("\n  ", "\n").lstrip() % "")[0]["kind"] == "ConfigMap"


def test_a_dump_is_read_though_an_object_in_it_carries_templates():
    applied = ", annotations: {kubectl.kubernetes.io/last-applied-configuration: '{{ .Values.global.hub }}'}"
    items = (
        INJECTOR.replace("  kind", "- kind", 1) % applied + "- kind: Pod\n  spec: '{{ .Values.x }}'\n- kind: Service\n"
    )
    text = "kind: List\nitems:\n" + items
    assert [each["kind"] for each in values(text)] == ["ConfigMap", "Service"]
    assert [(each.resource, each.detail) for each in gaps(text)] == [("f.yaml:8", "a Helm template")]


@pytest.mark.parametrize(
    "text",
    [
        'kind: ConfigMap\nmetadata: {name: a, namespace: "{{ .Release.Namespace }}"}\n',
        "kind: ConfigMap\nmetadata: {name: a, labels: {b: '{{ .Values.b }}'}}\ndata: {}\n",
        "# {{ .Values.on }}\nkind: Service\nmetadata: {name: a}\n",
    ],
)
def test_what_a_chart_still_fills_in_is_no_object(text):
    assert values(text) == []
    assert [each.reason for each in gaps(text)] == [GapReason.UNSUPPORTED]


def test_bytes_that_are_not_utf8_are_placed():
    (gap,) = gaps(GOOD.encode() + b"---\na: 1\nb: \xff\n---\n" + GOOD.encode())
    assert (gap.resource, gap.detail) == ("f.yaml:6", "not UTF-8")


def test_a_byte_order_mark_is_skipped():
    assert values(b"\xef\xbb\xbf" + GOOD.encode())[0]["kind"] == "Namespace"


def test_duplicate_keys_are_told_and_the_last_counts():
    found = read("kind: x\na: 1\nb: 2\na: 3\n")
    assert [f for f in found if isinstance(f, Remark)] == [
        Remark("f.yaml:4", "key 'a' is given twice; the last one counts")
    ]
    assert values("kind: x\na: 1\nb: 2\na: 3\n")[0]["a"] == 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'yes'", "yes"), ('"1"', "1"), ("|\n  yes\n", "yes\n"), (">-\n  1\n  2\n", "1 2"), ("yes", True),
        ("{1: a, true: b, 1.5: c}", {"1": "a", "true": "b", "1.5": "c"}), ("[~, '']", [None, ""]),
        ("!!str 1", "1"), ("2001-01-01", "2001-01-01"), ("\u00e9", "é"), ('"\\U0001F600"', "😀"),
    ],
)  # fmt: skip
def test_values_are_typed_as_kubernetes_does(text, value):
    assert one(text) == value


def test_aliases_repeat_their_anchor():
    assert one("[&a {x: 1}, *a]") == [{"x": 1}, {"x": 1}]


@pytest.mark.parametrize(
    ("text", "merged"),
    [
        ("{<<: *a, q: 3}", {"x": 1, "q": 3}),
        ("{q: 3, <<: *a}", {"x": 1, "q": 2}),
        ("{<<: [*a, *b]}", {"x": 1, "q": 2, "z": 9}),
        ("{'<<': 1}", {"<<": 1}),
    ],
)
def test_merge_keys(text, merged):
    (value,) = values(f"kind: x\na: &a {{x: 1, q: 2}}\nb: &b {{x: 7, z: 9}}\nv: {text}\n")
    assert value["v"] == merged


def test_merging_is_no_duplicate():
    assert not [f for f in read("kind: x\na: &a {x: 1}\nv: {<<: *a, x: 2}\n") if isinstance(f, Remark)]


def test_a_bomb_of_aliases_is_refused_at_once():
    levels = "".join(f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 12))
    text = f"kind: x\nl0: &l0 [a,a]\n{levels}---\n{GOOD}"
    assert "repeat more than" in gaps(text)[0].detail
    assert len(values(text)) == 1


def test_honest_aliases_are_no_bomb():
    assert len(one(f"[&a {{x: 1}}{', *a' * 5000}]")) == 5001


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_deep_nesting_is_refused(opening):
    assert "nested deeper" in gaps(f"a: {opening * 50_000}")[0].detail


def test_long_scalars_are_read():
    assert len(one("'" + "x" * 5_000_000 + "'")) == 5_000_000


def test_dashes_in_a_block_scalar_end_the_document_as_everywhere():
    assert len(values(f"{GOOD}--- # next\n{GOOD}")) == 2
    assert values("kind: x\nv: |\n  ---\n  a\n")[0]["v"] == "---\na\n"


def test_a_value_may_follow_the_dashes():
    assert values("--- {kind: x}\n--- {kind: z}\n") == [{"kind": "x"}, {"kind": "z"}]


def test_a_document_that_never_ends_is_refused_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr(yaml_stream, "LARGEST_DOCUMENT", 1000)
    text = f"a: {'x' * 3000}\n---\n{GOOD}"
    assert [gap.reason for gap in gaps(text)] == [GapReason.TOO_LARGE]
    assert len(values(text)) == 1


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("{kind: A, metadata: {name: a}}\n---\nkind: B\n", "AB"),
        ('{"kind": A}\n', "A"),
        ('[{kind: A}, {"kind": "B"}]\n', "AB"),
        ('{"kind": "A"}\n---\n{"kind": "B"}\n--- # last\n{"kind": "C"}\n', "ABC"),
        ('{"kind": "A"}\n---\nkind: B\n', "AB"),
        ('{"kind": "A"}\n{"kind": "B"}\n', "AB"),
    ],
)
def test_what_starts_with_a_bracket_is_not_always_json(text, kinds):
    found = list(read_text(io.BytesIO(text.encode()), "f.yaml", text.encode()[:512]))
    assert "".join(json.loads(bytes(raw))["kind"] for each in found for raw in each.raws) == kinds


def test_a_file_that_is_named_json_is_told_about_as_json():
    text = b'{"kind": "A"}\n---\n{"kind": "B"}\n'
    (found,) = read_text(io.BytesIO(text), "f.json", text)
    assert "JSON is malformed" in found.detail

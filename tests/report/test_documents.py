"""JSON, YAML, CSV and the schema: what programs read."""

import csv
import io
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from msgspec.structs import replace
from tests.support import audits

from sidestep.audit.result import Audit
from sidestep.report import csv_rows, json_document, yaml_document
from sidestep.report.encoded import encoded
from sidestep.report.formats import FORMATS, Look, format_named, format_of_file
from sidestep.report.schema import DOCUMENTS, file_name, schema

ALL = (audits.empty, audits.tiny, audits.typical, audits.partial, audits.nasty)
LOOK = Look()
PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(json.loads(schema(Audit)))


@pytest.mark.parametrize("top", DOCUMENTS)
def test_the_published_schema_is_what_the_code_makes(top):
    assert (PUBLISHED / file_name(top)).read_bytes() == schema(top)


@pytest.mark.parametrize("top", DOCUMENTS)
def test_every_property_of_the_schema_says_what_it_means(top):
    untold = [
        f"{name}.{field}"
        for name, definition in json.loads(schema(top))["$defs"].items()
        for field, described in definition.get("properties", {}).items()
        if field != "type" and len(described.get("description", "")) < 3
    ]
    assert untold == []


@pytest.mark.parametrize("make", ALL)
def test_documents_validate(make, validator):
    validator.validate(json.loads(json_document.render(make(), LOOK)))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda tree: tree["totals"].pop("sidecars"), "sidecars"),
        (lambda tree: tree["workloads"][0].update(pods="many"), "many"),
        (lambda tree: tree["findings"][0].update(severity="dreadful"), "dreadful"),
        (lambda tree: tree["source"].update(complete=None), "None"),
    ],
)
def test_the_schema_refuses_what_is_no_audit(change, path, validator):
    tree = json.loads(json_document.render(audits.tiny(), LOOK))
    change(tree)
    with pytest.raises(jsonschema.ValidationError, match=path):
        validator.validate(tree)


def test_the_document_opens_with_what_it_is_and_holds_what_was_promised():
    tree = json.loads(json_document.render(audits.partial(), LOOK))
    assert list(tree)[:2] == ["apiVersion", "kind"]
    assert (tree["apiVersion"], tree["kind"]) == ("sidestep.dev/v1", "Audit")
    assert tree["source"]["complete"] is False
    assert tree["source"]["missing"][0].items() >= {"resource": "pods", "reason": "forbidden"}.items()
    first = tree["workloads"][0]
    assert first.keys() >= {"namespace", "kind", "name", "pods", "requested", "used", "monthly"}
    assert first["sidecars"].keys() == {"classic", "native"}
    assert first["injection"].keys() >= {"result", "reason", "revision"}
    assert first["requested"].keys() == {"cpuMillis", "memoryBytes"}
    assert tree["totals"].keys() >= {"pods", "gateways", "waypoints", "ztunnels", "requested"}
    assert tree["totals"]["sidecars"].keys() == {"total", "classic", "native"}
    assert tree["totals"]["monthly"].keys() == {"requested", "used", "realisable"}
    assert tree["ambient"].keys() >= {"breakEvenSidecarsPerNode", "sidecarsPerNode"}
    assert tree["ambient"]["monthly"].keys() == {"floor", "highlyAvailable"}
    assert tree["findings"][0].keys() >= {"code", "severity", "object", "origin", "message", "fix"}
    assert tree["findings"][0]["object"].keys() == {"apiVersion", "kind", "namespace", "name"}
    assert tree["findings"][2]["origin"] == {"type": "cluster", "cluster": "prod", "resourceVersion": "4711"}


@pytest.mark.parametrize("make", ALL)
def test_yaml_says_the_same_as_json(make):
    as_yaml = yaml.load(yaml_document.render(make(), LOOK), Loader=yaml.CSafeLoader)
    assert as_yaml == json.loads(json_document.render(make(), LOOK))


def test_yaml_has_no_anchors():
    shared = audits.workload("a", "b", 1, 0)
    text = yaml_document.render(audits.audit_of([shared, replace(shared, name="c")]), LOOK)
    assert "&id" not in text
    assert "*id" not in text


def test_names_that_are_no_utf8_are_readable_json():
    assert encoded({"name": "\udcff/x"}) == b'{"name": "?/x"}'
    assert encoded({"name": "é"}) == '{"name":"é"}'.encode()


def test_csv_has_one_row_per_workload_and_numbers_as_they_are():
    rows = list(csv.DictReader(io.StringIO(csv_rows.render(audits.typical(), LOOK))))
    assert len(rows) == len(audits.typical().workloads)
    assert tuple(rows[0]) == csv_rows.COLUMNS
    assert (rows[0]["pods"], rows[0]["requested_cpu_millis"], rows[0]["monthly_requested"]) == ("2", "200", "5.4")
    assert (rows[0]["used_cpu_millis_p95"], rows[0]["monthly_used"]) == ("50.0", "1.35")


def test_csv_leaves_unmeasured_cells_empty_rather_than_zero():
    row = next(csv.DictReader(io.StringIO(csv_rows.render(audits.tiny(), LOOK))))
    assert row["used_cpu_millis_p95"] == row["monthly_used"] == ""


def test_csv_is_no_way_into_a_spreadsheet():
    rows = list(csv.reader(io.StringIO(csv_rows.render(audits.nasty(), LOOK))))
    assert len(rows) == 3
    assert rows[2][0] == "'=cmd()"
    assert rows[2][2] == "'@sum"
    assert all(len(row) == len(csv_rows.COLUMNS) for row in rows)
    assert rows[1][0].startswith("<script>"), "what is no formula stays as it is"
    assert "\x1b" not in rows[1][0]


@pytest.mark.parametrize("made", FORMATS, ids=lambda made: made.name)
@pytest.mark.parametrize("make", [*ALL, lambda: audits.large(500)])
def test_every_format_renders_every_audit_and_does_so_again_in_the_same_bytes(made, make):
    text = made.render(make(), LOOK)
    assert text.endswith("\n")
    assert text == made.render(make(), LOOK)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.html", "html"),
        ("a/b.HTM", "html"),
        ("x.json", "json"),
        ("x.sarif", "sarif"),
        ("x.sarif.json", "sarif"),
        ("r.xml", "junit"),
        ("r.md", "markdown"),
        ("r.yml", "yaml"),
        ("r.csv", "csv"),
        ("r.txt", "table"),
    ],
)
def test_a_files_name_tells_its_format(path, name):
    assert format_of_file(path, FORMATS) is format_named(name, FORMATS)


@pytest.mark.parametrize("path", ["a.pdf", "json", "a.json.gz", ""])
def test_other_names_tell_nothing(path):
    assert format_of_file(path, FORMATS) is None

"""The plan for programs: JSON, YAML, CSV, and all formats on all plans."""

import csv
import io
import json

import jsonschema
import pytest
import yaml
from tests.support import sample_plans as plans

from sidestep.plan.document import Plan
from sidestep.report.formats import Look, format_named, format_of_file
from sidestep.report.plan import csv_rows
from sidestep.report.plan.formats import PLAN_FORMATS
from sidestep.report.plan.report import PlanReport
from sidestep.report.schema import schema

ALL = (plans.plan, plans.empty, plans.nasty, plans.large)


def render(name, plan):
    return format_named(name, PLAN_FORMATS).render(PlanReport(plan, plans.calls()), Look())


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(json.loads(schema(Plan)))


@pytest.mark.parametrize("make", ALL)
def test_documents_validate(make, validator):
    validator.validate(json.loads(render("json", make())))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda tree: tree["steps"][0].pop("effect"), "effect"),
        (lambda tree: tree["steps"][0]["effect"].update(type="dance"), "dance"),
        (lambda tree: tree["workloads"][0].update(fate="bright"), "bright"),
        (lambda tree: tree["waves"][0].update(number="first"), "first"),
    ],
)
def test_the_schema_refuses_what_is_no_plan(change, path, validator):
    tree = json.loads(render("json", plans.plan()))
    change(tree)
    with pytest.raises(jsonschema.ValidationError, match=path):
        validator.validate(tree)


def test_the_document_opens_with_what_it_is_and_speaks_camel_case():
    tree = json.loads(render("json", plans.plan()))
    assert list(tree)[:2] == ["apiVersion", "kind"]
    assert (tree["apiVersion"], tree["kind"], tree["currency"]) == ("sidestep.dev/v1", "Plan", "USD")
    assert tree["blockers"][0].keys() == {"name", "object", "field", "why", "wayOut"}
    assert tree["steps"][4]["effect"]["type"] == "labels"
    text = render("json", plans.empty())
    assert "_" not in "".join(json.loads(text)), "no name of a field is in snake case"


@pytest.mark.parametrize("make", ALL)
def test_yaml_says_the_same_as_json(make):
    assert yaml.load(render("yaml", make()), Loader=yaml.CSafeLoader) == json.loads(render("json", make()))


def test_csv_has_a_row_for_each_workload():
    rows = list(csv.DictReader(io.StringIO(render("csv", plans.plan()))))
    assert tuple(rows[0]) == csv_rows.COLUMNS
    by_name = {row["name"]: row for row in rows}
    assert len(by_name) == len(plans.plan().workloads)
    assert (by_name["cart"]["fate"], by_name["cart"]["wave"], by_name["cart"]["differences"]) == (
        "ambient-with-waypoint", "1", "D05 D06",
    )  # fmt: skip
    assert by_name["bridge"]["wave"] == ""


def test_csv_is_no_way_into_a_spreadsheet():
    for row in csv.reader(io.StringIO(render("csv", plans.nasty()))):
        assert len(row) == len(csv_rows.COLUMNS)
        assert not any(cell.startswith(("=", "+", "@")) or "\x1b" in cell for cell in row)


@pytest.mark.parametrize("made", PLAN_FORMATS, ids=lambda made: made.name)
@pytest.mark.parametrize("make", ALL)
def test_every_format_renders_every_plan_and_does_so_again_in_the_same_bytes(made, make):
    report = PlanReport(make(), plans.calls())
    text = made.render(report, Look())
    assert text.endswith("\n")
    assert text == made.render(report, Look())


@pytest.mark.parametrize(("path", "name"), [("a.md", "markdown"), ("b.HTM", "html"), ("c.sarif", None)])
def test_a_files_name_tells_its_format(path, name):
    found = format_of_file(path, PLAN_FORMATS)
    assert (found and found.name) == name

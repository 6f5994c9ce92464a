"""Whatever a plan's words are made of, every format stays what it is."""

import csv
import io
import json
import re

import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace
from tests.support import sample_plans as plans

from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.blockers import Blocker
from sidestep.plan.document import Constraint, Exposure, Plan, Reason
from sidestep.plan.prerequisites import Prerequisite
from sidestep.plan.steps import Apply, Delete, Patch, Restart, SetLabels, Step
from sidestep.report.formats import Look, format_named
from sidestep.report.plan.csv_rows import COLUMNS
from sidestep.report.plan.formats import PLAN_FORMATS
from sidestep.report.plan.report import PlanReport
from sidestep.report.plan_files import plan_files

ANYTHING = st.text(alphabet=st.characters(), max_size=30)
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


@st.composite
def odd_plans(draw) -> Plan:
    """A plan all of whose words are anything."""
    word = lambda: draw(ANYTHING)  # noqa: E731
    named, ref = ObjectId(word(), word(), word(), word()), WorkloadRef(word(), word(), word())
    tree = {"apiVersion": word(), "kind": word(), "metadata": {"name": word()}, "data": {word(): word()}}
    effects = (
        SetLabels(named, {word(): word()}, {word(): None}), Patch(named, {"spec": {word(): [word()]}}, {}),
        Apply(named, tree), Delete(named, tree), Restart(ref, 1),
    )  # fmt: skip
    first = draw(st.integers(min_value=0, max_value=3))
    steps = tuple(Step(f"{at}{word()}", first, each, word(), (word(),), word()) for at, each in enumerate(effects))
    made = plans.plan()
    reasons = (Reason(word(), named, word(), (word(),)),)
    rows = tuple(
        replace(row, workload=ref, reasons=reasons, today=word(), way_out=word(), differences=(word(),))
        for row in made.workloads[:2]
    )
    return replace(
        made, source=word(), istio=word(), generator=word(), summary=word(), workloads=rows, steps=steps,
        waves=tuple(replace(wave, title=word(), owner=word(), constraints=(Constraint(word(), (named,)),)) for wave in made.waves[:1]),
        exposures=(Exposure(0, word(), word(), word(), 1, tree),), prerequisites=(Prerequisite(word(), None, word(), word()),),
        blockers=(Blocker(word(), named, word(), word(), word()),), advice=(word(),), assumed=(word(),), missing=(word(),), currency=word(),
    )  # fmt: skip


def rendered(name: str, plan: Plan) -> str:
    return format_named(name, PLAN_FORMATS).render(PlanReport(plan, plans.calls()), Look(100))


def readable(text: str) -> str:
    """As it leaves in UTF-8: half a character reads `?`."""
    return text.encode(errors="replace").decode()


@given(odd_plans())
def test_json_and_yaml_say_the_same_and_give_every_word_back(plan):
    tree = json.loads(rendered("json", plan))
    assert tree["workloads"][0]["wayOut"] == readable(plan.workloads[0].way_out)
    assert yaml.load(rendered("yaml", plan), Loader=yaml.CSafeLoader) == tree


@given(odd_plans())
def test_csv_has_its_columns(plan):
    rows = list(csv.reader(io.StringIO(rendered("csv", plan))))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 3


@given(odd_plans())
def test_markdown_has_no_markup_but_its_own(plan):
    tokens = MarkdownIt("commonmark").enable("table").parse(readable(rendered("markdown", plan)))
    children = [child for token in tokens for child in token.children or ()]
    assert not any(token.type == "html_block" for token in tokens)
    assert {child.content for child in children if child.type == "html_inline"} <= {"<br>"}
    assert not any(child.type in {"image", "link_open"} and "/docs/" not in str(child.attrs) for child in children)
    assert sum(token.type == "table_open" for token in tokens) == 5


@given(odd_plans())
def test_the_page_holds_two_scripts_and_its_data(plan):
    page = rendered("html", plan)
    assert page.lower().count("<script") == page.lower().count("</script") == 2
    (data,) = DATA.findall(page)
    assert len(json.loads(data)["steps"]) == 5


@given(odd_plans())
def test_files_stay_in_their_folder_and_are_yaml(plan):
    for path, text in plan_files(plan, {}, plans.calls()).items():
        assert re.fullmatch(r"[a-z0-9-]+(\.json|\.md)|(waves|rollback|exposures)(/[a-z0-9][a-z0-9.-]*)+", path)
        assert ".." not in path
        if path.endswith(".yaml"):
            assert isinstance(yaml.safe_load(readable(text)), dict)

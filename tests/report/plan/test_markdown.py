"""`plan.md`."""

import re

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace
from tests.support import sample_plans as plans

from sidestep.model.call_graph import Callee, Caller, CallerRole, CallGraph, Edge, call_graph
from sidestep.report.formats import Look
from sidestep.report.markup import escaped, fenced
from sidestep.report.plan import markdown
from sidestep.report.plan.report import PlanReport

SECTIONS = (
    "Who calls whom", "Before the first wave", "In the way", "Waves", "Requests decided otherwise for a while", "Waypoints",
    "Workloads", "Way back", "Worth knowing", "Taken for granted",
)  # fmt: skip
DOCS = "https://github.com/sidestep-dev/sidestep/blob/main/docs/differences"


def render(plan, graph=None):
    return markdown.render(PlanReport(plan, graph or plans.calls()), Look())


def parsed(plan):
    return MarkdownIt("commonmark").enable("table").parse(render(plan))


def test_the_page_has_its_parts_in_order():
    assert tuple(re.findall(r"^## (.*)$", render(plans.plan()), flags=re.MULTILINE)) == SECTIONS
    assert re.findall(r"^## (.*)$", render(plans.empty(), CallGraph()), flags=re.MULTILINE) == []


def test_each_step_is_an_item_to_be_ticked_with_its_command():
    text = render(plans.plan())
    for step in plans.plan().steps:
        assert text.count(f"- [ ] **{step.id}** ") == 1
    assert "  kubectl rollout restart deployments.apps/checkout --namespace shop\n" in text
    fences = [token for token in parsed(plans.plan()) if token.type == "fence" and token.info == "sh"]
    assert len(fences) == len(plans.plan().steps)


def test_differences_lead_to_their_pages_and_anything_else_nowhere():
    assert f"[D05]({DOCS}/D05.md) [D06]({DOCS}/D06.md)" in render(plans.plan())
    hrefs = {
        child.attrGet("href")
        for token in parsed(plans.nasty())
        for child in token.children or ()
        if child.type == "link_open"
    }
    assert all(str(href).startswith(f"{DOCS}/D") for href in hrefs)


@pytest.mark.parametrize("make", [plans.plan, plans.nasty, plans.large])
def test_tables_stay_tables_and_no_word_becomes_markup(make):
    tokens = parsed(make())
    assert not any(token.type == "html_block" for token in tokens)
    inline = {child.content for token in tokens for child in token.children or () if child.type == "html_inline"}
    assert inline <= {"<br>"}
    for table in re.findall(r"(?:^\|.*\n)+", render(make()), flags=re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table.splitlines()}
        assert len(counts) == 1


def test_code_cannot_end_the_block_that_it_stands_in():
    fences = [token for token in parsed(plans.nasty()) if token.type == "fence"]
    languages = {token.info for token in fences}
    assert languages == {"sh", "yaml", "mermaid"}
    assert fenced(["a", "````", "b"], "sh") == "`````sh\na\n````\nb\n`````"
    assert escaped("<a> |b| @c\n# d") == "&lt;a&gt; \\|b\\| &#64;c \\# d"


def test_a_large_plan_leaves_steps_and_workloads_to_the_files():
    many = replace(plans.large(600), waves=())
    steps = tuple(replace(step, wave=1) for step in many.steps)
    text = render(replace(many, steps=steps), CallGraph())
    assert text.count("- [ ] **") == markdown.STEPS_SHOWN
    assert f"… and {600 - markdown.STEPS_SHOWN} more, in `waves/01/run.md`." in text
    assert "… and 100 more, in `plan.json`." in text


def test_a_plan_of_any_size_is_a_page_that_a_forge_still_shows():
    assert len(render(plans.large(10_000)).encode()) < 1_000_000


def test_the_call_graph_is_coloured_by_wave():
    text = render(plans.plan())
    assert "classDef wave1 stroke:#2563eb" in text
    assert text.index("classDef wave1") < text.index("classDef wave3") < text.index("classDef staysasitis")


def test_a_graph_too_large_for_mermaid_is_drawn_by_namespaces():
    edges = [
        Edge(
            Caller(CallerRole.WORKLOAD, f"ns-{at % 5}", "Deployment", f"a{at}"),
            Callee(f"ns-{to}", "Deployment", f"b{to}"),
        )
        for at in range(200)
        for to in range(5)
    ]
    text = render(plans.empty(), call_graph(edges))
    assert text.count("-.->") <= 25
    assert len(text) < 50_000


def test_a_policy_that_closes_a_window_stands_under_it():
    text = render(plans.plan())
    window = text.index("from w02-040 to w02-060")
    assert window < text.index("name: cart-deny") < text.index("from w03-010 and stays open")

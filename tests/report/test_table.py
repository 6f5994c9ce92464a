"""What a terminal shows, at every width."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from tests.support import audits

from sidestep.audit.finding import Severity
from sidestep.report import cost_table, table, wide
from sidestep.report.columns import Column, console, print_table
from sidestep.report.findings import worst
from sidestep.report.formats import Look
from sidestep.report.items import Item, print_item

ALL = (audits.empty, audits.tiny, audits.typical, audits.partial, audits.nasty)
ESCAPE = "\x1b["


def test_a_small_audit_reads_like_this():
    assert (
        table.render(audits.tiny(), Look(80))
        == """\
Source: cluster prod
Use: none (requests only: what sidecars really use cannot be told)

NAMESPACE  PODS  SIDECARS  NATIVE  AMBIENT   CPU  MEMORY  COST/MONTH  L7
checkout      3         3       3        0  300m   384Mi       $8.10  no
payments      2         2       0        0  200m   256Mi       $5.40  no
total         5         5       3        0  500m   640Mi         $14

Requested   $14 a month by the sidecars
Used        not measured
Realisable  $300 a month, 2 nodes would drain
Ambient     $90 a month without waypoints, $140 with highly available ones
Transition  $90 to $140 more for each month with both data planes
Break-even  3.1 sidecars per node; here 12.5 sidecars per node

Sidecars are there.
Ambient would cost less.
Look first at the worst.

Worst findings
  blocker SID112  Deployment checkout/cart  (deploy/checkout.yaml:7)
    what SID112 found
    fix: do what SID112 asks
  warning SID106  Deployment payments/ledger  (deploy/payments.yaml:7)
    what SID106 found
    fix: do what SID106 asks
"""
    )


def test_an_empty_audit_says_so_and_shows_no_table():
    assert (
        table.render(audits.empty(), Look(80))
        == """\
Source: files empty/
Use: none (requests only: what sidecars really use cannot be told)

No namespace holds a workload.

Requested  $0 a month by the sidecars
Used       not measured

None of 0 pods carries a sidecar.
No nodes were read.
Nothing stands in the way.
"""
    )


def test_what_is_missing_comes_before_anything_else():
    lines = table.render(audits.partial(), Look(100)).splitlines()
    assert lines[0] == "PARTIAL: 2 things could not be read"
    assert lines[1] == "  pods: forbidden (403 on list); grant list on pods"


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("render", [table.render, wide.render, cost_table.render])
def test_no_line_is_wider_than_the_terminal(make, width, render):
    for line in render(make(), Look(width)).splitlines():
        assert cell_len(line) <= width, line


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("render", [table.render, wide.render, cost_table.render])
def test_without_colour_nothing_but_text_comes_out(make, render):
    text = render(make(), Look(120))
    assert ESCAPE not in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert not re.search("[\u2500-\u257f]", text), "no box drawing"
    assert all(line == line.rstrip() for line in text.splitlines())


def test_with_colour_only_our_own_escapes_come_out():
    text = table.render(audits.nasty(), Look(120, color=True))
    assert ESCAPE in text
    assert "\x1b[31mred" not in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_numbers_stand_under_each_other(width):
    lines = table.render(audits.typical(), Look(width)).splitlines()
    head = next(line for line in lines if line.startswith("NAMESPACE"))
    end = head.index("SIDECARS") + len("SIDECARS")
    rows = lines[lines.index(head) + 1 : lines.index("", lines.index(head))]
    assert len(rows) == len(audits.NAMES) + 1
    assert all(row[end - 1].isdigit() and row[end : end + 2].strip() == "" for row in rows)


def test_columns_leave_as_the_terminal_narrows_and_never_come_back():
    def heads(width):
        text = table.render(audits.typical(), Look(width))
        line = next(each for each in text.splitlines() if each.startswith("NAMESPACE"))
        return set(re.split(r"\s{2,}", line))

    seen = [heads(width) for width in range(200, 39, -20)]
    assert all(narrower <= wider for wider, narrower in pairwise(seen))
    assert seen[0] > seen[-1] == {"NAMESPACE", "PODS", "SIDECARS", "COST/MONTH"}


def test_columns_of_use_are_there_only_when_use_was_measured():
    assert "USED/MONTH" in table.render(audits.typical(), Look(200))
    assert "USED/MONTH" not in table.render(audits.tiny(), Look(200))


def test_rows_and_the_rest_add_up_to_the_total():
    many = audits.audit_of([audits.workload(f"ns-{index:02}", "app", index + 1, 0) for index in range(40)])
    lines = table.render(many, Look(120)).splitlines()
    pods = [int(line.split()[1]) for line in lines if line.startswith("ns-")]
    (rest,) = [line for line in lines if line.startswith("(10 more)")]
    (total,) = [line for line in lines if line.startswith("total")]
    assert len(pods) == table.NAMESPACES_SHOWN
    assert sum(pods) + int(rest.split()[2]) == int(total.split()[1]) == many.totals.pods
    assert "(10 more)" not in wide.render(many, Look(120))


def test_a_namespace_with_nothing_to_tell_is_left_out():
    quiet = audits.namespace("quiet", [], injection="")
    made = replace(audits.tiny(), namespaces=(*audits.tiny().namespaces, quiet))
    assert "quiet" not in table.render(made, Look(120))


def test_wide_marks_counts_that_are_only_declared():
    row = audits.workload("shop", "cart", 3, 0, evidence="template")
    text = wide.render(audits.audit_of([row]), Look(200))
    assert "3*" in text
    assert "* as many as its controller declares" in text
    assert "*" not in wide.render(audits.tiny(), Look(200))


def test_wide_shows_suppressed_findings_and_why_and_the_short_table_does_not():
    assert "suppressed by --suppress SID106" in wide.render(audits.typical(), Look(120))
    assert "legacy/cobol" not in table.render(audits.typical(), Look(120))


def test_the_worst_findings_show_each_code_before_a_second_of_one():
    noisy = [audits.finding("SID119", Severity.ERROR, f"a/{index}") for index in range(20)]
    one = audits.finding("SID106", Severity.WARNING, "b/c")
    assert [each.code for each in worst((*noisy, one), 3)] == ["SID119", "SID119", "SID106"]
    assert worst((replace(one, suppressed="x"),), 3) == []


def test_explained_cost_shows_formula_and_inputs_of_every_figure():
    text = cost_table.render(audits.tiny(), Look(100))
    assert "totals.monthly.requested = 13.5\n  = sum over workloads of requests * rate\n" in text
    assert "    vCPU-hour  0.0316\n    pods       3\n" in text
    assert "workloads[].monthly.requested = one for each row" in text
    assert "traffic  not measured" in text


@given(
    st.lists(st.tuples(st.text(max_size=40), st.text(max_size=80)), max_size=8),
    st.integers(min_value=20, max_value=200),
)
def test_any_text_in_a_table_stays_on_its_line(rows, width):
    columns = (Column("NAME", least=8), Column("TEXT", 1, least=6))
    out = console(Look(width))
    with out.capture() as captured:
        print_table(out, columns, rows)
    lines = captured.get().splitlines()
    assert len(lines) == len(rows) + 1
    assert all(cell_len(line) <= width for line in lines)


def test_break_even_says_where_ambient_is_installed_already():
    made = audits.tiny()
    there = replace(made, ambient=replace(made.ambient, break_even_sidecars_per_node=0.0))
    assert "none needed, ambient is installed already; here 12.5 sidecars per node" in table.render(there, Look(120))


@pytest.mark.parametrize(("width", "lines"), [(61, 1), (50, 2), (40, 3)])
def test_a_name_that_does_not_fit_beside_its_mark_stands_below_it_whole(width, lines):
    out = console(Look(width))
    name = "DestinationRule shop/starts-tls-to-the-bank"
    print_item(out, Item("warning", "", name, "SID202"))
    shown = out.file.getvalue().splitlines()
    assert len(shown) == lines
    assert "".join("".join(shown).split()).endswith(name.replace(" ", ""))
    assert all(cell_len(line) <= width for line in shown)

"""The plan for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from tests.support import sample_plans as plans

from sidestep.plan.blockers import Blocker
from sidestep.plan.document import Confidence, Fate, Money
from sidestep.plan.prerequisites import Prerequisite
from sidestep.report.formats import Look
from sidestep.report.plan import digest, table, wide
from sidestep.report.plan.report import PlanReport

WIDTHS = (40, 60, 80, 100, 120, 200)


def short(plan, width=120, **how):
    return table.render(PlanReport(plan), Look(width, **how))


def full(plan, width=200):
    return wide.render(PlanReport(plan), Look(width))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("make", [plans.plan, plans.empty, plans.nasty, plans.large])
@pytest.mark.parametrize("render", [short, full])
def test_no_line_is_longer_than_the_terminal_is_wide(render, make, width):
    lines = render(make(), width).splitlines()
    assert max(cell_len(line) for line in lines) <= width
    assert not any("\x1b" in line or "\u202e" in line for line in lines)


def test_it_says_first_what_was_not_read_then_what_the_plan_comes_to():
    lines = short(plans.plan()).splitlines()
    assert lines[0] == "PARTIAL: 1 thing could not be read"
    assert lines[3] == "Source: cluster prod, Istio 1.29.2"
    assert lines[5].startswith("Four of five workloads")
    assert "PARTIAL" not in short(plans.empty())


def test_waves_stand_in_order_with_pods_and_money():
    lines = short(plans.plan()).splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("WAVE"))
    rows = [line.split() for line in lines[head + 1 : head + 5]]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    assert [row[-5:-1] for row in rows] == [
        ["4", "$380", "$60", "-$60"],
        ["6", "$290", "$60", "$30"],
        ["10", "$27", "$60", "$200"],
        ["4", "$27", "$62", "$310"],
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_everything_that_somebody_must_see_to_is_there(width):
    text = " ".join(short(plans.plan(), width).split())
    for word in (
        "ambient 3 workloads, 4 pods",
        "ambient-with-waypoint 1 workload, 3 pods",
        "At the end $310 less a month than today",
        "3 waypoints, 1 of them there already: $19 a month",
        "rework-first Deployment shop/old (1 pod)",
        "way out: take the call out of its preStop hook",
        "envoy-filter EnvoyFilter legacy/limits",
        "to do gateway-api",
        "check cni-chained",
        "wave 2, from w02-040 to w02-060, about 45s",
        "wave 3, from w03-010 and stays open",
        "decided by hand: --force by sre@acme.test",
        "unsure: something that matters was not read",
    ):
        assert word in text
    assert "istiod-version" not in text, "what is met is no work"


def test_columns_leave_a_narrow_terminal_and_pods_and_waves_never():
    (head,) = [line for line in short(plans.plan(), 40).splitlines() if line.startswith("WAVE")]
    assert head.split()[:2] == ["WAVE", "WHAT"]
    assert "PODS" in head
    assert "OWNER" not in head


def test_a_plan_that_costs_more_says_so():
    dear = replace(plans.plan(), money=Money(0.0, 500.0, -120.0))
    assert "$120 more a month than today" in short(dear)


def test_money_is_in_the_currency_of_the_prices():
    text = short(replace(plans.plan(), currency="EUR"))
    assert "310 EUR less a month" in text
    assert "$" not in text


def test_colours_are_for_who_wants_them():
    assert "\x1b[" in short(plans.plan(), color=True)


def test_the_short_table_counts_what_it_leaves_out_and_wide_leaves_out_nothing():
    noisy = tuple(Blocker("tproxy", plans.FILTER, "", f"reason {at}", "out") for at in range(20))
    plan = replace(plans.plan(), blockers=(*noisy, Blocker("spire", plans.FILTER, "", "identities", "out")))
    text = short(plan)
    assert "… and 13 more" in text
    assert "identities" in text, "a frequent kind does not hide another"
    assert all(f"reason {at}" in full(plan) for at in range(20))
    assert "service-1999" in full(plans.large())


def test_wide_names_every_step_workload_and_waypoint():
    text, plan = full(plans.plan(), 240), plans.plan()
    assert all(f"\n{step.id}  " in text for step in plan.steps)
    assert all(row.workload.name in text for row in plan.workloads)
    assert "cart-waypoint" in text
    assert "Istio 1.30 merges VirtualServices at waypoints" in text


def test_needing_leaves_out_what_goes_by_itself():
    plan = plans.plan()
    names = [row.workload.name for row in digest.needing(plan)]
    assert names == ["old", "bridge", "ledger", "checkout"]
    calm = [replace(row, fate=Fate.NONE, confidence=Confidence.LOW, override="") for row in plan.workloads]
    assert digest.needing(replace(plan, workloads=tuple(calm))) == ()


def test_what_does_not_hold_comes_before_what_nobody_knows():
    checks = tuple(Prerequisite(str(met), met, "") for met in (None, True, False))
    assert [each.name for each in digest.unmet(replace(plans.empty(), prerequisites=checks))] == ["False", "None"]


@given(st.text(max_size=60), st.integers(min_value=40, max_value=160))
def test_whatever_words_a_plan_is_made_of_it_fits(word, width):
    plan = plans.plan()
    rows = tuple(replace(row, today=word, way_out=word, override=word) for row in plan.workloads)
    waves = tuple(replace(wave, title=word, owner=word) for wave in plan.waves)
    odd = replace(plan, source=word, summary=word, workloads=rows, waves=waves, missing=(word,), advice=(word,))
    for text in (short(odd, width), full(odd, width)):
        assert all(cell_len(line) <= width for line in text.splitlines())

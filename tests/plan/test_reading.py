"""A plan comes back from its document as it was, or not at all and with a word why."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support import sample_plans as plans

from sidestep.errors import WorldError
from sidestep.plan.reading import read_plan
from sidestep.report.formats import Look
from sidestep.report.plan import json_plan
from sidestep.report.plan.report import PlanReport

ALL = (plans.plan, plans.empty, plans.nasty, plans.large)
COMPACT = msgspec.json.encode(plans.plan())


def changed(change):
    tree = json.loads(COMPACT)
    change(tree)
    return json.dumps(tree).encode()


@pytest.mark.parametrize("make", ALL)
def test_what_was_printed_is_read_back_the_same(make):
    text = json_plan.render(PlanReport(make()), Look())
    assert read_plan(text.encode()) == make()
    again = json_plan.render(PlanReport(read_plan(text.encode())), Look())
    assert json_plan.render(PlanReport(read_plan(again.encode())), Look()) == again


def test_fields_that_a_later_version_adds_are_passed_over_and_a_byte_order_mark_too():
    later = changed(lambda tree: (tree.update(future=1), tree["steps"][0].update(new={"x": []})))
    assert read_plan(b"\xef\xbb\xbf" + later) == plans.plan()


def test_fields_that_an_earlier_version_did_not_have_are_what_they_are_by_default():
    earlier = changed(lambda tree: (tree.pop("currency"), tree["workloads"][0].pop("override")))
    assert read_plan(earlier).currency == "USD"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON, or was cut off"),
        (COMPACT[: len(COMPACT) // 2], "no JSON, or was cut off"),
        (b"apiVersion: sidestep.dev/v1\nkind: Plan\n", "no JSON"),
        (b"\xff\xfe{", "no JSON"),
        (b"[]", "no plan that can be read"),
        (b"null", "no plan that can be read"),
        (b"{}", "without a kind"),
        (b'{"apiVersion":3,"kind":"Plan"}', "apiVersion"),
        (b'{"apiVersion":"sidestep.dev/v1","kind":"Plan","x":' + b"[" * 100_000, "nested deeper"),
        (changed(lambda tree: tree.update(kind="Audit")), "kind Audit, where a Plan was expected"),
        (
            changed(lambda tree: tree.update(apiVersion="sidestep.dev/v2")),
            "version sidestep.dev/v2, and this sidestep reads",
        ),
        (changed(lambda tree: tree["steps"][0]["effect"].update(type="dance")), r"\$.steps\[0\].effect"),
        (changed(lambda tree: tree["workloads"][0].update(fate="bright")), r"\$.workloads\[0\].fate"),
        (changed(lambda tree: tree["steps"][1].update(wave=None)), r"\$.steps\[1\].wave"),
        (changed(lambda tree: tree["steps"].append(tree["steps"][0])), "w00-010 is there twice"),
        (changed(lambda tree: tree["waves"].append(tree["waves"][0])), "wave 0 is there twice"),
        (changed(lambda tree: tree["waves"][1]["steps"].pop()), "w01-060 is not listed by its wave 1"),
        (
            changed(lambda tree: tree["waves"][1]["rollback"].append("w09-010")),
            "names step w09-010, which is not its own",
        ),
        (changed(lambda tree: tree["steps"].reverse()), "comes before"),
        (changed(lambda tree: tree["waves"][0].update(number=-1)), "below 0"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_place_and_what_to_do(content, message):
    with pytest.raises(WorldError, match=message) as refused:
        read_plan(content, "some/plan.json")
    assert refused.value.where == "some/plan.json"
    assert "sidestep plan" in refused.value.remedy


def test_a_newer_version_is_named_in_the_remedy():
    newer = msgspec.json.encode(replace(plans.plan(), api_version="sidestep.dev/v2", generator="7.0.0"))
    with pytest.raises(WorldError) as refused:
        read_plan(newer)
    assert "7.0.0" in refused.value.remedy


@given(st.integers(min_value=0, max_value=len(COMPACT) - 1), st.binary(max_size=4))
def test_whatever_is_damaged_is_a_plan_still_or_an_error_of_the_world(place, damage):
    with suppress(WorldError):
        assert read_plan(COMPACT[:place] + damage + COMPACT[place + len(damage) :]).kind == "Plan"

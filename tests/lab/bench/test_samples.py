"""Figures of a benchmark follow from its samples: which count, what is compared with what."""

import re
from collections import Counter

import pytest

from sidestep.errors import UsageError
from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.bench.outcome import Asked, Bench, Edit, Machine
from sidestep.lab.bench.samples import STALL, Sample, kept, spreads
from sidestep.lab.bench.scenarios import LARGE, SCENARIOS, chosen
from sidestep.lab.bench.usage import role_of
from sidestep.report.lab.bench import text
from sidestep.report.lab.bench_page import page
from sidestep.report.lab.bench_tables import COLUMNS, ratios

TITLES = {each.name: each.title for each in SCENARIOS}


def sample(scenario="none", *took, cpu=0.0, stall=0.0, failed=0, number=0):
    latency = Histogram()
    for each in took:
        latency.add(each)
    return Sample(scenario, "10/s", number, len(took) + failed, failed, 1.0, latency, {"node": cpu}, stall)


def bench(*samples, **more):
    return Bench("1", Machine("any", 2, "6", "1.40.0", 0.5), Asked(pods=20), TITLES, samples, **more)


def test_a_round_in_which_the_machine_stood_still_does_not_count():
    calm, still = sample("none", 50), sample("none", 5000, stall=2 * STALL)
    assert kept([calm, still]) == (calm,)
    assert kept([calm, still, still]) == (calm, still, still)


def test_a_figure_is_the_median_of_rounds_with_its_spread():
    found = spreads([sample("none", 10), sample("none", 30), sample("none", 20)])["p50"]
    assert (found.median, found.least, found.most) == (20, 10, 30)


def test_failed_requests_do_not_make_others_cheaper():
    assert spreads([sample("l4", 10, 10, cpu=2e-4, failed=2)])["cpu"].median == pytest.approx(100)


def test_latency_is_compared_by_what_is_added_and_cpu_as_a_whole():
    found = bench(
        sample("none", 10, cpu=1e-5), sample("sidecar", 50, cpu=3e-5), sample("l4", 30, cpu=6e-6),
    )  # fmt: skip
    p50, cpu = COLUMNS[0], next(each for each in COLUMNS if each.figure == "cpu")
    assert ratios(found, "10/s", p50) == {"sidecar": 1.0, "l4": 0.5}
    assert ratios(found, "10/s", cpu) == pytest.approx({"sidecar": 1.0, "l4": 0.2})


def test_nothing_is_compared_where_sidecars_were_not_measured():
    assert ratios(bench(sample("none", 10), sample("l4", 30)), "10/s", COLUMNS[0]) == {}


def test_memory_and_starts_stand_beside_the_pair():
    told = text(
        bench(
            sample("none", 10),
            memory={"none": {}, "sidecar": {"sidecar": 100 * 2**20}, "l4": {"node": 5 * 2**20}},
            starts={"none": (0.1,), "sidecar": (0.2, 0.9, 0.4), "l4": (0.2,)},
        )
    )
    assert "5.0 (0.050x)" in told
    assert "400 (1.00x)" in told
    assert "200 (0.50x)" in told


def test_edits_are_told_by_what_was_edited_with_what_they_cut():
    policy, late, route = Edit("policy", 0.01, 0), Edit("policy", 0.03, 1), Edit("route", 0.005, 0)
    told = text(bench(sample("none", 10), edits={"none": (), "sidecar": (policy,), "l7": (policy, late, route)}))
    [heading, pair, ours] = told[told.index("AN EDIT IN FORCE") :].splitlines()[:3]
    assert re.findall(r"\w+ AFTER ms", heading) == ["POLICY AFTER ms", "ROUTE AFTER ms"]
    assert re.fullmatch(r"sidecar pair\s+10\s+0", pair)
    assert re.fullmatch(r"ambient, L7 \(waypoint\)\s+20\s+5\s+1", ours)


@pytest.mark.parametrize("scenario", [each for each in (*SCENARIOS, *LARGE) if each.http], ids=lambda each: each.name)
def test_an_edit_changes_an_object_that_is_there_and_leaves_its_name(scenario):
    there = list(scenario.objects())
    for each in scenario.edits():
        assert each.usual in there
        assert each.other not in there
        assert [each.other[key] for key in ("kind", "metadata")] == [each.usual[key] for key in ("kind", "metadata")]


def test_what_was_not_measured_is_said_everywhere():
    found = bench(sample("none", 10), failures={"l7": "no waypoint came up"})
    assert "not measured: ambient, L7 (waypoint): no waypoint came up" in text(found)
    assert "no waypoint came up" in page(found)


def test_a_page_of_a_load_without_any_answer():
    assert "1 left out" not in page(bench(sample("none", failed=5)))


def test_no_mesh_is_always_measured():
    assert [each.name for each in chosen(["l7"])] == ["none", "l7"]
    assert len(chosen([])) == len(SCENARIOS)
    with pytest.raises(UsageError, match="no scenario is called 'l8'"):
        chosen(["l8"])


@pytest.mark.parametrize(
    ("process", "role"),
    [
        ("envoy/node-1", "node"), ("ztunnel/node-1", "node"), ("sidecar/shop/web-1", "sidecar"),
        ("waypoint/shop/waypoint-1", "waypoint"), ("agent/node-1", ""), ("controlplane", ""),
    ],
)  # fmt: skip
def test_the_role_of_a_process(process, role):
    assert role_of(process) == role


def test_large_meshes_are_measured_only_where_they_are_asked_for():
    assert not {each.name for each in chosen(())} & {each.name for each in LARGE}
    assert [each.name for each in chosen(("l7-large",))] == ["none", "l7-large"]


@pytest.mark.parametrize("scenario", LARGE, ids=[each.name for each in LARGE])
def test_a_large_mesh_is_its_plain_one_with_services_and_policies_more(scenario):
    plain = next(each for each in SCENARIOS if each.name == scenario.name.removesuffix("-large"))
    kinds = [Counter(tree["kind"] for tree in each.objects()) for each in (plain, scenario)]
    assert kinds[1] - kinds[0] == {"Service": scenario.more, "AuthorizationPolicy": 2 * scenario.more}
    names = [(tree["kind"], tree["metadata"]["name"]) for tree in scenario.objects()]
    assert len(set(names)) == len(names)


def test_streams_are_told_each():
    told = text(
        bench(sample("none", 10), sample("sidecar", 10), sample("l4", 10), streams={
            "none": {}, "sidecar": {"sidecar": 200 * 40 * 1024.0}, "l4": {"node": 200 * 10 * 1024.0},
        })
    )  # fmt: skip
    assert "200 STREAMS OPEN" in told
    assert re.search(r"ambient, L4\s+10.0 \(0.25x\)", told)

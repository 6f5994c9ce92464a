"""What became of requests while something happened, and how it is told."""

import re

import msgspec
import pytest
from tests.support.rehearsals import DELETE, GET, counts, rehearsal, row

from sidestep.actions.gates.judging import Answer
from sidestep.actions.runs.events import Ending
from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.agent.messages import LATENESS, Row
from sidestep.rehearse.counting import First, firsts
from sidestep.rehearse.result import Counted, GateSeen, Late, Part, Wrong
from sidestep.rehearse.summing import expected, told
from sidestep.report.rehearsal.page import page
from sidestep.report.rehearsal.table import text
from sidestep.report.rehearsal.words import agreement


def test_what_must_be_answered_is_lost_and_what_must_be_refused_is_admitted():
    found = counts(row(GET, 1000, 8, 2), row(DELETE, 1000, 1, 4)).total()
    assert found == Counted(10, 2, 5, 1, found.p50, found.p99)
    assert not found.clean
    assert counts(row(GET, 1000, 8), row(DELETE, 1000, 0, 5)).total().clean


def test_a_step_counts_what_was_due_meanwhile():
    made = counts(row(GET, 1000, 1), row(GET, 1001, 2), row(GET, 1002, 4))
    assert made.between(0.0, 2.0).sent == 3
    assert made.between(1.0, 1.1).sent == 2, "a short one counts its whole second"
    assert made.between(50, 60).sent == 0


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row(GET, 1000, 5), row(DELETE, 1000, 0, 5)], (First.AS_DECIDED, First.AS_DECIDED)),
        ([row(GET, 1000, 5, 1), row(DELETE, 1000, 1, 5)], (First.OTHERWISE, First.OTHERWISE)),
        ([row(GET, 1000, 5), row(GET, 1001, 0, 3, how="timeout")], (First.AS_DECIDED, First.UNTOLD)),
        ([row(each, 1001, 0, 3, how="timeout") for each in (GET, DELETE)], (First.UNTOLD, First.AS_DECIDED)),
        ([], (First.UNTOLD, First.UNTOLD)),
    ],
)
def test_the_first_answers_are_as_decided_or_not_or_late(rows, expected):
    found = firsts({each.name: each for each in (GET, DELETE)}, rows)
    assert (found[GET.name], found[DELETE.name]) == expected


def test_each_way_of_a_request_is_told_once_and_counted():
    rows = [row(GET, 1000 + number, 0, 2) for number in range(5)] + [row(DELETE, 1010, 3)]
    lost, admitted = counts(*rows).wrong()
    assert (lost.what, lost.request, lost.count, lost.at) == ("lost", GET.name, 10, 0.25)
    assert (lost.how, lost.detail) == ("reset", "cut off")
    assert (admitted.what, admitted.request, admitted.count) == ("admitted", DELETE.name, 3)


def test_the_verdict_comes_first():
    told = text(rehearsal()).splitlines()
    assert told[0] == "The plan was carried out, and taken back."
    assert told[1] == "10 requests that are answered today: 2 lost. 5 that are refused today: 1 admitted."
    assert "sidecar proxies: 2 with 500m CPU and 1 MiB before, none after" in told
    assert not rehearsal().clean


def test_everything_that_was_seen_is_told():
    told = text(rehearsal())
    for line in (
        "It would not pass its gates: error-rate of wave 1.",
        "FAILS: error-rate: 5 of 9",
        "cannot be told: latency-p99: <i>few</i>",
        "fault waypoint in wave 1, at 1.2 s: waypoint/a is killed: 0 lost, 1 admitted, until 2.5 s after it",
        "wave 1: callers of <u>shop</u>: foretold for about 15 s; in the 4 s here 2 requests went wrong",
        "wave 1: others: foretold for good; in the 4 s here no request went wrong",
        "ambient pods were ready after 0.3 s (2 pods, the slowest 0.5 s)",
        "proxies cost 10.00 USD a month before the plan, and 4.00 after",
    ):
        assert line in told.splitlines()


def test_whether_gates_would_be_passed_is_said():
    hold, unknown = (
        GateSeen("a", 1, name, answer, "") for name, answer in (("x", Answer.HOLDS), ("y", Answer.NOT_YET))
    )
    assert "It would pass its gates: all 1 hold." in text(rehearsal(gates=(hold,)))
    assert "1 of 2 gates hold; too few requests tell of the others: y." in text(rehearsal(gates=(hold, unknown)))
    assert "gates" not in text(rehearsal(gates=()))


def test_what_was_foretold_is_held_against_what_was_seen():
    steps = [Part(name, 1, name, 0.0, 1.0, Counted(5, lost)) for name, lost in (("a", 0), ("b", 2))]
    assert "As the plan's states foretell of each of 2 steps." in text(rehearsal(parts=tuple(steps)))
    known = (steps[0], msgspec.structs.replace(steps[1], foretold=("x",)))
    assert "In 1 of 2 steps the plan's states foretell that requests are decided otherwise." in text(
        rehearsal(parts=known)
    )
    odd = (steps[0], msgspec.structs.replace(steps[1], unforetold=("y",), back=True))
    told = text(rehearsal(parts=odd))
    assert "In 1 of 2 steps it was otherwise than the plan's states foretell, in back b first." in told
    assert "not foretold: y" in told


def test_it_fits_a_narrow_terminal():
    for line in text(rehearsal(), 80).split("\n\n")[1:3]:
        assert max(map(len, line.splitlines())) <= 80


def test_a_run_that_stopped_is_told_with_its_reason():
    assert text(rehearsal(ended=Ending.STOPPED, why="w1: no")).startswith("The plan stopped half-way: w1: no")
    assert text(rehearsal(ended=Ending.REVERSED, why="w1: no")).startswith("The plan was not carried out")
    assert "could not be taken back" in text(rehearsal(taken_back=Ending.STOPPED))


def test_the_page_says_the_same_and_trusts_no_name():
    made = page(rehearsal())
    assert "<h1>Rehearsal: 2 lost, 1 admitted</h1>" in made
    assert not {"<b>shop</b>", "<u>shop</u>", "<i>few</i>"} & set(re.findall("<[biu]>[a-z]+</[biu]>", made))
    assert "&lt;i&gt;few&lt;/i&gt;" in made
    assert "somebody else" in made


def begun_late(second, seconds):
    """What the lab says of how late it began requests."""
    latency = Histogram()
    latency.add(int(seconds * 1e6))
    return Row(LATENESS, "", second, 1, 1, latency=latency)


def test_what_is_lost_while_the_machine_is_late_is_told_apart():
    rows = [row(GET, 1000, 5), row(GET, 1030, 0, 2), row(GET, 1060, 0, 3), row(DELETE, 1060, 1)]
    made = counts(*rows, begun_late(1030, 0.1), begun_late(1055, 2.5))
    assert made.late() == Late(1, 2.5, 3)
    assert (made.late_between(0, 50), made.late_between(50, 70)) == (0, 3)
    assert [each.count for each in made.unforetold_between(0, 70) if each.what == "lost"] == [2]
    assert [each.what for each in made.unforetold_between(50, 70)] == ["admitted"], "nobody is admitted by being late"
    assert counts(*rows, begun_late(1030, 0.1)).late() is None
    assert made.total().lost == 5


@pytest.mark.parametrize(
    ("lost", "admitted", "late", "untold"),
    [
        (3, 0, Late(1, 2.5, 3), True),
        (3, 0, Late(1, 2.5, 2), False),
        (3, 0, None, False),
        (3, 1, Late(1, 2.5, 3), False),
    ],
)
def test_nothing_is_told_where_the_machine_may_have_lost_all_that_was_lost(lost, admitted, late, untold):
    found = rehearsal(total=Counted(10, lost, 5, admitted), late=late)
    assert found.untold is untold
    assert not found.clean
    assert ("This machine was late itself" in text(found)) == (late is not None)


def test_a_step_in_which_only_the_machine_was_late_is_not_held_against_the_plan():
    part = Part("w001-0001", 1, "roll out", 5.0, 1.0)
    made = counts(row(GET, 1005, 0, 2), begun_late(1005, 1.0))
    (step,) = told([part], made, {})
    assert (step.unforetold, step.late, step.counted.lost) == ((), 2, 2)
    assert agreement(step) == "2 lost while this machine was late"
    (other,) = told([part], counts(row(GET, 1005, 0, 2)), {})
    assert other.unforetold == (GET.name,)


def test_what_a_state_decides_otherwise_is_told_apart_for_its_time_alone():
    step = Part("w002-0001", 2, "close", 4.0, 1.0)
    away = expected([step], {(step.name, False): frozenset({GET.name})}, 1000.25)
    assert sorted(away) == [1003, 1004, 1005, 1006]
    made = counts(row(GET, 1004, 5, 2), row(GET, 1005, 5, 1), row(GET, 1009, 5, 4), row(DELETE, 1004, 1, 3), away=away)
    lost, admitted = sorted(made.wrong(), key=lambda each: each.what, reverse=True)
    assert (lost.count, lost.foretold) == (7, 3)
    assert (admitted.count, admitted.foretold) == (1, 0), "of another request nothing was foretold"
    assert [(each.what, each.count) for each in made.unforetold_between(0, 20)] == [("admitted", 1), ("lost", 4)]
    (seen,) = told([step], made, {(step.name, False): frozenset({GET.name})})
    assert (seen.foretold, seen.unforetold) == ((GET.name,), (DELETE.name,))


@pytest.mark.parametrize(
    ("foretold", "called", "words"),
    [
        (3, False, "All of these are decided so by the plan's states, at the time when they came; no call that is "),
        (
            2,
            True,
            "Of these 3, 2 are decided so by the plan's states, at the time when they came; 2 of them are calls ",
        ),
        (0, True, None),
    ],
)
def test_it_is_said_how_much_of_what_went_wrong_had_been_named(foretold, called, words):
    wrong = Wrong(GET.name, "lost", "http-503", "", 4.0, 3, foretold, called)
    said = text(rehearsal(wrong=(wrong,), total=Counted(10, 3, 5, 0)))
    assert ("decided so by the plan's states" in said) == bool(foretold)
    assert words is None or words in said
    assert ("http-503, as foretold\n" in said, "as foretold of 2" in said) == (foretold == 3, foretold == 2)
    assert ("as foretold" in page(rehearsal(wrong=(wrong,)))) == bool(foretold)

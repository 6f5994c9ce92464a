"""What a machine does not carry is sent more seldom, and that is said."""

import pytest
from msgspec.structs import replace
from tests.support.rehearsals import DELETE, GET, QUESTIONS, row

from sidestep.lab.agent.histogram import Histogram
from sidestep.rehearse.pace import carried, found_share, gently, in_words, part_of, raised


def slow(count):
    late = Histogram()
    for _ in range(count):
        late.add(3_000_000)
    return late


@pytest.mark.parametrize(
    ("ended", "expected"), [(30, True), (26, True), (25, False), (0, False)]
)  # ten a second, for three seconds; one may be about to end
def test_what_was_due_must_have_ended(ended, expected):
    assert carried({GET.name: replace(GET, rate=10)}, [row(GET, 1000, ended)], 3) is expected


def test_answers_must_be_prompt():
    late = row(GET, 1000, 30)
    late.latency = slow(30)
    assert not carried({GET.name: replace(GET, rate=10)}, [late], 3)


def test_refusals_may_be_silence():
    assert carried({**QUESTIONS, DELETE.name: replace(DELETE, rate=1000)}, [row(GET, 1000, 3)], 3)


def test_each_is_sent_more_seldom_and_none_too_seldom_to_tell_anything():
    rates = {8: 2, 1: 0.5, 0.7: 0.5, 0.5: 0.5, 0.1: 0.1}
    questions = {str(rate): replace(GET, rate=rate) for rate in rates}
    assert [each.rate for each in part_of(questions, 0.25).values()] == list(rates.values())
    assert part_of(questions, 1.0) == questions
    assert [each.rate for each in gently(questions).values()] == [1, 1, 0.7, 0.5, 0.1]


def machine(*limits):
    """One that carries so much, from one look to the next; the last of it for good. And what it was asked for."""
    asked, left = [], list(limits)

    def carries(share):
        asked.append(share)
        return share <= (left.pop(0) if len(left) > 1 else left[0])

    return carries, asked


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        ((1,), 1.0), ((0.6,), 0.5), ((0.8,), 0.75), ((0.26,), 0.25), ((0.4,), 0.375), ((1 / 64,), 1 / 64),
        ((0.001,), None), ((0, 0, 1), 1.0), ((0, 0, 0, 0.8), 0.75),
    ],
)  # fmt: skip
def test_the_greatest_share_is_found_though_a_machine_was_busy_for_a_moment(limits, found):
    carries, asked = machine(*limits)
    assert found_share(carries) == found
    assert asked[0] == 1.0


@pytest.mark.parametrize(("limit", "found"), [(0.2, 0.25), (0.5, 0.5), (0.4, 0.375), (1, 1.0)])
def test_what_was_carried_is_never_lowered_again(limit, found):
    carries, asked = machine(limit)
    assert raised(0.25, carries) == found
    assert len(asked) <= 4


def test_it_is_said_how_many_are_sent_where_not_all_are_or_all_are_late():
    questions = {GET.name: replace(GET, rate=800), DELETE.name: replace(DELETE, rate=60)}
    assert in_words(questions, 1.0) == ()
    assert "does not carry 800 requests a second: 200 are sent" in in_words(questions, 0.25)[0]
    assert "late even before any step" in in_words(questions, None)[0]

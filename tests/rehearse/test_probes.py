"""Since a wave what must pass passed, and what must be refused was refused: what is said of both."""

import pytest
from tests.support.rehearsals import DELETE, GET, QUESTIONS, row

from sidestep.actions.gates.judging import Answer
from sidestep.rehearse.probes import probed


@pytest.mark.parametrize(
    ("rows", "answer", "told"),
    [
        ([row(GET, 1, 8), row(DELETE, 1, 0, 5)], Answer.HOLDS, "1 kinds of requests that must pass passed (8 sent)"),
        ([row(GET, 1, 8), row(DELETE, 1, 0, 5)], Answer.HOLDS, "must be refused were (5 sent)"),
        ([row(GET, 1, 8), row(DELETE, 1, 1, 4)], Answer.FAILS, "1 of 5 requests must be refused, and were answered"),
        ([row(GET, 1, 8, 1, how="http-403"), row(DELETE, 1, 0, 5)], Answer.FAILS, "1 of 9 requests must pass"),
        ([row(GET, 1, 8, 1, how="timeout"), row(DELETE, 1, 0, 5)], Answer.HOLDS, "must pass passed (9 sent)"),
        ([row(GET, 1, 8)], Answer.NOT_YET, "1 of 2 kinds of requests"),
        ([], Answer.NOT_YET, "2 of 2 kinds of requests"),
    ],
)
def test_what_is_said_of_a_wave(rows, answer, told):
    found = probed(rows, QUESTIONS)
    assert found.answer is answer
    assert told in found.told


def test_the_request_that_was_answered_otherwise_is_named():
    both = probed([row(GET, 1, 0, 2, how="http-403"), row(DELETE, 1, 3)], QUESTIONS)
    assert both.answer is Answer.FAILS
    assert GET.name in both.told
    assert DELETE.name in both.told


def test_what_is_sent_no_more_says_nothing():
    assert probed([row(GET, 1, 8), row(DELETE, 1, 3)], {GET.name: GET}).answer is Answer.HOLDS

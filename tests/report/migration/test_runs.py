"""How a run is told: each state with what can be done about it, each event in a line, narrow terminals too."""

import pytest
from tests.support.runs import example_plan, healthy, manifests, runner

from sidestep.actions.runs.events import (
    Began,
    Ended,
    Ending,
    Measured,
    Paused,
    Resumed,
    ReversalBegan,
    Reversed,
    Reversing,
    StepBegan,
    StepDone,
    StepFailed,
)
from sidestep.actions.runs.history import State, told
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.report.migration.runs import Runs, history_text, run_text
from sidestep.report.migration.words import descriptions, in_words

PLAN = example_plan()


def journal(*events):
    made = MemoryJournal()
    made.append(Began("r1", "digest", "memory"), *events)
    return made.entries()


FAILED = (StepBegan("w000-0001"), StepFailed("w000-0001", "no\n  to fix: yes"), Reversing(0, "w000-0001: no"))


@pytest.mark.parametrize(
    ("events", "holder", "state", "can"),
    [
        ((), "me", State.RUNNING, "pause r1 · abort r1"),
        ((), "", State.INTERRUPTED, "resume r1 · abort r1 · rollback r1"),
        ((Paused("lunch"),), "me", State.WAITING, "resume r1"),
        ((Ended(Ending.PAUSED, "left"),), "", State.PAUSED, "resume r1"),
        ((Ended(Ending.PAUSED, "left"), Resumed("me")), "me", State.RUNNING, "pause r1"),
        (FAILED, "me", State.REVERSING, "pause r1"),
        ((*FAILED, Ended(Ending.STOPPED, "stuck")), "", State.STOPPED, "resume r1"),
        ((*FAILED, Reversed("w000-0001"), Ended(Ending.REVERSED, "no")), "", State.REVERSED, "plan again"),
        ((Ended(Ending.COMPLETED),), "", State.COMPLETED, "rollback r1"),
    ],
)
def test_each_state_says_what_can_be_done(events, holder, state, can):
    found = told("r1", journal(*events), PLAN, holder)
    assert found.state is state
    text = run_text(found)
    assert can in text.splitlines()[-1]
    assert text.startswith(f"run r1 in memory: {state.value}\n")


def test_what_can_be_done_is_told_as_it_is_to_be_typed():
    found = told("r1", journal(Ended(Ending.COMPLETED)), PLAN)
    text = run_text(found, width=20, again=" --lab shop")
    assert text.splitlines()[-1] == "sidestep migrate rollback r1 --lab shop"


def taken_back(first):
    """The journal of a run that was carried out and taken back from a wave on."""
    kept, world = MemoryJournal(), MemoryWorld(manifests(), healthy(PLAN))
    assert runner(PLAN, world, kept).run().how is Ending.COMPLETED
    assert runner(PLAN, world, kept).take_back(first, "wished").how is Ending.REVERSED
    return told("r1", kept.entries(), PLAN)


def test_of_a_wave_that_was_taken_back_nothing_is_done_though_its_gates_once_held():
    assert [wave.done for wave in taken_back(0).waves] == [0] * len(PLAN.waves)
    assert "nothing of it is left" in run_text(taken_back(0))


def test_waves_before_what_was_taken_back_stay_and_it_is_said():
    found = taken_back(1)
    assert [wave.done > 0 for wave in found.waves] == [True] + [False] * (len(PLAN.waves) - 1)
    assert "what was before it stays" in run_text(found)
    assert "rollback r1" in run_text(found).splitlines()[-1]


def test_what_is_under_way_is_told_with_its_wave():
    found = told("r1", journal(StepDone("w000-0001"), StepBegan("w000-0002")), PLAN, "me")
    assert [(wave.number, wave.done) for wave in found.waves] == [(0, 1), (1, 0), (2, 0), (3, 0)]
    assert found.running == ("apply Gateway shop/waypoint",)
    lines = run_text(found, width=40).splitlines()
    assert max(map(len, lines)) <= 40
    assert any(line.startswith("▸ wave  0     1/7") for line in lines)


def test_a_whole_run_is_told_as_done():
    made = MemoryJournal()
    runner(PLAN, MemoryWorld(manifests(), healthy(PLAN)), made).run()
    found = told("r1", made.entries(), PLAN)
    assert found.state is State.COMPLETED
    assert all(wave.done == wave.steps for wave in found.waves)
    assert history_text(Runs("here", (found,))).splitlines()[1].split()[-3:] == ["0-3", "30/30", "completed"]
    assert history_text(Runs("here", ())) == "No plan was carried out yet (here).\n"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Began("r1", "digest", "memory"), "run r1 begins in memory"),
        (Resumed("ada"), "ada goes on with it"),
        (StepBegan("w000-0002"), "w000-0002 apply Gateway shop/waypoint"),
        (StepDone("w000-0002"), "w000-0002 done"),
        (StepDone("g", "error-rate 0"), "g done: error-rate 0"),
        (StepFailed("g", "no\n  to fix: yes"), "g failed: no"),
        (Paused("lunch"), "paused: lunch"),
        (Reversing(2, "no\n  to fix: yes"), "wave 2, and what came after it, is taken back: no"),
        (ReversalBegan("w000-0002"), "w000-0002 back: apply Gateway shop/waypoint"),
        (Reversed("w000-0002"), "w000-0002 taken back"),
        (Measured("g", None), "g before its wave: no data"),
        (Measured("g", 0.25), "g before its wave: 0.25"),
        (Ended(Ending.COMPLETED), "completed"),
        (Ended(Ending.STOPPED, "stuck"), "stopped: stuck"),
    ],
)
def test_each_event_is_a_line(event, words):
    assert in_words(event, descriptions(PLAN)) == words

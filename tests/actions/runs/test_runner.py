"""A plan is carried out, paused, ended at any line of its journal and gone on with, and taken back."""

import pytest
from tests.support.runs import (
    Crash,
    CrashingJournal,
    events,
    example_plan,
    healthy,
    manifests,
    runner,
)

from sidestep.actions.runs.control import Wish
from sidestep.actions.runs.events import Ended, Ending, Paused, Resumed, Reversed, StepBegan, StepDone, StepFailed
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.worlds.effects import RESTARTED
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.errors import TransportError, UsageError
from sidestep.plan.steps import Comparison, Gate, SetLabels

PLAN = example_plan()


def world(**more):
    return MemoryWorld(manifests(), healthy(PLAN), **more)


def gate_of(wave):
    """One that is held against a number, and not against what was before."""
    return next(
        step
        for step in PLAN.steps
        if step.wave == wave and isinstance(step.effect, Gate) and step.effect.comparison is Comparison.AT_MOST
    )


def shown(made, *, restarts=False):
    """All objects, but for which step had pods made anew."""
    return [tree if restarts else _without(tree, RESTARTED) for tree in made.objects()]


def _without(tree, name):
    if isinstance(tree, dict):
        kept = {key: _without(value, name) for key, value in tree.items() if key != name}
        return {key: value for key, value in kept.items() if value != {} or key not in {"annotations", "labels"}}
    return [_without(each, name) for each in tree] if isinstance(tree, list) else tree


@pytest.fixture(scope="module")
def migrated():
    made = world()
    assert runner(PLAN, made).run() == Ended(Ending.COMPLETED)
    return made


def test_every_step_is_done_once_and_in_order(migrated):
    journal, made = MemoryJournal(), world()
    runner(PLAN, made, journal, parallel=3).run()
    done = [each.step for each in events(journal, StepDone)]
    assert sorted(done) == [step.id for step in PLAN.steps]
    place = {name: number for number, name in enumerate(done)}
    assert all(place[before] < place[step.id] for step in PLAN.steps for before in step.after)
    assert [int(name[1:4]) for name in done] == sorted(int(name[1:4]) for name in done)
    assert shown(made) == shown(migrated)
    assert shown(made) != shown(world())


def test_gone_on_with_at_its_end_it_writes_nothing():
    made, journal = world(), MemoryJournal()
    runner(PLAN, made, journal).run()
    writes = made.writes
    assert runner(PLAN, made, journal).run().how is Ending.COMPLETED
    assert made.writes == writes


@pytest.mark.parametrize("after", [False, True], ids=["before-the-line", "after-the-line"])
def test_ended_at_every_line_it_goes_on_to_the_same_end(migrated, after):
    whole = MemoryJournal()
    runner(PLAN, world(), whole).run()
    for line in range(len(whole.entries())):
        made, journal = world(), MemoryJournal()
        with pytest.raises(Crash):
            runner(PLAN, made, CrashingJournal(journal, line, after=after)).run()
        assert runner(PLAN, made, journal).run().how is Ending.COMPLETED
        assert shown(made, restarts=True) == shown(migrated, restarts=True), line
        began = [each.step for each in events(journal, StepBegan)]
        assert len(began) <= len(PLAN.steps) + 1, line


def test_ended_at_every_line_it_can_be_taken_back():
    start = shown(world())
    whole = MemoryJournal()
    runner(PLAN, world(), whole).run()
    for line in range(1, len(whole.entries())):
        made, journal = world(), MemoryJournal()
        with pytest.raises(Crash):
            runner(PLAN, made, CrashingJournal(journal, line, after=True)).run()
        assert runner(PLAN, made, journal).take_back(0, "we do not like it").how is Ending.REVERSED
        assert shown(made) == start, line


def test_a_reversal_that_was_ended_is_gone_on_with():
    gate = gate_of(2)
    bad = {**healthy(PLAN), gate.effect.query: 1.0}
    whole, made = MemoryJournal(), MemoryWorld(manifests(), bad)
    runner(PLAN, made, whole).run()
    expected = shown(made)
    first = next(number for number, each in enumerate(whole.entries()) if isinstance(each.event, Reversed))
    for line in range(first, len(whole.entries())):
        made, journal = MemoryWorld(manifests(), bad), MemoryJournal()
        with pytest.raises(Crash):
            runner(PLAN, made, CrashingJournal(journal, line, after=True)).run()
        ended = runner(PLAN, made, journal).run()
        assert shown(made) == expected or ended.how is Ending.REVERSED, line


def test_a_gate_that_does_not_hold_takes_its_wave_back_and_no_other():
    gate = gate_of(2)
    made, journal = MemoryWorld(manifests(), {**healthy(PLAN), gate.effect.query: 1.0}), MemoryJournal()
    ended = runner(PLAN, made, journal).run()
    assert ended.how is Ending.REVERSED
    assert gate.effect.name in ended.why
    until = MemoryWorld(manifests(), healthy(PLAN))
    runner(PLAN, until, terms={"waves": (0, 1)}).run()
    assert shown(made) == shown(until)


def test_a_gate_is_held_against_what_was_before_its_wave():
    class Slower(MemoryWorld):
        """Every look sees a bit more."""

        looks = 0

        def measure(self, query, seconds):
            self.looks += 1
            return 0.0 if "restarts" in query else 1.0 + 0.5 * self.looks

    ended = runner(PLAN, Slower(manifests())).run()
    assert ended.how is Ending.REVERSED
    assert "times" in ended.why


def test_a_gate_without_data_does_not_hold():
    ended = runner(PLAN, MemoryWorld(manifests())).run()
    assert ended.how is Ending.REVERSED
    assert "has no data" in ended.why


def test_what_somebody_else_changed_is_not_overwritten():
    step = next(each for each in PLAN.steps if isinstance(each.effect, SetLabels) and each.effect.template)
    made, journal = world(), MemoryJournal()
    named = step.effect.object
    theirs = dict.fromkeys(step.effect.labels, "theirs")
    made.patch(named, {"spec": {"template": {"metadata": {"labels": theirs}}}}, made.read(named).version)
    ended = runner(PLAN, made, journal, terms={"reverse": False}).run()
    assert ended.how is Ending.STOPPED
    assert "somebody else has changed it" in ended.why
    labels = made.read(named).tree["spec"]["template"]["metadata"]["labels"]
    assert theirs.items() <= labels.items()
    assert [each.step for each in events(journal, StepFailed)] == [step.id]


def test_a_write_of_which_nothing_was_heard_is_looked_for_first():
    made = Deaf(manifests(), healthy(PLAN))
    assert runner(PLAN, made).run().how is Ending.COMPLETED
    quiet = world()
    runner(PLAN, quiet).run()
    assert shown(made, restarts=True) == shown(quiet, restarts=True)
    assert made.writes == quiet.writes


class Deaf(MemoryWorld):
    """Every write happens, and every other answer is lost."""

    lost = True

    def _put(self, key, tree):
        super()._put(key, tree)
        if getattr(self, "ready", False):
            self.lost = not self.lost
            if not self.lost:
                raise TransportError("the answer was lost")

    def __init__(self, *given):
        super().__init__(*given)
        self.ready = True


def test_a_world_that_cannot_be_asked_for_long_stops_the_wave():
    class Gone(MemoryWorld):
        def read(self, named):
            raise TransportError("nobody answers")

    ended = runner(PLAN, Gone(manifests(), healthy(PLAN))).run()
    assert ended.how is Ending.STOPPED or ended.how is Ending.REVERSED
    assert "nobody answers" in ended.why


def test_paused_it_begins_nothing_and_goes_on_when_wished():
    class Wishes:
        asked = 0

        def wish(self):
            self.asked += 1
            return Wish.PAUSE if 3 <= self.asked < 9 else Wish.GO_ON

    made, journal = world(), MemoryJournal()
    assert runner(PLAN, made, journal, control=Wishes()).run().how is Ending.COMPLETED
    told = [type(each.event) for each in journal.entries()]
    assert told[told.index(Paused) + 1] is Resumed


def test_aborted_it_takes_the_wave_back():
    class Aborted:
        asked = 0

        def wish(self):
            self.asked += 1
            return Wish.ABORT if self.asked > 3 else Wish.GO_ON

    made, journal = world(), MemoryJournal()
    ended = runner(PLAN, made, journal, control=Aborted()).run()
    assert (ended.how, ended.why) == (Ending.REVERSED, "somebody wished it")
    assert shown(made) == shown(world())


def test_a_journal_of_another_plan_or_world_is_refused():
    journal = MemoryJournal()
    runner(PLAN, world(), journal, terms={"waves": (0,)}).run()
    with pytest.raises(UsageError, match="of another choice of waves"):
        runner(PLAN, world(), journal).run()

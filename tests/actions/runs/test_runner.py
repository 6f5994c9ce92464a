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

from sidestep.actions.gates.judging import Answer, Finding
from sidestep.actions.runs.control import Wish
from sidestep.actions.runs.events import (
    Checked,
    Ended,
    Ending,
    Lasts,
    Paused,
    Resumed,
    ReversalBegan,
    Reversed,
    Reversing,
    StepBegan,
    StepDone,
    StepFailed,
)
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.runs.progress import progress
from sidestep.actions.worlds.effects import RESTARTED
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.errors import TransportError, UsageError
from sidestep.plan.gates import bytes_moved, old_connections
from sidestep.plan.measures import Count, Quantity
from sidestep.plan.steps import Gate, Patch, Restart, SetLabels
from sidestep.report.migration.words import in_words

PLAN = example_plan()


def world(**more):
    return MemoryWorld(manifests(), healthy(PLAN), **more)


def gate_of(wave):
    """One that is held against a number, with nothing left to chance."""
    return next(
        step
        for step in PLAN.steps
        if step.wave == wave and isinstance(step.effect, Gate) and isinstance(step.effect.reading, Count)
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
            if query.quantity is Quantity.SIDECAR_CPU:
                self.looks += 1
                return 0.5 * self.looks
            return super().measure(query, seconds)

    ended = runner(PLAN, Slower(manifests(), healthy(PLAN))).run()
    assert ended.how is Ending.REVERSED
    assert "sidecar-cpu" in ended.why
    assert "not at most" in ended.why


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


def test_what_was_not_written_is_not_taken_back():
    """Somebody else's object stands in a step's way; the rest of its wave is taken back around it."""
    step = next(each for each in PLAN.steps if isinstance(each.effect, Patch) and each.wave == 0)
    made, journal = world(), MemoryJournal()
    named = step.effect.object
    made.delete(named, made.read(named).version)
    before = shown(made)
    ended = runner(PLAN, made, journal).run()
    assert (ended.how, [each.unwritten for each in events(journal, StepFailed)]) == (Ending.REVERSED, [True])
    assert shown(made) == before
    assert step.id not in {each.step for each in events(journal, ReversalBegan)}
    assert events(journal, ReversalBegan)


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


def test_asked_to_leave_it_ends_paused_and_whoever_resumes_it_comes_to_the_same_end(migrated):
    for line in range(3, 40, 6):
        made, journal = world(), MemoryJournal()
        told = []
        leaving = Asked(Wish.LEAVE, lambda told=told, line=line: len(told) >= line)
        assert runner(PLAN, made, journal, control=leaving, heard=told.append).run().how is Ending.PAUSED
        assert {each.step for each in events(journal, StepBegan)} == {each.step for each in events(journal, StepDone)}
        assert runner(PLAN, made, journal).run().how is Ending.COMPLETED
        assert shown(made) == shown(migrated)


def test_all_waves_are_taken_back_although_that_was_ended_at_every_line():
    start, whole, made = shown(world()), MemoryJournal(), world()
    runner(PLAN, made, whole).run()
    begun = len(whole.entries())
    assert runner(PLAN, made, whole).take_back(0, "enough").how is Ending.REVERSED
    assert shown(made) == start
    for line in range(begun + 1, len(whole.entries())):
        made, journal = world(), MemoryJournal()
        runner(PLAN, made, journal).run()
        with pytest.raises(Crash):
            runner(PLAN, made, CrashingJournal(journal, line, after=True)).take_back(0, "enough")
        again = runner(PLAN, made, journal)
        ended = again.run() if events(journal, Reversing) else again.take_back(0, "enough")
        assert ended.how is Ending.REVERSED, line
        assert shown(made) == start, line


def test_a_reversal_that_somebody_stands_in_the_way_of_is_gone_on_with_once_he_does_not():
    step = next(each for each in PLAN.steps if isinstance(each.effect, SetLabels) and each.effect.template)
    made, journal = world(), MemoryJournal()
    runner(PLAN, made, journal).run()
    named, ours = step.effect.object, step.effect.labels
    relabel(made, named, dict.fromkeys(ours, "theirs"))
    stopped = runner(PLAN, made, journal).take_back(0, "enough")
    assert (stopped.how, step.id in stopped.why) == (Ending.STOPPED, True)
    relabel(made, named, ours)
    assert runner(PLAN, made, journal).run().how is Ending.REVERSED
    assert shown(made) == shown(world())


def test_who_leaves_waits_for_nothing_and_whoever_resumes_waits_again():
    class Slow(MemoryWorld):
        missing = "1 of 2 pods are ready"

        def rolled_out(self, workload):
            return self.missing

    told = []
    leaving = Asked(Wish.LEAVE, lambda: told and isinstance(told[-1], StepBegan) and told[-1].step == "w001-0002")
    made, journal = Slow(manifests(), healthy(PLAN)), MemoryJournal()
    assert runner(PLAN, made, journal, control=leaving, heard=told.append).run().how is Ending.PAUSED
    assert "w001-0002" not in {each.step for each in events(journal, StepDone)}
    assert not events(journal, StepFailed)
    made.missing = ""
    assert runner(PLAN, made, journal).run().how is Ending.COMPLETED


def relabel(made, named, labels):
    made.patch(named, {"spec": {"template": {"metadata": {"labels": labels}}}}, made.read(named).version)


def test_what_was_so_before_a_run_is_left_when_the_run_is_taken_back():
    first, second, made = MemoryJournal(), MemoryJournal(), world()
    runner(PLAN, made, first, terms={"waves": (0, 1)}).run()
    between = shown(made)
    runner(PLAN, made, second).run()
    assert runner(PLAN, made, second).take_back(0, "enough").how is Ending.REVERSED
    assert shown(made) == between
    again = runner(PLAN, made, first, terms={"waves": (0, 1)})
    assert again.take_back(0, "enough").how is Ending.REVERSED
    assert shown(made) == shown(world())


class Asked:
    """Somebody wishes something once it is time."""

    def __init__(self, wish, due=lambda: True):
        self._wish, self._due = wish, due

    def wish(self):
        return self._wish if self._due() else Wish.GO_ON


def test_who_aborts_waits_for_nothing():
    class Never(MemoryWorld):
        def rolled_out(self, workload):
            return "1 of 2 pods are ready"

    told = []
    aborting = Asked(Wish.ABORT, lambda: told and isinstance(told[-1], StepBegan) and "w001" in told[-1].step)
    made, journal = Never(manifests(), healthy(PLAN)), MemoryJournal()
    runner(PLAN, made, journal, control=aborting, heard=told.append).run()
    assert ["waited for no longer" in each.why for each in events(journal, StepFailed)] == [True]
    assert [each.wave for each in events(journal, Reversing)] == [1]


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


class Known:
    """What is foretold: each wave holds unless told otherwise, and whoever is named may move beside others."""

    def __init__(self, answers=None, together=()):
        self.answers, self.looked, self.groups = answers or {}, [], together

    def together(self, _wave):
        return self.groups

    def after(self, wave):
        self.looked.append(wave)
        return Finding(self.answers.get(wave, Answer.HOLDS), f"proof: of wave {wave}")


def test_after_each_wave_the_world_is_held_against_the_plan_once():
    known, journal = Known(), MemoryJournal()
    assert runner(PLAN, world(), journal, known=known).run().how is Ending.COMPLETED
    waves = [wave.number for wave in PLAN.waves]
    assert known.looked == waves
    assert [each.wave for each in events(journal, Checked)] == waves
    places = [number for number, each in enumerate(journal.entries()) if isinstance(each.event, Checked)]
    for place, wave in zip(places, waves, strict=True):
        done = {each.event.step for each in journal.entries()[:place] if isinstance(each.event, StepDone)}
        assert done == {step.id for step in PLAN.steps if step.wave <= wave}


@pytest.mark.parametrize("answer", [Answer.FAILS, Answer.NOT_YET])
def test_a_world_that_is_not_as_foretold_takes_its_wave_back_and_no_other(answer):
    known, made = Known({1: answer}), world()
    ended = runner(PLAN, made, known=known).run()
    assert (ended.how, ended.why) == (Ending.REVERSED, "proof: of wave 1")
    assert known.looked.count(1) > 1, "what controllers still do is waited for"
    until = world()
    runner(PLAN, until, terms={"waves": (0,)}).run()
    assert shown(made) == shown(until)


def test_where_gates_stop_nothing_it_is_told_that_the_world_is_not_as_foretold():
    journal = MemoryJournal()
    ended = runner(PLAN, world(), journal, known=Known({1: Answer.FAILS}), terms={"enforce": False}).run()
    assert ended.how is Ending.COMPLETED
    assert [each.wave for each in events(journal, Checked) if each.answer is Answer.FAILS] == [1]


def test_ended_at_every_line_each_wave_is_still_held_against_the_plan():
    whole = MemoryJournal()
    runner(PLAN, world(), whole, known=Known()).run()
    for line in range(0, len(whole.entries()), 3):
        made, journal = world(), MemoryJournal()
        with pytest.raises(Crash):
            runner(PLAN, made, CrashingJournal(journal, line, after=True), known=Known()).run()
        assert runner(PLAN, made, journal, known=Known()).run().how is Ending.COMPLETED
        assert {each.wave for each in events(journal, Checked)} == {wave.number for wave in PLAN.waves}, line


def test_how_a_run_is_to_be_done_is_kept_by_whoever_said_it_last():
    journal, made = MemoryJournal(), world()
    leaving = Asked(Wish.LEAVE, lambda: len(journal.entries()) > 3)
    runner(PLAN, made, journal, terms={"enforce": False}, parallel=3, control=leaving).run()
    said = progress(each.event for each in journal.entries()).answers
    assert (said.parallel, said.no_gates, said.no_rollback) == (3, True, False)
    runner(PLAN, made, journal, terms={"reverse": False}).run()
    said = progress(each.event for each in journal.entries()).answers
    assert (said.parallel, said.no_gates, said.no_rollback) == (1, False, True)


def test_connections_that_last_are_told_before_their_wave_and_once():
    step = next(each for each in PLAN.steps if isinstance(each.effect, Restart))
    reading = old_connections(step.effect.workload).reading
    metrics = {**healthy(PLAN), reading.value.promql: 3.0, bytes_moved(step.effect.workload).promql: 2.5e6}
    made, journal, told = MemoryWorld(manifests(), metrics), MemoryJournal(), []
    leaving = Asked(Wish.LEAVE, lambda: any(isinstance(each, Lasts) for each in told))
    runner(PLAN, made, journal, control=leaving, heard=told.append).run()
    assert runner(PLAN, made, journal).run().how is Ending.COMPLETED
    assert events(journal, Lasts) == [Lasts(step.id, 3.0, 2.5e6)]
    order = [each.event for each in journal.entries()]
    assert order.index(Lasts(step.id, 3.0, 2.5e6)) < order.index(StepBegan(step.id))
    assert "3 connections of bytes are open for more than ten minutes, and 2.5 MB" in in_words(
        events(journal, Lasts)[0], {}
    )

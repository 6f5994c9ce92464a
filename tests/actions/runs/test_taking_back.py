"""The way back: as many workloads at a time as on the way there, ended at any line and gone on with."""

import pytest
from msgspec.structs import replace
from tests.actions.runs.test_runner import PLAN, Asked, shown, world
from tests.support.runs import EXAMPLE, Crash, CrashingJournal, events, healthy, manifests, runner

from sidestep.actions.gates.observed import Observer
from sidestep.actions.runs.control import Wish
from sidestep.actions.runs.events import Ending, Paused, Resumed, ReversalBegan, Reversed, Reversing
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.way_back import taking_back
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.plan.steps import SetLabels, renewed
from sidestep.sources.files import FilesSource

MESH = FilesSource([str(EXAMPLE)]).read()
KNOWN = Observer(PLAN, lambda: MESH)
"""Of the mesh as it was at first, and as it is whenever it is asked: it foretells, and sees nothing."""


class Foretold:
    """What may go beside each other, and nothing else."""

    together, together_back = KNOWN.together, KNOWN.together_back

    def after(self, wave):
        return KNOWN.after(wave)


def carried_out(made, journal):
    assert runner(PLAN, made, journal).run().how is Ending.COMPLETED


def back(made, journal, **how):
    return runner(PLAN, made, journal, parallel=3, known=Foretold(), **how)


def beside():
    """Two workloads that may be taken back beside each other."""
    for wave in PLAN.waves:
        for group in KNOWN.together_back(wave.number):
            steps = [step for step in PLAN.steps if step.id in group and isinstance(step.effect, SetLabels)]
            if len(steps) > 1:
                return steps[:2]
    raise AssertionError("nobody of the example may be taken back beside anybody")


class Meeting(MemoryWorld):
    """No rollout of two workloads comes to its end before both have begun, once anybody says so."""

    together = ()

    def rolled_out(self, workload):
        waited = [renewed(step) for step in self.together]
        odd = [step.id for step in self.together if not self._is_back(step)] if workload in waited else []
        return f"{odd} have not begun" if odd else super().rolled_out(workload)

    def _is_back(self, step):
        labels = self.read(step.effect.object).tree["spec"]["template"]["metadata"].get("labels", {})
        return all(labels.get(name) == value for name, value in step.effect.before.items())


def test_workloads_are_taken_back_beside_each_other():
    made, journal = Meeting(manifests(), healthy(PLAN)), MemoryJournal()
    carried_out(made, journal)
    made.together = beside()
    assert back(made, journal).take_back(0, "enough").how is Ending.REVERSED
    assert shown(made) == shown(world())


def test_one_at_a_time_where_nobody_knows_better():
    made, journal = world(), MemoryJournal()
    carried_out(made, journal)
    runner(PLAN, made, journal, parallel=3).take_back(0, "enough")
    told = [each.event for each in journal.entries() if isinstance(each.event, ReversalBegan | Reversed)]
    listed = [step.id for wave in PLAN.waves[::-1] for step in taking_back(PLAN, wave.number)]
    assert [each.step for each in told if isinstance(each, ReversalBegan)] == listed


def test_nothing_is_taken_back_before_what_came_after_it():
    made, journal = world(), MemoryJournal()
    carried_out(made, journal)
    assert back(made, journal).take_back(0, "enough").how is Ending.REVERSED
    order = [each.event for each in journal.entries()]
    waves = [int(each.step[1:4]) for each in events(journal, ReversalBegan)]
    assert waves == sorted(waves, reverse=True)
    for wave in PLAN.waves:
        for step in taking_back(PLAN, wave.number):
            began = order.index(ReversalBegan(step.id))
            assert all(order.index(Reversed(each)) < began for each in step.after), step.id


@pytest.mark.parametrize("after", [False, True], ids=["before-the-line", "after-the-line"])
def test_ended_at_every_line_it_is_gone_on_with_to_where_it_began(after):
    """Whoever goes on may do so one by one, or know nothing."""
    start, whole, made = shown(world()), MemoryJournal(), world()
    carried_out(made, whole)
    begun = len(whole.entries())
    assert back(made, whole).take_back(0, "enough").how is Ending.REVERSED
    for line in range(begun + 2, len(whole.entries())):
        made, journal = world(), MemoryJournal()
        carried_out(made, journal)
        with pytest.raises(Crash):
            back(made, CrashingJournal(journal, line, after=after)).take_back(0, "enough")
        assert events(journal, Reversing)
        again = back(made, journal) if line % 2 else runner(PLAN, made, journal)
        assert again.run().how is Ending.REVERSED, line
        assert shown(made) == start, line


def test_paused_on_the_way_back_it_begins_nothing_until_it_is_wished_to_go_on():
    made, journal = world(), MemoryJournal()
    carried_out(made, journal)

    class Wishes:
        asked = 0

        def wish(self):
            back = len(events(journal, Reversed))
            self.asked += back > 1
            return Wish.PAUSE if 1 <= self.asked < 40 else Wish.GO_ON

    assert back(made, journal, control=Wishes()).take_back(0, "enough").how is Ending.REVERSED
    told = [each.event for each in journal.entries()]
    paused = next(place for place, each in enumerate(told) if isinstance(each, Paused))
    assert isinstance(told[paused + 1], Resumed)
    assert shown(made) == shown(world())


def test_who_wishes_a_way_back_to_be_aborted_changes_nothing():
    made, journal = world(), MemoryJournal()
    carried_out(made, journal)
    assert back(made, journal, control=Asked(Wish.ABORT)).take_back(0, "enough").how is Ending.REVERSED
    assert shown(made) == shown(world())


def test_all_that_stands_in_the_way_is_named():
    made, journal = world(), MemoryJournal()
    carried_out(made, journal)
    for step in beside():
        found = made.read(step.effect.object)
        theirs = {"spec": {"template": {"metadata": {"labels": dict.fromkeys(step.effect.labels, "theirs")}}}}
        made.patch(step.effect.object, theirs, found.version)
    ended = back(made, journal).take_back(0, "enough")
    assert ended.how is Ending.STOPPED
    assert all(f"{step.id} could not be taken back" in ended.why for step in beside())


def test_a_rollout_that_nobody_came_to_say_had_begun_is_waited_for_before_its_guard_goes():
    """The process ended right after it wrote the template: the lines of the rollout were still to be written."""
    label = next(place for place, step in enumerate(PLAN.steps) if step.wave == 2 and renewed(step) is not None)
    written, workload = PLAN.steps[: label + 1], renewed(PLAN.steps[label])

    class Witness(MemoryWorld):
        """What happens, in its order."""

        seen = ()

        def rolled_out(self, ref):
            self.seen = (*self.seen, str(ref))
            return super().rolled_out(ref)

        def delete(self, named, version):
            self.seen = (*self.seen, named.kind)
            super().delete(named, version)

    made, journal = Witness(manifests(), healthy(PLAN)), MemoryJournal()
    runner(replace(PLAN, steps=written), made, journal).run()
    made.seen = ()
    assert back(made, journal).take_back(2, "enough").how is Ending.REVERSED
    assert made.seen.index(str(workload)) < made.seen.index("AuthorizationPolicy")

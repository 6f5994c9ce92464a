"""What stands in the journal when something is written to the world, and how often the journal is written."""

import pytest
from msgspec.structs import replace
from tests.actions.runs.test_runner import PLAN, shown, world
from tests.support.runs import events, healthy, manifests, runner

from sidestep.actions.runs.events import Ending, Measured, ReversalBegan, Reversed, StepBegan, StepDone
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.way_back import taking_back
from sidestep.actions.worlds.effects import object_of
from sidestep.actions.worlds.memory import MemoryWorld
from sidestep.plan.steps import Gate, writes

MOVES = replace(PLAN, steps=tuple(step for step in PLAN.steps if not isinstance(step.effect, Gate)))
"""The same plan without gates: nobody waits, and no time passes."""
OBJECTS = {step.id: object_of(step.effect) for step in PLAN.steps if writes(step.effect)}


class Witness(MemoryWorld):
    """Sees what the journal holds of an object whenever that is written."""

    def __init__(self, journal):
        super().__init__(manifests(), healthy(PLAN))
        self.journal, self.unsaid, self.written, self.unmeasured = journal, [], 0, 0

    def _look(self, named):
        begun = {each.step for each in events(self.journal, StepBegan)}
        begun |= {each.step for each in events(self.journal, ReversalBegan)}
        self.written += 1
        if named not in {OBJECTS[name] for name in begun if name in OBJECTS}:
            self.unsaid.append(named)
        waves = {int(name[1:4]) for name in begun}
        gates = {step.id for step in PLAN.steps if step.wave in waves and isinstance(step.effect, Gate)}
        self.unmeasured += len(gates - {each.step for each in events(self.journal, Measured)})

    def patch(self, named, patch, version):
        self._look(named)
        super().patch(named, patch, version)

    def apply(self, named, manifest, version):
        self._look(named)
        super().apply(named, manifest, version)

    def delete(self, named, version):
        self._look(named)
        super().delete(named, version)


class Counting(MemoryJournal):
    """How often it was written."""

    writes = 0

    def append(self, *events):
        self.writes += 1
        super().append(*events)


@pytest.mark.parametrize("parallel", [1, 3])
def test_nothing_is_written_before_lines_say_so_and_what_gates_saw_before(parallel):
    journal = MemoryJournal()
    made = Witness(journal)
    assert runner(PLAN, made, journal, parallel=parallel).run().how is Ending.COMPLETED
    there = made.written
    assert runner(PLAN, made, journal, parallel=parallel).take_back(0, "enough").how is Ending.REVERSED
    assert (made.unsaid, made.unmeasured) == ([], 0)
    assert made.written > there > 0
    assert shown(made) == shown(world())


def test_a_journal_is_written_once_for_each_write_and_has_a_line_of_every_step():
    journal, made = Counting(), world()
    assert runner(MOVES, made, journal).run().how is Ending.COMPLETED
    assert len(events(journal, StepDone)) == len(MOVES.steps)
    assert journal.writes <= sum(writes(step.effect) for step in MOVES.steps) + len(["began", "ended"])
    before = journal.writes
    back = [step for wave in MOVES.waves for step in taking_back(MOVES, wave.number)]
    assert runner(MOVES, made, journal).take_back(0, "enough").how is Ending.REVERSED
    assert len(events(journal, Reversed)) == len(back)
    assert journal.writes - before <= sum(writes(step.effect) for step in back) + len(["resumed", "back", "ended"])

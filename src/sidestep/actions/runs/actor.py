"""Steps of a run, each performed and told of: that it begins, and what became of it."""

from collections.abc import Callable, Mapping

from sidestep.actions.gates.judging import Answer, Finding
from sidestep.actions.gates.watching import GateError
from sidestep.actions.runs.control import LeftError
from sidestep.actions.runs.events import (
    Lasts,
    Measured,
    ReversalBegan,
    Reversed,
    StepBegan,
    StepDone,
    StepFailed,
)
from sidestep.actions.runs.performing import Performer, UnwrittenError
from sidestep.actions.runs.teller import Teller
from sidestep.actions.worlds.effects import BACK
from sidestep.errors import SidestepError
from sidestep.plan.steps import Gate, Restart, SetLabels, Step, writes


class Actor:
    """Of one run. Whoever is asked to leave tells nothing more of a step that he waits for.

    Args:
        performer: of steps.
        teller: of what became of them.
        named: all steps, by their ids.
        enforce: a gate that does not hold is a failure; else it is told.
    """

    def __init__(self, performer: Performer, teller: Teller, named: Mapping[str, Step], *, enforce: bool) -> None:
        self._performer, self._teller, self._named, self._enforce = performer, teller, named, enforce

    def forth(self, step: Step) -> None:
        """Carry a step out."""
        so_far = self._teller.so_far
        fresh = step.id not in so_far.begun
        self._teller.say(StepBegan(step.id), safely=writes(step.effect))
        try:
            seen = self._performer.perform(step.id, step.effect, so_far.baselines, self._templates(step))
        except LeftError:
            return
        except SidestepError as error:
            if isinstance(error, GateError) and not (self._enforce and error.stops):
                self._teller.say(StepDone(step.id, error.finding.told, error.finding.answer))
            else:
                unwritten = fresh and isinstance(error, UnwrittenError)
                self._teller.say(StepFailed(step.id, str(error), unwritten=unwritten))
        else:
            answer = Answer.HOLDS if isinstance(step.effect, Gate) else None
            already = fresh and seen.already
            self._teller.say(StepDone(step.id, seen.told, answer, already=already), safely=already)

    def back(self, step: Step) -> str:
        """Take a step back; why it cannot be, empty where it was or may yet be."""
        self._teller.say(ReversalBegan(step.id), safely=writes(step.effect))
        try:
            self._performer.perform(f"{step.id}{BACK}", step.effect, {})
        except LeftError:
            return ""
        except SidestepError as error:
            return f"{step.id} could not be taken back: {error}"
        self._teller.say(Reversed(step.id), safely=False)
        return ""

    def measure(self, step: str, gate: Gate) -> None:
        """What a gate sees before anything of its wave happens."""
        try:
            seen = self._performer.baseline(gate)
            self._teller.say(Measured(step, seen.value, seen.of), safely=False)
        except LeftError:
            return
        except SidestepError as error:
            self._teller.say(StepFailed(step, str(error)))

    def look_for_lasting(self, step: str, rollout: Restart) -> bool:
        """Say which connections a rollout cuts; whether that can be asked."""
        try:
            found = self._performer.lasting(rollout.workload)
        except SidestepError:
            return False
        if found is not None:
            self._teller.say(Lasts(step, found.connections, found.bytes), safely=False)
        return True

    def check(self, look: Callable[[], Finding]) -> Finding | None:
        """What is seen of the world after a wave; what cannot be told in time is no pass. None for who leaves."""
        try:
            return self._performer.check(look)
        except LeftError:
            return None
        except SidestepError as error:
            return Finding(Answer.NOT_YET, str(error))

    def _templates(self, step: Step) -> tuple[SetLabels, ...]:
        """Of workloads whose pods a step waits for: what was written into them right before."""
        before = [self._named[name] for name in step.after if name in self._named]
        written = tuple(each.effect for each in before if isinstance(each.effect, SetLabels) and each.effect.template)
        rolled = (each for each in before if isinstance(each.effect, Restart) and each.effect.effect_only)
        return (*written, *(found for each in rolled for found in self._templates(each)))

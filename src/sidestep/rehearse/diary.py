"""What happens in a rehearsal, and when: steps as they are heard of, and faults in the middle of waves."""

import threading
from collections.abc import Callable, Mapping

from sidestep.actions.runs.events import Event, ReversalBegan, Reversed, StepBegan, StepDone, StepFailed
from sidestep.errors import SidestepError
from sidestep.lab.api.client import Client
from sidestep.plan.document import Plan
from sidestep.plan.steps import Gate, Restart, Step
from sidestep.rehearse.faults import Injection, strike
from sidestep.rehearse.result import Part, Struck

_DELAY = 1.0
"""Seconds after a rollout has begun until something breaks."""


class Diary:
    """Hears of steps, and breaks what is to be broken.

    Args:
        plan: that is carried out.
        injections: faults, and their waves.
        speaker: to the lab.
        now: seconds since the rehearsal began.
        heard: told of every step, in words.

    Attributes:
        parts: steps and pauses so far.
        begun: steps in the order in which they were begun on the way there.
        struck: faults so far.
    """

    def __init__(
        self,
        plan: Plan,
        injections: tuple[Injection, ...],
        speaker: Client,
        now: Callable[[], float],
        heard: Callable[[str], None],
    ) -> None:
        self._steps = {step.id: step for step in plan.steps}
        self._speaker, self._now, self._heard = speaker, now, heard
        self._due = [(middle(plan, each.wave), each) for each in injections]
        self._open: dict[tuple[str, bool], float] = {}
        self._threads: list[threading.Timer] = []
        self.parts: list[Part] = []
        self.begun: list[str] = []
        self.struck: list[Struck] = []

    def hear(self, event: Event) -> None:
        """One more event of the run."""
        now = self._now()
        match event:
            case StepBegan(step=step) | ReversalBegan(step=step):
                back = isinstance(event, ReversalBegan)
                self._open[step, back] = now
                self.begun += () if back else (step,)
                self._heard(f"{'back: ' if back else ''}{self._steps[step].description}")
                for at, due in self._due:
                    if at == step and not back:
                        self._break_soon(due)
            case StepDone(step=step, told=told):
                self._close(step, now, told=told)
            case StepFailed(step=step, why=why):
                self._close(step, now, failed=why)
            case Reversed(step=step):
                self._close(step, now, back=True)
            case _:
                pass

    def pause(self, name: str, title: str, began: float, seconds: float) -> None:
        """A time in which nothing was done."""
        self.parts.append(Part(name, None, title, began, seconds))

    def waves(self) -> Mapping[int, float]:
        """When the last step of each wave that is no gate was done."""
        found: dict[int, float] = {}
        for part in self.parts:
            step = self._steps.get(part.name)
            if step is not None and not part.back and not isinstance(step.effect, Gate):
                found[step.wave] = max(found.get(step.wave, 0.0), part.began + part.seconds)
        return found

    def close(self) -> None:
        """Nothing breaks any more."""
        for each in self._threads:
            each.cancel()
            each.join()

    def _break_soon(self, due: Injection) -> None:
        timer = threading.Timer(_DELAY, self._break, (due,))
        timer.daemon = True
        self._threads.append(timer)
        timer.start()

    def _break(self, due: Injection) -> None:
        at = self._now()
        self._heard(f"fault: {due.fault.value}")
        try:
            told = strike(self._speaker, due.fault)
        except SidestepError as error:
            told = f"nothing was broken: {error.message}"
        self.struck.append(Struck(due.fault.value, due.wave, told, at))

    def _close(self, name: str, now: float, *, told: str = "", failed: str = "", back: bool = False) -> None:
        step = self._steps[name]
        began = self._open.pop((name, back), now)
        self.parts.append(Part(name, step.wave, _title(step), began, now - began, told=told, failed=failed, back=back))


def middle(plan: Plan, wave: int) -> str:
    """The step at which a fault of a wave is due: its middle rollout, or its first step; none where it has no steps."""
    steps = [step for step in plan.steps if step.wave == wave]
    rollouts = [step for step in steps if isinstance(step.effect, Restart)]
    found = rollouts[len(rollouts) // 2 : len(rollouts) // 2 + 1] or steps[:1]
    return found[0].id if found else ""


def _title(step: Step) -> str:
    return f"gate {step.effect.name}" if isinstance(step.effect, Gate) else step.description

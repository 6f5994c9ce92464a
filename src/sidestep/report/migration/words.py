"""What a journal says, a line for each event."""

from collections.abc import Mapping

from sidestep.actions.gates.judging import Answer
from sidestep.actions.runs.events import (
    Began,
    Checked,
    Ended,
    Event,
    Lasts,
    Measured,
    Paused,
    Resumed,
    ReversalBegan,
    Reversed,
    Reversing,
    StepBegan,
    StepDone,
    StepEvent,
    StepFailed,
)
from sidestep.plan.document import Plan


def descriptions(plan: Plan) -> dict[str, str]:
    """What each step does, by its id."""
    return {step.id: step.description for step in plan.steps}


def in_words(event: Event, steps: Mapping[str, str]) -> str:
    """What happened, in a line.

    Args:
        event: of a journal.
        steps: what each does.
    """
    match event:
        case StepBegan() | StepDone() | StepFailed() | ReversalBegan() | Reversed():
            return _of_step(event, steps.get(event.step, ""))
        case Began(run=run, world=world):
            return f"run {run} begins in {world}"
        case Resumed(by=by):
            return f"{by or 'somebody'} goes on with it"
        case Paused(why=why):
            return f"paused: {why}"
        case Reversing(wave=wave, why=why):
            return f"wave {wave}, and what came after it, is taken back: {first_line(why)}"
        case Measured(step=step, value=value):
            return f"{step} before its wave: {'no data' if value is None else f'{value:g}'}"
        case Lasts(step=step, connections=many, bytes=moved):
            told = "" if moved is None else f", and {moved / 1e6:,.1f} MB moved in that time"
            what = f"{many:,.0f} connections of bytes are open for more than ten minutes{told}"
            return f"{step} {steps.get(step, '')}: {what}; those still open when its pods end are cut"
        case Checked(told=told):
            return told
        case Ended(how=how, why=why):
            return how.value + (f": {first_line(why)}" if why else "")


def _of_step(event: StepEvent, what: str) -> str:
    match event:
        case StepBegan(step=step):
            return f"{step} {what}"
        case StepDone(step=step, told=seen, answer=answer):
            how = "done" if answer in {None, Answer.HOLDS} else "does not hold, and is gone on with"
            return f"{step} {how}" + (f": {seen}" if seen else "")
        case StepFailed(step=step, why=why):
            return f"{step} failed: {first_line(why)}"
        case ReversalBegan(step=step):
            return f"{step} back: {what}"
        case Reversed(step=step):
            return f"{step} taken back"


def first_line(text: str) -> str:
    """What is wrong, without what is to be done."""
    return text.partition("\n")[0]

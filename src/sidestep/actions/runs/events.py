"""What a journal tells: one event for each thing that happened, written before and after every write to the world."""

from enum import StrEnum

from msgspec import Struct


class Ending(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    REVERSED = "reversed"
    STOPPED = "stopped"
    """Neither done nor taken back: somebody has to look."""


class Began(Struct, frozen=True, tag="began", rename="camel"):
    """A run began.

    Attributes:
        run: its name.
        plan: digest of the plan.
        world: in which.
        waves: that it is to carry out; empty for all.
    """

    run: str
    plan: str
    world: str
    waves: tuple[int, ...] = ()


class Resumed(Struct, frozen=True, tag="resumed", rename="camel"):
    """Somebody goes on with it: after a pause, a crash, or from another machine."""

    by: str


class StepBegan(Struct, frozen=True, tag="stepBegan", rename="camel"):
    """A step is about to be performed: from here on the world may have changed."""

    step: str


class StepDone(Struct, frozen=True, tag="stepDone", rename="camel"):
    """A step is done, and was seen to be; `told` what a gate or probe saw."""

    step: str
    told: str = ""


class StepFailed(Struct, frozen=True, tag="stepFailed", rename="camel"):
    """A step cannot be done; why."""

    step: str
    why: str


class Paused(Struct, frozen=True, tag="paused", rename="camel"):
    """Nothing new is begun until it is resumed; why."""

    why: str


class Reversing(Struct, frozen=True, tag="reversing", rename="camel"):
    """From here on a wave is taken back; why."""

    wave: int
    why: str


class ReversalBegan(Struct, frozen=True, tag="reversalBegan", rename="camel"):
    """A step is about to be taken back."""

    step: str


class Reversed(Struct, frozen=True, tag="reversed", rename="camel"):
    """A step was taken back, or had not happened."""

    step: str


class Measured(Struct, frozen=True, tag="measured", rename="camel"):
    """What a gate saw before its wave began; None for no data."""

    step: str
    value: float | None


class Ended(Struct, frozen=True, tag="ended", rename="camel"):
    """The run is over."""

    how: Ending
    why: str = ""


StepEvent = StepBegan | StepDone | StepFailed | ReversalBegan | Reversed
Event = Began | Resumed | StepEvent | Measured | Paused | Reversing | Ended

"""What a journal tells: one event for each thing that happened, written before and after every write to the world."""

from enum import StrEnum

from msgspec import Struct

from sidestep.actions.gates.judging import Answer


class Ending(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    REVERSED = "reversed"
    PAUSED = "paused"
    """Nobody performs it any more, and nothing is wrong: who resumes it goes on."""
    STOPPED = "stopped"
    """Neither done nor taken back: somebody has to look."""


class Answers(Struct, frozen=True, rename="camel"):
    """How whoever performs a run wants it done; who goes on with it need not say it again.

    Attributes:
        parallel: steps at a time.
        no_rollback: a wave that fails stays as it is.
        no_gates: what gates say is told, and stops nothing.
        patience: seconds for which a world that cannot be asked is waited for.
        rollout: seconds until all pods of a workload must be new.
    """

    parallel: int = 4
    no_rollback: bool = False
    no_gates: bool = False
    patience: float = 300.0
    rollout: float = 600.0


class Began(Struct, frozen=True, tag="began", rename="camel"):
    """A run began.

    Attributes:
        run: its name.
        plan: digest of the plan.
        world: in which.
        waves: that it is to carry out; empty for all.
        answers: how it is to be done.
    """

    run: str
    plan: str
    world: str
    waves: tuple[int, ...] = ()
    answers: Answers = Answers()


class Resumed(Struct, frozen=True, tag="resumed", rename="camel"):
    """Somebody goes on with it: after a pause, a crash, or from another machine.

    Attributes:
        by: who.
        answers: how it is to be done from here on; None for as it was.
    """

    by: str
    answers: Answers | None = None


class StepBegan(Struct, frozen=True, tag="stepBegan", rename="camel"):
    """A step is about to be performed: from here on the world may have changed.

    Attributes:
        step: its id.
    """

    step: str


class StepDone(Struct, frozen=True, tag="stepDone", rename="camel"):
    """A step is done, and was seen to be.

    Attributes:
        step: its id.
        told: what a gate or probe saw.
        already: it was so before the run began it: what takes the run back leaves it.
        answer: of a gate; one that does not hold is done only where gates are told and stop nothing.
    """

    step: str
    told: str = ""
    answer: Answer | None = None
    already: bool = False


class StepFailed(Struct, frozen=True, tag="stepFailed", rename="camel"):
    """A step cannot be done.

    Attributes:
        step: which.
        why: in words.
        unwritten: the world is as it was before the step: there is nothing to take back.
    """

    step: str
    why: str
    unwritten: bool = False


class Paused(Struct, frozen=True, tag="paused", rename="camel"):
    """Nothing new is begun until it is resumed.

    Attributes:
        why: in words.
    """

    why: str


class Reversing(Struct, frozen=True, tag="reversing", rename="camel"):
    """From here on a wave is taken back, and all after it.

    Attributes:
        wave: its number.
        why: in words.
    """

    wave: int
    why: str


class ReversalBegan(Struct, frozen=True, tag="reversalBegan", rename="camel"):
    """A step is about to be taken back.

    Attributes:
        step: its id.
    """

    step: str


class Reversed(Struct, frozen=True, tag="reversed", rename="camel"):
    """A step was taken back, or had not happened.

    Attributes:
        step: its id.
    """

    step: str


class Measured(Struct, frozen=True, tag="measured", rename="camel"):
    """What a gate saw before its wave began.

    Attributes:
        step: the gate's.
        value: that was measured; None for no data.
        of: how many there were.
    """

    step: str
    value: float | None
    of: float = 0.0


class Lasts(Struct, frozen=True, tag="lasts", rename="camel"):
    """Connections of bytes to a workload have lasted, and its pods are about to be made anew.

    Attributes:
        step: that makes them anew.
        connections: that were opened more than ten minutes ago.
        bytes: that all connections to it moved in ten minutes; None where nobody counted.
    """

    step: str
    connections: float
    bytes: float | None = None


class Checked(Struct, frozen=True, tag="checked", rename="camel"):
    """All steps of a wave are done, and the world was held against what the plan foretold of it.

    Attributes:
        wave: its number.
        told: what was seen.
        answer: one that does not hold is told here only where gates stop nothing.
    """

    wave: int
    told: str
    answer: Answer


class Ended(Struct, frozen=True, tag="ended", rename="camel"):
    """The run is over.

    Attributes:
        how: it ended.
        why: in words; empty where all is done.
    """

    how: Ending
    why: str = ""


StepEvent = StepBegan | StepDone | StepFailed | ReversalBegan | Reversed
Event = Began | Resumed | StepEvent | Measured | Lasts | Checked | Paused | Reversing | Ended

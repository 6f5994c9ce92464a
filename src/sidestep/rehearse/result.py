"""What a rehearsal saw."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from sidestep.actions.gates.judging import Answer
from sidestep.actions.runs.events import Ending


class Counted(Struct, frozen=True, rename="camel"):
    """What became of requests of a time.

    Attributes:
        sent: that are answered today.
        lost: of those, without a good answer.
        probed: that are refused today.
        admitted: of those, answered.
        p50: microseconds, of good answers; 0 for none.
        p99: likewise.
    """

    sent: int = 0
    lost: int = 0
    probed: int = 0
    admitted: int = 0
    p50: float = 0.0
    p99: float = 0.0

    @property
    def clean(self) -> bool:
        """Nothing was lost and nothing admitted."""
        return not self.lost and not self.admitted


class Wrong(Struct, frozen=True, rename="camel"):
    """Requests that were lost in one way, or admitted.

    Attributes:
        request: in words.
        what: `lost` or `admitted`.
        how: how it ended.
        detail: in words.
        at: of the first, in seconds since the rehearsal began.
        count: how many.
        foretold: of those, at a time for which the plan's states decide so.
        called: the call graph knows such requests.
    """

    request: str
    what: str
    how: str
    detail: str
    at: float
    count: int = 1
    foretold: int = 0
    called: bool = False


class Part(Struct, frozen=True, rename="camel"):
    """A step, or a time between steps.

    Attributes:
        name: id of the step, or `before`, `after`, `taken back`.
        wave: of the step; None between waves.
        title: in words.
        began: seconds since the rehearsal began.
        seconds: that it took.
        counted: requests that were due meanwhile, to whole seconds.
        told: what a gate or probe saw.
        failed: why it could not be done; empty where it was.
        back: it was taken back then.
        foretold: requests that the plan's states decide otherwise at that time.
        unforetold: those that were lost or admitted, and no state says so.
        example: the first that was lost or admitted, in words; empty for none.
        late: of the lost, those that were due while the machine itself was late.
    """

    name: str
    wave: int | None
    title: str
    began: float
    seconds: float
    counted: Counted = Counted()
    told: str = ""
    failed: str = ""
    back: bool = False
    foretold: tuple[str, ...] = ()
    unforetold: tuple[str, ...] = ()
    example: str = ""
    late: int = 0


class Second(Struct, frozen=True, rename="camel"):
    """One second of the timeline.

    Attributes:
        at: seconds since the rehearsal began.
        counted: what became of requests that were due in it.
        late: seconds after which the last of them was begun that the machine did not begin in time.
    """

    at: int
    counted: Counted
    late: float = 0.0


class Late(Struct, frozen=True, rename="camel"):
    """How late the machine itself was: nothing of the mesh is in it.

    Attributes:
        seconds: in which requests were begun so late that it tells.
        longest: seconds after which one was begun.
        lost: requests that were due then, or shortly before or after, and were lost.
    """

    seconds: int
    longest: float
    lost: int


class Used(Struct, frozen=True, rename="camel"):
    """What proxies of a role use.

    Attributes:
        cores: CPU seconds per second.
        memory: bytes, proportional.
        processes: how many.
    """

    cores: float
    memory: int
    processes: int


class Start(Struct, frozen=True, rename="camel"):
    """How pods of one kind started.

    Attributes:
        pods: how many.
        seconds: the median, from being made until being ready.
        slowest: the longest.
    """

    pods: int
    seconds: float
    slowest: float


class Phase(Struct, frozen=True, rename="camel"):
    """A stretch of the rehearsal.

    Attributes:
        name: `before`, `during`, `after`, `back` or `taken back`.
        seconds: how long it was.
        counted: what became of requests.
        used: what proxies used, by role.
    """

    name: str
    seconds: float
    counted: Counted
    used: Mapping[str, Used]


class GateSeen(Struct, frozen=True, rename="camel"):
    """What a gate says of all that was seen from its wave on until that was taken back.

    Attributes:
        step: its id.
        wave: after which.
        name: of the gate.
        answer: it holds, fails, or cannot be told.
        told: in words.
    """

    step: str
    wave: int
    name: str
    answer: Answer
    told: str


class Struck(Struct, frozen=True, rename="camel"):
    """A fault, and what it cost.

    Attributes:
        fault: its name.
        wave: in the middle of which.
        told: what was broken, or why nothing was.
        at: seconds since the rehearsal began.
        counted: what became of requests from then on, for some seconds.
        recovered: seconds until the last of them that was lost or admitted; 0 where none was.
    """

    fault: str
    wave: int
    told: str
    at: float
    counted: Counted = Counted()
    recovered: float = 0.0


class Window(Struct, frozen=True, rename="camel"):
    """An exposure that the plan names, and what was seen of it.

    Attributes:
        wave: in which it opens.
        requests: which, in words.
        foretold: seconds that it is open; None for until the end.
        seconds: that it was open.
        wrong: requests that were lost or admitted in that time.
    """

    wave: int
    requests: str
    foretold: int | None
    seconds: float
    wrong: int


class Money(Struct, frozen=True, rename="camel"):
    """What proxies cost a month, as the plan has it.

    Attributes:
        before: before the plan.
        after: after it.
        currency: ISO 4217.
    """

    before: float
    after: float
    currency: str


class StandIn(Struct, frozen=True, rename="camel"):
    """A workload that stood for others of its shape, which are therefore not rehearsed by themselves.

    Attributes:
        workload: that was in the lab.
        stands_for: those that were not.
        left_out: their objects, which were not either.
        steps: of the plan that were not carried out, for they are about those alone.
    """

    workload: str
    stands_for: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()


class Rehearsal(Struct, frozen=True, rename="camel"):
    """A rehearsal.

    Attributes:
        tool_version: of sidestep.
        source: what was read.
        pods: in the lab.
        merged: what stands for more than itself.
        left_out: what was not sent, in words.
        ended: how the plan's run ended.
        why: it did not end well; empty where it did.
        taken_back: how taking it back ended; None where it was not.
        total: of all.
        parts: in order.
        timeline: by second.
        wrong: examples of what went wrong.
        before: what proxies used before the first wave, by role.
        after: and after the last.
        phases: before, during and after the waves, while they were taken back, and after that.
        gates: what each says at last.
        faults: that were injected.
        windows: exposures that the plan names.
        starts: of pods that were made meanwhile, by what stands beside them.
        money: for proxies, before the plan and after it.
        late: how late the machine was; None where it was not.
        stand_ins: workloads that stood for others of their shape.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `Rehearsal`.
    """

    tool_version: str
    source: str
    pods: int
    merged: tuple[str, ...]
    left_out: tuple[str, ...]
    ended: Ending
    why: str
    taken_back: Ending | None
    total: Counted
    parts: tuple[Part, ...]
    timeline: tuple[Second, ...]
    wrong: tuple[Wrong, ...]
    before: Mapping[str, Used]
    after: Mapping[str, Used]
    phases: tuple[Phase, ...] = ()
    gates: tuple[GateSeen, ...] = ()
    faults: tuple[Struck, ...] = ()
    windows: tuple[Window, ...] = ()
    starts: Mapping[str, Start] = {}
    money: Money | None = None
    late: Late | None = None
    stand_ins: tuple[StandIn, ...] = ()
    api_version: Literal["sidestep.dev/v1"] = "sidestep.dev/v1"
    kind: Literal["Rehearsal"] = "Rehearsal"

    @property
    def clean(self) -> bool:
        """The plan was carried out and taken back, nothing was lost and nothing admitted."""
        good = self.ended is Ending.COMPLETED and self.taken_back in {None, Ending.REVERSED}
        return good and self.total.clean

    @property
    def untold(self) -> bool:
        """Whether what was lost tells nothing, as the machine was late all that time; and nothing was admitted."""
        lost = self.total.lost
        return bool(lost) and not self.total.admitted and self.late is not None and self.late.lost == lost

    @property
    def unforetold(self) -> tuple[Part, ...]:
        """Steps in which something was lost or admitted that no state of the plan decides so."""
        return tuple(part for part in self.parts if part.unforetold)

    def answers(self, answer: Answer) -> tuple[GateSeen, ...]:
        """Gates that say so."""
        return tuple(each for each in self.gates if each.answer is answer)

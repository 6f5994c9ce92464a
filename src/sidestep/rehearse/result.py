"""What a rehearsal saw."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

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
    """

    request: str
    what: str
    how: str
    detail: str
    at: float
    count: int = 1


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


class Second(Struct, frozen=True, rename="camel"):
    """One second of the timeline."""

    at: int
    counted: Counted


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
    api_version: Literal["sidestep.dev/v1"] = "sidestep.dev/v1"
    kind: Literal["Rehearsal"] = "Rehearsal"

    @property
    def clean(self) -> bool:
        """The plan was carried out and taken back, nothing was lost and nothing admitted."""
        good = self.ended is Ending.COMPLETED and self.taken_back in {None, Ending.REVERSED}
        return good and self.total.clean

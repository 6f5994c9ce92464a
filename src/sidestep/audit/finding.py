"""A finding: something about one object that its owner should know, with evidence and a way out."""

from enum import StrEnum

from msgspec import Struct

from sidestep.model.metadata import ObjectId
from sidestep.model.origin import Origin


class Severity(StrEnum):
    """How bad it is; `rank` orders them."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    BLOCKER = "blocker"

    @property
    def rank(self) -> int:
        """0 for info to 3 for blocker."""
        return list(Severity).index(self)


class Evidence(Struct, frozen=True, rename="camel"):
    """One thing that was seen.

    Attributes:
        field: a field of the object, or what was measured.
        value: what it holds.
    """

    field: str
    value: str


class Finding(Struct, frozen=True, rename="camel"):
    """One finding.

    Attributes:
        code: stable, e.g. `SID101`; names the page in `docs/findings/`.
        severity: of this instance; a rule may lower or raise its usual one.
        object: what it is about.
        message: what is wrong, one sentence, with the values that made it so.
        fix: what to do, one sentence or command.
        origin: where the object was read; None for one that was never read (a missing Gateway).
        evidence: what was seen.
        also: codes of other tools that mean the same (`IST0123`, `KIA1311`).
        docs: path of the page, relative to the documentation's root.
        suppressed: why it is not counted, if it is not.
    """

    code: str
    severity: Severity
    object: ObjectId
    message: str
    fix: str
    origin: Origin | None = None
    evidence: tuple[Evidence, ...] = ()
    also: tuple[str, ...] = ()
    docs: str = ""
    suppressed: str | None = None

"""What a proof tells beside counterexamples: of accepted differences, of invariants, and where objects were read."""

from enum import StrEnum

from msgspec import Struct

from sidestep.model.metadata import ObjectId
from sidestep.model.origin import Origin
from sidestep.prove.subject import Subject


class Finding(Struct, frozen=True, rename="camel"):
    """Something about a file that says which differences are accepted.

    Attributes:
        code: stable: `SID401` for an entry that has expired, `SID402` for one that accepts nothing.
        entry: its name, and where it stands.
        message: what is wrong, one sentence.
        fix: what to do.
        docs: path of the page that tells more.
    """

    code: str
    entry: str
    message: str
    fix: str
    docs: str = ""


class Standing(StrEnum):
    """What became of an invariant."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNDECIDED = "undecided"


class InvariantResult(Struct, frozen=True, rename="camel"):
    """An invariant, and whether it holds in every state that was asked.

    Attributes:
        name: of the invariant.
        text: the assertion.
        standing: whether it holds.
        step: the first state in which it does not, or cannot be told; empty where it holds, or for a mesh alone.
        request: one that violates it, in words.
        command: `sidestep explain` arguments that ask it again.
        why: what the mesh does with that request, in a sentence.
        path: stops of that request, in words.
        reason: why it is undecided.
        requests: how many were asked.
        subject: the request in fields; None where there is none.
    """

    name: str
    text: str
    standing: Standing
    step: str = ""
    request: str = ""
    command: tuple[str, ...] = ()
    why: str = ""
    path: tuple[str, ...] = ()
    reason: str = ""
    requests: int = 0
    subject: Subject | None = None


class DecidingObject(Struct, frozen=True, rename="camel"):
    """An object that a counterexample names.

    Attributes:
        object: its name.
        origin: where it was read.
    """

    object: ObjectId
    origin: Origin

"""The answer of the prover: equal, or requests that are answered differently, or what kept it undecided."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model.metadata import ObjectId
from sidestep.prove.findings import DecidingObject, Finding, InvariantResult
from sidestep.prove.subject import Subject

API_VERSION = "sidestep.dev/v1"


class Conclusion(StrEnum):
    """Of a whole proof."""

    EQUAL = "equal"
    DIFFERS = "differs"
    UNDECIDED = "undecided"


class Direction(StrEnum):
    """What a difference does, the worst first.

    `ROUTE`: it ends elsewhere, or routes do something else to it. `SEEN`: the application gets other headers, or what
    an audit or a dry run notes is another. `SHAPE`: the refusal looks otherwise.
    """

    OPEN = "open"
    CLOSED = "closed"
    ROUTE = "route"
    SEEN = "seen"
    SHAPE = "shape"


class Side(Struct, frozen=True, rename="camel"):
    """What one mesh does with a request.

    Attributes:
        verdict: allow, deny, unreachable or unknown.
        shape: of a refusal.
        why: in a sentence.
        path: stops, in words.
    """

    verdict: str
    shape: str
    why: str
    path: tuple[str, ...]


class Counterexample(Struct, frozen=True, rename="camel"):
    """A request that two meshes answer differently.

    Attributes:
        request: in words.
        command: `sidestep explain` arguments that ask it again.
        before: the first mesh.
        after: the second.
        direction: what the difference does.
        differences: codes of the catalogue.
        step: of a plan after which it holds; empty for two meshes.
        accepted: why it is accepted; empty where it is not.
        changed: what is done otherwise to one that both admit, a line for each thing.
        subject: the request in fields.
    """

    request: str
    command: tuple[str, ...]
    before: Side
    after: Side
    direction: Direction
    differences: tuple[str, ...] = ()
    step: str = ""
    accepted: str = ""
    changed: tuple[str, ...] = ()
    subject: Subject = Subject()


class Undecided(Struct, frozen=True, rename="camel"):
    """A way that could not be decided.

    Attributes:
        where: client and destination.
        reason: the construct that stands in the way.
        object: that holds it, where one does.
        step: of a plan after which it holds.
    """

    where: str
    reason: str
    object: ObjectId | None = None
    step: str = ""


class Proof(Struct, frozen=True, rename="camel"):
    """A whole proof.

    Attributes:
        verdict: equal when nothing differs that is not accepted, and nothing is undecided.
        counterexamples: one for each way and direction, the worst first.
        undecided: ways that could not be decided.
        assumptions: what it rests on.
        states: how many states were compared with the first mesh.
        ways: how many pairs of client and destination were compared.
        requests: how many requests stood for all.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `Proof`.
        findings: of the file that says which differences are accepted.
        invariants: assertions that were asked, in the order of their file.
        objects: those that counterexamples name, with where they were read.
        more: differences that are not shown, because hundreds of their direction are.
        compared: names of what was compared; the others were held against the first.
        ended_early: whether it ended at the first difference, and the rest was not asked.
    """

    verdict: Conclusion
    counterexamples: tuple[Counterexample, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    assumptions: tuple[str, ...] = ()
    states: int = 1
    ways: int = 0
    requests: int = 0
    api_version: str = API_VERSION
    kind: str = "Proof"
    findings: tuple[Finding, ...] = ()
    invariants: tuple[InvariantResult, ...] = ()
    objects: tuple[DecidingObject, ...] = ()
    compared: tuple[str, ...] = ()
    more: int = 0
    ended_early: bool = False

    def worst_first(self) -> tuple[Counterexample, ...]:
        """Open before closed before routes before shapes."""
        order: dict[Any, int] = {direction: at for at, direction in enumerate(Direction)}
        return tuple(sorted(self.counterexamples, key=lambda each: order[each.direction]))

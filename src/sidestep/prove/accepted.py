"""Differences that somebody has looked at and accepts: by code or direction, in a scope, for a reason, until a day.

An entry by direction alone accepts a whole way. One that names a code, a method or a path accepts single requests, so
that the rest of the way is looked at too: what it does not accept there is a counterexample like any other.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from sidestep.prove.expressions import Undecidable
from sidestep.prove.findings import Finding
from sidestep.prove.proof import Conclusion, Counterexample, Direction, Proof, Undecided
from sidestep.prove.subject import Subject
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.routing.hosts import is_address

_SVC = re.compile(r"([^.]+)\.([^.]+)\.svc(\..*)?")
EXPIRED, STALE = "SID401", "SID402"
DOCS = "guides/accept-a-difference.md"
Rest = Callable[[Counterexample], Iterable[Counterexample]]
"""Every difference on the way of a counterexample; raises Undecidable where there are too many."""


class Scope(Struct, frozen=True):
    """Where an entry holds: shell patterns; an empty one means everything.

    Attributes:
        destination: `namespace/service`, or the host or address that is dialled.
        client: `namespace/workload`, `someone:namespace/account`, `gateway:namespace/name`, `outside`, `node`
            or `kubelet`.
        method: of HTTP.
        path: of HTTP, without query; `*` stands for slashes too.
    """

    destination: str = ""
    client: str = ""
    method: str = ""
    path: str = ""


class Entry(Struct, frozen=True):
    """One difference that is accepted.

    Attributes:
        name: of the entry.
        reason: why it is fine.
        owner: who answers for it.
        expires: the last day on which it holds; None for a preset of the command line.
        codes: of the catalogue; a counterexample must name no other. Empty for any.
        direction: that it accepts; None for any.
        scope: where.
        where: it stands.
    """

    name: str
    reason: str
    owner: str
    expires: date | None = None
    codes: tuple[str, ...] = ()
    direction: Direction | None = None
    scope: Scope = Scope()
    where: str = ""

    @property
    def told(self) -> str:
        """Why it accepts, for the counterexample."""
        until = f", until {self.expires}" if self.expires else ""
        owner = f" ({self.owner}{until})" if self.owner else ""
        return f"{self.name}: {self.reason}{owner}"

    @property
    def narrow(self) -> bool:
        """Whether it accepts single requests of a way."""
        return bool(self.codes or self.scope.method or self.scope.path)

    def covers(self, example: Counterexample, names: Sequence[str]) -> bool:
        """Whether it accepts a counterexample."""
        if self.direction not in (None, example.direction):
            return False
        if self.codes and not (example.differences and set(example.differences) <= set(self.codes)):
            return False
        scope, subject = self.scope, example.subject
        return (
            any(_fits(scope.destination, name) for name in names)
            and _fits(scope.client, subject.client)
            and _fits(scope.method, subject.method)
            and _fits(scope.path, subject.path)
        )


SHAPE = Entry("preset shape", "how a refusal looks to the client does not matter", "", direction=Direction.SHAPE)
CLOSED = Entry("preset closed", "what is refused more often than before is fine", "", direction=Direction.CLOSED)
PRESETS = {"shape": SHAPE, "closed": CLOSED}
"""By name; a file takes them too, with a reason, an owner and a day of its own."""


class Acceptance:
    """What entries accept, over one proof or several.

    Args:
        entries: from a file, and presets.
        today: an entry that expired before accepts nothing.
    """

    def __init__(self, entries: Iterable[Entry], today: date) -> None:
        self._entries = tuple(entries)
        self._today = today
        self._expired = {each for each in self._entries if each.expires is not None and each.expires < today}
        self._used: set[Entry] = set()

    def accept(self, proof: Proof, index: MeshIndex, rest: Rest) -> Proof:
        """The proof with what is accepted marked, and what else differs on the way of what is accepted in part.

        Args:
            proof: of two meshes.
            index: the first of them, which knows whose address is dialled.
            rest: what else differs on a way.
        """
        found: list[Counterexample] = []
        undecided = list(proof.undecided)
        told: set[tuple[str, Direction]] = set()
        partly: list[tuple[Counterexample, Entry]] = []
        for example in proof.counterexamples:
            entry = None if example.accepted else self._entry(example, index)
            found.append(replace(example, accepted=entry.told) if entry else example)
            if entry is not None and entry.narrow:
                partly.append((example, entry))
            elif entry is None and not example.accepted:
                told.add((_way(example), example.direction))
        for example, entry in partly:
            try:
                found += self._rest(example, index, rest, told)
            except Undecidable as error:
                reason = f"{entry.name} accepts a part of it, and of the rest {error}"
                undecided.append(Undecided(_way(example), reason, step=example.step))
        if proof.more and not all(self._wholly(each) for each in {example.direction for example in found}):
            reason = f"{proof.more:,} further differences were not looked at one by one"
            undecided.append(Undecided("differences that are not shown", reason))
        return replace(
            proof,
            verdict=verdict(found, undecided),
            counterexamples=tuple(found),
            undecided=tuple(dict.fromkeys(undecided)),
        )

    def accepts(self, example: Counterexample, index: MeshIndex) -> bool:
        """Whether anybody accepts a counterexample; what else differs on its way is another question."""
        return self._entry(example, index) is not None

    def findings(self) -> tuple[Finding, ...]:
        """Entries that have expired, and entries that accept nothing; presets of the command line never."""
        return tuple(self._findings())

    def _rest(
        self, example: Counterexample, index: MeshIndex, rest: Rest, told: set[tuple[str, Direction]]
    ) -> Iterator[Counterexample]:
        """The first request of each direction on the same way that nobody accepts, where none is told yet."""
        for other in rest(example):
            place = (_way(other), other.direction)
            if place not in told and self._entry(other, index) is None:
                told.add(place)
                yield other

    def _wholly(self, direction: Direction) -> bool:
        """Whether a direction is accepted everywhere."""
        holding = (each for each in self._entries if each not in self._expired)
        return any(each.direction in (None, direction) and not each.codes and each.scope == Scope() for each in holding)

    def _entry(self, example: Counterexample, index: MeshIndex) -> Entry | None:
        """Who accepts it; those for whole ways before those for single requests."""
        names = tuple(destinations(example.subject, index))
        covering = [each for each in self._entries if each.covers(example, names)]
        self._used.update(covering)
        holding = [each for each in covering if each not in self._expired]
        return min(holding, key=lambda each: each.narrow) if holding else None

    def _findings(self) -> Iterator[Finding]:
        for each in self._entries:
            place = f"{each.name} ({each.where})" if each.where else each.name
            if each in self._expired:
                told = "and what it accepted is still different" if each in self._used else "and nothing needs it"
                fix = "look at it again and renew the day" if each in self._used else "remove it"
                yield Finding(EXPIRED, place, f"it expired on {each.expires}, {told}", fix, DOCS)
            elif each not in self._used and each.where:
                yield Finding(STALE, place, "it accepts nothing: no difference fits it", "remove it", DOCS)


def verdict(found: Iterable[Counterexample], undecided: Iterable[Undecided]) -> Conclusion:
    """Of counterexamples that nobody accepts, and of what could not be decided."""
    if any(not each.accepted for each in found):
        return Conclusion.DIFFERS
    return Conclusion.UNDECIDED if tuple(undecided) else Conclusion.EQUAL


def destinations(subject: Subject, index: MeshIndex) -> Iterator[str]:
    """Names by which scopes may mean what is dialled: `namespace/service`, and the host or address itself.

    The address of a pod is meant by every service in front of it.
    """
    yield subject.host
    named = _SVC.fullmatch(subject.host)
    if named:
        yield f"{named[2]}/{named[1]}"
    elif is_address(subject.host):
        pods = index.by_address.get(subject.host)
        for service in index.in_front_of(pods) if pods is not None else ():
            yield f"{service.namespace}/{service.name}"


def _way(example: Counterexample) -> str:
    subject = example.subject
    return f"{subject.client} to {subject.host}:{subject.port}"


def _fits(pattern: str, text: str) -> bool:
    return not pattern or fnmatchcase(text, pattern)

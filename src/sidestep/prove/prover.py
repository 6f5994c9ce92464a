"""Compare two meshes on every way: by one request for each class that either of them can tell apart.

It is a decision procedure: what both meshes do on a way is read off as a program; equal programs decide alike, and
where they differ `semantics.decide` judges one request of each class on both sides. What does not fit the budget, or is
decided by something that nobody knows, is undecided and never equal. What was found for a pair of programs holds for
every way with the same pair, and a difference is asked again there before it is told.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from itertools import chain

from msgspec import Struct, field
from msgspec.structs import replace

from sidestep.prove.affected import changed_namespaces
from sidestep.prove.alternatives import otherwise
from sidestep.prove.callers import Callers
from sidestep.prove.counterexample import Circumstance, Difference, counterexample, smallest
from sidestep.prove.expressions import Undecidable
from sidestep.prove.first_mesh import FirstMesh
from sidestep.prove.newcomers import Newcomers
from sidestep.prove.opaque import Opaque
from sidestep.prove.outcome import Assume, Leave, Outcome, difference, outcome
from sidestep.prove.pairs import Pair, Pairs, Verdict, Verdicts
from sidestep.prove.proof import Conclusion, Counterexample, Direction, Proof, Undecided
from sidestep.prove.remembered import MOST_UNDECIDED, NOTHING, Remembered
from sidestep.prove.streams import streams
from sidestep.prove.ways import Told, Way, Ways
from sidestep.semantics.decide import decide
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Answers, Http, Request, Tcp

__all__ = ["Assume", "Leave", "Terms", "prove"]
_MOST_SHOWN = 500


class Terms(Struct, frozen=True):
    """How to prove.

    Attributes:
        leave: presets of what is fine.
        budget: most requests asked of one pair of programs.
        namespaces: only destinations there; empty for all.
        assume: what is taken for granted.
        most: counterexamples that nobody accepts after which a proof of two meshes ends; 0 for all.
    """

    leave: Leave = Leave.SHAPE
    budget: int = 20_000
    namespaces: tuple[str, ...] = ()
    assume: Assume = Assume.EVERYTHING
    most: int = 0


Fine = Callable[[Counterexample], bool]
"""Whether somebody accepts a difference."""


def _nobody(_example: Counterexample) -> bool:
    return False


def prove(
    before: MeshIndex,
    after: MeshIndex,
    terms: Terms = Terms(),  # noqa: B008
    step: str = "",
    fine: Fine = _nobody,
) -> Proof:
    """Whether two meshes mean the same; with `Terms.most`, first of callers and destinations near what has changed."""
    if terms.most:
        near = Run(before, after, terms, step, near=changed_namespaces(before.mesh, after.mesh))
        ways = (way for service in near.ways.suspicious() for way in near.ways.to(service))
        if _is_enough(near, ways, fine):
            return near.proof()
    run = Run(before, after, terms, step)
    _is_enough(run, run.ways.all(), fine)
    return run.proof()


def _is_enough(run: "Run", ways: Iterable[Way], fine: Fine) -> bool:
    """Compare ways until as many differences are found as are wanted; whether they were."""
    most, shown, open_ends = run.terms.most, 0, 0
    for way in ways:
        run.compare(way)
        open_ends += sum(not each.accepted and not fine(each) for each in run.found[shown:])
        shown = len(run.found)
        if most and open_ends >= most:
            return True
    return False


class Kept(Struct):
    """What comparisons with the same first mesh find out for those that follow.

    Attributes:
        verdicts: of pairs of programs.
        told: by what callers of destinations are told apart; to be forgotten for those that change.
        first: what the first mesh does.
        callers: everybody; None where that is to be found anew.
    """

    verdicts: Verdicts = {}
    told: dict[str, Told] = {}
    first: FirstMesh = field(default_factory=FirstMesh.unknown)
    callers: Callers | None = None


class Run:
    """One comparison of two meshes, and what it found.

    Args:
        before: the first mesh.
        after: the second.
        terms: of the comparison.
        step: of a plan after which the second mesh is there.
        near: only callers of these namespaces; None for all.
        kept: what earlier comparisons with the same first mesh found out.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - two meshes, the terms, and what is kept between runs
        self,
        before: MeshIndex,
        after: MeshIndex,
        terms: Terms,
        step: str = "",
        near: frozenset[str] | None = None,
        kept: Kept | None = None,
    ) -> None:
        kept = kept or Kept()
        self.ways = Ways(
            before, after, terms.namespaces, Assume.NODES not in terms.assume, kept.told, near, kept.callers
        )
        if Leave.SHAPE in terms.leave:
            terms = replace(terms, assume=terms.assume | Assume.SHAPES)
        self._before, self._after, self.terms, self._step = before, after, terms, step
        self._first = kept.first
        self._pairs = Pairs(before, after, self.ways, terms.assume, kept.first)
        self._opaque = Opaque(self.ways.guards[0], self.ways.guards[-1])
        self._newcomers = Newcomers(before, after)
        self._verdicts = kept.verdicts
        self._payloads: dict[tuple[str, str], tuple[Tcp, ...]] = {}
        self._shown_apart: dict[Direction, int] = {}
        self.begin({})

    def begin(self, shown: dict[Direction, int]) -> None:
        """Nothing is found yet, but of some directions so many are shown already."""
        self._by_direction = shown
        self.found: list[Counterexample] = []
        self.undecided: dict[Undecided, None] = {}
        self._own: Verdicts = {}
        self.hidden: dict[Direction, int] = {}
        self.counted = self.requests = 0

    def apart(self, ways: Iterable[Way], *, shown: bool = True) -> Remembered:
        """What differs on some ways, by itself: the same whatever was compared before, and in which process.

        Args:
            ways: all of one place.
            shown: whether what was shown of other places counts, so that of many only as much is looked at as is read.
        """
        each = iter(ways)
        first = next(each, None)
        if first is None:
            return NOTHING
        part = copy(self)
        part.begin(self._shown_apart if shown else {})
        part.compare_all(chain((first,), each))
        return Remembered(part.counted, part.requests, tuple(part.found), tuple(part.undecided), part.hidden)

    def tells_enough(self, known: Remembered) -> bool:
        """Whether all is among the examples of a place that is to be shown after those that were taken."""
        own = Counter(each.direction for each in known.examples)
        return all(self._by_direction.get(each, 0) + own[each] >= _MOST_SHOWN for each in known.hidden)

    def proof(self) -> Proof:
        """What came out."""
        order = list(Direction)
        ordered = tuple(sorted(self.found, key=lambda each: (bool(each.accepted), order.index(each.direction))))
        questions = tuple(dict.fromkeys((*self.undecided, *self._at_clients())))
        differs = any(not each.accepted for each in ordered)
        verdict = Conclusion.DIFFERS if differs else Conclusion.UNDECIDED if questions else Conclusion.EQUAL
        assumed = (*self._before.assumptions, *self._after.assumptions, *assumptions(self.terms.assume))
        if self._newcomers.matter:
            assumed += _ENFORCED, *((_LATER,) if Assume.SPACES in self.terms.assume else ())
        return Proof(
            verdict,
            ordered,
            questions,
            tuple(dict.fromkeys(assumed)),
            1,
            self.counted,
            self.requests,
            more=sum(self.hidden.values()),
        )

    def take(self, known: Remembered) -> None:
        """What was found in an earlier proof on ways that rest on the same."""
        self.counted += known.ways
        self.requests += known.requests
        for direction, many in known.hidden.items():
            self.hidden[direction] = self.hidden.get(direction, 0) + many
        self.found += [each for each in known.examples if not self._is_enough(each.direction)]
        for each in known.undecided:
            if len(self.undecided) < MOST_UNDECIDED:
                self.undecided.setdefault(each)

    def compare_all(self, ways: Iterable[Way]) -> None:
        """Both meshes on some ways."""
        for way in ways:
            self.compare(way)

    def compare(self, way: Way) -> None:
        """Both meshes on one way, for HTTP and for bytes as its port takes them."""
        self.counted += 1
        opaque = self._opaque.on(way)
        if opaque:
            self._note(way, opaque)
        if way.protocol not in (Declared.TCP, Declared.UDP):
            self._compare_http(way)
        if way.protocol not in (Declared.HTTP, Declared.UDP):
            self._compare_bytes(way)

    def _at_clients(self) -> Iterator[Undecided]:
        for who, reason in self._opaque.at_clients():
            yield Undecided(f"{who} to everything", reason, step=self._step)

    def _compare_http(self, way: Way) -> None:
        try:
            for pair in self._pairs.different(way):
                if self._pairs.is_open_otherwise(way, pair):
                    continue
                known = self._known(way, pair, _Asking(self._between))
                if any(isinstance(each, Difference) and each.direction is Direction.OPEN for each in known):
                    known = self._known(way, self._pairs.beside(way, pair), _Asking(self.direction, beside=True))
                like = self._pairs.like(pair)
                self._told(way, tuple(each for each in known if self._counts(way, like, each, survey=True)))
        except Undecidable as error:
            self._note(way, str(error))

    def _known(self, way: Way, pair: Pair, asking: "_Asking") -> "tuple[Difference | str, ...]":
        """Every direction in which the classes of a pair differ, the plainest request for each, or why nobody knows."""
        key = (pair, asking.beside)
        if key not in self._own:
            known = self._verdicts.get(key)
            if known is None or known.of_this_way:
                known = self._verdicts[key] = self._asked(way, pair, asking)
            self._own[key] = known
            self.requests += known.requests
        return self._own[key].told

    def _asked(self, way: Way, pair: Pair, asking: "_Asking") -> Verdict:
        told: _Told = {}
        requests = 0
        try:
            for payload, external in self._pairs.requests(pair, self.terms.budget):
                for answers in _ANSWERS if external else _UNSTATED:
                    requests += 1
                    _keep(told, asking.ask(way, payload, answers), payload, answers)
        except Undecidable as error:
            return Verdict((*told.values(), str(error)), requests, _names_a_way(told))
        if not told and (doubt := self._pairs.open_end(pair)):
            for payload in self._pairs.longer(pair, self.terms.budget):
                _keep(told, asking.ask(way, payload, Answers.UNSTATED), payload, Answers.UNSTATED)
            return Verdict(tuple(told.values()) or (doubt,), requests, _names_a_way(told))
        return Verdict(tuple(told.values()), requests, _names_a_way(told))

    def _compare_bytes(self, way: Way) -> None:
        told: _Told = {}
        for payload in self._streams_on(way):
            self.requests += 1
            own: _Told = {}
            direction = self.direction(way, payload, Answers.UNSTATED)
            if isinstance(direction, str) and "external authorizer" in direction:
                for answers in _ANSWERS:
                    self.requests += 1
                    _keep(own, self.direction(way, payload, answers), payload, answers)
            else:
                _keep(own, direction, payload, Answers.UNSTATED)
            for key, each in own.items():
                if self._counts(way, payload, each, survey=False):
                    told.setdefault(key, each)
        self._told(way, tuple(told.values()))

    def _streams_on(self, way: Way) -> tuple[Tcp, ...]:
        """All payloads that tell bytes apart: the same for whoever calls, and on every port."""
        place = way.service, way.to
        if place not in self._payloads:
            self._payloads[place] = tuple(streams((self.ways.guards[0], self.ways.guards[-1]), way))
        return self._payloads[place]

    def _counts(self, way: Way, payload: Http | Tcp, each: Difference | str, *, survey: bool) -> bool:
        """Whether something that was found is more than what a namespace without pods lacks so far."""
        opens = isinstance(each, Difference) and each.direction is Direction.OPEN and Assume.SPACES in self.terms.assume
        return not (opens and self._newcomers.are_held(way, payload, survey=survey))

    def direction(self, way: Way, payload: Http | Tcp, answers: Answers) -> Direction | str | None:
        """What a request shows; a text for why that cannot be told, and None for what is open by other ways already."""
        found = self._between(way, payload, answers)
        return None if found is Direction.OPEN and self._admitted_otherwise(way, payload, answers) else found

    def _between(self, way: Way, payload: Http | Tcp, answers: Answers) -> Direction | str | None:
        """The same, of this way alone."""
        one, other = requests(way, payload, answers)
        left = self._of_first(one)
        itself = self._before is self._after and one == other
        right = left if itself else outcome(decide(self._after, other), self.terms.assume)
        if left.reason or right.reason:
            return left.reason or right.reason
        found = difference(left, right)
        return None if way.instead is not None and found is not Direction.OPEN else found

    def _of_first(self, request: Request) -> Outcome:
        """What becomes of a request in the first mesh; of bytes it is remembered."""

        def find() -> Outcome:
            return outcome(decide(self._before, request), self.terms.assume)

        return self._first.streams.get(request, find) if isinstance(request.payload, Tcp) else find()

    def _admitted_otherwise(self, way: Way, payload: Http | Tcp, answers: Answers) -> bool:
        """Whether as much got through in the first mesh by the Service, or when the client spoke first."""
        right = outcome(decide(self._after, requests(way, payload, answers)[1]), self.terms.assume)
        asked = otherwise(self._before, way, (payload, answers), self.terms.assume)
        ends = (outcome(found, self.terms.assume) for _, found in asked)
        return any(not each.reason and difference(each, right) is not Direction.OPEN for each in ends)

    def _told(self, way: Way, known: "tuple[Difference | str, ...]") -> None:
        """Differences, asked again on this very way and made as small as they get."""
        for each in known:
            if isinstance(each, str):
                self._note(way, each)
                continue
            if self._is_enough(each.direction):
                continue
            again = self.direction(way, each.payload, each.answers)
            if again is not each.direction:
                self._note(way, f"internal error: what was found for its like does not happen here ({again})")
                continue
            self._found(way, self._smallest(way, each))

    def _smallest(self, way: Way, of: Difference) -> Difference:
        """The same difference by the plainest request."""
        payload = smallest(of.payload, lambda one: self.direction(way, one, of.answers) is of.direction)
        return Difference(of.direction, payload, of.answers)

    def _left(self, direction: Direction) -> bool:
        """Whether a preset leaves it."""
        accepted = _ACCEPTS.get(direction, Leave.NOTHING)
        return bool(accepted) and accepted in self.terms.leave

    def _found(self, way: Way, each: Difference) -> None:
        left = self._left(each.direction)
        meshes, asked = (self._before, self._after), requests(way, each.payload, each.answers)
        self.found.append(
            counterexample(meshes, asked, each.direction, Circumstance(self.terms.assume, self._step, left))
        )

    def _is_enough(self, direction: Direction) -> bool:
        """Whether more of a kind would only be counted: nobody reads thousands of them."""
        self._by_direction[direction] = self._by_direction.get(direction, 0) + 1
        if self._by_direction[direction] <= _MOST_SHOWN:
            return False
        self.hidden[direction] = self.hidden.get(direction, 0) + 1
        return True

    def _note(self, way: Way, reason: str) -> None:
        if len(self.undecided) < MOST_UNDECIDED:
            self.undecided.setdefault(Undecided(_words(way), reason, step=self._step))


_UNSTATED = (Answers.UNSTATED,)
_ANSWERS = (Answers.ALLOWS, Answers.DENIES)
_Told = dict[Direction | str, Difference | str]


class _Asking(Struct, frozen=True):
    """How a class of requests is asked, and whether other ways to the same pods count."""

    ask: Callable[[Way, Http | Tcp, Answers], Direction | str | None]
    beside: bool = False


def _keep(told: _Told, direction: Direction | str | None, payload: Http | Tcp, answers: Answers) -> None:
    """The first of each direction, and of each reason."""
    if isinstance(direction, Direction):
        told.setdefault(direction, Difference(direction, payload, answers))
    elif direction:
        told.setdefault(direction, direction)


def _names_a_way(told: _Told) -> bool:
    """Whether somebody said why he does not know, in the words of the way that was asked."""
    return any(isinstance(each, str) for each in told.values())


_ACCEPTS = {Direction.SHAPE: Leave.SHAPE, Direction.CLOSED: Leave.CLOSED}


def requests(way: Way, payload: Http | Tcp, answers: Answers) -> tuple[Request, Request]:
    """The same request of both meshes."""
    to, port = way.instead or (way.to, way.port)
    return Request(way.client, to, port, payload, answers), Request(way.other, way.to, way.port, payload, answers)


def assumptions(assume: Assume) -> Iterator[str]:
    """What a proof takes for granted, in words."""
    yield from _ALWAYS
    yield from (words for each, words in _ASSUMED.items() if each in assume)


_ALWAYS = (
    "requests are those that proxies read: paths that begin with a slash, hosts in lower case, each header sent once",
    "what is sent to a port that declares HTTP is HTTP, and ports of the proxies themselves are left out",
    "clients are the workloads that were read, pods of any other account that come as those did, and somebody outside",
    "all are of this trust domain, and nobody else comes under the account of a gateway or a waypoint",
    "claims are texts or lists of texts",
)
_ASSUMED = {
    Assume.DEFAULTS: "what proxies do unasked counts for nothing: default retries, X-Forwarded-Client-Cert, and paths "
    "that they clean (D33, D43, D56)",
    Assume.HOSTS: "the Host header names what is dialled, unless a policy or a route asks for other names; "
    "those are of no other service unless they are written in full (D39)",
    Assume.FORMS: "who dials a pod by its own address may reach there what its Service, or "
    "its own policies for the caller's name, would have let through",
    Assume.SHAPES: "how a refusal looks counts for nothing (D15, D58)",
    Assume.SPEECH: "waiting for the first bytes of a server that waits itself is no refusal (D55)",
    Assume.NODES: "processes on the nodes themselves send nothing, whom ambient does not always capture",
}


_ENFORCED = "NetworkPolicies are enforced: that is the network plug-in's part, and not every one does it"
_LATER = (
    "a namespace without pods so far, or one that comes later, is given the NetworkPolicies that hold what pods of "
    "every other send, where all have some"
)


def _words(way: Way) -> str:
    return f"{way.words} to {way.to}:{way.port}"

"""Compare two meshes on every way: by one request for each class that either of them can tell apart.

It is a decision procedure: what both meshes do on a way is read off as a program; equal programs decide alike, and
where they differ `semantics.decide` judges one request of each class on both sides. What does not fit the budget, or is
decided by something that nobody knows, is undecided and never equal. What was found for a pair of programs holds for
every way with the same pair, and a difference is asked again there before it is told.
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from sidestep.prove.affected import changed_namespaces
from sidestep.prove.alternatives import otherwise
from sidestep.prove.counterexample import Difference, counterexample, smallest
from sidestep.prove.expressions import Undecidable
from sidestep.prove.opaque import Opaque
from sidestep.prove.outcome import Assume, Leave, difference, outcome
from sidestep.prove.pairs import Pair, Pairs, Programs, Verdicts
from sidestep.prove.proof import Conclusion, Counterexample, Direction, Proof, Undecided
from sidestep.prove.remembered import Remembered
from sidestep.prove.streams import streams
from sidestep.prove.ways import Told, Way, Ways
from sidestep.semantics.decide import decide
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Answers, Http, Request, Tcp

__all__ = ["Assume", "Leave", "Terms", "prove"]
_MOST_UNDECIDED = 1_000
_MOST_SHOWN = 500


class Terms(Struct, frozen=True):
    """How to prove.

    Attributes:
        leave: presets of what is fine.
        budget: most requests asked of one pair of programs.
        namespaces: only destinations there; empty for all.
        assume: what is taken for granted.
        most: counterexamples after which the rest is only counted as accepted or not; 0 for all.
    """

    leave: Leave = Leave.SHAPE
    budget: int = 20_000
    namespaces: tuple[str, ...] = ()
    assume: Assume = Assume.EVERYTHING
    most: int = 0


def prove(before: MeshIndex, after: MeshIndex, terms: Terms = Terms(), step: str = "") -> Proof:  # noqa: B008
    """Whether two meshes mean the same."""
    first = _at_first_sight(before, after, terms, step) if terms.most else None
    if first is not None:
        return first
    run = Run(before, after, terms, step)
    for way in run.ways.all():
        run.compare(way)
        if terms.most and run.open_ends >= terms.most:
            break
    return run.proof()


def _at_first_sight(before: MeshIndex, after: MeshIndex, terms: Terms, step: str) -> Proof | None:
    """What differs where an object has changed, for callers from there, where that is enough to be told."""
    changed = changed_namespaces(before.mesh, after.mesh)
    run = Run(before, after, terms, step, near=changed)
    for way in (way for service in run.ways.suspicious() for way in run.ways.to(service)):
        run.compare(way)
        if run.open_ends >= terms.most:
            return run.proof()
    return None


class Run:
    """One comparison of two meshes, and what it found.

    Args:
        before: the first mesh.
        after: the second.
        terms: of the comparison.
        step: of a plan after which the second mesh is there.
        verdicts: what earlier comparisons found out of pairs of programs.
        callers: by what callers of destinations are told apart; to be forgotten for those that change.
        near: only callers of these namespaces; None for all.
        first: what is known of the first mesh, which stays the same.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - two meshes, the terms, and what is kept between runs
        self,
        before: MeshIndex,
        after: MeshIndex,
        terms: Terms,
        step: str = "",
        verdicts: Verdicts | None = None,
        callers: dict[str, Told] | None = None,
        near: frozenset[str] | None = None,
        first: Programs | None = None,
    ) -> None:
        kept = {} if callers is None else callers
        self.ways = Ways(before, after, terms.namespaces, Assume.NODES not in terms.assume, kept, near)
        if Leave.SHAPE in terms.leave:
            terms = replace(terms, assume=terms.assume | Assume.SHAPES)
        self._before, self._after, self._terms, self._step = before, after, terms, step
        self._pairs = Pairs(before, after, self.ways, terms.assume, first)
        self._opaque = Opaque(self.ways.guards[0], self.ways.guards[-1])
        self._verdicts = {} if verdicts is None else verdicts
        self.found: list[Counterexample] = []
        self.undecided: dict[Undecided, None] = {}
        self._by_direction: dict[Direction, int] = {}
        self.counted = self.requests = self.open_ends = self.more = 0

    def proof(self) -> Proof:
        """What came out."""
        return self.proof_of(self.found, self.undecided)

    def proof_of(self, found: Iterable[Counterexample], undecided: Iterable[Undecided]) -> Proof:
        """What came out, where more is known than this comparison alone has found."""
        order = list(Direction)
        ordered = tuple(sorted(found, key=lambda each: (bool(each.accepted), order.index(each.direction))))
        questions = tuple(dict.fromkeys((*undecided, *self._at_clients())))
        differs = any(not each.accepted for each in ordered)
        verdict = Conclusion.DIFFERS if differs else Conclusion.UNDECIDED if questions else Conclusion.EQUAL
        assumed = (*self._before.assumptions, *self._after.assumptions, *assumptions(self._terms.assume))
        return Proof(
            verdict, ordered, questions, tuple(dict.fromkeys(assumed)), 1, self.counted, self.requests, more=self.more
        )

    def take(self, known: Remembered) -> None:
        """What was found in an earlier proof on ways that rest on the same."""
        self.counted += known.ways
        self.requests += known.requests
        self.found += [each for each in known.examples if not self._is_enough(each.direction)]
        for each in known.undecided:
            if len(self.undecided) < _MOST_UNDECIDED:
                self.undecided.setdefault(each)

    @property
    def tells_all(self) -> bool:
        """Whether nothing was left out so far because there is so much of it."""
        return not self.more and len(self.undecided) < _MOST_UNDECIDED

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
                known = self._known(way, pair, _Asking(self._between))
                if any(isinstance(each, Difference) and each.direction is Direction.OPEN for each in known):
                    known = self._known(way, self._pairs.beside(way, pair), _Asking(self.direction, beside=True))
                self._told(way, known)
        except Undecidable as error:
            self._note(way, str(error))

    def _known(self, way: Way, pair: Pair, asking: "_Asking") -> "tuple[Difference | str, ...]":
        """Every direction in which the classes of a pair differ, the plainest request for each, or why nobody knows."""
        key = (pair, asking.beside)
        if key not in self._verdicts:
            self._verdicts[key] = tuple(self._asked(way, pair, asking))
        return self._verdicts[key]

    def _asked(self, way: Way, pair: Pair, asking: "_Asking") -> "Iterable[Difference | str]":
        told: _Told = {}
        try:
            for payload, external in self._pairs.requests(pair, self._terms.budget):
                for answers in _ANSWERS if external else _UNSTATED:
                    _keep(told, asking.ask(way, payload, answers), payload, answers)
        except Undecidable as error:
            told.setdefault(str(error), str(error))
        return told.values()

    def _compare_bytes(self, way: Way) -> None:
        told: _Told = {}
        payloads = tuple(streams((self.ways.guards[0], self.ways.guards[-1]), way))
        for payload in payloads:
            direction = self.direction(way, payload, Answers.UNSTATED)
            if isinstance(direction, str) and "external authorizer" in direction:
                for answers in _ANSWERS:
                    _keep(told, self.direction(way, payload, answers), payload, answers)
            else:
                _keep(told, direction, payload, Answers.UNSTATED)
        self._told(way, tuple(told.values()))

    def direction(self, way: Way, payload: Http | Tcp, answers: Answers) -> Direction | str | None:
        """What a request shows; a text for why that cannot be told, and None for what is open by other ways already."""
        found = self._between(way, payload, answers)
        return None if found is Direction.OPEN and self._admitted_otherwise(way, payload, answers) else found

    def _between(self, way: Way, payload: Http | Tcp, answers: Answers) -> Direction | str | None:
        """The same, of this way alone."""
        self.requests += 1
        one, other = requests(way, payload, answers)
        left = outcome(decide(self._before, one), self._terms.assume)
        right = outcome(decide(self._after, other), self._terms.assume)
        if left.reason or right.reason:
            return left.reason or right.reason
        found = difference(left, right)
        return None if way.instead is not None and found is not Direction.OPEN else found

    def _admitted_otherwise(self, way: Way, payload: Http | Tcp, answers: Answers) -> bool:
        """Whether as much got through in the first mesh by the Service, or when the client spoke first."""
        right = outcome(decide(self._after, requests(way, payload, answers)[1]), self._terms.assume)
        asked = otherwise(self._before, way, (payload, answers), self._terms.assume)
        ends = (outcome(found, self._terms.assume) for _, found in asked)
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
        return bool(accepted) and accepted in self._terms.leave

    def _found(self, way: Way, each: Difference) -> None:
        left = self._left(each.direction)
        meshes = (self._before, self._after)
        self.found.append(
            counterexample(meshes, requests(way, each.payload, each.answers), each.direction, self._step, left)
        )
        self.open_ends += not left

    def _is_enough(self, direction: Direction) -> bool:
        """Whether more of a kind would only be counted: nobody reads thousands of them."""
        self._by_direction[direction] = self._by_direction.get(direction, 0) + 1
        if self._by_direction[direction] <= _MOST_SHOWN:
            return False
        self.more += 1
        return True

    def _note(self, way: Way, reason: str) -> None:
        if len(self.undecided) < _MOST_UNDECIDED:
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


def _words(way: Way) -> str:
    return f"{way.words} to {way.to}:{way.port}"

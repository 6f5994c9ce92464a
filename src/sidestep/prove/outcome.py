"""What counts of a decision when two are compared: how much of a request arrives, where, and what is done to it."""

from collections.abc import Callable
from enum import Flag, auto

from msgspec import Struct
from msgspec.structs import replace

from sidestep.prove import shaped
from sidestep.prove.proof import Direction
from sidestep.semantics.authentication.tokens import TokenState
from sidestep.semantics.decisions import Branch, Decision, Verdict
from sidestep.semantics.hops.forwarded import XFCC
from sidestep.semantics.routing.retry_policy import INBOUND, NO_RETRIES, default_retries
from sidestep.semantics.routing.route import Retries, Route, RouteSource
from sidestep.semantics.versions import given_version

_PLACES = 3
_SMALL = 0.005
_PLAIN = (RouteSource.DEFAULT, RouteSource.PASSTHROUGH)
_LOCAL = "from the pod's own node"
_READY = "if the waypoint"
_OWN_TLS = frozenset({"", "ISTIO_MUTUAL", "DISABLE"})
"""Modes that start no TLS but the mesh's own: who is seen, and who is refused for it, decisions say by themselves."""
_OWN_TLS_WORDS = tuple(f"tls.mode: {mode}" for mode in sorted(_OWN_TLS - {""}))


class Leave(Flag):
    """Differences that are taken for fine, each by a preset: they are shown, and count for nothing."""

    NOTHING = 0
    SHAPE = auto()
    """How a refusal looks; it is then not even compared."""
    CLOSED = auto()
    """Being refused more."""


class Assume(Flag):
    """What is taken for granted of requests and proxies; each is told in the proof as an assumption."""

    NOTHING = 0
    DEFAULTS = auto()
    """What proxies do unasked counts for nothing: default retries, X-Forwarded-Client-Cert, cleaning of paths."""
    HOSTS = auto()
    """The Host header names what is dialled, unless a policy or a route asks for other names."""
    NODES = auto()
    """Processes on the nodes themselves send nothing."""
    FORMS = auto()
    """Who dials a pod by its own address may reach what its Service would have let through."""
    SHAPES = auto()
    """How a refusal looks counts for nothing."""
    SPEECH = auto()
    """Waiting for the first bytes of a server that waits itself is no refusal."""
    SPACES = auto()
    """A namespace without pods so far is given the NetworkPolicies that hold what pods of all others send."""
    EVERYTHING = DEFAULTS | HOSTS | NODES | FORMS | SPEECH | SPACES


class End(Struct, frozen=True, gc=False):
    """One way that a request ends.

    Attributes:
        condition: on which it is taken, where that cannot be told.
        admitted: whether it arrives.
        place: where; empty where it is refused before that is known.
        treatment: what routes and DestinationRules do to it.
        seen: what the application gets beside, and what is noted.
        shape: of a refusal.
        port: on which it arrives; 0 where it does not.
    """

    condition: str
    admitted: bool
    place: str
    treatment: tuple[object, ...] = ()
    seen: tuple[object, ...] = ()
    shape: str = ""
    port: int = 0


class Outcome(Struct, frozen=True):
    """A decision, stripped of what does not matter: its ends with their shares of all requests.

    Attributes:
        ends: by share.
        reason: why it cannot be told; empty where it can.
    """

    ends: tuple[tuple[End, float], ...]
    reason: str = ""

    @property
    def unknown(self) -> bool:
        """Whether it cannot be told."""
        return bool(self.reason)

    @property
    def admitted(self) -> bool:
        """Whether all of it arrives."""
        return all(end.admitted for end, _ in self.ends)

    @property
    def where(self) -> tuple[object, ...]:
        """Where it ends, and what is done to it."""
        return self.ends

    @property
    def shape(self) -> str:
        """How a refusal looks."""
        return next((end.shape for end, _ in self.ends if end.shape), "")


def outcome(decision: Decision, assume: Assume = Assume.EVERYTHING) -> Outcome:
    """The outcome of a decision."""
    unknown = next((each for each in decision.branches if each.verdict is Verdict.UNKNOWN), None)
    if unknown is not None:
        told = unknown.decider.reason if unknown.decider is not None else ""
        return Outcome((), told or "it cannot be told")
    shares: dict[End, float] = {}
    for branch in decision.branches:
        end = end_of(branch, assume)
        shares[end] = shares.get(end, 0.0) + branch.weight
    return Outcome(tuple(sorted(((end, round(share, _PLACES)) for end, share in shares.items()), key=repr)))


def end_of(branch: Branch, assume: Assume) -> End:
    """How one way ends."""
    place = str(branch.destination or "")
    condition = _universe(branch.condition)
    if branch.verdict is not Verdict.ALLOW:
        return End(condition, admitted=False, place=place, shape="" if Assume.SHAPES in assume else branch.shape.value)
    route = branch.route
    if route is not None and route.answer is not None:
        treatment = _asked(branch, replace(route, request_edits=()), assume)
        return End(condition, admitted=True, place=shaped.answer(route.answer), treatment=treatment)
    place = place or f"{branch.path[-1].at} {_started(branch)}".rstrip()
    treatment, seen = _treatment(branch, assume), _seen(branch, assume)
    return End(condition, admitted=True, place=place, treatment=treatment, seen=seen, port=branch.path[-1].port)


def _universe(condition: str) -> str:
    """Conditions by their kind: the names in them are of who is met."""
    if condition.startswith(_READY):
        return condition
    return _LOCAL if condition.startswith(_LOCAL) else ""


def _started(branch: Branch) -> str:
    """TLS that a proxy starts towards somebody outside."""
    return " ".join(check.reason for check in branch.path[-1].checks)


def _treatment(branch: Branch, assume: Assume) -> tuple[object, ...]:
    route, http = branch.route, branch.delivered
    line = (http.path, http.authority) if http is not None else ()
    if route is None:
        return (*line, "", None, (), (), None, (), (), branch.chosen, "")
    return (*line, *_asked(branch, route, assume))


def _asked(branch: Branch, route: Route, assume: Assume) -> tuple[object, ...]:
    """What a route asks for, whatever is sent."""
    return (
        shaped.length(route.timeout),
        _retries(route, assume),
        branch.copies,
        shaped.faults(route.faults),
        shaped.cors(route.cors_policy),
        *_edits(branch, route),
        (*shaped.policy(_policy(branch, route)), *branch.chosen),
        "" if route.tls in _OWN_TLS else route.tls,
    )


def _retries(route: Route, assume: Assume) -> Retries | None:
    """Retries, but for those that nobody asked for; that there be none is asked for, too."""
    nobody_says = route.retries == NO_RETRIES and route.source in _PLAIN
    if route.retries in (None, INBOUND) or route.answer is not None or nobody_says:
        return None
    if Assume.DEFAULTS in assume and route.retries in _DEFAULT:
        return None
    return shaped.retried(route.retries)


_DEFAULT = frozenset(
    default_retries(version) for text in ("1.23", "1.30") if (version := given_version(text)) is not None
)


def _policy(branch: Branch, route: Route) -> tuple[str, ...]:
    """What is asked of the connection to the destination that is tried: where they differ, words open with one each."""
    own = f"{branch.backend.label}: " if branch.backend is not None else ""
    others = tuple(f"{each.label}: " for each in route.backends if each != branch.backend)
    told = (word.removeprefix(own) for word in route.traffic_policy if not word.startswith(others))
    return tuple(word for word in told if not word.startswith(_OWN_TLS_WORDS))


def _edits(branch: Branch, route: Route) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Header edits of requests and of answers: those of a destination among several come before the route's."""
    tried = branch.backend
    own = (tried.request_edits, tried.response_edits) if tried is not None else ((), ())
    both = zip((route.request_edits, route.response_edits), own, strict=True)
    request, response = (
        shaped.edits((*shared, *each)) if len(route.backends) == 1 else shaped.edits(each, shared)
        for shared, each in both
    )
    return request, response


def _seen(branch: Branch, assume: Assume) -> tuple[object, ...]:
    headers = branch.delivered.headers if branch.delivered is not None else {}
    hidden = XFCC if Assume.DEFAULTS in assume else ""
    told = tuple(sorted((name, str(value)) for name, value in headers.items() if name != hidden))
    token = branch.delivered.token.state if branch.delivered is not None else TokenState.NONE
    kept = told if token is TokenState.NONE else (*told, ("of the token", token.value))
    outcomes = [check.outcome for hop in branch.path for check in hop.checks if check.outcome is not None]
    marks = (any(each.audited for each in outcomes), any(each.shadowed for each in outcomes))
    return kept, marks


def difference(one: Outcome, other: Outcome) -> Direction | None:
    """What becomes different from one outcome to another, the worst of it; None where nothing does."""
    if one.ends == other.ends:
        return None
    ways = {end.condition for outcome in (one, other) for end, _ in outcome.ends}
    sides = [(_under(one, way), _under(other, way)) for way in sorted(ways)]
    found = [_between(before, after) for before, after in sides if before and after]
    return min((each for each in found if each is not None), key=list(Direction).index, default=None)


def _under(outcome: Outcome, condition: str) -> dict[End, float]:
    """The ends under a condition; those that hold always, where nothing hangs on it; none where all hang on another."""
    own = {end: share for end, share in outcome.ends if end.condition == condition}
    found = own or {end: share for end, share in outcome.ends if not end.condition}
    if condition == _LOCAL:
        return {_free(end): 1.0 for end in found}
    total = sum(found.values())
    if not total:
        return {_free(end): 1.0 / len(found) for end in found}  # no share says how often the condition holds
    return {_free(end): share / total for end, share in found.items()}


def _free(end: End) -> End:
    return End("", end.admitted, end.place, end.treatment, end.seen, end.shape, end.port)


def _between(one: dict[End, float], other: dict[End, float]) -> Direction | None:
    before, after = _admitted(one), _admitted(other)
    gained = _total(after) - _total(before)
    if gained > _SMALL or _swapped(one, other):
        return Direction.OPEN
    if gained < -_SMALL or _swapped(other, one):
        return Direction.CLOSED
    if not _alike(_by(before, _routed), _by(after, _routed)):
        return Direction.ROUTE
    if not _alike(_by(before, _whole), _by(after, _whole)):
        return Direction.SEEN
    return None if _alike(_by(one, _look), _by(other, _look)) else Direction.SHAPE


def _swapped(one: dict[End, float], other: dict[End, float]) -> bool:
    """Whether some place is refused in one and not in the other, though on the whole as much arrives."""
    refused = {end.place for end in one if not end.admitted and end.place}
    admitted = {end.place for end in other if end.admitted} - {end.place for end in one if end.admitted}
    return bool(refused & admitted)


def _admitted(ends: dict[End, float]) -> dict[End, float]:
    return {end: share for end, share in ends.items() if end.admitted}


def _total(ends: dict[End, float]) -> float:
    return sum(ends.values())


def _routed(end: End) -> object:
    return end.place, end.port, end.treatment


def _look(end: End) -> object:
    """Of a refusal, wherever it is."""
    return end.admitted or end.shape


def _whole(end: End) -> object:
    return end


def _by(ends: dict[End, float], key: Callable[[End], object]) -> dict[object, float]:
    found: dict[object, float] = {}
    for end, share in ends.items():
        found[key(end)] = found.get(key(end), 0.0) + share
    return found


def _alike(one: dict[object, float], other: dict[object, float]) -> bool:
    return one.keys() == other.keys() and all(abs(share - other[key]) <= _SMALL for key, share in one.items())

"""What two meshes do on a way, class of routes by class of routes, as pairs of programs that can be compared."""

from collections.abc import Hashable, Iterable, Iterator
from functools import lru_cache, partial
from itertools import islice
from sys import intern

from msgspec import Struct
from msgspec.structs import replace

from sidestep.prove.alternatives import otherwise
from sidestep.prove.asked import ANY_REWRITE, Asked, Condition, hosts_of
from sidestep.prove.choices import Choices, choices
from sidestep.prove.counterexample import Difference
from sidestep.prove.first_mesh import FirstMesh
from sidestep.prove.languages import Language, representatives
from sidestep.prove.outcome import Assume
from sidestep.prove.programs import Program, Reader, Reading, expressions, is_plain, places, refuses_all, renamed
from sidestep.prove.search import Scene, everything, found
from sidestep.prove.texts import Texts
from sidestep.prove.ways import Way, Ways
from sidestep.semantics.authorization.paths import normalise
from sidestep.semantics.decide import decide
from sidestep.semantics.hops.forwarded import XFCC
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.requests import Answers, Client, GatewayClient, Http, Request
from sidestep.semantics.routing.rule import Bound, HttpEntry
from sidestep.semantics.routing.text_match import Form

_OTHER_HOST = "other.example.com"
_FEW = 50
_READ = frozenset({XFCC, "x-forwarded-for", "host", "origin"})
"""Headers that a proxy looks at though no rule asks for them."""


class Pair(Struct, frozen=True):
    """Two programs for one class of requests.

    Attributes:
        before: what the first mesh does.
        after: what the second does.
        like: a request of the class; None where routes tell none apart.
        conditions: by which routes tell classes apart.
        rewrites: beginnings of paths that routes replace.
        modes: how paths are normalised.
        dialled: what is dialled, where the Host header counts.
        also: what the first mesh does by the Services before the same pods.
        new: whether only what opens counts, because the name is new.
        appended: headers to which routes add a value.
    """

    before: Program
    after: Program
    also: frozenset[Program]
    conditions: frozenset[Condition]
    rewrites: frozenset[tuple[str, str]]
    modes: tuple[PathNormalisation, PathNormalisation]
    like: str = ""
    dialled: str = ""
    new: bool = False
    appended: frozenset[str] = frozenset()


class Verdict(Struct, frozen=True):
    """What is known of a pair.

    Attributes:
        told: every direction in which its classes differ, with the plainest request, or why nobody knows.
        requests: how many were asked for it.
        of_this_way: whether it speaks of the way on which it was found, and is found again on others.
    """

    told: tuple[Difference | str, ...]
    requests: int
    of_this_way: bool


Verdicts = dict[tuple[Pair, bool], Verdict]
"""What is known of pairs, without and with other ways to the same pods."""


class _Routes(Struct, frozen=True):
    """What may route requests on a way, in each mesh."""

    entries: tuple[tuple[HttpEntry, ...], tuple[HttpEntry, ...]] = ((), ())
    conditions: frozenset[Condition] = frozenset()
    rewrites: frozenset[tuple[str, str]] = frozenset()
    appended: frozenset[str] = frozenset()

    @property
    def by_host(self) -> bool:
        """Whether any asks for the Host header."""
        return any(named.name in (":authority", "host") for each in self.conditions for named in each.headers)


_NONE: frozenset[Program] = frozenset()
_Known = tuple[_Routes, tuple[str, ...]]


class Pairs:
    """Reads both meshes.

    Args:
        before: the first mesh.
        after: the second.
        ways: on which they are compared.
        assume: what is taken for granted.
        first: what is known of the first mesh.
    """

    def __init__(
        self, before: MeshIndex, after: MeshIndex, ways: Ways, assume: Assume, first: FirstMesh | None = None
    ) -> None:
        self._indexes = (before, after)
        self._readers = (Reader(before, assume), Reader(after, assume))
        self._ways, self._assume = ways, assume
        self._first = first or FirstMesh.unknown()
        self._routes: dict[object, _Routes] = {}
        self._modes = (before.settings.normalisation, after.settings.normalisation)
        self._likes: dict[Pair, Http] = {}
        self._last: tuple[Way, Http, tuple[Reading, Reading]] | None = None

    def different(self, way: Way) -> Iterator[Pair]:
        """The classes of requests for which the programs are not equal.

        Raises:
            Undecidable: routes or hosts are looked at in a way for which no finite choice stands.
        """
        routes, more = self._of(way), self._other_hosts(way)
        waiting = list(self._classes(routes, more))
        asked: frozenset[Language] = frozenset()
        unrouted: set[str] = set()
        for like in waiting:
            mere = self._is_mere(like)
            if mere and like.authority in unrouted:
                continue
            then, now = self._both(way, like, routes)
            one, other = then.program, now.program
            if mere and one == other and not (then.routed or now.routed):
                unrouted.add(like.authority)
            hosts = _hosts((one, other))
            if not hosts <= asked:
                asked |= hosts
                names = representatives(asked, Texts.HOST)
                known = {(each.authority, _line(each)) for each in waiting}
                waiting += [replace(each, authority=name) for each in tuple(waiting) if not each.authority
                            for name in names if (name, _line(each)) not in known]  # fmt: skip
            if one != other or self._modes[0] is not self._modes[1]:
                yield self._pair(way, like, (one, other), (routes, more))

    def like(self, pair: Pair) -> Http:
        """A request of a pair's class."""
        return self._likes[pair]

    def beside(self, way: Way, pair: Pair) -> Pair:
        """The same pair, with what the first mesh does on other ways to the same pods."""
        known = self._of(way), self._other_hosts(way)
        like = self._likes[pair]
        then, now = self._both(way, like, known[0])
        both = then.program, now.program
        return self._pair(way, like, both, known, self._beside(way, like, known[0]))

    def is_open_otherwise(self, way: Way, pair: Pair) -> bool:
        """Whether nothing of a pair counts, for what the second mesh does here the first does on another way.

        That is so where the first refuses all on this one, so that what differs is open now and was open by the other:
        the programs are equal, and of what they look at nothing is open for which there is no answer.
        """
        looks_alike = pair.modes[0] is pair.modes[1] and not pair.dialled
        if not looks_alike or not refuses_all(pair.before) or not is_plain(pair.after):
            return False
        beside = self.beside(way, pair)
        return beside.after in beside.also

    def _beside(self, way: Way, like: Http, routes: _Routes) -> frozenset[Program]:
        def find() -> frozenset[Program]:
            others = otherwise(self._indexes[0], way, (like, Answers.UNSTATED), self._assume, survey=True)
            return frozenset(self._readers[0].program(each, of, routes.entries[0]) for of, each in others)

        return self._first.beside.get((*self._asked(way, like), way.also), find)

    def _pair(
        self, way: Way, like: Http, both: tuple[Program, Program], known: _Known, also: frozenset[Program] = _NONE
    ) -> Pair:
        routes, more = known
        named = more or like.authority or _hosts((*both, *also))
        dialled = f"{way.to} {way.instead} {way.also}" if named or routes.by_host else ""
        pair = Pair(
            *_nameless(*both, also), routes.conditions, routes.rewrites, self._modes,
            repr(like) if routes.conditions or named else "", dialled, way.instead is not None, routes.appended,
        )  # fmt: skip
        self._likes.setdefault(pair, like)
        return pair

    def requests(self, pair: Pair, budget: int) -> Iterator[tuple[Http, bool]]:
        """The requests of a pair's class that may differ, and whether an external authorizer may be asked of each.

        Raises:
            Undecidable: a program looks at what no finite choice stands for, or there are more than the budget.
        """
        return found(self._scene(pair), budget)

    @staticmethod
    def open_end(pair: Pair) -> str:
        """Why a pair whose requests all do the same may differ nonetheless; empty where it cannot."""
        told = expressions(pair.before) ^ expressions(pair.after)
        return (
            f"paths are rewritten by {min(told)[0]} in one mesh alone: no finite choice stands for all" if told else ""
        )

    def longer(self, pair: Pair, budget: int) -> Iterator[Http]:
        """Requests of a pair with paths that say twice what they say: an expression may change both."""
        for payload, _ in islice(self.requests(pair, budget), _FEW):
            path, mark, query = payload.path.partition("?")
            yield replace(payload, path=f"{path}{path}{mark}{query}")

    def choices(self, pair: Pair) -> Choices:
        """All requests of a pair's class, whether anything of them differs or not.

        Raises:
            Undecidable: a program looks at what no finite choice stands for.
        """
        return everything(self._scene(pair))

    def _scene(self, pair: Pair) -> Scene:
        return Scene(
            (pair.before, pair.after, *pair.also),
            pair.conditions,
            pair.rewrites,
            pair.appended,
            self._modes,
            self._likes[pair] if pair.like else None,
            Assume.DEFAULTS not in self._assume,
        )

    def _is_mere(self, like: Http) -> bool:
        """Whether routes alone tell a class from the plainest one of its host: nobody else looks at what it carries."""
        return self._modes[0] is self._modes[1] and _is_mere(like, self._modes[0])

    def _both(self, way: Way, like: Http, routes: _Routes) -> tuple[Reading, Reading]:
        """What either mesh does; what was asked last is often asked again, with other ways to the same pods."""
        if self._last is None or self._last[0] is not way or self._last[1] != like:
            self._last = way, like, (self._then(way, like, routes), self._now(way, like, routes))
        return self._last[2]

    def _now(self, way: Way, like: Http, routes: _Routes) -> Reading:
        """What the second mesh does; one that is held against itself does what it does."""
        if self._indexes[0] is self._indexes[1] and way.other == way.client and way.instead is None:
            return self._then(way, like, routes)
        return self._read(1, way.other, (way.to, way.port), like, routes)

    def _then(self, way: Way, like: Http, routes: _Routes) -> Reading:
        """What the first mesh does, which is asked once however many others are held against it."""
        to = way.instead or (way.to, way.port)
        find = partial(self._read, 0, way.client, to, like, routes)
        return self._first.programs.get(self._asked(way, like), find)

    @staticmethod
    def _asked(way: Way, like: Http) -> tuple[Hashable, ...]:
        """All that counts of a way, and of a class of requests, where only the first mesh is asked."""
        to = way.instead or (way.to, way.port)
        return way.client, to, way.service, "" if like is _PLAIN[0] else intern(repr(like))

    def _read(self, side: int, client: Client, to: tuple[str, int], like: Http, routes: _Routes) -> Reading:
        request = Request(client, *to, like, survey=True)
        decision = decide(self._indexes[side], request)
        return self._readers[side].reading(decision, request, routes.entries[side])

    def _classes(self, routes: _Routes, more: tuple[str, ...]) -> tuple[Http, ...]:
        if not routes.conditions and not more:
            return _PLAIN
        told = _of_routes(routes.conditions, self._modes[0])
        if self._modes[0] is not self._modes[1]:
            told = _joined(told, _of_routes(routes.conditions, self._modes[1]))
        return tuple(_with_hosts(told, more).requests())

    def _other_hosts(self, way: Way) -> tuple[str, ...]:
        """Another service of the port, and a name that nobody knows."""
        if Assume.HOSTS in self._assume:
            return ()
        for service in self._indexes[0].services.services:
            if service.host != way.service and service.port(way.port) is not None and service.vips:
                return service.host, _OTHER_HOST
        return (_OTHER_HOST,)

    def _of(self, way: Way) -> _Routes:
        """The rules that may route requests on a way."""
        gateway = f"{way.client.namespace}/{way.client.name}" if isinstance(way.client, GatewayClient) else ""
        key = (way.service, gateway, way.to if not way.service else "")
        if key not in self._routes:
            both = tuple(tuple(self._entries(side, way, gateway)) for side in (0, -1))
            self._routes[key] = _routes((both[0], both[1]))
        return self._routes[key]

    def _entries(self, side: int, way: Way, gateway: str) -> Iterator[HttpEntry]:
        guards = self._ways.guards[side]
        bounds: tuple[Bound, ...] = guards.bounds(way.service) if way.service else ()
        if gateway:
            own = guards.index.routing.gateway_bounds(gateway)
            targets = {target.host for bound in own for entry in bound.http or () for target in entry.rule.targets}
            bounds = (*own, *(bound for host in sorted(targets) for bound in guards.bounds(host)))
        for bound in bounds:
            yield from bound.http or ()


_PLAIN = (Http(),)


def _hosts(programs: Iterable[Program]) -> frozenset[Language]:
    """What is asked of the Host header."""
    return hosts_of(gate.policies for program in programs for gate in program.gates)


def _is_mere(like: Http, mode: PathNormalisation) -> bool:
    """Policies apart, which a survey names and does not ask: proxies clean paths, and read these headers and tokens."""
    return (
        like.token == _PLAIN[0].token
        and not like.grpc
        and not any(name in _READ or name.startswith(":") for name in like.headers)
        and normalise(like.path, mode) == like.path
    )


def _line(http: Http) -> str:
    """A request but for its Host header."""
    return repr(replace(http, authority=""))


def _nameless(one: Program, other: Program, also: frozenset[Program]) -> tuple[Program, Program, frozenset[Program]]:
    """Programs without the names of the places where they end: what is known of them holds elsewhere too."""
    names = sorted({place for program in (one, other, *also) for place in places(program)} - {""})
    told = {"": "", **{name: str(number) for number, name in enumerate(names)}}
    return renamed(one, told), renamed(other, told), frozenset(renamed(each, told) for each in also)


def _routes(both: tuple[tuple[HttpEntry, ...], tuple[HttpEntry, ...]]) -> _Routes:
    entries = (*both[0], *both[1])
    if not entries:
        return _Routes()
    rewrites: set[tuple[str, str]] = set()
    for entry in entries:
        rewrites |= _rewrites(entry)
    edits = [edit for entry in entries for edit in entry.rule.request_edits if edit.startswith("add ")]
    appended = frozenset(edit.split(" ", 2)[1].rstrip(":").lower() for edit in edits)
    return _Routes(both, frozenset(Condition.of(entry.match) for entry in entries), frozenset(rewrites), appended)


def _rewrites(entry: HttpEntry) -> set[tuple[str, str]]:
    """Beginnings of paths and what stands in their place; a slash that meets another may be merged away."""
    rewrite, path = entry.rule.rewrite, entry.match.path
    if rewrite is None:
        return set()
    if rewrite.pattern is not None or path.fold:
        return {ANY_REWRITE}
    if path.form not in (Form.PREFIX, Form.SEGMENTS):
        return set()
    into = "/" if rewrite.drop_prefix else rewrite.prefix
    return {
        (path.text, into),
        (f"{path.text.rstrip('/')}/", into),
        (f"{path.text.rstrip('/')}/", f"{into.rstrip('/')}/"),
    }


@lru_cache(maxsize=4096)
def _of_routes(conditions: frozenset[Condition], mode: PathNormalisation) -> Choices:
    return choices(Asked(conditions=conditions), mode)


def _joined(one: Choices, other: Choices) -> Choices:
    """For paths that only one of two modes leaves as they are."""
    return replace(one, paths=tuple(dict.fromkeys((*one.paths, *other.paths))))


def _with_hosts(told: Choices, more: tuple[str, ...]) -> Choices:
    return replace(told, authorities=(*told.authorities, *more))

"""A difference as it is shown: the smallest request that still shows it, and what both meshes do with it."""

from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from sidestep.explain.differences import between
from sidestep.explain.words import request_words, state_report
from sidestep.prove.accepted import PRESETS
from sidestep.prove.asked_again import explain_arguments
from sidestep.prove.changed import changed
from sidestep.prove.outcome import Assume, outcome
from sidestep.prove.proof import Counterexample, Direction, Side
from sidestep.prove.subject import Subject
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision, Proxy
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Answers, Http, Request, Tcp

_OF_DEFAULTS = frozenset({"D33", "D43", "D56"})
_CHANGED = (Direction.ROUTE, Direction.SEEN)
"""Where both arrive: what they do otherwise is not told by why they are admitted."""
_OF_PODS = (Proxy.SIDECAR_OUT, Proxy.SIDECAR_IN)
_OF_AMBIENT = (Proxy.ZTUNNEL_OUT, Proxy.WAYPOINT, Proxy.ZTUNNEL_IN)


class Difference(Struct, frozen=True):
    """A request that two programs answer otherwise.

    Attributes:
        direction: what becomes different.
        payload: what is sent.
        answers: of external authorizers.
    """

    direction: Direction
    payload: Http | Tcp
    answers: Answers = Answers.UNSTATED


def smallest(payload: Http | Tcp, still: Callable[[Http | Tcp], bool]) -> Http | Tcp:
    """The plainest payload that still shows a difference: one thing after the other is left out."""
    if isinstance(payload, Tcp):
        return Tcp() if payload != Tcp() and still(Tcp()) else payload
    found = payload
    changed = True
    while changed:
        changed = False
        for plainer in _plainer(found):
            if still(plainer):
                found, changed = plainer, True
                break
    return found


def _plainer(http: Http) -> Iterator[Http]:
    """One step towards `GET /` without anything."""
    if http.token.state is not TokenState.NONE:
        yield replace(http, token=Token())
    if http.token.state is TokenState.VALID:
        for name in sorted(http.token.claims):
            fewer = {key: value for key, value in http.token.claims.items() if key != name}
            if fewer:
                yield replace(http, token=replace(http.token, claims=fewer))
    for name in sorted(http.headers):
        yield replace(http, headers={key: value for key, value in http.headers.items() if key != name})
    if http.authority:
        yield replace(http, authority="")
    path, mark, _ = http.path.partition("?")
    if mark:
        yield replace(http, path=path)
    if http.method != "GET":
        yield replace(http, method="GET")
    if path != "/":
        yield replace(http, path=f"/{http.path[len(path) :]}")


class Circumstance(Struct, frozen=True):
    """Under which terms a difference was found, and where.

    Attributes:
        assume: what was taken for granted.
        step: of a plan after which it holds; empty for two meshes.
        accepted: whether a preset leaves it.
    """

    assume: Assume
    step: str = ""
    accepted: bool = False


def counterexample(
    meshes: tuple[MeshIndex, MeshIndex], asked: tuple[Request, Request], direction: Direction, found: Circumstance
) -> Counterexample:
    """Both decisions in words."""
    one, other = (decide(index, request) for index, request in zip(meshes, asked, strict=True))
    same = (asked[0].to, asked[0].port) == (asked[1].to, asked[1].port)
    words = request_words(asked[1]) + ("" if same else f", which is new; before by {asked[0].to}:{asked[0].port}")
    return Counterexample(
        words,
        explain_arguments(asked[1], asked[0].client),
        _side(one, meshes[0]),
        _side(other, meshes[1]),
        direction,
        _differences(one, other, found.assume),
        found.step,
        PRESETS[direction.value].told if found.accepted else "",
        tuple(_changed(one, other, found.assume)) if direction in _CHANGED else (),
        Subject.of(asked[1]),
    )


def _changed(one: Decision, other: Decision, assume: Assume) -> Iterator[str]:
    before, after = (_route(each) for each in (one, other))
    if before != after:
        yield f"route: {before} before, {after} after"
    yield from changed(outcome(one, assume), outcome(other, assume))


def _route(decision: Decision) -> str:
    """The object that chose it on the likeliest way, with its rule."""
    route = decision.branches[0].route if decision.branches else None
    if route is None or route.object is None:
        return "none"
    return f"{route.object} {route.rule}".rstrip()


def _differences(one: Decision, other: Decision, assume: Assume) -> tuple[str, ...]:
    """What accounts for it in the catalogue, which goes from sidecars to ambient: a way back is read from its end.

    What counts for nothing accounts for nothing, unless there is no other.
    """
    found = between(other, one) if _sidecars(other) > _sidecars(one) else between(one, other)
    counted = tuple(code for code in found if Assume.DEFAULTS not in assume or code not in _OF_DEFAULTS)
    return counted or found


def _sidecars(decision: Decision) -> int:
    """How many are met on the likeliest way, and how few proxies of ambient."""
    return sum((hop.proxy in _OF_PODS) - (hop.proxy in _OF_AMBIENT) for hop in decision.path)


def _side(decision: Decision, index: MeshIndex) -> Side:
    report = state_report("", decision, index.settings.bundle)
    path = tuple(f"{hop.proxy} of {hop.at} ({hop.mode})" for hop in report.path)
    return Side(report.verdict, report.shape, report.why, path)

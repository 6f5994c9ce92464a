"""A difference as it is shown: the smallest request that still shows it, and what both meshes do with it."""

from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from sidestep.explain.differences import between
from sidestep.explain.words import request_words, state_report
from sidestep.prove.asked_again import explain_arguments
from sidestep.prove.proof import Counterexample, Direction, Side
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision, Proxy
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Answers, Http, Request, Tcp

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


def counterexample(
    meshes: tuple[MeshIndex, MeshIndex], asked: tuple[Request, Request], direction: Direction, step: str, accepted: bool
) -> Counterexample:
    """Both decisions in words; `accepted` where a preset leaves it."""
    one, other = (decide(index, request) for index, request in zip(meshes, asked, strict=True))
    same = (asked[0].to, asked[0].port) == (asked[1].to, asked[1].port)
    words = request_words(asked[1]) + ("" if same else f", which is new; before by {asked[0].to}:{asked[0].port}")
    return Counterexample(
        words,
        explain_arguments(asked[1], asked[0].client),
        _side(one, meshes[0]),
        _side(other, meshes[1]),
        direction,
        _differences(one, other),
        step,
        f"preset: {direction.value} is fine" if accepted else "",
    )


def _differences(one: Decision, other: Decision) -> tuple[str, ...]:
    """What accounts for it in the catalogue, which goes from sidecars to ambient: a way back is read from its end."""
    return between(other, one) if _sidecars(other) > _sidecars(one) else between(one, other)


def _sidecars(decision: Decision) -> int:
    """How many are met on the likeliest way, and how few proxies of ambient."""
    return sum((hop.proxy in _OF_PODS) - (hop.proxy in _OF_AMBIENT) for hop in decision.path)


def _side(decision: Decision, index: MeshIndex) -> Side:
    report = state_report("", decision, index.settings.bundle)
    path = tuple(f"{hop.proxy} of {hop.at} ({hop.mode})" for hop in report.path)
    return Side(report.verdict, report.shape, report.why, path)

"""Whether packets did what was foretold. Pure.

A decision allows several ends where it knows several ways. Each answer must be one of them, and of a request that is
asked again and again each of them must be met.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from sidestep.demo.scene import Scene
from sidestep.demo.words import AUTHORIZER, SHOP
from sidestep.lab.agent.messages import Outcome
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.decisions import Branch, Decision, Shape, Verdict
from sidestep.semantics.hops.forwarded import XFCC

_CODES = {
    Shape.UNAUTHORIZED: 401,
    Shape.FORBIDDEN: 403,
    Shape.NOT_FOUND: 404,
    Shape.ERROR: 500,
    Shape.BAD_GATEWAY: 502,
    Shape.UNAVAILABLE: 503,
}
_KINDS = {Shape.RESET: ("reset", "closed"), Shape.CLOSED: ("closed", "reset"), Shape.HANG: ("timeout",)}
_SERVED = ("ok", "http-", "grpc-")
"""How kinds of outcomes begin in which somebody answered."""
_URI = re.compile(r"(?:URI|By)=([^;,]+)")
_UNSTEADY = 2
_STARTED = ("SIMPLE", "MUTUAL")
"""Modes of a DestinationRule."""


class End(Struct, frozen=True):
    """How a request ends: at a workload, or refused in some shape; neither where it reaches what is no workload."""

    workload: str = ""
    shape: Shape = Shape.NONE

    @property
    def refused(self) -> bool:
        """Whether it does not arrive."""
        return self.shape is not Shape.NONE


def disagreements(scene: Scene, decision: Decision, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """In which ways what was seen is not what was foretold; none where it is.

    Args:
        scene: what is shown.
        decision: what was foretold.
        outcomes: what became of the request, each time.
    """
    if decision.verdict is Verdict.UNKNOWN and len(decision.branches) == 1:
        return
    if scene.retries:
        yield from _of_retries(decision, outcomes)
        return
    if scene.secured:
        yield from _of_tls(decision, outcomes)
        return
    ends = [_end(each) for each in decision.branches]
    for each in outcomes:
        if not any(_is(each, end) for end in ends):
            yield f"{word(each)} was not foretold"
    for end in ends if len(outcomes) > 1 and not scene.sticks else ():
        if not any(_is(each, end) for each in outcomes):
            yield f"nobody met {end.workload or end.shape.value}, which was foretold"
    if scene.sticks:
        yield from _of_sticking(decision, outcomes)
    yield from _of_content(decision, outcomes)


def word(outcome: Outcome) -> str:
    """What became of a request, in a word or two."""
    if _arrived(outcome):
        code = f"{outcome.code} " if outcome.code >= 0 else "answered "
        return f"{code}by {_workload(outcome.pod)}"
    return str(outcome.code) if outcome.code >= 0 else outcome.kind


def words(outcomes: Sequence[Outcome]) -> str:
    """What became of all of them."""
    counted = Counter(map(word, outcomes))
    if len(counted) == 1:
        return next(iter(counted))
    return ", ".join(f"{number} times {each}" for each, number in sorted(counted.items()))


def _end(branch: Branch) -> End:
    if branch.verdict is not Verdict.ALLOW:
        return End(shape=branch.shape if branch.shape is not Shape.NONE else Shape.RESET)
    return End(_name(branch.destination) if branch.destination is not None else "")


def _is(outcome: Outcome, end: End) -> bool:
    if not end.refused:
        return _arrived(outcome) and end.workload in ("", _workload(outcome.pod))
    return not _arrived(outcome) and (
        outcome.code == _CODES.get(end.shape) or outcome.kind in _KINDS.get(end.shape, ())
    )


def _arrived(outcome: Outcome) -> bool:
    """Whether a workload answered: what an authorizer says, the proxy hands on in its own name."""
    authorizer = outcome.pod.startswith(f"{SHOP}/{AUTHORIZER}-")
    return bool(outcome.pod) and not authorizer and outcome.kind.startswith(_SERVED)


def _of_retries(decision: Decision, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Whether failures of the application reach the client."""
    retried = decision.route is not None and decision.route.retries is not None and decision.route.retries.attempts > 0
    failed = sum(not each.ok for each in outcomes)
    if retried and failed:
        yield f"{failed} failures reached the client, though they are tried again"
    if not retried and not failed:
        yield "no failure reached the client, though none is tried again"


def _of_tls(decision: Decision, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Whether a proxy started TLS, which the application that asks did not."""
    started = starts_tls(decision)
    arrived = all(map(_arrived, outcomes))
    if started and not arrived:
        yield "the server was not reached, though a proxy starts TLS"
    if not started and arrived:
        yield "the server was reached by TLS, though nobody starts it"


def starts_tls(decision: Decision) -> bool:
    """Whether a proxy is foretold to start TLS that is not the mesh's own."""
    route = decision.branches[0].route
    return route is not None and route.tls in _STARTED


def _of_sticking(decision: Decision, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Whether one pod answers all."""
    hashed = decision.route is not None and any("consistentHash" in str(each) for each in decision.route.traffic_policy)
    pods = {each.pod for each in outcomes}
    if hashed and len(pods) > 1:
        yield f"{len(pods)} pods answered, though one user's requests go to one"
    if not hashed and len(pods) < _UNSTEADY:
        yield "one pod answered all, though nobody keeps a user's requests together"


def _of_content(decision: Decision, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Whether the application got what was foretold: path and headers."""
    delivered = decision.branches[0].delivered
    if delivered is None or len(decision.branches) > 1:
        return
    for told in filter(None, map(told_by, outcomes)):
        if told["path"] != delivered.path:
            yield f"the application got path {told['path']}, not {delivered.path}"
        got = headers_of(told)
        for name in {XFCC, *delivered.headers}:
            if not _same(name, got.get(name), delivered.headers.get(name)):
                yield f"the application got {name}: {got.get(name)}, not {delivered.headers.get(name)}"


def told_by(outcome: Outcome) -> Mapping[str, object] | None:
    """What the application says that it got; None where it says nothing."""
    try:
        told = json.loads(outcome.body)
    except ValueError:
        return None
    return told if isinstance(told, dict) and "path" in told and "headers" in told else None


def headers_of(told: Mapping[str, object]) -> dict[str, str]:
    """Headers that an application got, by lower-case name."""
    listed = told["headers"]
    return {str(name).lower(): str(value) for name, value in listed} if isinstance(listed, list) else {}


def _same(name: str, got: str | None, foretold: str | None) -> bool:
    """Of certificates the names count; the rest is the proxy's own."""
    if name != XFCC or got is None or foretold is None:
        return got == foretold
    return set(_URI.findall(got)) == set(_URI.findall(foretold))


def _name(workload: WorkloadRef) -> str:
    return f"{workload.namespace}/{workload.name}"


def _workload(pod: str) -> str:
    """Of a Deployment's pod: its name ends in two parts of chance."""
    return pod.rsplit("-", 2)[0]

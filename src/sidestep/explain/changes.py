"""What differs between two decisions about one request: the verdict, what the catalogue says of it, what is seen."""

from collections.abc import Iterator

from sidestep.explain.differences import between
from sidestep.explain.explanation import DifferenceReport
from sidestep.explain.words import verdict_words
from sidestep.semantics.authorization.trust import Bundle
from sidestep.semantics.decisions import Decision, Hop, Shape, Verdict
from sidestep.semantics.differences.catalogue import BY_CODE

_OPEN, _CLOSED, _ROUTE, _OBSERVED = "open", "closed", "route", "observed"


def changes(before: Decision, after: Decision, bundle: Bundle) -> tuple[DifferenceReport, ...]:
    """All of them; only what no code of the catalogue accounts for is told by what is seen on the way."""
    codes = between(before, after)
    seen = () if codes else (*_on_the_way(before, after), *_at_the_end(before.path[-1], after.path[-1]))
    return (*_verdict(before, after, bundle), *map(_of_catalogue, codes), *seen)


def _verdict(before: Decision, after: Decision, bundle: Bundle) -> Iterator[DifferenceReport]:
    if before.verdict is not after.verdict:
        text = f"{_said(before.verdict)} before, {_said(after.verdict)} after: {verdict_words(after, bundle)}"
        yield _told(_direction(before.verdict, after.verdict), text)
    elif before.shape is not after.shape:
        yield _told(_OBSERVED, f"the client sees {_shaped(before.shape)} before, {_shaped(after.shape)} after")
    elif before.verdict is Verdict.ALLOW and _ends(before) != _ends(after):
        yield _told(_ROUTE, f"it ends at {_listed(_ends(before))} before, at {_listed(_ends(after))} after")


def _of_catalogue(code: str) -> DifferenceReport:
    known = BY_CODE[code]
    return DifferenceReport(code, known.direction.value, f"{known.title}: {known.after}", known.page)


def _on_the_way(before: Decision, after: Decision) -> Iterator[DifferenceReport]:
    if _stops(before) != _stops(after):
        yield _told(_OBSERVED, f"it passes {_listed(_stops(before))} before, {_listed(_stops(after))} after")


def _at_the_end(before: Hop, after: Hop) -> Iterator[DifferenceReport]:
    """What the last stop sees of the peer."""
    if before.at != after.at:
        return
    if before.transport is not after.transport:
        yield _told(_OBSERVED, f"it arrives by {before.transport} before, by {after.transport} after")
    if before.identity != after.identity:
        who, then = before.identity or "nobody (plaintext)", after.identity or "nobody (plaintext)"
        yield _told(_OBSERVED, f"{before.at} sees {who} as its peer before, {then} after")


def _told(direction: str, text: str) -> DifferenceReport:
    return DifferenceReport("", direction, text)


def _direction(before: Verdict, after: Verdict) -> str:
    if after is Verdict.ALLOW:
        return _OPEN
    return _CLOSED if before is Verdict.ALLOW else _OBSERVED


def _said(verdict: Verdict) -> str:
    words = {Verdict.ALLOW: "allowed", Verdict.DENY: "denied", Verdict.UNREACHABLE: "unreachable"}
    return words.get(verdict, "it cannot be told")


def _shaped(shape: Shape) -> str:
    return shape.value or "an answer of the server"


def _ends(decision: Decision) -> tuple[str, ...]:
    return tuple(sorted({str(branch.destination) for branch in decision.branches if branch.destination}))


def _stops(decision: Decision) -> tuple[str, ...]:
    return tuple(f"{hop.proxy} ({hop.at})" for hop in decision.path)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nowhere"

"""What counts of a decision when two are compared: whether it is admitted, where it ends and how it gets there."""

from msgspec import Struct

from sidestep.semantics.decisions import Branch, Decision, Verdict
from sidestep.semantics.routing.route import RouteSource

_PLAIN = (RouteSource.DEFAULT, RouteSource.PASSTHROUGH)
_PLACES = 3


class Outcome(Struct, frozen=True):
    """A decision, stripped of what does not matter.

    Attributes:
        admitted: whether the request arrives.
        where: destinations with their shares, and what routes do to the request.
        shape: of a refusal.
        unknown: it cannot be told.
        reason: why not.
    """

    admitted: bool
    where: tuple[object, ...] = ()
    shape: str = ""
    unknown: bool = False
    reason: str = ""


def outcome(decision: Decision) -> Outcome:
    """The outcome of a decision."""
    if decision.verdict is Verdict.UNKNOWN:
        reason = decision.unknowns[0].reason if decision.unknowns else "it cannot be told"
        return Outcome(False, unknown=True, reason=reason)
    if decision.verdict is not Verdict.ALLOW:
        return Outcome(False, shape=decision.shape.value)
    return Outcome(True, tuple(sorted({_where(branch) for branch in decision.branches}, key=repr)))


def _where(branch: Branch) -> tuple[object, ...]:
    place = str(branch.destination or branch.path[-1].at)
    route = branch.route
    if route is None or route.source in _PLAIN:
        return place, round(branch.weight, _PLACES)
    edits = (route.request_edits, route.response_edits, route.mirrors, route.faults, route.cors)
    return (
        place,
        round(branch.weight, _PLACES),
        route.rewrite_path,
        route.rewrite_host,
        route.timeout,
        route.retries,
        edits,
        route.answer,
    )

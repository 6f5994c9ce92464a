"""What a case is, and the facts of a decision that cases state."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from tests.support import scenes

from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Check, Decision, Proxy, Shape, Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.requests import Http, Request

Object = dict[str, Any]


class Expected(Struct, frozen=True):
    """What a decision must be.

    Attributes:
        verdict: of the decision.
        shape: of a refusal.
        by: name of the object that decided, or that the route came from; empty where none did.
        path: proxies on the way.
        facts: more of it, by the names of `fact`.
    """

    verdict: Verdict
    shape: Shape
    by: str
    path: tuple[Proxy, ...]
    facts: Mapping[str, object] = {}


class Case(Struct, frozen=True):
    """One request in two meshes.

    Attributes:
        code: of the difference.
        name: of the case, in a few words.
        before: objects of the mesh with sidecars.
        after: objects of the mesh in ambient.
        request: asked in both.
        expected_before: what becomes of it.
        expected_after: likewise.
        version: of Istio.
    """

    code: str
    name: str
    before: tuple[Object, ...]
    after: tuple[Object, ...]
    request: Request
    expected_before: Expected
    expected_after: Expected
    version: str = "1.30"

    def index(self, objects: tuple[Object, ...]) -> MeshIndex:
        return scenes.index(*objects, version=self.version)

    def decisions(self) -> tuple[Decision, Decision]:
        before, after = (decide(self.index(objects), self.request) for objects in (self.before, self.after))
        return before, after


def flat(*objects: Object | list[Object]) -> tuple[Object, ...]:
    return tuple(each for group in objects for each in (group if isinstance(group, list) else [group]))


def told(decision: Decision, names: Mapping[str, object] = {}) -> Expected:
    """A decision as cases state it."""
    path = tuple(hop.proxy for hop in decision.path)
    return Expected(
        decision.verdict, decision.shape, decided_by(decision), path, {name: fact(decision, name) for name in names}
    )


def decided_by(decision: Decision) -> str:
    checks = [check for hop in decision.path for check in hop.checks]
    refused = next((check for check in checks if check.verdict is not Verdict.ALLOW), None)
    if refused is not None:
        return _name(refused)
    named = next((name for check in reversed(checks) if (name := _name(check))), "")
    return named or (decision.route.object.name if decision.route and decision.route.object else "")


def fact(decision: Decision, name: str) -> object:
    """One fact of a decision: by name from the table, or an attribute of the last hop."""
    read = _FACTS.get(name)
    return read(decision) if read else getattr(decision.path[-1], name)


def _backends(decision: Decision) -> tuple[str, ...]:
    backends = decision.route.backends if decision.route else ()
    return tuple(f"{each.host.partition('.')[0]}/{each.subset}".rstrip("/") for each in backends)


def _marked(decision: Decision, what: str) -> tuple[str, ...]:
    outcomes = [check.outcome for check in decision.path[-1].checks if check.outcome]
    return tuple(policy.id.name for outcome in outcomes for policy in getattr(outcome, what))


def _checks(decision: Decision) -> list[Check]:
    return [check for hop in decision.path for check in hop.checks]


def _lost(decision: Decision) -> tuple[str, ...]:
    check = decision.branches[0].decider
    return check.authorization.lost if check and check.authorization else ()


def _delivered(decision: Decision) -> Http | None:
    return decision.branches[0].delivered


_FACTS: dict[str, Callable[[Decision], object]] = {
    "backends": _backends,
    "path": lambda decision: found.path if (found := _delivered(decision)) else None,
    "headers": lambda decision: dict(found.headers) if (found := _delivered(decision)) else {},
    "bypass": lambda decision: next((check.bypass for check in _checks(decision) if check.bypass), None),
    "lost": _lost,
    "shadowed": lambda decision: _marked(decision, "shadowed"),
    "audited": lambda decision: _marked(decision, "audited"),
    "ways": lambda decision: {str(each.destination): each.verdict.value for each in decision.branches},
    "destination": lambda decision: found.name if (found := decision.branches[0].destination) else "",
    "retries": lambda decision: decision.route.retries.attempts if decision.route and decision.route.retries else 0,
    "settings": lambda decision: decision.route.traffic_policy if decision.route else (),
    "tls": lambda decision: next((check.reason for check in _checks(decision) if "TLS" in check.reason), ""),
}


def _name(check: Check) -> str:
    if check.object is not None:
        return check.object.name
    return check.authorization.name if check.authorization else ""

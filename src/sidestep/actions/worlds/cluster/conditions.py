"""What is missing until istiod has taken what it was given, by the conditions that it writes. Pure.

Source: istio-semantics.md §2 (acceptance of a waypoint, `istio.io/WaypointBound`) and §3.5 (statuses of policies: the
reason counts, not the status).
"""

from typing import Any

from sidestep.actions.worlds.interface import Tree
from sidestep.actions.worlds.looks import condition_misses
from sidestep.model.kinds import KINDS
from sidestep.model.metadata import ObjectId
from sidestep.semantics.loose import as_dict, as_dicts, as_text

BOUND = "istio.io/WaypointBound"
_ACCEPTANCES = frozenset({"WaypointAccepted", "ZtunnelAccepted"})
_ACCEPTED = "Accepted"
_API_VERSIONS = {kind.name: kind.api_version() for kind in reversed(KINDS)}


def named(kind: str, namespace: str, name: str) -> ObjectId:
    """An object by its kind alone, in the version that we prefer."""
    return ObjectId(_API_VERSIONS.get(kind, "v1"), kind, namespace, name)


def waypoint_misses(gateway: Tree | None) -> str:
    """What is missing until a waypoint is ready: istiod binds nothing to one without an address."""
    missing = condition_misses(gateway, "Programmed")
    if missing or gateway is None:
        return missing
    return "" if as_dict(gateway.get("status")).get("addresses") else "it has no address yet"


def binding_misses(service: Tree | None) -> str:
    """What is missing until calls to a service go through its waypoint."""
    if service is None:
        return "it is absent"
    found = _condition(service, BOUND)
    if found is None:
        return f"istiod has not said {BOUND} of it; is PILOT_ENABLE_AMBIENT on?"
    if found.get("status") == "True":
        return ""
    return f"istiod does not bind it: {_said(found)}"


def acceptance_misses(policy: Tree | None) -> str:
    """What is missing until a policy is wholly enforced where it is to be."""
    if policy is None:
        return "it is absent"
    rows = [row for row in _conditions(policy) if row.get("type") in _ACCEPTANCES]
    if not rows:
        return "neither ztunnel nor a waypoint has taken it yet"
    return next((f"it is not wholly taken: {_said(row)}" for row in rows if row.get("reason") != _ACCEPTED), "")


def _condition(tree: Tree, kind: str) -> dict[str, Any] | None:
    return next((row for row in _conditions(tree) if row.get("type") == kind), None)


def _conditions(tree: Tree) -> list[dict[str, Any]]:
    return as_dicts(as_dict(tree.get("status")).get("conditions"))


def _said(condition: dict[str, Any]) -> str:
    message, reason = as_text(condition.get("message")), as_text(condition.get("reason"))
    return f"{reason}: {message}" if message else reason

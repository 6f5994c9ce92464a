"""Whether proxies have taken what an object says: what is missing, in words; empty for nothing."""

from sidestep.controlplane.ads.plane import Plane
from sidestep.controlplane.registry.objects import Ref
from sidestep.controlplane.registry.registry import Registry
from sidestep.model.kinds import AUTHORIZATION_POLICY, SERVICE, SERVICE_ENTRY
from sidestep.semantics.authorization.parse import target_refs
from sidestep.semantics.trees import MalformedError

_SERVED = (SERVICE.name, SERVICE_ENTRY.name)
_UNSETTLED = "proxies have not yet taken the last change"


def missing(registry: Registry, plane: Plane, kind: str, ref: Ref) -> str:
    """What is missing until calls to a service pass its waypoint, or until a policy counts wherever it is to.

    Args:
        registry: what is known of objects.
        plane: what proxies are told.
        kind: of the object, as it names it.
        ref: the object.
    """
    if not plane.settled:
        return _UNSETTLED
    if kind in _SERVED:
        return _unbound(plane, ref)
    if ref in registry.withheld and not _is_attached(plane, ref):
        return f"node proxies are not sent it: {registry.withheld[ref]}"
    opening = f"{kind} {ref.namespace}/{ref.name}: "
    return next((each.removeprefix(opening) for each in plane.remarks() if each.startswith(opening)), "")


def _is_attached(plane: Plane, ref: Ref) -> bool:
    """Whether it is a policy for waypoints and gateways, which node proxies are not sent."""
    policy = plane.index.mesh().mesh.find(AUTHORIZATION_POLICY, ref.namespace, ref.name)
    try:
        return policy is not None and bool(target_refs(policy.view.spec or {}))
    except MalformedError:
        return False


def _unbound(plane: Plane, ref: Ref) -> str:
    found = [each for each in plane.index.services.values() if (each.namespace, each.name) == (ref.namespace, ref.name)]
    if not found:
        return "no proxy knows of it"
    return "" if all(each.waypoint is not None for each in found) else "no waypoint is told for it"

"""What rewrites may look at, by a plan: who moves, and which services will be behind which waypoint."""

from collections.abc import Iterable

from sidestep.convert.rewrite import Context, Waypoint
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.document import Fate, Plan
from sidestep.plan.waypoints.placement import PlacedWaypoint
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.versions import IstioVersion
from sidestep.semantics.waypoints import BindingState

_ENDS_AMBIENT = (Fate.AMBIENT, Fate.WAYPOINT)
_BOUND = (BindingState.ACCEPTED, BindingState.NOT_READY, BindingState.UNDECIDED)
"""Bindings to a Gateway that is there; of manifests nobody can tell whether it is ready."""


def context_of(
    plan: Plan,
    index: MeshIndex,
    target: IstioVersion,
    *,
    experimental: bool | None = None,
    restrict_egress: bool = False,
) -> Context:
    """The context of a conversion.

    Args:
        plan: that decides.
        index: the mesh that the plan was made of.
        target: the Istio that will read the result.
        experimental: whether the Gateway API's experimental channel is served; None for what the mesh tells.
        restrict_egress: NetworkPolicies are to hold what Sidecars scope.
    """
    waypoints = waypoints_of(plan.waypoints, index)
    return Context(index, waypoints, moving_of(plan), target, experimental, restrict_egress)


def waypoints_of(placed: Iterable[PlacedWaypoint], index: MeshIndex) -> dict[str, Waypoint]:
    """The waypoint of each service, by full name: what a plan wants, and where services are bound already."""
    wanted = {name: Waypoint(each.namespace, each.name) for each in placed for name in each.services}
    found: dict[str, Waypoint] = {}
    for host, service in sorted(index.services.by_host.items()):
        binding = index.waypoint_of(service)
        planned = wanted.get((service.namespace, service.name))
        if planned is not None:
            found[host] = planned
        elif binding is not None and binding.state in _BOUND:
            found[host] = Waypoint(binding.namespace, binding.name)
    return found


def moving_of(plan: Plan) -> frozenset[WorkloadRef]:
    """The workloads that lose their sidecar."""
    return frozenset(each.workload for each in plan.workloads if each.wave is not None and each.fate in _ENDS_AMBIENT)

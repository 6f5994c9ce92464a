"""What is missing until a condition holds, or a workload is rolled out: the same in every world that has pods.

A world says what only it can know: which pods there are, and who has taken what of an object.
"""

from typing import Protocol, assert_never

from sidestep.actions.worlds import looks
from sidestep.actions.worlds.cluster.conditions import named
from sidestep.actions.worlds.effects import controller
from sidestep.actions.worlds.interface import Found, Tree
from sidestep.actions.worlds.rollouts import rollout_misses
from sidestep.errors import WorldError
from sidestep.model.kinds import AUTHORIZATION_POLICY, DAEMON_SET, GATEWAY, NAMESPACE, POD, SERVICE
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Wait, WaitFor


class Sight(Protocol):
    """What a world sees."""

    def read(self, named: ObjectId) -> Found:
        """An object as it stands."""

    def pods(self, namespace: str, chosen: looks.Selector | None) -> list[Tree]:
        """Pods of a namespace: those that a selector finds at least, or all."""

    def waypoint_misses(self, named: ObjectId) -> str:
        """What is missing until a waypoint serves."""

    def binding_misses(self, named: ObjectId) -> str:
        """What is missing until calls to a service go through its waypoint."""

    def acceptance_misses(self, named: ObjectId) -> str:
        """What is missing until a policy is enforced wherever it is to be."""


def rolled_out(sight: Sight, workload: WorkloadRef) -> str:
    """What is missing until all pods of a workload are new and ready, by its controller's status."""
    return "" if workload.kind == POD.name else rollout_misses(sight.read(controller(workload)).tree)


def held_up_by(sight: Sight, workload: WorkloadRef) -> str:
    """Why a pod of a workload does not come up; empty where nothing is said of any."""
    return looks.complaint(_pods(sight, workload.kind, workload.namespace, workload.name))


def missing(sight: Sight, wait: Wait) -> str:
    """What is missing until a condition holds; empty for nothing.

    Raises:
        WorldError: there is nobody of whom it could be told, or it is about a repository.
    """
    kind, namespace, name = looks.subject(wait.subject)
    match wait.what:
        case WaitFor.WAYPOINT_READY:
            return sight.waypoint_misses(ObjectId(GATEWAY.api_version(), GATEWAY.name, namespace, name))
        case WaitFor.WAYPOINT_BOUND:
            return sight.binding_misses(named(kind or SERVICE.name, namespace, name))
        case WaitFor.POLICY_ACCEPTED:
            return sight.acceptance_misses(named(kind or AUTHORIZATION_POLICY.name, namespace, name))
        case WaitFor.ROLLED_OUT:
            left = rolled_out(sight, WorkloadRef(namespace, kind, name))
            return left or looks.leaving_misses(() if kind == POD.name else _pods(sight, kind, namespace, name))
        case WaitFor.DAEMONSETS_READY:
            return rolled_out(sight, WorkloadRef(namespace, kind or DAEMON_SET.name, name))
        case WaitFor.CAPTURED:
            return looks.capture_misses(_pods(sight, kind, namespace, name))
        case WaitFor.SIDECARS_GONE:
            return looks.sidecar_misses(_pods(sight, kind, namespace, name))
        case WaitFor.PREPARED:
            return ""
        case WaitFor.CONVERGED:
            raise WorldError("nothing here follows a repository", where=wait.subject, remedy="use --gitops")
        case _:
            assert_never(wait.what)


def _pods(sight: Sight, kind: str, namespace: str, name: str) -> list[Tree]:
    """Those of a workload, or of a namespace."""
    if not kind or kind == NAMESPACE.name:
        return sight.pods(namespace or name, None)
    if kind == POD.name:
        found = sight.read(ObjectId("v1", POD.name, namespace, name)).tree
        return [found] if found is not None else []
    owner = sight.read(controller(WorkloadRef(namespace, kind, name))).tree
    if owner is None:
        raise WorldError("it is absent", where=f"{kind} {namespace}/{name}")
    chosen = looks.selector(owner)
    return [] if chosen.is_empty else looks.selected(sight.pods(namespace, chosen), owner)

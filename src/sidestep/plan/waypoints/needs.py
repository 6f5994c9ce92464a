"""What is asked of the placement: services that need a waypoint, and what the caller decided."""

from enum import StrEnum

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.plan.waypoints.coefficients import Coefficients
from sidestep.plan.waypoints.demand import ServiceLoad
from sidestep.plan.waypoints.existing import ExistingWaypoint, ObjectName
from sidestep.plan.waypoints.policy import SizingPolicy


class Scope(StrEnum):
    """How widely a waypoint is shared.

    `AUTO`: within a namespace, whichever of the next two costs less. `NAMESPACE`: by the services of a namespace.
    `SERVICE`: by nobody. `SHARED`: by namespaces too, from a namespace of its own.
    """

    AUTO = "auto"
    NAMESPACE = "namespace"
    SERVICE = "service"
    SHARED = "shared"


class WaypointNeed(Struct, frozen=True, rename="camel"):
    """A service that needs a waypoint.

    Attributes:
        load: what it brings; names it too.
        owner: the value of the label that says whose it is; empty where it has none.
        custom_authorization: an AuthorizationPolicy with action CUSTOM guards it: each of its requests waits for an
            external authorizer.
        workloads: its waypoint must also take what is addressed to pods, not to the Service.
    """

    load: ServiceLoad
    owner: str = ""
    custom_authorization: bool = False
    workloads: bool = False

    @property
    def key(self) -> ObjectName:
        """Namespace and name."""
        return self.load.namespace, self.load.name


class Terms(Struct, frozen=True, rename="camel"):
    """What the caller decided, and what the mesh has already.

    Attributes:
        coefficients: what load takes.
        sizing: how waypoints are sized.
        max_services: most services behind one waypoint: those that one failure touches.
        max_requests_per_second: most requests behind one waypoint that several services share, at the peak.
        dominant_share: a service with more than this share of its namespace's requests gets its own.
        dominant_requests_per_second: but not where it has fewer requests than this.
        shared_namespace: where waypoints for several namespaces stand.
        existing: waypoints that the mesh has.
        taken: names that a new waypoint cannot have, see `existing.taken_names`.
    """

    coefficients: Coefficients = Coefficients()
    sizing: SizingPolicy = SizingPolicy()
    max_services: int = 50
    max_requests_per_second: float = 10_000.0
    dominant_share: float = 0.6
    dominant_requests_per_second: float = 100.0
    shared_namespace: str = "istio-waypoints"
    existing: tuple[ExistingWaypoint, ...] = ()
    taken: frozenset[ObjectName] = frozenset()


def check(terms: Terms) -> None:
    """Refuse terms that cannot be met."""
    wrong = []
    if terms.max_services < 1:
        wrong.append("max_services must be at least 1")
    if not terms.max_requests_per_second > 0:
        wrong.append("max_requests_per_second must be above 0")
    if not 0 < terms.dominant_share <= 1:
        wrong.append("dominant_share must be above 0 and at most 1")
    if wrong:
        raise UsageError(
            "; ".join(wrong), where="placement of waypoints", remedy="correct the value, or leave the default"
        )

"""What each wave saves: the sidecars that are gone against ztunnel and waypoints that came.

Method: docs/cost.md. Requested figures, because they are what a cluster pays for; per month of 730 hours.
"""

from collections.abc import Mapping

from msgspec import Struct

from sidestep.audit.cost.cost import Costs
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.document import Money
from sidestep.plan.waypoints.placement import PlacedWaypoint


class Ledger(Struct, frozen=True):
    """Prices per month.

    Attributes:
        sidecars: by workload.
        agents: ztunnel and istio-cni on every node; None where no nodes were read.
        waypoints: all that are planned.
        currency: of all of it.
    """

    sidecars: Mapping[WorkloadRef, float]
    agents: float | None
    waypoints: float
    currency: str

    @property
    def today(self) -> float:
        """What the sidecars request now."""
        return sum(self.sidecars.values())

    def after(self, moved: frozenset[WorkloadRef]) -> Money:
        """Once some workloads moved; agents and waypoints are paid from the beginning."""
        left = sum(price for ref, price in self.sidecars.items() if ref not in moved)
        if self.agents is None:
            return Money(round(left, 2))
        ambient = self.agents + self.waypoints
        return Money(round(left, 2), round(ambient, 2), round(self.today - left - ambient, 2))


def ledger(costs: Costs, placed: tuple[PlacedWaypoint, ...]) -> Ledger:
    """The prices of a mesh and a choice of waypoints."""
    return Ledger(
        {ref: price.requested for ref, price in costs.workloads.items() if price.requested},
        costs.ambient.monthly.floor,
        sum(each.price.monthly for each in placed),
        costs.prices.currency,
    )

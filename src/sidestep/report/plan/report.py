"""What the formats of a plan are made of."""

from msgspec import Struct

from sidestep.model.call_graph import CallGraph
from sidestep.plan.document import Plan


class PlanReport(Struct, frozen=True):
    """A plan with what is drawn beside it.

    Attributes:
        plan: the plan.
        graph: who calls whom; empty where nobody knows.
    """

    plan: Plan
    graph: CallGraph = CallGraph()

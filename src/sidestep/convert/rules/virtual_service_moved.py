"""SID332: a VirtualService that must stay one moves to where the waypoint reads it.

Source: istio-semantics.md §4.3, D38: a waypoint reads those of its own namespace and of the service's.
"""

from typing import Any

from sidestep.convert.objects import added
from sidestep.convert.rewrite import Context, Rewritten, Rule
from sidestep.convert.routes.leaving import leaves
from sidestep.convert.routes.moved import CODE, moved
from sidestep.convert.routes.plans import Verdict, plan_of
from sidestep.convert.routes.survey import survey
from sidestep.model.resource import Resource


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    found = survey(context)
    plan = plan_of(found, resource)
    if plan.verdict is not Verdict.MOVED:
        return Rewritten()
    tree = moved(found, resource, plan)
    return Rewritten((*added(context, (tree,), resource.id, CODE), *leaves(resource, plan, CODE, moved=True)))


RULE = Rule(CODE, "virtual-service-moved", "A VirtualService moves to its service", ("VirtualService",), _rewrite)

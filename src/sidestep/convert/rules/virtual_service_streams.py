"""SID331: rules on connections of VirtualServices become TCPRoutes and TLSRoutes of the services that they are about.

Source: istio-semantics.md §4.3.
"""

from typing import Any

from sidestep.convert.objects import added
from sidestep.convert.rewrite import Context, Rewritten, Rule
from sidestep.convert.routes.leaving import leaves
from sidestep.convert.routes.plans import plan_of
from sidestep.convert.routes.stream_plan import CODE
from sidestep.convert.routes.survey import survey
from sidestep.convert.rules.virtual_service_http import is_about_http
from sidestep.model.resource import Resource

_OWN = ("spec.tcp", "spec.tls")


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    plan = plan_of(survey(context), resource)
    owns = not is_about_http(resource)
    losses = [each.loss(resource.id, CODE) for each in plan.losses if owns or each.field.startswith(_OWN)]
    changes = added(context, plan.streams, resource.id, CODE)
    return Rewritten((*changes, *(leaves(resource, plan, CODE) if owns else ())), tuple(losses))


RULE = Rule(CODE, "stream-routes", "Rules on connections become TCPRoutes and TLSRoutes", ("VirtualService",), _rewrite)

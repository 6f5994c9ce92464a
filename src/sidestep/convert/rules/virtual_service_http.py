"""SID330: HTTP rules of VirtualServices become HTTPRoutes and GRPCRoutes of the services that they are about.

Source: istio-semantics.md §4.3. A VirtualService with something that no route can say stays whole, where the waypoint
reads it; the route is there before it goes, and says the same to sidecars.
"""

from typing import Any

from sidestep.convert.objects import added
from sidestep.convert.rewrite import Context, Rewritten, Rule
from sidestep.convert.routes.http_plan import CODE
from sidestep.convert.routes.leaving import delegate_leaves, leaves
from sidestep.convert.routes.plans import plan_of
from sidestep.convert.routes.survey import survey
from sidestep.model.resource import Resource

_OTHERS = ("spec.tcp", "spec.tls")


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    found = survey(context)
    if (resource.meta.namespace, resource.meta.name) in found.delegates:
        return Rewritten(delegate_leaves(found, resource, CODE))
    plan = plan_of(found, resource)
    owns = is_about_http(resource)
    losses = [each.loss(resource.id, CODE) for each in plan.losses if owns and not each.field.startswith(_OTHERS)]
    changes = added(context, plan.http, resource.id, CODE)
    return Rewritten((*changes, *(leaves(resource, plan, CODE) if owns else ())), tuple(losses))


def is_about_http(resource: Resource[Any]) -> bool:
    """Whether it says anything of HTTP; if not, it is the business of `virtual_service_streams`."""
    spec = resource.view.spec or {}
    return bool(spec.get("http")) or not (spec.get("tcp") or spec.get("tls"))


RULE = Rule(CODE, "http-routes", "HTTP rules become HTTPRoutes and GRPCRoutes", ("VirtualService",), _rewrite)

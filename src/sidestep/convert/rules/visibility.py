"""SID335: what was hidden from clients of other namespaces is not hidden from ztunnel.

Source: istio-semantics.md D48. A client's sidecar does not know what is not exported to it, and sends plaintext there.
"""

from typing import Any

from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity
from sidestep.convert.routes.survey import survey
from sidestep.model.resource import Resource
from sidestep.semantics.routing.exports import PUBLIC, exports, visible
from sidestep.semantics.service_index import EXPORT_TO, Service

CODE = "SID335"


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    """Nothing is written: no object hides a name from ztunnel."""
    services = survey(context).services_of.get(str(resource.id), ())
    if not services:
        return Rewritten()
    seen = exports(services[0].export_to, context.index.settings.routing.service_export_to, services[0].namespace)
    if PUBLIC in seen or not context.moving:
        return Rewritten()
    spaces = [space for space in context.moving_in if not visible(seen, space)]
    names = ", ".join(spaces[:3]) + (f" and {len(spaces) - 3} more" if len(spaces) > 3 else "")
    return Rewritten((), (_loss(resource, services[0], names or "namespaces that may come"),))


def _loss(resource: Resource[Any], service: Service, names: str) -> Loss:
    own = "spec.exportTo" if resource.kind == "ServiceEntry" else f"metadata.annotations[{EXPORT_TO}]"
    return Loss(
        resource.id, own if service.export_to else "", f"clients in {names} sent it plaintext, or nothing",
        "ztunnel knows every Service, whatever it is exported to: they come with mTLS and their names (D48)",
        "say by AuthorizationPolicy who may call it", Severity.SECURITY, CODE,
    )  # fmt: skip


RULE = Rule(CODE, "visibility", "Names that are not exported", ("Service", "ServiceEntry"), _rewrite)

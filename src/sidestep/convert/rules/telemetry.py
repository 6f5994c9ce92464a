"""SID305: Telemetry of pods gets a twin for each service's waypoint: ztunnel has its own metrics and logs.

Source: istio-semantics.md §4.4 (Telemetry), §6.1 (o). A waypoint reads what is attached to it, what holds for its own
namespace, and what holds for the mesh.
"""

from collections.abc import Iterator
from typing import Any

from sidestep.convert.objects import added, removed, spec_of
from sidestep.convert.policies.copies import untold
from sidestep.convert.policies.readers import Readers, names_of, readers
from sidestep.convert.policies.twins import attached, twin_name
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity, Tree
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.service_index import Service

CODE = "SID305"


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    spec = spec_of(resource)
    found = readers(context, resource)
    if "targetRefs" in spec or "targetRef" in spec or not found.ambient:
        return Rewritten()
    own = {key: value for key, value in spec.items() if key != "selector"}
    mesh = context.index.mesh
    twins = [
        attached(resource, service, own, name=twin_name(mesh, resource, service), rule=CODE)
        for service in untold(found, resource).values()
        if not _read_anyway(resource, service, context)
    ]
    gone = (removed(resource, CODE),) if "selector" in spec and found.covered else ()
    return Rewritten((*added(context, twins, resource.id, CODE), *gone), tuple(_losses(resource, found, spec)))


def _read_anyway(resource: Resource[Any], service: Service, context: Context) -> bool:
    """Whether a waypoint reads it without being told: it selects nobody, and is for its namespace or the mesh."""
    waypoint = context.waypoint_of(service)
    near = (context.index.settings.root_namespace, waypoint.namespace if waypoint else "")
    return "selector" not in spec_of(resource) and resource.meta.namespace in near


def _losses(resource: Resource[Any], found: Readers, spec: Tree) -> Iterator[Loss]:
    if found.bare:
        why = f"ztunnel has TCP metrics and logs of its own, and no waypoint is before {names_of(found.bare)}"
        did = "it configured metrics, logs and traces of sidecars"
        instead = "put a waypoint before their Service where HTTP is to be seen"
        yield Loss(resource.id, "spec", did, why, instead, Severity.OBSERVABILITY, CODE)
    for host in found.partial:
        did, why = f"it was for some of the pods behind {host} only", "its twin holds for all of them (D19)"
        instead = "give the pods that it is for a Service of their own"
        yield Loss(resource.id, "spec.selector", did, why, instead, Severity.OBSERVABILITY, CODE)
    for field, mode in _modes(spec):
        if mode == "CLIENT":
            why = "no sidecar stands at the client; what a waypoint sees it sees as a server"
            did = "it was about what the client's sidecar sees"
            instead = "state it for the services that are called"
            yield Loss(resource.id, f"spec.{field}", did, why, instead, Severity.OBSERVABILITY, CODE)


def _modes(spec: Tree) -> Iterator[tuple[str, str]]:
    """Whose view each part is about."""
    for part in ("tracing", "accessLogging"):
        for number, each in enumerate(as_dicts(spec.get(part))):
            yield f"{part}[{number}].match.mode", str(as_dict(each.get("match")).get("mode", ""))
    for number, each in enumerate(as_dicts(spec.get("metrics"))):
        for place, override in enumerate(as_dicts(each.get("overrides"))):
            field = f"metrics[{number}].overrides[{place}].match.mode"
            yield field, str(as_dict(override.get("match")).get("mode", ""))


RULE = Rule(CODE, "telemetry", "Telemetry of sidecars becomes that of waypoints", ("Telemetry",), _rewrite)

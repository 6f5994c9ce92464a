"""SID307: EnvoyFilters on sidecars are attached to a waypoint where its listeners have what they change.

Source: istio-semantics.md §4.4 (EnvoyFilter), D57: attached by targetRefs to a Gateway or GatewayClass since 1.27. A
waypoint patches its listeners as inbound ones; they have no ports to match, and all its services share them.
"""

from collections.abc import Iterator
from typing import Any

from sidestep.convert.objects import added, kind_of, made, removed, spec_of
from sidestep.convert.policies.readers import Readers, names_of, readers
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity, Tree, Waypoint
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.own_filters import only_measures
from sidestep.semantics.versions import Version

CODE = "SID307"
_SINCE = Version(1, 27)
_CONTEXTS = ("SIDECAR_INBOUND", "ANY", "")
_CARRIED = "HTTP_FILTER"


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    spec = spec_of(resource)
    found = readers(context, resource, "workloadSelector")
    if "targetRefs" in spec or not found.ambient or only_measures(spec):
        return Rewritten()
    waypoints = tuple(_whole(resource, found)) if context.target.version >= _SINCE else ()
    carried = [each for each in as_dicts(spec.get("configPatches")) if waypoints and _fits(each)]
    changes = added(context, [_attached(resource, each, carried) for each in waypoints if carried], resource.id, CODE)
    gone = (removed(resource, CODE),) if not found.others else ()
    return Rewritten((*changes, *gone), tuple(_losses(resource, found, waypoints)))


def _whole(resource: Resource[Any], found: Readers) -> Iterator[Waypoint]:
    """Waypoints of its namespace all of whose services it is for."""
    context = found.context
    for waypoint in sorted(set(context.waypoints.values())):
        hosts = {host for host, each in context.waypoints.items() if each == waypoint}
        near = waypoint.namespace == resource.meta.namespace
        if near and hosts <= set(found.services) and not hosts & set(found.partial):
            yield waypoint


def _fits(patch: Tree) -> bool:
    match = as_dict(patch.get("match"))
    context = str(match.get("context") or "")
    listener = as_dict(match.get("listener"))
    return (
        patch.get("applyTo") == _CARRIED
        and context in _CONTEXTS
        and "portNumber" not in listener
        and "name" not in listener
        and "cluster" not in match
    )


def _attached(resource: Resource[Any], waypoint: Waypoint, patches: list[Tree]) -> Tree:
    kind = kind_of(resource)
    version = kind.api_version() if kind else resource.api_version
    spec = {key: value for key, value in spec_of(resource).items() if key != "workloadSelector"}
    ref = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": waypoint.name}
    place = (resource.meta.namespace, f"{waypoint.name}-{resource.meta.name}"[:253].rstrip("-."))
    return made(
        (version, resource.kind), place, {**spec, "configPatches": patches, "targetRefs": [ref]}, str(resource.id), CODE
    )


def _losses(resource: Resource[Any], found: Readers, waypoints: tuple[Waypoint, ...]) -> Iterator[Loss]:
    for place, patch in enumerate(as_dicts(spec_of(resource).get("configPatches"))):
        if not waypoints or not _fits(patch):
            did = f"it changed {patch.get('applyTo', 'something')} of the sidecars of {names_of(found.ambient)}"
            why = _why(found, waypoints)
            instead = "use an API of Istio's for it, or an EnvoyFilter written for the waypoint's listeners"
            yield Loss(resource.id, f"spec.configPatches[{place}]", did, why, instead, Severity.TRAFFIC, CODE)
        elif as_dict(patch.get("match")).get("context") != "SIDECAR_INBOUND":
            did, why = "it held for what the pods send, too", "no proxy of layer 7 stands at the client (D57)"
            instead = "attach it to the waypoint of what they call"
            field = f"spec.configPatches[{place}].match.context"
            yield Loss(resource.id, field, did, why, instead, Severity.TRAFFIC, CODE)


def _why(found: Readers, waypoints: tuple[Waypoint, ...]) -> str:
    if waypoints:
        return "a waypoint's listeners have no such port, direction or part (D57)"
    if found.context.target.version < _SINCE:
        return "waypoints read EnvoyFilters since Istio 1.27 (D57)"
    return "no waypoint of its namespace stands before these pods and nobody else (D57)"


RULE = Rule(CODE, "envoy-filter", "EnvoyFilters of sidecars are attached to waypoints", ("EnvoyFilter",), _rewrite)

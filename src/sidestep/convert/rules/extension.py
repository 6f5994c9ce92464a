"""SID306: Wasm and Lua extensions of pods get a twin for each service's waypoint.

Source: istio-semantics.md §4.4 (WasmPlugin, TrafficExtension), D57.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.convert.objects import added, removed, spec_of
from sidestep.convert.policies.copies import untold
from sidestep.convert.policies.ports import service_ports_of
from sidestep.convert.policies.readers import Readers, names_of, readers
from sidestep.convert.policies.twins import attached, twin_name
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity, Tree
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dicts, as_text
from sidestep.semantics.service_index import Service

CODE = "SID306"
_GUARDING = ("AUTHN", "AUTHZ")


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    spec = spec_of(resource)
    found = readers(context, resource)
    if "targetRefs" in spec or "targetRef" in spec or not found.ambient:
        return Rewritten()
    told = {host: _for_service(spec, service, context) for host, service in untold(found, resource).items()}
    mesh = context.index.mesh
    twins = [
        attached(resource, found.services[host], each, name=twin_name(mesh, resource, found.services[host]), rule=CODE)
        for host, each in told.items()
        if each is not None
    ]
    gone = (removed(resource, CODE),) if found.covered else ()
    lost = tuple(_losses(resource, spec, found, [host for host, each in told.items() if each is None]))
    return Rewritten((*added(context, twins, resource.id, CODE), *gone), lost)


def _for_service(spec: Tree, service: Service, context: Context) -> Tree | None:
    """The spec at a service's waypoint; None where it matches nothing that comes there."""
    found = {key: value for key, value in spec.items() if key != "selector"}
    if not as_dicts(spec.get("match")):
        return found
    numbers = service_ports_of(service, context.index.behind(service))
    kept = [each for match in as_dicts(spec["match"]) if (each := _match(match, numbers)) is not None]
    return {**found, "match": kept} if kept else None


def _match(match: Tree, numbers: Mapping[int, tuple[int, ...]]) -> Tree | None:
    """One selector of traffic in service ports; None for what a sidecar sent."""
    if match.get("mode") == "CLIENT":
        return None
    ports = as_dicts(match.get("ports"))
    if not ports:
        return match
    led = (number for port in ports for number in numbers.get(_number(port), ()))
    translated = [{"number": number} for number in dict.fromkeys(led)]
    return {**match, "ports": translated} if translated else None


def _number(port: Tree) -> int:
    number = port.get("number")
    return number if isinstance(number, int) else 0


def _losses(resource: Resource[Any], spec: Tree, found: Readers, without: list[str]) -> Iterator[Loss]:
    severity = Severity.SECURITY if as_text(spec.get("phase")) in _GUARDING else Severity.TRAFFIC
    if found.bare:
        why = f"ztunnel runs no extensions, and no waypoint is before {names_of(found.bare)} (D57)"
        did, instead = "it ran in their sidecars", "put a waypoint before their Service"
        yield Loss(resource.id, "spec.selector", did, why, instead, severity, CODE)
    for host in found.partial:
        did, why = f"it was for some of the pods behind {host} only", "its twin holds for all of them (D19)"
        instead = "give the pods that it is for a Service of their own"
        yield Loss(resource.id, "spec.selector", did, why, instead, Severity.TRAFFIC, CODE)
    for host in without:
        did = f"it ran for the ports or the direction that it names of the pods behind {host}"
        why, instead = "none of them comes by a port of that Service", "name ports that the Service leads to"
        yield Loss(resource.id, "spec.match", did, why, instead, severity, CODE)
    if found.services and _of_clients(spec):
        did, why = "it ran for what its pods send, too", "no proxy of layer 7 stands at the client (D57)"
        instead = "attach it to the services that they call"
        yield Loss(resource.id, "spec.match", did, why, instead, Severity.TRAFFIC, CODE)


def _of_clients(spec: Tree) -> bool:
    """Whether it ran at clients: where no direction is named it runs in both."""
    matches = as_dicts(spec.get("match"))
    return not matches or any(each.get("mode") != "SERVER" for each in matches)


RULE = Rule(
    CODE, "extension", "Extensions of sidecars become those of waypoints", ("WasmPlugin", "TrafficExtension"), _rewrite
)

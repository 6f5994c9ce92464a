"""SID334: DestinationRules that a waypoint honours stay; client-side ones that all clients hear move to the service.

Source: istio-semantics.md §4.4, D36, D38, D44.
"""

from collections.abc import Iterator
from typing import Any

from sidestep.convert.objects import added, is_made, made, removed, spec_of
from sidestep.convert.rewrite import Context, Rewritten, Rule, Severity, Tree
from sidestep.convert.routes.client_rules import Hearing, hearings, is_selective
from sidestep.convert.routes.ledger import Trouble
from sidestep.convert.routes.lost_policies import at_waypoint, without_waypoint
from sidestep.convert.routes.survey import Survey, survey
from sidestep.model.kinds import DESTINATION_RULE
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_text
from sidestep.semantics.routing.hosts import full_name, is_wildcard
from sidestep.semantics.trees import MalformedError, mapping, mappings, text

CODE = "SID334"


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    found = survey(context)
    if found.mesh.find(DESTINATION_RULE, resource.meta.namespace, resource.meta.name) is None or is_made(resource):
        return Rewritten()
    try:
        heard = list(hearings(found, resource))
        move = _moves(found, resource, heard)
        troubles = list(_troubles(found, resource, heard, moved=move))
    except MalformedError as error:
        why = f"it cannot be read: {error}"
        return Rewritten((), (Trouble("spec", "asks for connections", why, "mend it").loss(resource.id, CODE),))
    losses = tuple(dict.fromkeys(each.loss(resource.id, CODE) for each in troubles))
    if not move:
        return Rewritten((), losses)
    tree = _moved(found, resource, heard[0])
    return Rewritten((*added(context, (tree,), resource.id, CODE), removed(resource, CODE)), losses)


def _moves(found: Survey, resource: Resource[Any], heard: list[Hearing]) -> bool:
    """Whether all clients of all its services hear it, and the waypoint of none does."""
    written = text((resource.view.spec or {}).get("host"), "host")
    if is_wildcard(written) or is_selective(resource) or len(heard) != 1 or found.driver(resource.id):
        return False
    only = heard[0]
    elsewhere = resource.meta.namespace != only.service.namespace
    if only.waypoint is None or not only.everybody or only.at_waypoint or not elsewhere:
        return False
    return not _others(found, resource, only)


def _others(found: Survey, resource: Resource[Any], heard: Hearing) -> bool:
    """Whether more rules of the namespace are merged with it, or one stands at the service already."""
    for space in (resource.meta.namespace, heard.service.namespace):
        for other in found.mesh.in_namespace(DESTINATION_RULE, space):
            written = as_text((other.view.spec or {}).get("host"))
            name = full_name(written, space, found.defaults.domain)
            if other.id != resource.id and name == heard.service.host:
                return True
    return False


def _moved(found: Survey, resource: Resource[Any], heard: Hearing) -> Tree:
    spec = spec_of(resource)
    spec["host"] = heard.service.host
    spec.pop("exportTo", None)
    place = (heard.service.namespace, _name(found, resource, heard.service.namespace))
    return made((resource.api_version, resource.kind), place, spec, str(resource.id), CODE)


def _name(found: Survey, resource: Resource[Any], space: str) -> str:
    stem = resource.meta.name
    standing = found.index.mesh.find(DESTINATION_RULE, space, stem)
    free = standing is None or str(resource.id) in standing.meta.annotations.values()
    return stem if free else f"{stem}-from-{resource.meta.namespace}"


def _troubles(found: Survey, resource: Resource[Any], heard: list[Hearing], *, moved: bool) -> Iterator[Trouble]:
    policy = mapping((resource.view.spec or {}).get("trafficPolicy"), "trafficPolicy")
    for each in heard:
        if not each.clients and not each.at_waypoint:
            continue
        if each.waypoint is None:
            if found.context.moving:
                yield from without_waypoint(policy, each.service)
            continue
        if not (moved or each.at_waypoint):
            yield _unheard(resource, each)
        elif not each.everybody and not moved:
            yield _for_all(each)
        if moved or each.at_waypoint:
            yield from at_waypoint(policy, each.service, found.context.target)


def _unheard(resource: Resource[Any], each: Hearing) -> Trouble:
    did = f"asks for connections of clients in {', '.join(each.clients)} to {each.service.host}"
    for_all = "if it may hold for all clients"
    if is_selective(resource):
        why = "it is for the proxies of certain pods, and a waypoint is none of them (D38)"
        return Trouble("spec.workloadSelector", did, why, f"take the selector out, {for_all}", _weight(resource))
    why = "a waypoint hears the rules of its own namespace, of the service's and of the root namespace (D38)"
    instead = f"move it to namespace {each.service.namespace}, {for_all}"
    return Trouble("metadata.namespace", did, why, instead, _weight(resource))


def _weight(resource: Resource[Any]) -> Severity:
    policy = mapping((resource.view.spec or {}).get("trafficPolicy"), "trafficPolicy")
    levels = (policy, *mappings(policy.get("portLevelSettings"), "trafficPolicy.portLevelSettings"))
    return Severity.SECURITY if any(each.get("tls") for each in levels) else Severity.TRAFFIC


def _for_all(each: Hearing) -> Trouble:
    return Trouble(
        "spec.exportTo", f"asks for connections of some clients to {each.service.host}",
        "the waypoint asks nobody who calls, and honours it for all clients (D38)",
        "nothing, if it may hold for all; else give these clients a Service of their own",
    )  # fmt: skip


RULE = Rule(
    CODE, "destination-rule", "DestinationRules move to where the waypoint honours them", ("DestinationRule",), _rewrite
)

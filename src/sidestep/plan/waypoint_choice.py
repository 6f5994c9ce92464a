"""Which services get a waypoint, and which one: from verdicts and loads to placed waypoints and their objects."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sidestep.audit.cost.rates import rates
from sidestep.model.kinds import SERVICE_ENTRY
from sidestep.model.mesh import Mesh
from sidestep.model.prices import PriceBook
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.plan.calls import Calls
from sidestep.plan.document import Fate
from sidestep.plan.owners import owner_of
from sidestep.plan.verdicts.configuration import Configuration, is_dialled
from sidestep.plan.verdicts.judge import Judged
from sidestep.plan.verdicts.server_side import rule_codes
from sidestep.plan.waypoints.coefficients import Coefficients
from sidestep.plan.waypoints.demand import ServiceLoad
from sidestep.plan.waypoints.existing import existing, taken_names, zones
from sidestep.plan.waypoints.manifests import Installation, manifests
from sidestep.plan.waypoints.needs import Scope, Terms, WaypointNeed
from sidestep.plan.waypoints.placement import PlacedWaypoint, place
from sidestep.plan.waypoints.policy import SizingPolicy
from sidestep.semantics.instances import Mode
from sidestep.semantics.loose import as_dicts, as_strings
from sidestep.semantics.service_index import Service

Tree = dict[str, Any]


class Choice(Struct, frozen=True):
    """The waypoints of a plan.

    Attributes:
        placed: as wanted.
        objects: of each new one, by namespace and name, in the order in which to apply them.
        of_service: the waypoint of each service, by the service's full name.
        notes: what a reader should know.
        assumed: what was taken for granted.
    """

    placed: tuple[PlacedWaypoint, ...] = ()
    objects: Mapping[tuple[str, str], tuple[Tree, ...]] = {}
    of_service: Mapping[str, PlacedWaypoint] = {}
    notes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


class Asked(Struct, frozen=True):
    """What waypoints are chosen by.

    Attributes:
        scope: how widely they are shared.
        prices: of compute.
        coefficients: what load costs one.
    """

    scope: Scope
    prices: PriceBook
    coefficients: Coefficients = Coefficients()


def choose(configuration: Configuration, judged: tuple[Judged, ...], calls: Calls, asked: Asked) -> Choice:
    """Place and size waypoints for everything that needs one."""
    mesh = configuration.mesh
    wanted = _wanted(configuration, judged)
    if not wanted:
        return Choice()
    needs = tuple(_need(service, members, calls) for service, members in wanted.values())
    sizing = SizingPolicy(zones=max(1, zones(mesh)))
    terms = Terms(asked.coefficients, sizing, existing=existing(mesh), taken=taken_names(mesh))
    placed = place(needs, asked.scope, rates(mesh, asked.prices).average, terms)
    installation = Installation(configuration.index.settings.version, _revision(mesh, judged))
    made = {(each.namespace, each.name): manifests(each, installation) for each in placed}
    notes = [note for found in made.values() for note in (*found.notes, *found.cannot_set)]
    by_name = {(service.namespace, service.name): host for host, (service, _) in wanted.items()}
    unmeasured = sum(not need.load.measured for need in needs)
    assumed = (
        (f"the load of {unmeasured} of {len(needs)} services behind waypoints was not measured",) if unmeasured else ()
    )
    return Choice(
        placed,
        {key: found.objects for key, found in made.items()},
        {by_name[key]: each for each in placed for key in each.services if key in by_name},
        tuple(dict.fromkeys(notes)),
        assumed,
    )


def _wanted(configuration: Configuration, judged: tuple[Judged, ...]) -> dict[str, tuple[Service, list[Judged]]]:
    """Policies hold whichever Service is dialled, so that all of them need it; routes belong to one.

    What policies decide for pods that were in ambient before stays as it is; their routes go on for clients that move.
    """
    found: dict[str, tuple[Service, list[Judged]]] = {}
    for each in judged:
        if each.plan.fate is Fate.WAYPOINT and each.pods:
            guarded = each.needs.enforced and any(pods.mode is Mode.SIDECAR for pods in each.pods)
            for service in configuration.in_front_of(each.pods):
                if is_dialled(service) and (guarded or service.host in each.needs.routed):
                    found.setdefault(service.host, (service, []))[1].append(each)
    for service in configuration.index.services.services:
        if service.resource.kind == SERVICE_ENTRY.name and _by_clients(configuration, service):
            found.setdefault(service.host, (service, []))
    return dict(sorted(found.items()))


def _by_clients(configuration: Configuration, service: Service) -> bool:
    """Whether sidecars do for an outside host what ztunnel does not: start TLS, or route its requests.

    A host with a wildcard stays as it is: a waypoint cannot tell where its requests were going.
    """
    if starts_tls(configuration, service):
        return True
    if not is_dialled(service) or "*" in service.host or configuration.index.behind(service):
        return False
    routes = configuration.virtual_services.get(service.host, ())
    return any(as_dicts((each.view.spec or {}).get("http")) for each in routes if _speaks_for_all(each, service))


def _speaks_for_all(route: Resource[Spec], service: Service) -> bool:
    """Whether a waypoint may apply it: what a namespace says for itself alone, no waypoint of another would read."""
    exported = as_strings((route.view.spec or {}).get("exportTo"))
    return not exported or "*" in exported or route.meta.namespace == service.namespace


def starts_tls(configuration: Configuration, service: Service) -> bool:
    """Whether sidecars start TLS for an outside host: ztunnel would send what the application wrote, in the clear."""
    rules = configuration.destination_rules.get(service.host, ())
    return any("D36" in rule_codes(rule) for rule in rules)


def _need(service: Service, members: list[Judged], calls: Calls) -> WaypointNeed:
    edges = calls.load(service.namespace, service.name)
    requests = [edge.requests_per_second for edge in edges if edge.requests_per_second is not None]
    volume = [edge.bytes_per_second for edge in edges if edge.bytes_per_second is not None]
    load = ServiceLoad(
        service.namespace,
        service.name,
        sum(requests),
        bytes_per_second=sum(volume),
        endpoints=sum(each.plan.pods for each in members),
        measured=bool(requests or volume),
    )
    owners = {owner_of(each.pods[0].shape) for each in members} or {""}
    owner = next(iter(owners)) if len(owners) == 1 else ""
    return WaypointNeed(load, owner, any(each.needs.custom for each in members))


def _revision(mesh: Mesh, judged: tuple[Judged, ...]) -> str:
    """The revision that injected what moves, where all of it agrees and it is not the default."""
    _ = mesh
    named = {
        each.pods[0].shape.labels.get("istio.io/rev", "")
        for each in judged
        if each.pods and each.pods[0].mode is Mode.SIDECAR
    }
    return next(iter(named)) if len(named) == 1 else ""

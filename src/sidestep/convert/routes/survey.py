"""Who speaks about which service today, and to whom: what every rewrite of routes and DestinationRules looks up.

Source: istio-semantics.md D38, D40, D44. Clients are the namespaces where pods with sidecars run. What a Sidecar
keeps from its pods is not asked: the rewrite of Sidecars tells it (`convert/network/hidden.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from sidestep.convert.objects import is_made
from sidestep.convert.rewrite import ORIGIN, RULE, Context, Waypoint
from sidestep.convert.routes.flat import Delegates
from sidestep.convert.routes.served import Served, served
from sidestep.model.kinds import DESTINATION_RULE, GRPC_ROUTE, HTTP_ROUTE, TCP_ROUTE, TLS_ROUTE, VIRTUAL_SERVICE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.driven import Named, drivers, named
from sidestep.semantics.instances import Mode
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.routing.bounds import Bounds
from sidestep.semantics.routing.defaults import MeshDefaults
from sidestep.semantics.routing.destination_rules import DestinationRules, MergedRule, without_selection
from sidestep.semantics.routing.exports import exports, visible
from sidestep.semantics.routing.hosts import MESH, Host, is_wildcard, within
from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.retry_policy import default_retries, retries
from sidestep.semantics.routing.route import Retries
from sidestep.semantics.routing.rule import Bound, offered
from sidestep.semantics.routing.virtual_services import virtual_services
from sidestep.semantics.service_index import Service
from sidestep.semantics.trees import MalformedError

_KEPT = "_survey_of_routes"
MOVES = ("SID332", "SID334")
"""Rewrites that put an object elsewhere."""
_NOBODY = ""
_MESHED = (Mode.SIDECAR, Mode.AMBIENT)


class Standing(StrEnum):
    """How a VirtualService stands to others of a service.

    CHOSEN: it speaks to all clients, or is the one that everybody may see. DEAD: others speak to all of them.
    BESIDE: some clients hear it, but others do not. SHARED: it cannot be told apart from what else speaks, or a route,
    which names its service, would come before a wildcard that some clients hear.
    """

    CHOSEN = "chosen"
    DEAD = "dead"
    BESIDE = "beside"
    SHARED = "shared"


class Survey:
    """One context, looked at once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.index = context.index
        self.defaults: MeshDefaults = context.index.settings.routing
        self.served: Served = served(context)
        self.mesh = _without_copies(self.index.mesh)
        self.bounds = virtual_services(self.mesh, self.defaults, self.index.settings.version)
        self.by_object: Mapping[ObjectId, Bound] = {bound.object: bound for bound in self.bounds}
        self._ranking = Bounds(self.bounds, self.index.settings.version)
        self.rules = DestinationRules(self.mesh, self.defaults, self.index.settings.root_namespace)
        self.kept: dict[Any, Any] = {}

    @cached_property
    def clients(self) -> tuple[str, ...]:
        """Namespaces of pods with sidecars, or that had one: while some move, the rest is judged as before."""
        spaces = self.index.by_namespace
        return tuple(sorted(name for name, pods in spaces.items() if any(each.mode in _MESHED for each in pods)))

    def clients_of(self, service: Service) -> tuple[str, ...]:
        """Namespaces of a service's clients; its own where nobody has a sidecar."""
        return self.clients or (service.namespace,)

    def kinds_of_clients(self, service: Service) -> Mapping[str, tuple[str, ...]]:
        """The same by one of them: all whom it stands for hear the same DestinationRules."""
        apart = self.rules.speak_apart_about(self.host(service))
        return _kinds(self.clients_of(service), apart)

    def _one_of_each(self, service: Service) -> Iterable[str]:
        """One of all whose clients hear the same VirtualServices."""
        return _kinds(self.clients_of(service), self._ranking.ranked_apart(service.host))

    @cached_property
    def services_of(self) -> Mapping[str, tuple[Service, ...]]:
        """Services by the object that says them."""
        return grouped(self.index.services.services, lambda each: str(each.resource.id))

    @cached_property
    def delegates(self) -> Delegates:
        """VirtualServices without hosts, by namespace and name."""
        found = (each for each in self.index.mesh.of(VIRTUAL_SERVICE) if not (each.view.spec or {}).get("hosts"))
        return {(each.meta.namespace, each.meta.name): each for each in found}

    @cached_property
    def roots(self) -> Mapping[tuple[str, str], list[Resource[Spec]]]:
        """The VirtualServices with hosts that name a delegate, by its namespace and name."""
        found: dict[tuple[str, str], list[Resource[Spec]]] = {}
        for root in self.mesh.of(VIRTUAL_SERVICE):
            for rule in as_dicts((root.view.spec or {}).get("http")):
                delegate = as_dict(rule.get("delegate"))
                place = (as_text(delegate.get("namespace")) or root.meta.namespace, as_text(delegate.get("name")))
                if place in self.delegates:
                    found.setdefault(place, []).append(root)
        return found

    def driver(self, identity: ObjectId) -> str:
        """The object for which a controller writes a VirtualService or DestinationRule, in words; empty for none."""
        return self._drivers.get(named(identity), "")

    @cached_property
    def _drivers(self) -> Mapping[Named, str]:
        return drivers(self.index.mesh)

    @cached_property
    def retries(self) -> Retries:
        """What proxies of clients try again of themselves.

        Raises:
            MalformedError: the mesh's policy cannot be read.
        """
        version = self.index.settings.version
        return retries(self.defaults.retries, "defaultHttpRetryPolicy", version) or default_retries(version)

    def waypoint(self, service: Service) -> Waypoint | None:
        """The waypoint of a service; none for a headless one, whose clients dial pods."""
        return None if service.headless else self.context.waypoint_of(service)

    def reaches(self, waypoint: Waypoint, name: str) -> Service | None:
        """The service of a name, where a waypoint has clusters for it."""
        service = self.index.services.by_host.get(name)
        if service is None:
            return None
        seen = exports(service.export_to, self.defaults.service_export_to, service.namespace)
        return service if service.namespace == waypoint.namespace or visible(seen, waypoint.namespace) else None

    def covered(self, name: str) -> Sequence[Service]:
        """The services that a host of a VirtualService is about."""
        by_host = self.index.services.by_host
        if not is_wildcard(name):
            return [by_host[name]] if name in by_host else []
        return [service for host, service in sorted(by_host.items()) if within(host, name)]

    def speaking(self, service: Service, namespace: str) -> list[Bound]:
        """VirtualServices that may speak about a service to clients of a namespace, the first wins."""
        exact = self._ranking.ranked(self._ranking.naming(service.host), namespace, sidecar=True)
        if exact:
            return exact
        for _, bounds in self._ranking.covering(service.host):
            found = self._ranking.ranked(bounds, namespace, sidecar=True)[:1]
            if found:
                return found
        return []

    def standing(self, bound: Bound, service: Service) -> Standing:
        """How a VirtualService stands to others of a service."""
        if self.has_foreign_route(service):
            return Standing.SHARED
        heard = [self.speaking(service, namespace) for namespace in self._one_of_each(service)]
        first = [bounds[0].object if bounds else None for bounds in heard]
        if bound.object in first and any(self._speaks_in_part(bound, bounds, service) for bounds in heard):
            return Standing.SHARED
        if bound.object not in first:
            return (
                Standing.DEAD
                if any(bound in bounds for bounds in heard) or self._silent(bound, service)
                else (Standing.BESIDE)
            )
        if all(each == bound.object for each in first):
            return Standing.CHOSEN
        public = self.speaking(service, _NOBODY)
        if not public or public[0].object != bound.object:
            return Standing.BESIDE
        others = [bounds[0] for bounds in heard if bounds and bounds[0].object != bound.object]
        return Standing.CHOSEN if all(service.host in each.hosts for each in others) else Standing.SHARED

    def _silent(self, bound: Bound, service: Service) -> bool:
        """Whether a wildcard speaks to nobody because others name the service."""
        if service.host in bound.hosts or not self.clients:
            return False
        return any(self.speaking(service, each) for each in self._one_of_each(service))

    def _speaks_in_part(self, bound: Bound, bounds: list[Bound], service: Service) -> bool:
        """Whether others behind it speak on a port of which it says nothing."""
        if len(bounds) < 2 or bounds[0].object != bound.object:
            return False
        ports = [port.number for port in self.index.host(service).ports if port.may_be_http]
        return not all(offered(bound.http or (), Vantage(number, "", {}, MESH)) for number in ports)

    def has_foreign_route(self, service: Service) -> bool:
        """Whether a route of the Gateway API that nobody made here speaks about it."""
        return (service.resource.kind, service.namespace, service.name) in self._foreign

    @cached_property
    def _foreign(self) -> frozenset[tuple[str, str, str]]:
        return frozenset(
            (as_text(ref.get("kind")), as_text(ref.get("namespace")) or route.meta.namespace, as_text(ref.get("name")))
            for route in self.routes()
            if not is_made(route)
            for ref in as_dicts((route.view.spec or {}).get("parentRefs"))
        )

    def routes(self) -> Iterable[Resource[Spec]]:
        """All routes of the Gateway API."""
        for kind in (HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE, TLS_ROUTE):
            yield from self.index.mesh.of(kind)

    def host(self, service: Service) -> Host:
        """A service as routing knows it."""
        return self.index.host(service)

    def rule_for(self, service: Service) -> MergedRule | None:
        """What DestinationRules say about a service to all clients.

        Raises:
            MalformedError: they say different things, or cannot be read.
        """
        heard = [self.rules.speaking(namespace, self.host(service)) for namespace in self.kinds_of_clients(service)]
        told = [without_selection(rules) for rules in heard]
        if any(rule.selector is not None for rules in heard for rule in rules):
            raise MalformedError("DestinationRules tell clients apart by their labels")
        if any(each != told[0] for each in told):
            raise MalformedError("clients of different namespaces hear different DestinationRules (D38)")
        if told[0] is not None and told[0].broken:
            raise MalformedError(told[0].broken)
        return told[0]

    def rule_at(self, waypoint: Waypoint, service: Service) -> MergedRule | None:
        """What DestinationRules say about a service to its waypoint."""
        return without_selection(self.rules.speaking(waypoint.namespace, self.host(service)))


def _without_copies(mesh: Mesh) -> Mesh:
    """A mesh without what moved while the original stands, so that an unfinished change is judged as at its start."""
    kept = dict(mesh.resources)
    for kind in (VIRTUAL_SERVICE, DESTINATION_RULE):
        originals = {str(each.id) for each in mesh.of(kind)}
        kept[kind.key] = tuple(each for each in mesh.of(kind) if not is_copy(each, originals))
    return replace(mesh, resources=kept)


def is_copy(resource: Resource[Any], originals: AbstractSet[str]) -> bool:
    """Whether it was made to take the place of another object that stands still."""
    notes = resource.meta.annotations
    return notes.get(RULE) in MOVES and notes.get(ORIGIN) in originals


def _kinds(clients: tuple[str, ...], apart: AbstractSet[str]) -> dict[str, tuple[str, ...]]:
    """Namespaces by the one that stands for them: each of some for itself, and one for all others."""
    alike = tuple(name for name in clients if name not in apart)
    found: dict[str, tuple[str, ...]] = {name: (name,) for name in clients if name in apart}
    return {**found, alike[0]: alike} if alike else found


def survey(context: Context) -> Survey:
    """The survey of a context, made once: it is kept with the index, like what the index derives of itself."""
    kept: dict[str, Any] = vars(context.index)
    found = kept.get(_KEPT)
    if not isinstance(found, Survey) or found.context is not context:
        found = kept[_KEPT] = Survey(context)
    return found


def forget(context: Context) -> None:
    """Keep no survey with the index any longer: the two hold each other, which is for conversions that end with it."""
    vars(context.index).pop(_KEPT, None)

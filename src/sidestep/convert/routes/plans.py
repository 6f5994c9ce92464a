"""What becomes of each VirtualService: converted, kept where a waypoint reads it, moved there, or left alone.

Source: istio-semantics.md §4.3 (never both an HTTPRoute and a VirtualService for one host), D38, D40; of wildcards,
pull requests 57658 and 57972 of istio/istio (1.28), and issue 59283 (`resolution: NONE` there: not planned).
"""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from sidestep.convert.rewrite import Severity, Tree, Waypoint
from sidestep.convert.routes.http_plan import http_routes
from sidestep.convert.routes.judged import unjudged
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger, Trouble
from sidestep.convert.routes.stream_plan import stream_routes
from sidestep.convert.routes.survey import Standing, Survey
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.loose import as_strings
from sidestep.semantics.routing.exports import PUBLIC, visible
from sidestep.semantics.routing.hosts import MESH, full_name, is_wildcard
from sidestep.semantics.routing.rule import Bound
from sidestep.semantics.service_index import Service
from sidestep.semantics.trees import MalformedError

_KEPT = "plans"
_NAMED = (
    "name each host that is called in a ServiceEntry of its own, which can be bound to a waypoint: that of a wildcard "
    "could not tell where requests were going; or leave its clients their sidecars"
)
_DYNAMIC = (
    "; or, where it speaks HTTP over IPv4 to the outside, write `resolution: DYNAMIC_DNS` and bind it to a waypoint, "
    "which looks up whatever the Host header names: proofs know nothing of that (TLS needs "
    "ENABLE_WILDCARD_HOST_SERVICE_ENTRIES_FOR_TLS of istiod)"
)


class Verdict(StrEnum):
    """What becomes of a VirtualService."""

    LEFT = "left"
    CONVERTED = "converted"
    KEPT = "kept"
    MOVED = "moved"
    DEAD = "dead"


class Plan(Struct, frozen=True):
    """What becomes of one VirtualService.

    Attributes:
        verdict: it.
        http: routes in its place.
        streams: likewise, for connections.
        space: where it moves.
        services: full names of those that it moves for.
        handled: its hosts, as written, for which others speak from then on.
        dead: those for which others speak already, so that they may go at once.
        losses: what goes, and what keeps it as it is.
    """

    verdict: Verdict
    http: tuple[Tree, ...] = ()
    streams: tuple[Tree, ...] = ()
    space: str = ""
    services: tuple[str, ...] = ()
    handled: frozenset[str] = frozenset()
    dead: frozenset[str] = frozenset()
    losses: tuple[Trouble, ...] = ()


class _Subject(Struct, frozen=True):
    """A VirtualService with the services that it is about, as they stand to it."""

    resource: Resource[Spec]
    bound: Bound
    behind: tuple[tuple[Service, Waypoint, Standing], ...]

    @property
    def at_gateways(self) -> bool:
        """Whether gateways read it too."""
        return bool(self.bound.gateways - {MESH})

    def full(self, found: Survey, written: str) -> str:
        """A host in full."""
        return full_name(written, self.resource.meta.namespace, found.defaults.domain).lower()

    def standing(self, *wanted: Standing) -> list[tuple[Service, Waypoint]]:
        return [(service, waypoint) for service, waypoint, standing in self.behind if standing in wanted]


def plan_of(found: Survey, resource: Resource[Spec]) -> Plan:
    """What becomes of a VirtualService; decided once."""
    plans: dict[ObjectId, Plan] = found.kept.setdefault(_KEPT, {})
    if resource.id not in plans:
        plans[resource.id] = _plan(found, resource)
    return plans[resource.id]


def unread_by_waypoints(found: Survey, resource: Resource[Spec]) -> tuple[Service, ...]:
    """Services for whose clients a VirtualService speaks, and whose waypoints do not read it: others have to."""
    bound = found.by_object.get(resource.id)
    if bound is None or plan_of(found, resource).verdict not in (Verdict.CONVERTED, Verdict.MOVED):
        return ()
    behind = _behind(found, bound)
    return tuple(
        service
        for service, waypoint, standing in behind
        if standing is Standing.CHOSEN and not _reads(found, bound, service, waypoint)
    )


def is_dead(found: Survey, resource: Resource[Spec]) -> bool:
    """Whether no client hears a VirtualService about some of its hosts, for which it may go at once."""
    plan = plan_of(found, resource)
    return plan.verdict is Verdict.DEAD or bool(plan.dead)


def _plan(found: Survey, resource: Resource[Spec]) -> Plan:
    bound = found.by_object.get(resource.id)
    if bound is None:
        return Plan(Verdict.LEFT)
    if bound.broken:
        return Plan(Verdict.LEFT, losses=(_unread(bound.broken),))
    if MESH not in bound.gateways:
        return Plan(Verdict.LEFT)
    subject = _Subject(resource, bound, tuple(_behind(found, bound)))
    told = tuple(_outside(found, subject))
    if not subject.behind:
        return Plan(Verdict.LEFT, losses=told)
    beside = tuple(_beside(found, subject))
    shared = subject.standing(Standing.SHARED)
    if shared:
        return Plan(Verdict.LEFT, losses=(*told, *beside, *(_shared(service) for service, _ in shared)))
    told += (*beside, *_behind_others(found, subject))
    for service, _ in subject.standing(Standing.CHOSEN):
        told += tuple(unjudged(found, bound, service))
    if subject.standing(Standing.CHOSEN):
        return _converted(found, subject, told)
    dead = _settled(found, subject, Standing.DEAD)
    whole = dead >= set(as_strings((resource.view.spec or {}).get("hosts"))) and not subject.at_gateways
    return Plan(Verdict.DEAD if whole else Verdict.LEFT, handled=dead, dead=_strippable(found, subject), losses=told)


def _behind(found: Survey, bound: Bound) -> Iterator[tuple[Service, Waypoint, Standing]]:
    """Services behind waypoints that it is about, each once."""
    services = {service.host: service for name in bound.hosts for service in found.covered(name)}
    for service in services.values():
        waypoint = found.waypoint(service)
        if waypoint is not None:
            yield service, waypoint, found.standing(bound, service)


def _converted(found: Survey, subject: _Subject, told: tuple[Trouble, ...]) -> Plan:
    ledger, chosen = Ledger(), subject.standing(Standing.CHOSEN)
    driver = found.driver(subject.resource.id)
    if driver:
        did, why = (
            f"is written by {driver} while the mesh runs",
            "a route in its place would not follow what is written",
        )
        ledger.keep("spec", did, why, f"{AS_IT_IS}; or let {driver} write routes of the Gateway API")
    try:
        http = tuple(http_routes(found, subject.resource, chosen, ledger))
        streams = tuple(stream_routes(found, subject.resource, subject.bound, chosen, ledger))
    except MalformedError as error:
        return Plan(Verdict.LEFT, losses=(*told, _unread(str(error))))
    plan = Plan(
        Verdict.CONVERTED, http, streams,
        handled=_settled(found, subject, Standing.CHOSEN, Standing.DEAD), dead=_strippable(found, subject),
        losses=(*told, *ledger.losses, *_later(subject)),
    )  # fmt: skip
    if not ledger.obstacles:
        return plan
    return _kept(found, subject, replace(plan, losses=(*told, *ledger.obstacles, *ledger.losses_if_kept)))


def _kept(found: Survey, subject: _Subject, plan: Plan) -> Plan:
    """It stays a VirtualService, where the waypoints of all its services read it."""
    chosen, own = subject.standing(Standing.CHOSEN), subject.resource.meta.namespace
    kept = replace(plan, http=(), streams=(), losses=tuple(_graded(each) for each in plan.losses))
    if all(_reads(found, subject.bound, service, waypoint) for service, waypoint in chosen):
        return replace(kept, verdict=Verdict.KEPT)
    at_service = found.context.target.since(1, 24)
    where = {service.namespace if at_service else waypoint.namespace for service, waypoint in chosen}
    private = [waypoint for _, waypoint in chosen if not visible(subject.bound.exported, waypoint.namespace)]
    if len(where) > 1 or private or subject.bound.http is None or found.driver(subject.resource.id):
        return replace(kept, verdict=Verdict.LEFT, losses=(*kept.losses, _unreachable(own)))
    services = tuple(sorted(service.host for service, _ in chosen))
    return replace(
        kept, verdict=Verdict.MOVED, space=where.pop(), services=services, losses=(*kept.losses, *_later(subject))
    )


def _later(subject: _Subject) -> Iterator[Trouble]:
    """Wildcards are about services that nobody has made yet."""
    for at, written in enumerate(as_strings((subject.resource.view.spec or {}).get("hosts"))):
        if is_wildcard(written) and subject.standing(Standing.CHOSEN):
            yield Trouble(
                f"spec.hosts[{at}]", "is about services that are added later too",
                "routes are bound to services that are there", "convert again when services are added",
                Severity.COSMETIC,
            )  # fmt: skip


def _reads(found: Survey, bound: Bound, service: Service, waypoint: Waypoint) -> bool:
    """Whether a waypoint takes the VirtualService for its own."""
    spaces = {waypoint.namespace, service.namespace} if found.context.target.since(1, 24) else {waypoint.namespace}
    return bound.namespace in spaces and visible(bound.exported, waypoint.namespace)


def _graded(trouble: Trouble) -> Trouble:
    """What keeps working as it is, is a matter of form; what hangs on the client is not."""
    name = trouble.field.rpartition(".")[2]
    lost = name in ("sourceLabels", "sourceNamespace", "sniHosts", "destinationSubnets", "exportTo", "hosts")
    if lost or trouble.severity is not Severity.TRAFFIC or AS_IT_IS not in trouble.instead:
        return trouble
    return Trouble(trouble.field, trouble.did, trouble.why, trouble.instead, Severity.COSMETIC)


def _settled(found: Survey, subject: _Subject, *standings: Standing) -> frozenset[str]:
    """Hosts, as written, that are about services of these standings alone."""
    settled = {service.host for service, _ in subject.standing(*standings)}
    named = set()
    for written in as_strings((subject.resource.view.spec or {}).get("hosts")):
        about = {service.host for service in found.covered(subject.full(found, written))}
        if about and about <= settled:
            named.add(written)
    return frozenset(named)


def _strippable(found: Survey, subject: _Subject) -> frozenset[str]:
    """Hosts that no client hears it about; gateways read all of its hosts, so there they stay."""
    return frozenset() if subject.at_gateways else _settled(found, subject, Standing.DEAD)


def _behind_others(found: Survey, subject: _Subject) -> Iterator[Trouble]:
    """Services for which others come first: it says nothing there, and a waypoint would hear it."""
    stripped = _strippable(found, subject)
    gone = {each.host for written in stripped for each in found.covered(subject.full(found, written))}
    for service, waypoint in subject.standing(Standing.DEAD):
        if service.host in gone:
            yield _dead(service)
        elif _reads(found, subject.bound, service, waypoint):
            yield _mixed(service)


def _outside(found: Survey, subject: _Subject) -> Iterator[Trouble]:
    """Hosts that no waypoint serves: ztunnel knows no routes, and who hears of them moves."""
    exported = subject.bound.exported
    if not any(PUBLIC in exported or space in exported for space in found.context.moving_in):
        return
    for at, written in enumerate(as_strings((subject.resource.view.spec or {}).get("hosts"))):
        name = subject.full(found, written)
        about = found.covered(name)
        field = f"spec.hosts[{at}]"
        without = [service.host for service in about if found.waypoint(service) is None]
        if not about and not is_wildcard(name):
            yield Trouble(
                field, f"routes requests to {written}", "no service has that name, so no waypoint can",
                "make a ServiceEntry of that name, and plan again: it gets a waypoint",
            )  # fmt: skip
        elif without:
            wild = any(is_wildcard(host) for host in without)
            instead = "bind it to a waypoint, or leave its clients their sidecars"
            dynamic = _DYNAMIC if found.context.target.since(1, 28) else ""
            yield Trouble(
                field, f"routes requests to {', '.join(without)}", "it has no waypoint, and ztunnel has no routes",
                f"{_NAMED}{dynamic}" if wild else instead,
            )  # fmt: skip


def _beside(found: Survey, subject: _Subject) -> Iterator[Trouble]:
    """Services of which only some clients hear it, but not all."""
    for service, waypoint in subject.standing(Standing.BESIDE):
        if _reads(found, subject.bound, service, waypoint):
            why = f"the waypoint of {service.host} asks nobody who calls, and applies it to all (D38)"
        else:
            why = f"the waypoint of {service.host} does not see it, and applies it to nobody (D38)"
        yield Trouble(
            "spec.exportTo", f"routes requests of some clients to {service.host}", why,
            "let all clients share one route, or give these a Service of their own",
        )  # fmt: skip


def _dead(service: Service) -> Trouble:
    return Trouble(
        "spec.hosts", f"names {service.host} behind another VirtualService that comes first for all clients",
        "a waypoint would put the rules of both together (D40)", "nothing: no client hears it today",
        Severity.COSMETIC,
    )  # fmt: skip


def _mixed(service: Service) -> Trouble:
    return Trouble(
        "spec.hosts", f"is about {service.host} only as far as no other VirtualService names it",
        "a waypoint puts the rules of both together for as long as it stands (D40)",
        "name the hosts that it is meant for",
    )  # fmt: skip


def _shared(service: Service) -> Trouble:
    return Trouble(
        "spec.hosts", f"speaks about {service.host} beside other routes, each in part",
        "a waypoint puts them together otherwise than a sidecar does (D40)", "write one route for this host first",
    )  # fmt: skip


def _unread(why: str) -> Trouble:
    return Trouble("spec", "routes requests", f"it cannot be read: {why}", "mend it first")


def _unreachable(own: str) -> Trouble:
    return Trouble(
        "metadata.namespace", f"routes requests from namespace {own}",
        "no one namespace is read by the waypoints of all its services", "write one VirtualService for each of them",
    )  # fmt: skip

"""Leaving the client: what captures its connection and by what it decides where to go.

Source: istio-semantics.md §2.2, §3.8, §3.11, §5.1, §5.3.
"""

from collections.abc import Callable

from msgspec.structs import replace

from sidestep.model.kinds import POD
from sidestep.semantics.authentication.tokens import RequestPolicy, Validation
from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.decisions import Branch, Check, CheckKind, Hop, Proxy, Shape, Verdict
from sidestep.semantics.entry_endpoints import DYNAMIC
from sidestep.semantics.hops.deliver import (
    PODS_NOT_READ,
    Choose,
    answered,
    choose_as_ambient,
    choose_as_sidecar,
    choose_plain,
    deliver,
    outside,
    sent_on,
    strangers,
    to_pods,
    to_service,
    while_used,
)
from sidestep.semantics.hops.forwarded import forwarded
from sidestep.semantics.hops.seeing import http_seen
from sidestep.semantics.hops.targets import External, Pods, Target
from sidestep.semantics.hops.traveller import Traveller
from sidestep.semantics.hops.waypoint import through_waypoint, through_workload_waypoint
from sidestep.semantics.instances import Instances
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import GatewayClient, Tcp
from sidestep.semantics.routing.hosts import Client
from sidestep.semantics.routing.outcome import blocked
from sidestep.semantics.routing.route import AnswerKind, Backend, Route, RouteSource
from sidestep.semantics.service_index import Service
from sidestep.semantics.services import ingress_uses_waypoint
from sidestep.semantics.waypoints import Binding, BindingState

_UNROUTED = (RouteSource.PASSTHROUGH, RouteSource.BLACKHOLE)
_HIDDEN = "not exported to the client's namespace"
_BOUND = "the waypoint is ready"
_UNBOUND = "the waypoint is not ready"


def from_plain(traveller: Traveller, target: Target, port: int) -> list[Branch]:
    """A client that nothing captures: kube-proxy chooses a pod, and no waypoint is ever asked."""
    match target:
        case External():
            return [outside(traveller, target.host, port)]
        case Pods():
            return _each(traveller, target, port, choose_plain)
        case Service():
            return to_service(traveller, target, port, choose_plain)


def from_ztunnel(traveller: Traveller, target: Target, port: int) -> list[Branch]:
    """An ambient client: the address that it dialled decides, and nothing of HTTP."""
    out = traveller.passed(_leaving(traveller, Proxy.ZTUNNEL_OUT))
    match target:
        case External():
            return [outside(out, target.host, port)]
        case Pods():
            return _ambient_to_all(out, target, port)
        case Service() if target.is_nameless:
            return [outside(out, traveller.request.to, port)]
        case Service() if target.resolution == DYNAMIC:
            return [while_used(out, target)]
        case Service():
            return _ambient_to_service(out, target, port)


def from_sidecar(traveller: Traveller, target: Target, port: int, client: Instances) -> list[Branch]:
    """A sidecar client: its own routes first, and never a waypoint (D51)."""
    if client.excluded("Outbound", port):
        return from_plain(replace(traveller, sender=replace(traveller.sender, principal=None)), target, port)
    return _by_proxy(traveller, target, port, Client(client.namespace, client.labels), Proxy.SIDECAR_OUT)


def from_gateway(traveller: Traveller, target: Target, port: int) -> list[Branch]:
    """What a gateway sends on; only a label makes it ask the service's waypoint (D52)."""
    hop = _leaving(traveller, Proxy.GATEWAY)
    out = forwarded(traveller.passed(hop, reads=traveller.http is not None), _tokens(traveller))
    match target:
        case External():
            return _by_gateway(traveller, hop, target.host, port)
        case Service() if _is_routed(traveller, target.host, port):
            return _by_gateway(traveller, hop, target.host, port)
        case Pods():
            return _each(out, target, port, choose_as_sidecar)
        case Service():
            bound = traveller.index.waypoint_of(target)
            if bound is not None and _asks(traveller, target):
                return _perhaps(out, bound, target, port, lambda: to_service(out, target, port, choose_as_sidecar))
            return to_service(out, target, port, choose_as_sidecar)


def _by_gateway(traveller: Traveller, hop: Hop, host: str, port: int) -> list[Branch]:
    """A host that only the gateway's own routes know."""
    http = traveller.http
    if http is None or not isinstance(traveller.request.client, GatewayClient):
        return [outside(traveller.passed(hop), host, port)]
    told = http_seen(traveller, http, Validation())
    if told is None:
        return [traveller.unknown(host, "the path is one that proxies refuse")]
    route = _gateway_route(traveller, host, port, told)
    ended = answered(traveller, route, hop)
    if ended is not None:
        return [ended]
    onward = replace(forwarded(traveller.passed(hop, reads=True), _tokens(traveller)), route=route)
    total = sum(backend.weight for backend in route.backends)
    return [
        branch
        for backend in route.backends
        if backend.weight
        for branch in _forwarded(
            replace(onward, weight=traveller.weight * backend.weight / total), backend, route, port
        )
    ] or deliver(onward, route, port, choose_as_sidecar)


def _tokens(traveller: Traveller) -> tuple[RequestPolicy, ...]:
    """RequestAuthentications of the gateway that sends."""
    sender = traveller.sender.instances
    return () if sender is None else traveller.index.sidecar_request_policies(sender)


def _gateway_route(traveller: Traveller, host: str, port: int, http: HttpSeen) -> Route:
    """By the Gateway that is named, or by the one of the pods' that knows the host."""
    routing = traveller.index.routing
    routes = [routing.gateway_http(name, host, port, http) for name in _gateways(traveller)]
    known = [route for route in routes if route.answer is None or route.answer.kind is not AnswerKind.NOT_FOUND]
    if len(known) > 1:
        return Route(RouteSource.DEFAULT, unknown=f"several Gateways of the same pods take {host}")
    return (known or routes)[0]


def _gateways(traveller: Traveller) -> tuple[str, ...]:
    """Gateways that a client stands for: itself, or all that the pods of that name run."""
    client, sender = traveller.request.client, traveller.sender.instances
    assert isinstance(client, GatewayClient)  # noqa: S101 - the caller asked
    name = f"{client.namespace}/{client.name}"
    if name in traveller.index.routing.servers or sender is None:
        return (name,)
    return traveller.index.gateways.run_by(sender) or (name,)


def _is_routed(traveller: Traveller, host: str, port: int) -> bool:
    """Whether a gateway listens on a port and its own routes name a service of the mesh as the host."""
    if traveller.http is None or not isinstance(traveller.request.client, GatewayClient):
        return False
    routing = traveller.index.routing
    return any(
        any(server.port == port for server in routing.servers.get(name, ()))
        and any(host in bound.hosts for bound in routing.gateway_bounds(name))
        for name in _gateways(traveller)
    )


def _forwarded(traveller: Traveller, backend: Backend, route: Route, port: int) -> list[Branch]:
    """One backend of a gateway's route: through its waypoint where the service asks for that."""
    alone = replace(route, backends=(backend,))
    service = traveller.index.services.by_host.get(backend.host)
    number = backend.port or port
    if service is None:
        return deliver(traveller, alone, number, choose_as_sidecar)
    bound = traveller.index.waypoint_of(service)
    if bound is None or not _asks(traveller, service):
        return deliver(traveller, alone, number, choose_as_sidecar)
    sent = replace(traveller, http=sent_on(traveller.http, route, backend))
    return _perhaps(sent, bound, service, number, lambda: deliver(traveller, alone, number, choose_as_sidecar))


def _asks(traveller: Traveller, service: Service) -> bool:
    """Whether gateways are told to pass a service's waypoint, and are new enough to listen."""
    index = traveller.index
    return index.settings.version.since(1, 24) and ingress_uses_waypoint(index.mesh, service.resource)


def _ambient_to_service(traveller: Traveller, service: Service, port: int) -> list[Branch]:
    if service.headless:
        return _ambient_to_all(traveller, Pods(traveller.index.behind(service), service), port)
    bound = traveller.index.waypoint_of(service)
    if bound is None:
        return _direct(traveller, service, port)
    return _perhaps(traveller, bound, service, port, lambda: _direct(traveller, service, port))


def _ambient_to_all(traveller: Traveller, target: Pods, port: int) -> list[Branch]:
    found = [branch for each in target.instances for branch in _ambient_to_pods(traveller, each, port, target)]
    return [*found, *strangers(traveller, target, port)] or [_nobody(traveller, target)]


def _direct(traveller: Traveller, service: Service, port: int) -> list[Branch]:
    """Without a waypoint ztunnel only knows bytes: what the proxies answer with a status, it closes."""
    return to_service(traveller, service, port, choose_as_ambient)


def _perhaps(
    traveller: Traveller, bound: Binding, service: Service, port: int, direct: Callable[[], list[Branch]]
) -> list[Branch]:
    """Through the waypoint if it is there, past it if it is not, and both where nobody can tell."""
    match bound.state:
        case BindingState.ACCEPTED:
            return through_waypoint(traveller, bound, service, port)
        case BindingState.UNDECIDED:
            if bound.gateway is None:
                return [traveller.unknown(service.host, f"Gateway {bound.namespace}/{bound.name} was not read")]
            through = through_waypoint(replace(traveller, condition=f"if {_BOUND}"), bound, service, port)
            return [*through, *(replace(branch, condition=f"if {_UNBOUND}", weight=0.0) for branch in direct())]
        case _:
            return direct()


def _ambient_to_pods(traveller: Traveller, to: Instances, port: int, dialled: Pods) -> list[Branch]:
    bound = traveller.index.workload_waypoint(to)
    target = dialled.port_of(to, port)
    if bound is not None and bound.state is BindingState.ACCEPTED:
        return [through_workload_waypoint(traveller, bound, to, target)]
    direct = to_pods(traveller, to, target, choose_as_ambient)
    if bound is not None and bound.state is BindingState.UNDECIDED and bound.gateway is not None:
        return [replace(through_workload_waypoint(traveller, bound, to, target), condition=f"if {_BOUND}"), direct]
    return [direct]


def _by_proxy(traveller: Traveller, target: Target, port: int, client: Client, proxy: Proxy) -> list[Branch]:
    """A sidecar that reads what it can and routes by it."""
    hop = _leaving(traveller, proxy)
    if isinstance(target, Service) and target.is_nameless and target.port(port) is None:
        target = External(traveller.request.to)
    match target:
        case Service() if target.resolution == DYNAMIC:
            return [while_used(traveller.passed(hop), target)]
        case Pods(service=Service() as service) | (Service() as service) if _sees(traveller, service, client):
            return _routed(traveller, hop, service, client, target)
        case _ if traveller.http is not None:
            route = _http_route(traveller, None, port, client)
            if route.source in _UNROUTED:
                return _untouched(traveller, hop, target, client, route)
            return _onward(traveller, hop, route, port, target)
        case _:
            return _untouched(traveller, hop, target, client, blocked())


def _sees(traveller: Traveller, service: Service, client: Client) -> bool:
    return traveller.index.routing.sees(client, traveller.index.host(service)) is not False


def _onward(traveller: Traveller, hop: Hop, route: Route, port: int, dialled: Target) -> list[Branch]:
    """By a route; one that speaks of no retries is of bytes, in which nothing is changed."""
    ended = answered(traveller, route, hop)
    if ended is not None:
        return [ended]
    reads = route.retries is not None
    passed = traveller.passed(hop, reads=reads)
    onward = forwarded(passed) if reads else passed
    pinned = traveller.index.settings.pins_headless
    return deliver(onward, route, port, choose_as_sidecar, dialled if pinned else None)


def _routed(traveller: Traveller, hop: Hop, service: Service, client: Client, dialled: Target) -> list[Branch]:
    port = traveller.request.port
    declared = service.port(port)
    routing, host = traveller.index.routing, traveller.index.host(service)
    protocol = declared.protocol if declared else Declared.UNDECLARED
    payload = traveller.request.payload
    if isinstance(payload, Tcp) and payload.server_first and protocol is Declared.UNDECLARED:
        reason = "the port declares no protocol: the sidecar waits for the client, and the server speaks first"
        check = Check(CheckKind.PROTOCOL, Verdict.UNREACHABLE, Shape.HANG, reason=reason)
        return [traveller.end(replace(hop, checks=(check,)))]
    if traveller.http is None or protocol is Declared.TCP:
        route = routing.sidecar_tcp(client, host, port, payload.sni if isinstance(payload, Tcp) else "")
    else:
        route = _http_route(traveller, service, port, client)
    if route.source in _UNROUTED:
        return _untouched(traveller, hop, service, client, route)
    return _onward(traveller, hop, route, port, dialled)


def _http_route(traveller: Traveller, service: Service | None, port: int, client: Client) -> Route:
    """By the Host header, whatever address was dialled (D39)."""
    index, http = traveller.index, traveller.http
    assert http is not None  # noqa: S101 - the caller asked
    told = http_seen(traveller, http, Validation())
    if told is None:
        return Route(RouteSource.DEFAULT, unknown="the path is one that proxies refuse")
    dialled = index.host(service) if service is not None else None
    return index.routing.sidecar_http(client, dialled, told.authority, port, told)


def _untouched(traveller: Traveller, hop: Hop, target: Target, client: Client, route: Route) -> list[Branch]:
    """What the sidecar knows no route for: on to the address that was dialled, or refused if it may not."""
    reads, port = route.retries is not None, traveller.request.port
    policy, where = traveller.index.routing.outbound_policy(client)
    service = target.service if isinstance(target, Pods) else target
    hidden = isinstance(service, Service) and not service.exported_to(client.namespace)
    told = f"{traveller.request.to} is {_HIDDEN if hidden else 'not among the hosts that this sidecar knows'}"
    if policy == "REGISTRY_ONLY":
        shape = Shape.BAD_GATEWAY if reads else Shape.CLOSED
        check = Check(CheckKind.ROUTE, Verdict.DENY, shape, where, reason=f"REGISTRY_ONLY: {told}")
        return [replace(traveller, route=Route(RouteSource.BLACKHOLE)).end(replace(hop, checks=(check,)))]
    says = service.resource.id if isinstance(service, Service) and hidden else None
    check = Check(CheckKind.ROUTE, Verdict.ALLOW, object=says, reason=f"{told}: it is passed on as it is")
    passed = replace(traveller, route=Route(RouteSource.PASSTHROUGH)).passed(replace(hop, checks=(check,)), reads=reads)
    if isinstance(target, Service) and target.headless:
        target = Pods(traveller.index.behind(target), target)
    return from_plain(replace(passed, sender=replace(traveller.sender, principal=None)), target, port)


def _each(traveller: Traveller, target: Pods, port: int, choose: Choose) -> list[Branch]:
    found = [to_pods(traveller, each, target.port_of(each, port), choose) for each in target.instances]
    return [*found, *strangers(traveller, target, port)] or [_nobody(traveller, target)]


def _leaving(traveller: Traveller, proxy: Proxy) -> Hop:
    sender = traveller.sender
    return Hop(proxy, sender.words, identity=sender.principal, source=sender.address, port=traveller.request.port)


def _nobody(traveller: Traveller, target: Pods) -> Branch:
    """A headless Service without pods."""
    at = target.service.host if target.service else traveller.request.to
    if traveller.index.mesh.lacks(POD):
        return traveller.unknown(at, PODS_NOT_READ)
    check = Check(CheckKind.ROUTE, Verdict.UNREACHABLE, Shape.CLOSED, reason="no pod stands behind it")
    return traveller.stop(Proxy.NONE, at, check)

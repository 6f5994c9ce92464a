"""Through a waypoint: policies attached to what was dialled, routes of its owner, and on under the waypoint's name.

Source: istio-semantics.md §3.7, §5.2. Whether `ipBlocks` work at a waypoint is an open question (checked.md): a policy
that looks at the peer's address there makes the answer unknown.
"""

from msgspec import Struct
from msgspec.structs import replace

from sidestep.semantics.authentication.tokens import Validation
from sidestep.semantics.authorization.attachment import GatewayTarget
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.authorization.policy import Attribute
from sidestep.semantics.authorization.seen import Chain, HttpSeen
from sidestep.semantics.decisions import Branch, Check, CheckKind, Hop, Proxy, Shape, Transport, Verdict
from sidestep.semantics.families import alike
from sidestep.semantics.hops.deliver import answered, choose_as_ambient, deliver, to_pods
from sidestep.semantics.hops.forwarded import forwarded
from sidestep.semantics.hops.judging import not_http, policy_check, refused_before, token_check
from sidestep.semantics.hops.network import gateway_check, network_check
from sidestep.semantics.hops.seeing import http_seen, seen
from sidestep.semantics.hops.traveller import Sender, Traveller
from sidestep.semantics.instances import Instances
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Http, Tcp
from sidestep.semantics.service_index import Service
from sidestep.semantics.settings import LAYERED
from sidestep.semantics.waypoints import HBONE_PORT, Binding

_ADDRESS = frozenset({Attribute.SOURCE_IP})


def through_waypoint(traveller: Traveller, bound: Binding, service: Service, port: int) -> list[Branch]:
    """A request that dialled a service of the waypoint's."""
    blocked = _not_taken(traveller, bound)
    if blocked is not None:
        return [blocked]
    declared = service.port(port)
    if declared is None:
        reason = f"{service.resource.id} declares no port {port}, and the waypoint has no chain for it"
        check = Check(CheckKind.ROUTE, Verdict.UNREACHABLE, Shape.CLOSED, reason=reason)
        return [traveller.end(_hop(traveller, bound, port, (check,)))]
    http, refused = _payload(traveller, bound, declared.protocol)
    vip = alike(traveller.dialled, service.vips[0], service.vips) if service.vips else ""
    checks = (refused,) if refused else _checks(traveller, _Chain(bound, service, http, vip, port))
    hop = _hop(traveller, bound, port, checks)
    if hop.verdict is not Verdict.ALLOW:
        return [traveller.end(hop)]
    host = traveller.index.host(service)
    routing = traveller.index.routing
    if http is not None:
        told = http_seen(traveller, http, Validation()) or HttpSeen()
        route = routing.waypoint_http(bound.namespace, host, port, told)
    else:
        payload = traveller.request.payload
        route = routing.waypoint_tcp(bound.namespace, host, port, payload.sni if isinstance(payload, Tcp) else "")
    ended = answered(traveller, route, hop)
    if ended is not None:
        return [ended]
    passed = traveller.passed(hop, reads=http is not None)
    onward = replace(passed, sender=_as_sender(traveller, bound), asked=service.host)
    if http is None:
        return deliver(onward, route, port, choose_as_ambient)
    tokens = traveller.index.waypoint_request_policies(GatewayTarget(bound.namespace, bound.name), service)
    return deliver(forwarded(onward, tokens), route, port, choose_as_ambient)


def through_workload_waypoint(traveller: Traveller, bound: Binding, to: Instances, port: int) -> Branch:
    """A request that dialled a pod of the waypoint's: Service-attached policies are not asked (D18)."""
    blocked = _not_taken(traveller, bound)
    if blocked is not None:
        return blocked
    http = traveller.http
    speechless = _server_first(traveller) if http is None else None
    checks = (
        (speechless,) if speechless else _checks(traveller, _Chain(bound, None, http, traveller.address_of(to), port))
    )
    hop = _hop(traveller, bound, port, checks)
    if hop.verdict is not Verdict.ALLOW:
        return traveller.end(hop)
    onward = replace(traveller.passed(hop, reads=http is not None), sender=_as_sender(traveller, bound))
    tokens = traveller.index.waypoint_request_policies(GatewayTarget(bound.namespace, bound.name), None)
    return to_pods(forwarded(onward, tokens), to, port, choose_as_ambient)


class _Chain(Struct, frozen=True):
    """One filter chain of a waypoint: for what was dialled there, and what it reads."""

    bound: Binding
    service: Service | None
    http: Http | None
    address: str
    port: int


def _checks(traveller: Traveller, chain: _Chain) -> tuple[Check, ...]:
    index, service, http = traveller.index, chain.service, chain.http
    layered = _layered(traveller, chain.bound)
    if layered is not None and layered.verdict is not Verdict.ALLOW:
        return (layered,)
    surveyed = (layered,) if layered is not None and layered.consulted is not None else ()
    gateway = GatewayTarget(chain.bound.namespace, chain.bound.name)
    if http is None:
        policies = index.waypoint_policies(gateway, service, Chain.TCP)
        return (*surveyed, _asked(traveller, chain, policies, None, Shape.CLOSED))
    validation, token = token_check(index.waypoint_request_policies(gateway, service), http)
    if token is not None and token.verdict is not Verdict.ALLOW:
        told = http_seen(traveller, http, Validation())
        what = seen(traveller, traveller.sender.principal, chain.address, chain.port, told)
        return refused_before(traveller, index.waypoint_policies(gateway, service, Chain.HTTP), what, token, _ADDRESS)
    told = http_seen(traveller, http, validation)
    if told is None:
        return (Check(CheckKind.PROTOCOL, Verdict.DENY, Shape.CLOSED, reason="the waypoint answers 400 to this path"),)
    policies = index.waypoint_policies(gateway, service, Chain.HTTP)
    check = _asked(traveller, chain, policies, told, Shape.FORBIDDEN)
    return (*surveyed, token, check) if token is not None else (*surveyed, check)


def _layered(traveller: Traveller, bound: Binding) -> Check | None:
    """Policies by selector and namespace before the waypoint, on its own labels (D24); None where the flag is off."""
    index = traveller.index
    if not index.settings.layered:
        return None
    pods = index.gateway_pods(bound.namespace, bound.name)
    if not pods:
        reason = f"istiod runs with {LAYERED}, and the waypoint's pods, whose labels count, were not read"
        return Check(CheckKind.AUTHORIZATION, Verdict.UNKNOWN, reason=reason)
    what = seen(traveller, traveller.sender.principal, traveller.address_of(pods[0]), HBONE_PORT, None)
    return policy_check(traveller, index.sidecar_policies(pods[0], Chain.TCP), what, Shape.RESET)


def _asked(traveller: Traveller, chain: _Chain, policies: PolicySet, http: HttpSeen | None, refusal: Shape) -> Check:
    what = seen(traveller, traveller.sender.principal, chain.address, chain.port, http)
    return policy_check(traveller, policies, what, refusal, _ADDRESS)


def _payload(traveller: Traveller, bound: Binding, declared: Declared) -> tuple[Http | None, Check | None]:
    """What the waypoint reads: HTTP where the port says so or the bytes look like it."""
    if traveller.http is not None:
        return (None if declared is Declared.TCP else traveller.http), None
    if declared is Declared.HTTP:
        return None, not_http()
    inspects = declared is Declared.UNDECLARED or (bound.namespace, bound.name) in traveller.index.pod_waypoints
    return None, _server_first(traveller) if inspects else None


def _server_first(traveller: Traveller) -> Check | None:
    """Where the waypoint looks for HTTP in the first bytes, it waits for the client to speak (D55)."""
    payload = traveller.request.payload
    if not isinstance(payload, Tcp) or not payload.server_first:
        return None
    reason = "the waypoint waits for the client's first bytes to tell HTTP from others, and the server speaks first"
    return Check(CheckKind.PROTOCOL, Verdict.UNREACHABLE, Shape.HANG, reason=reason)


def _not_taken(traveller: Traveller, bound: Binding) -> Branch | None:
    """A waypoint that was ready once and has no pod left refuses; NetworkPolicies may stand before its pods."""
    pods = traveller.index.gateway_pods(bound.namespace, bound.name)
    if pods and not any(each.ready for each in pods):
        check = Check(CheckKind.ROUTE, Verdict.UNREACHABLE, Shape.CLOSED, reason="no pod of the waypoint is ready")
        return traveller.end(_hop(traveller, bound, HBONE_PORT, (check,)))
    unsure = next((found for each in pods if (found := traveller.of_other_settings(each)) is not None), None)
    if unsure is not None:
        return unsure
    asked = (network_check(traveller, each, Transport.HBONE, HBONE_PORT) for each in pods)
    checks = asked if pods else (gateway_check(traveller, bound.namespace, bound.name),)
    blocked = next((each for each in checks if each is not None), None)
    return traveller.end(_hop(traveller, bound, HBONE_PORT, (blocked,))) if blocked is not None else None


def _hop(traveller: Traveller, bound: Binding, port: int, checks: tuple[Check, ...]) -> Hop:
    sender = traveller.sender
    at = f"{bound.namespace}/{bound.name}"
    return Hop(Proxy.WAYPOINT, at, Transport.HBONE, sender.principal, sender.address, port, checks)


def _as_sender(traveller: Traveller, bound: Binding) -> Sender:
    """The waypoint by its own certificate and address."""
    pods = traveller.index.gateway_pods(bound.namespace, bound.name)
    one = pods[0] if len(pods) == 1 else None
    return Sender(
        f"waypoint {bound.namespace}/{bound.name}",
        bound.namespace,
        one.labels if one else {"gateway.networking.k8s.io/gateway-name": bound.name},
        traveller.index.waypoint_principal(bound),
        traveller.address_of(one) if one else "",
        one,
        is_waypoint=True,
    )

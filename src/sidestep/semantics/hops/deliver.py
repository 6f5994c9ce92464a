"""From a route to pods: each backend, each kind of pod behind it, by the transport that the sender chooses.

Source: istio-semantics.md §3.8, §5.1, §5.3 (auto-mTLS and HBONE by what the endpoint can take).
"""

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.kinds import POD
from sidestep.semantics.authentication.peers import Mtls, effective
from sidestep.semantics.decisions import Branch, Check, CheckKind, Hop, Proxy, Shape, Transport, Verdict
from sidestep.semantics.hops.bypass import passed_by
from sidestep.semantics.hops.network import egress_check
from sidestep.semantics.hops.server import Arrival, arrive
from sidestep.semantics.hops.traveller import Sender, Traveller
from sidestep.semantics.identity import SPIFFE
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Http
from sidestep.semantics.routing.route import AnswerKind, Backend, Route
from sidestep.semantics.service_index import Port, Service

PODS_NOT_READ = "no pod stands behind it among those that were read, and not all were"
_NAMES = "tls.subjectAltNames"
Choose = Callable[[Sender, Instances, str], Transport]
_STATUS = {404: Shape.NOT_FOUND, 500: Shape.ERROR, 502: Shape.BAD_GATEWAY, 503: Shape.UNAVAILABLE}


def choose_as_ambient(_sender: Sender, to: Instances, _tls: str) -> Transport:
    """What ztunnel and waypoints send: HBONE to whoever takes it, else plaintext."""
    takes = to.mode is Mode.AMBIENT or (to.mode is Mode.SIDECAR and to.hbone)
    return Transport.HBONE if takes else Transport.PLAINTEXT


def choose_as_sidecar(sender: Sender, to: Instances, tls: str) -> Transport:
    """What sidecars and gateways send: mTLS to sidecars, HBONE to ambient pods if they can, else plaintext."""
    if to.mode is Mode.AMBIENT:
        able = sender.instances is None or sender.instances.hbone or sender.instances.mode is Mode.GATEWAY
        return Transport.HBONE if able else Transport.PLAINTEXT
    if tls == "DISABLE":
        return Transport.PLAINTEXT
    return Transport.MTLS if to.mode is Mode.SIDECAR or tls in ("ISTIO_MUTUAL", "MUTUAL") else Transport.PLAINTEXT


class Onward(Struct, frozen=True, gc=False):
    """How a sender goes on.

    Attributes:
        choose: the transport.
        tls: that a DestinationRule asks for.
        labels: of a subset.
        names: that a DestinationRule expects in the server's certificate; empty for those that Istio expects.
    """

    choose: Choose
    tls: str = ""
    labels: Mapping[str, str] = {}
    names: tuple[str, ...] = ()


def choose_plain(_sender: Sender, _to: Instances, _tls: str) -> Transport:
    """What kube-proxy passes on."""
    return Transport.PLAINTEXT


def answered(traveller: Traveller, route: Route, hop: Hop) -> Branch | None:
    """The way ends here because the proxy answers by itself; None where it sends the request on."""
    if route.unknown:
        check = Check(CheckKind.ROUTE, Verdict.UNKNOWN, object=route.object, reason=route.unknown)
        return replace(traveller, route=route).end(_with(hop, check))
    answer = route.answer
    if answer is None:
        return None
    refused = answer.kind in (AnswerKind.NOT_FOUND, AnswerKind.ERROR)
    verdict = Verdict.UNREACHABLE if refused else Verdict.ALLOW
    shape = _STATUS.get(answer.status, Shape.ANSWERED) if refused else Shape.ANSWERED
    check = Check(CheckKind.ROUTE, verdict, shape, route.object, reason=f"the proxy answers {answer.status} by itself")
    branch = replace(traveller, route=route).end(_with(hop, check))
    return branch if refused else replace(branch, shape=Shape.ANSWERED)


def deliver(traveller: Traveller, route: Route, port: int, choose: Choose) -> list[Branch]:
    """Every way on from a route."""
    http = _edited(traveller.http, route)
    total = sum(backend.weight for backend in route.backends)
    branches: list[Branch] = []
    for backend in route.backends:
        share = traveller.weight * (backend.weight / total if total else 0)
        if backend.weight:
            how = Onward(choose, route.tls, backend.labels, _expected_names(route, backend))
            branches += _to_backend(replace(traveller, route=route, http=http, weight=share), backend, port, how)
    if branches:
        return branches
    return [_nobody(replace(traveller, route=route, http=http), "the route", "no backend has any weight", Shape.ERROR)]


def to_service(traveller: Traveller, service: Service, port: int, choose: Choose) -> list[Branch]:
    """Every kind of pod behind a service, without a route."""
    return _to_pods(traveller, service, port, Onward(choose))


def _to_backend(traveller: Traveller, backend: Backend, port: int, how: Onward) -> list[Branch]:
    service = traveller.index.services.by_host.get(backend.host)
    if not backend.known or service is None:
        return [_nobody(traveller, backend.host, "no such service", Shape.UNAVAILABLE)]
    return _to_pods(traveller, service, backend.port or port, how)


def _to_pods(traveller: Traveller, service: Service, number: int, how: Onward) -> list[Branch]:
    if service.external_name:
        return _to_external_name(traveller, service, number, how)
    if service.external and service.resolution:
        return [outside(traveller, service.host, number, how.tls)]
    port = service.port(number)
    if port is None:
        return [
            _nobody(traveller, service.host, f"port {number} is not declared by {service.resource.id}", Shape.CLOSED)
        ]
    pods = traveller.index.behind(service)
    if how.labels:
        pods = tuple(each for each in pods if how.labels.items() <= each.labels.items())
    if not pods:
        if service.selector is None:
            return [
                traveller.unknown(service.host, f"{service.resource.id} selects no pods: its endpoints were not read")
            ]
        if traveller.index.mesh.lacks(POD):
            return [traveller.unknown(service.host, PODS_NOT_READ)]
        return [_nobody(traveller, service.host, "no pod stands behind it", Shape.UNAVAILABLE)]
    if len(pods) == 1:
        return [_to_one(traveller, service, pods[0], port, how)]
    total = sum(each.count or 1 for each in pods)
    return [
        _to_one(replace(traveller, weight=traveller.weight * (each.count or 1) / total), service, each, port, how)
        for each in pods
    ]


def _to_one(traveller: Traveller, service: Service, to: Instances, port: Port, how: Onward) -> Branch:
    target = port.target if isinstance(port.target, int) else to.container_ports.get(port.target)
    if target is None:
        return _nobody(traveller, str(to.workload), f"no container port is named {port.target!r}", Shape.UNAVAILABLE)
    passing = passed_by(traveller, to, service)
    arrival = Arrival(traveller, to, _transport(traveller, to, target, how), target, port.protocol, passing)
    if how.names and arrival.transport is Transport.MTLS:
        own = to.principal(traveller.index.settings.trust_domain)
        if SPIFFE + own not in how.names:
            return _unexpected(traveller, str(to.workload), own)
    return arrive(arrival)


def _unexpected(traveller: Traveller, at: str, own: str) -> Branch:
    """The server's certificate is not one that the DestinationRule names (D37)."""
    where = traveller.route.traffic_object if traveller.route else None
    shape = Shape.UNAVAILABLE if traveller.http is not None else Shape.CLOSED
    reason = f"subjectAltNames do not name {own}"
    return traveller.stop(Proxy.NONE, at, Check(CheckKind.PROTOCOL, Verdict.UNREACHABLE, shape, where, reason=reason))


def _transport(traveller: Traveller, to: Instances, port: int, how: Onward) -> Transport:
    """Unless a DestinationRule insists, nobody sends mTLS to a port of which PeerAuthentication says DISABLE."""
    chosen = how.choose(traveller.sender, to, how.tls)
    if (
        chosen is Transport.MTLS
        and not how.tls
        and effective(traveller.index.peer_levels(to), port).mode is Mtls.DISABLE
    ):
        return Transport.PLAINTEXT
    return chosen


def _expected_names(route: Route, backend: Backend) -> tuple[str, ...]:
    """`tls.subjectAltNames` of the DestinationRule; where destinations differ, each word opens with its host."""
    if not route.traffic_policy:
        return ()
    found = (word.rpartition(f"{_NAMES}[") for word in route.traffic_policy if f"{_NAMES}[" in word)
    return tuple(
        rest.partition("]: ")[2]
        for host, _, rest in found
        if not host or host.startswith((f"{backend.host}:", f"{backend.host}/"))
    )


def _to_external_name(traveller: Traveller, service: Service, number: int, how: Onward) -> list[Branch]:
    """A sidecar's cluster for a name that stands for another: what that resolves to, in plaintext (D59)."""
    meant = traveller.index.services.named(service.external_name, service.namespace)
    if meant is None or meant.external_name:
        return [outside(traveller, service.external_name, number, how.tls)]
    return _to_pods(traveller, meant, number, Onward(choose_plain))


def to_pods(traveller: Traveller, to: Instances, port: int, choose: Choose) -> Branch:
    """Pods that were dialled by their own address: the protocol is the one that a Service declares for the port."""
    transport = _transport(traveller, to, port, Onward(choose))
    declared = declared_at(traveller, to, port)
    return arrive(Arrival(traveller, to, transport, port, declared, passed_by(traveller, to, None)))


def declared_at(traveller: Traveller, to: Instances, port: int) -> Declared:
    """What the oldest Service in front of pods declares for a target port; nothing where none does."""
    for service in traveller.index.in_front_of(to):
        for each in service.ports:
            target = each.target if isinstance(each.target, int) else to.container_ports.get(each.target)
            if target == port:
                return each.protocol
    return Declared.UNDECLARED


def outside(traveller: Traveller, host: str, port: int, tls: str = "") -> Branch:
    """The way leads out of the mesh; the proxy starts TLS there if a DestinationRule says so."""
    blocked = egress_check(traveller, host, port)
    if blocked is not None:
        return traveller.stop(Proxy.NONE, host, blocked)
    reason = f"leaves the mesh with TLS started by the proxy ({tls})" if tls in ("SIMPLE", "MUTUAL") else ""
    checks = (Check(CheckKind.ROUTE, Verdict.ALLOW, reason=reason),) if reason else ()
    return traveller.end(Hop(Proxy.NONE, host, source=traveller.sender.address, checks=checks))


def _nobody(traveller: Traveller, at: str, reason: str, shape: Shape) -> Branch:
    told = shape if traveller.http is not None else Shape.CLOSED
    return traveller.stop(Proxy.NONE, at, Check(CheckKind.ROUTE, Verdict.UNREACHABLE, told, reason=reason))


def _with(hop: Hop, check: Check) -> Hop:
    return replace(hop, checks=(*hop.checks, check))


def _edited(http: Http | None, route: Route) -> Http | None:
    """The request as it is sent on."""
    if http is None or not (route.rewrite_path or route.rewrite_host or route.request_edits):
        return http
    headers = dict(http.headers)
    for edit in route.request_edits:
        verb, _, rest = edit.partition(" ")
        name, _, value = rest.partition(": ")
        if verb == "remove":
            headers.pop(name.lower(), None)
        elif verb == "add" and name.lower() in headers:
            headers[name.lower()] += f",{value}"
        else:
            headers[name.lower()] = value
    return replace(
        http,
        path=route.rewrite_path or http.path,
        authority=route.rewrite_host or http.authority,
        headers=headers,
    )

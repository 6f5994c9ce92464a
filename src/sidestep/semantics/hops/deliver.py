"""From a route to pods: each backend, each kind of pod behind it, by the transport that the sender chooses.

Source: istio-semantics.md §3.8, §5.1, §5.3 (auto-mTLS and HBONE by what the endpoint can take).
"""

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.kinds import POD
from sidestep.semantics.authentication.peers import Mtls, effective
from sidestep.semantics.decisions import Branch, Check, CheckKind, Hop, Proxy, Shape, Transport, Verdict
from sidestep.semantics.endpoint_slices import Named
from sidestep.semantics.entry_endpoints import DYNAMIC, NONE, STATIC, pods_among
from sidestep.semantics.fronts import fronts
from sidestep.semantics.hops.bypass import passed_by
from sidestep.semantics.hops.network import egress_check
from sidestep.semantics.hops.server import Arrival, arrive, to_itself
from sidestep.semantics.hops.targets import External, Pods, Target
from sidestep.semantics.hops.traveller import Sender, Traveller
from sidestep.semantics.identity import SPIFFE
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.leads import leads
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Http
from sidestep.semantics.routing.hosts import is_address, is_wildcard
from sidestep.semantics.routing.route import AnswerKind, Backend, Route
from sidestep.semantics.service_index import OWN_NODE, Port, Service

PODS_NOT_READ = "no pod stands behind it among those that were read, and not all were"
_NAMES = "tls.subjectAltNames"
_MUTUAL = ("ISTIO_MUTUAL", "MUTUAL")
_STARTED = ("SIMPLE", "MUTUAL")
Choose = Callable[[Sender, Instances, str], Transport]
_CLOSES = 0
"""Status of an answer to a connection of bytes, which has none."""
_STATUS = {
    _CLOSES: Shape.CLOSED,
    404: Shape.NOT_FOUND,
    500: Shape.ERROR,
    502: Shape.BAD_GATEWAY,
    503: Shape.UNAVAILABLE,
}


def choose_as_ambient(_sender: Sender, to: Instances, _tls: str) -> Transport:
    """What ztunnel and waypoints send: HBONE to whoever takes it, else plaintext."""
    takes = to.mode is Mode.AMBIENT or (to.mode is Mode.SIDECAR and to.hbone)
    return Transport.HBONE if takes else Transport.PLAINTEXT


def choose_as_sidecar(sender: Sender, to: Instances, tls: str) -> Transport:
    """What sidecars and gateways send: HBONE to ambient pods if they can, mTLS to sidecars or where a rule insists."""
    able = sender.instances is None or sender.instances.hbone or sender.instances.mode is Mode.GATEWAY
    if to.mode is Mode.AMBIENT and able:
        return Transport.HBONE
    if tls == "DISABLE":
        return Transport.PLAINTEXT
    return Transport.MTLS if to.mode is Mode.SIDECAR or tls in _MUTUAL else Transport.PLAINTEXT


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


def choose_by_tunnel(sender: Sender, to: Instances, _tls: str) -> Transport:
    """What sidecars and gateways send to an address of which they know only whether it takes HBONE.

    Source: pilot/pkg/xds/endpoints/endpoint_builder.go (supportTunnel).
    """
    able = sender.instances is None or sender.instances.hbone or sender.instances.mode is Mode.GATEWAY
    takes = to.mode is Mode.AMBIENT or (to.mode is Mode.SIDECAR and to.hbone)
    return Transport.HBONE if able and takes else Transport.PLAINTEXT


_PLAIN = Onward(choose_plain)


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
    told = f"the proxy answers {answer.status} by itself"
    if answer.status == _CLOSES:
        told = "nobody that the route names is there, and the proxy closes the connection"
    check = Check(CheckKind.ROUTE, verdict, shape, route.object, reason=told)
    branch = replace(traveller, route=route).end(_with(hop, check))
    return branch if refused else replace(branch, shape=Shape.ANSWERED)


def deliver(
    traveller: Traveller, route: Route, port: int, choose: Choose, dialled: Target | None = None
) -> list[Branch]:
    """Every way on from a route.

    Args:
        traveller: the request and who sends it on.
        route: by which it is sent.
        port: of the service that was dialled.
        choose: the transport.
        dialled: to where a request for a headless Service goes; None where its sender chooses among the pods.
    """
    total = sum(backend.weight for backend in route.backends)
    branches: list[Branch] = []
    for backend in route.backends:
        share = traveller.weight * (backend.weight / total if total else 0)
        if backend.weight:
            how = Onward(choose, route.tls, backend.labels, _expected_names(route, backend))
            sent = sent_on(traveller.http, route, backend)
            sender = replace(traveller, route=route, http=sent, weight=share, backend=backend)
            branches += _to_backend(sender, backend, port, how, dialled)
    if branches:
        return branches
    return [_nobody(replace(traveller, route=route), "the route", "no backend has any weight", Shape.ERROR)]


def to_service(traveller: Traveller, service: Service, port: int, choose: Choose) -> list[Branch]:
    """Every kind of pod behind a service, without a route."""
    return _to_pods(traveller, service, port, Onward(choose))


def _to_backend(traveller: Traveller, backend: Backend, port: int, how: Onward, dialled: Target | None) -> list[Branch]:
    service = traveller.index.services.by_host.get(backend.host)
    if not backend.known or service is None:
        return [_nobody(traveller, backend.host, "no such service", Shape.UNAVAILABLE)]
    if dialled is not None and service.headless:
        return _to_dialled(traveller, service, dialled, how)
    return _to_pods(traveller, service, backend.port or port, how)


def _to_dialled(traveller: Traveller, service: Service, dialled: Target, how: Onward) -> list[Branch]:
    """What a sidecar sends to a headless Service goes to the address that its client dialled, at the port dialled.

    Of the pod there the sidecar knows nothing, not that it takes HBONE either.

    Source: pilot/pkg/networking/core/cluster.go (convertResolution), cluster_tls.go (applyHBONETransportSocketMatches).
    """
    mutual = how.tls in _MUTUAL or (not how.tls and _all_take_mutual(traveller, service))
    chosen = Transport.MTLS if mutual else Transport.PLAINTEXT
    port = traveller.request.port
    match dialled:
        case Service():
            others = [
                each for each in traveller.index.behind(dialled) if not _vouched(traveller, service, each, chosen)
            ]
            return [_impostor(traveller, service, each) for each in others] or to_service(
                traveller, dialled, port, lambda *_: chosen
            )
        case Pods(instances=instances):
            found = [_at_dialled(traveller, service, to, chosen) for to in instances]
            return [*found, *strangers(traveller, dialled, port)] or [_nobody_behind(traveller, service)]
        case External(host=host):
            return [outside(traveller, host, port, how.tls)]


def _at_dialled(traveller: Traveller, service: Service, to: Instances, transport: Transport) -> Branch:
    if not _vouched(traveller, service, to, transport):
        return _impostor(traveller, service, to)
    port = traveller.request.port
    passing = passed_by(traveller, to, service)
    return arrive(Arrival(traveller, to, transport, port, declared_at(traveller, to, port), passing))


def _vouched(traveller: Traveller, service: Service, to: Instances, transport: Transport) -> bool:
    """Whether a certificate is one that a sidecar takes from a service: of any of the pods behind it."""
    known = {traveller.index.principal(each) for each in traveller.index.behind(service)}
    return transport is not Transport.MTLS or traveller.index.principal(to) in known


def _impostor(traveller: Traveller, service: Service, to: Instances) -> Branch:
    reason = f"no pod of {service.resource.id} is {traveller.index.principal(to)}, and the sidecar expects one of them"
    shape = Shape.UNAVAILABLE if traveller.http is not None else Shape.CLOSED
    return traveller.stop(Proxy.NONE, to.words, Check(CheckKind.PROTOCOL, Verdict.UNREACHABLE, shape, reason=reason))


def _nobody_behind(traveller: Traveller, service: Service) -> Branch:
    if traveller.index.mesh.lacks(POD):
        return traveller.unknown(service.host, PODS_NOT_READ)
    return _nobody(traveller, service.host, "no pod stands behind it", Shape.UNAVAILABLE)


def _all_take_mutual(traveller: Traveller, service: Service) -> bool:
    """Whether all endpoints of a service have a sidecar, and no PeerAuthentication above their own says DISABLE.

    Source: pilot/pkg/model/push_context.go (BestEffortInferServiceMTLSMode).
    """
    pods = traveller.index.behind(service)
    if not pods or service.named or any(each.mode is not Mode.SIDECAR for each in pods):
        return False
    return all(traveller.index.peer_levels(each).admits_mutual for each in pods)


def strangers(traveller: Traveller, dialled: Pods, port: int) -> list[Branch]:
    """Addresses behind a headless Service that no pod has."""
    named = dialled.service.named if dialled.service is not None else None
    known = traveller.index.by_address
    return [outside(traveller, each.address, port) for each in named or () if each.address not in known]


def _to_pods(traveller: Traveller, service: Service, number: int, how: Onward) -> list[Branch]:
    if service.chosen or traveller.chosen:
        traveller = replace(traveller, chosen=_chosen(service, traveller.sender))
    if service.external_name:
        return _to_external_name(traveller, service, number, how)
    if _leads_out(traveller, service, how):
        return _out(traveller, service, number, how)
    if service.external and how.choose is choose_as_sidecar:
        how = replace(how, choose=choose_by_tunnel)
    port = service.port(number)
    if port is None:
        return [
            _nobody(traveller, service.host, f"port {number} is not declared by {service.resource.id}", Shape.CLOSED)
        ]
    selects = service.selector is not None or service.named is None
    pods = traveller.index.behind(service) if selects else ()
    named = _named(traveller, service, number, how)
    if how.labels:
        pods = tuple(each for each in pods if how.labels.items() <= each.labels.items())
    if not pods and not named:
        if service.selector is None and service.named is None:
            return [
                traveller.unknown(service.host, f"{service.resource.id} selects no pods: its endpoints were not read")
            ]
        return [_nobody_behind(traveller, service)]
    if len(pods) == 1 and not named:
        return [_to_one(traveller, service, pods[0], port, how)]
    total = sum(each.count or 1 for each in pods) + sum(each.weight for each in named)
    return [
        _to_one(replace(traveller, weight=traveller.weight * (each.count or 1) / total), service, each, port, how)
        for each in pods
    ] + [
        _to_named(replace(traveller, weight=traveller.weight * each.weight / total), service, each, port, how)
        for each in named
    ]


def _named(traveller: Traveller, service: Service, number: int, how: Onward) -> tuple[Named, ...]:
    """Endpoints that somebody wrote down, as far as a sender is told of them: of a subset those with its labels."""
    if not service.resolution:
        return service.named or () if not how.labels else ()
    found = (*(service.named or ()), *(() if _is_ztunnel(traveller, how) else pods_among(service.beside) or ()))
    return tuple(each for each in found if number in each.ports and how.labels.items() <= each.labels.items())


def _out(traveller: Traveller, service: Service, number: int, how: Onward) -> list[Branch]:
    """By a ServiceEntry out of the mesh, to each of its endpoints.

    A name that is looked up is one endpoint, whoever looks it up, and whichever of its addresses is taken.
    """
    if how.choose is choose_plain:
        return [outside(traveller, _dialled_name(traveller, service), number, how.tls)]
    if service.resolution == DYNAMIC:
        return [while_used(traveller, service)]
    if service.resolution == NONE:
        return [_kept(traveller, service, number, how)]
    found = leads(service, number, how.labels, by_ztunnel=_is_ztunnel(traveller, how))
    shared = [(each, replace(traveller, weight=traveller.weight * each.share)) for each in found]
    expects = _expecting(service, how)
    return [outside(sender, each.host, each.port, how.tls, each.said, expects) for each, sender in shared] or [
        _nobody_led(traveller, service, number)
    ]


def while_used(traveller: Traveller, service: Service) -> Branch:
    """What a proxy looks up by each request's own host (DYNAMIC_DNS) is not modelled."""
    return traveller.unknown(service.host, f"{service.resource.id} has resolution {DYNAMIC}, which is not modelled")


def _kept(traveller: Traveller, service: Service, number: int, how: Onward) -> Branch:
    """To the address that was dialled; Envoys change its port, and gateways were not dialled by it.

    Source: cluster.go (convertResolution), cluster_builder.go (PassthroughTargetPorts, since 1.22); ztunnel's state.rs.
    """
    sender = traveller.sender.instances
    if sender is not None and sender.mode is Mode.GATEWAY:
        return _nobody(traveller, service.host, f"{service.resource.id} names no endpoint", Shape.UNAVAILABLE)
    port, able = service.port(number), traveller.index.settings.version.since(1, 22)
    own = port.target if port is not None and able and not _is_ztunnel(traveller, how) else number
    return outside(traveller, traveller.request.to, own if isinstance(own, int) else number, how.tls)


def _dialled_name(traveller: Traveller, service: Service) -> str:
    """What a client's own look-up is for: an address, or a name below a wildcard, is known from the request alone."""
    own = is_wildcard(service.host) or is_address(traveller.request.to)
    return traveller.request.to if own else service.host


def _expecting(service: Service, how: Onward) -> str:
    """Names that a certificate must have, where a proxy starts TLS and no DestinationRule names others."""
    asks = how.tls in _STARTED and service.sans and not how.names
    return f"expects {', '.join(service.sans)}" if asks else ""


def _nobody_led(traveller: Traveller, service: Service, number: int) -> Branch:
    if service.selector is not None:
        return _nobody_behind(traveller, service)
    if is_wildcard(service.host) and not service.leads and service.resolution != STATIC:
        reason = f"{service.resource.id} names no endpoint for a wildcard: Istio's admission refuses it"
        return traveller.unknown(service.host, reason)
    return _nobody(traveller, service.host, f"it has no endpoint for port {number}", Shape.UNAVAILABLE)


def _is_ztunnel(traveller: Traveller, how: Onward) -> bool:
    return how.choose is choose_as_ambient and not traveller.sender.is_waypoint


def _chosen(service: Service, sender: Sender) -> tuple[str, ...]:
    """Whose node is meant, a waypoint's where one sends.

    Source: pilot/pkg/xds/endpoints/endpoint_builder.go (filterIstioEndpoint: the node of the proxy that asks).
    """
    at_waypoint = {OWN_NODE: "those of the waypoint's node"} if sender.is_waypoint else {}
    return tuple(at_waypoint.get(each, each) for each in service.chosen)


def _leads_out(traveller: Traveller, service: Service, how: Onward) -> bool:
    """Whether a ServiceEntry leads out of the mesh: by its location, unless pods are known behind it.

    Source: istiod's ambient/workloads.go: pods and endpoints become workloads whatever the location;
    pilot/pkg/xds/endpoints/endpoint_builder.go: Envoys are told of endpoints alike, and look names up themselves.
    """
    if not service.resolution:
        return False
    if service.resolution == DYNAMIC:
        return True
    if not service.external:
        written = service.selector is not None or service.named is not None
        return (not written or how.choose is choose_plain) and not traveller.index.behind(service)
    by_ztunnel = _is_ztunnel(traveller, how) and service.resolution != NONE
    told = by_ztunnel or (service.resolution == "STATIC" and not how.tls)
    return not (told and traveller.index.behind(service))


def _to_one(traveller: Traveller, service: Service, to: Instances, port: Port, how: Onward) -> Branch:
    target = port.target if isinstance(port.target, int) else to.container_ports.get(port.target)
    if target is None:
        return _nobody(traveller, str(to.workload), f"no container port is named {port.target!r}", Shape.UNAVAILABLE)
    if how.choose is choose_plain and to is traveller.sender.instances:
        traveller = _from_its_node(traveller)
    passing = passed_by(traveller, to, service)
    declared = declared_at(traveller, to, target, port.protocol)
    arrival = Arrival(traveller, to, _transport(traveller, to, target, how), target, declared, passing)
    if how.names and arrival.transport is Transport.MTLS:
        own = to.principal(traveller.index.settings.trust_domain)
        if SPIFFE + own not in how.names:
            return _unexpected(traveller, str(to.workload), own)
    return arrive(arrival)


def _from_its_node(traveller: Traveller) -> Traveller:
    """A pod that kube-proxy leads back to itself comes from an address of its node, lest it answers itself directly.

    Source: Kubernetes' pkg/proxy/iptables/proxier.go and nftables (hairpin: masquerade).
    """
    return replace(traveller, sender=replace(traveller.sender, address=""))


def _to_named(traveller: Traveller, service: Service, each: Named, port: Port, how: Onward) -> Branch:
    """An endpoint that somebody wrote down: a pod, if one has the address, or something outside."""
    to = traveller.index.by_address.get(each.address)
    if how.choose is not choose_plain:
        traveller = _towards(traveller, each.address)
    target = _own_port(traveller, each, to, port, how)
    if target is None:
        return _nobody(traveller, each.address, f"the endpoint has no port named {port.name!r}", Shape.UNAVAILABLE)
    if to is None:
        return outside(traveller, each.address, target, how.tls, each.said)
    known = _is_known(traveller, service, each, to, how)
    if not known and how.choose is choose_as_ambient and to is traveller.sender.instances and to.address:
        return to_itself(traveller, to, target)
    by_tunnel = choose_by_tunnel if how.choose in (choose_as_sidecar, choose_by_tunnel) else choose_plain
    transport = _transport(traveller, to, target, how if known else Onward(by_tunnel))
    told = known or how.choose is choose_plain or transport is Transport.HBONE
    stranger = None if told else _stranger(service, each)
    passing = passed_by(traveller, to, service)
    declared = declared_at(traveller, to, target, port.protocol)
    return arrive(Arrival(traveller, to, transport, target, declared, passing, stranger))


def _towards(traveller: Traveller, address: str) -> Traveller:
    """Onward in the IP family of an endpoint: proxies take each address for one of its own, whichever was dialled.

    Source: ztunnel's src/state.rs: the dialled family is preferred among the addresses of one workload only.
    """
    own = traveller.sender.instances
    source = own.address_towards(address) if own is not None else traveller.sender.address
    return replace(traveller, dialled=address, sender=replace(traveller.sender, address=source))


def _own_port(traveller: Traveller, each: Named, to: Instances | None, port: Port, how: Onward) -> int | None:
    """The endpoint's port, as its slice says it; None where it says none.

    ztunnel finds a pod that is named by the Service's own target port, and whoever else has no port of that name, too
    (ztunnel: src/state.rs; istiod: ambient/workloads.go, constructServices).
    """
    own = each.ports.get(port.number)
    by_ztunnel = how.choose is choose_as_ambient and not traveller.sender.is_waypoint
    pod = to if each.pod is not None else None
    if not by_ztunnel or (own is not None and pod is None):
        return own
    return port.target if isinstance(port.target, int) else pod.container_ports.get(port.target) if pod else None


def _stranger(service: Service, each: Named) -> Check:
    """Nothing is asked: it says why plaintext is sent (D63)."""
    reason = f"{each.address} is written down for {service.resource.id}, and no pod is named: the sender knows nobody"
    return Check(CheckKind.ENDPOINT, Verdict.ALLOW, object=service.resource.id, reason=reason)


def _is_known(traveller: Traveller, service: Service, each: Named, to: Instances, how: Onward) -> bool:
    """Whether a sender knows that an address is a pod's, so that it sends what the pod takes.

    ztunnel does if the slice names the pod. Envoys are told who takes HBONE at an address, whatever the slice says; of
    sidecars istiod tells them those of the Service's own namespace, and behind a ServiceEntry none.
    """
    if each.pod is not None or traveller.sender.is_waypoint:
        return True
    own = to.namespace == service.namespace and not service.resolution
    return how.choose is choose_as_sidecar and (to.mode is not Mode.SIDECAR or own)


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
    return _to_pods(traveller, meant, number, _PLAIN)


def to_pods(traveller: Traveller, to: Instances, port: int, choose: Choose) -> Branch:
    """Pods that were dialled by their own address: the protocol is the one that a Service declares for the port."""
    transport = _transport(traveller, to, port, Onward(choose))
    declared = declared_at(traveller, to, port)
    return arrive(Arrival(traveller, to, transport, port, declared, passed_by(traveller, to, None)))


def declared_at(traveller: Traveller, to: Instances, port: int, otherwise: Declared = Declared.UNDECLARED) -> Declared:
    """What a target port is declared to be, whichever service was dialled."""
    for _, each, number in fronts(traveller.index.in_front_of(to), to):
        if number == port:
            return each.protocol
    return otherwise


def outside(traveller: Traveller, host: str, port: int, tls: str = "", *said: str) -> Branch:
    """The way leads out of the mesh; the proxy starts TLS there if a DestinationRule says so.

    Args:
        traveller: the request and who sends it.
        host: where it leads: a name or an address.
        port: there.
        tls: that a DestinationRule asks for.
        said: what a ServiceEntry says of this end.
    """
    blocked = egress_check(traveller, host, port)
    if blocked is not None:
        return traveller.stop(Proxy.NONE, host, blocked, port)
    reason = f"leaves the mesh with TLS started by the proxy ({tls})" if tls in _STARTED else ""
    told = ", ".join(each for each in (reason, *said) if each)
    checks = (Check(CheckKind.ROUTE, Verdict.ALLOW, reason=told),) if told else ()
    return traveller.end(Hop(Proxy.NONE, host, source=traveller.sender.address, port=port, checks=checks))


def _nobody(traveller: Traveller, at: str, reason: str, shape: Shape) -> Branch:
    told = shape if traveller.read else Shape.CLOSED
    return traveller.stop(Proxy.NONE, at, Check(CheckKind.ROUTE, Verdict.UNREACHABLE, told, reason=reason))


def _with(hop: Hop, check: Check) -> Hop:
    return replace(hop, checks=(*hop.checks, check))


def sent_on(http: Http | None, route: Route, backend: Backend) -> Http | None:
    """The request as it is sent on to a backend.

    A single backend's edits are of the route's list, behind its own; those of a share come before the route's, as Envoy
    begins with what is most specific.

    Source: pilot/pkg/networking/core/route/route.go (processDestination, processWeightedDestination).
    """
    own, shared = backend.request_edits, route.request_edits
    levels = ((*shared, *own),) if len(route.backends) == 1 else (own, shared)
    found = http
    for level in levels:
        found = _edited(found, level)
    authority = route.rewrite_host or backend.authority
    if found is None or not (route.rewrite_path or authority):
        return found
    return replace(found, path=route.rewrite_path or found.path, authority=authority or found.authority)


def _edited(http: Http | None, edits: tuple[str, ...]) -> Http | None:
    """With its headers changed, as words of one level say: Envoy removes before it adds.

    Values are Envoy's formats, of which only a percent sign is carried out.
    """
    if http is None or not edits:
        return http
    headers = dict(http.headers)
    for edit in sorted(edits, key=lambda edit: not edit.startswith("remove ")):
        verb, _, rest = edit.partition(" ")
        name, _, value = rest.partition(": ")
        value = value if "%" in value.replace("%%", "") else value.replace("%%", "%")
        if verb == "remove":
            headers.pop(name.lower(), None)
        elif verb == "add" and name.lower() in headers:
            headers[name.lower()] += f",{value}"
        else:
            headers[name.lower()] = value
    return replace(http, headers=headers)

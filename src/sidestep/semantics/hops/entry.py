"""Into a gateway: what its listeners take, and what its own policies say of it.

The way of a request ends there: what the gateway forwards is a request of its own, and is asked as the gateway's. So
what a client gets through a gateway is told in two parts, and the first one says by which listeners it came in.
Source: pilot/pkg/networking/core/gateway.go (buildGatewayListeners).
"""

from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.decisions import Check, CheckKind, Shape, Transport, Verdict
from sidestep.semantics.hops.judging import http_checks, not_http, policy_check
from sidestep.semantics.hops.seeing import seen
from sidestep.semantics.hops.traveller import Traveller
from sidestep.semantics.instances import Instances
from sidestep.semantics.redirection import OF_THE_PROXY
from sidestep.semantics.routing.servers import Server

_ISTIO_MUTUAL = "ISTIO_MUTUAL"
_OWN = Check(CheckKind.ROUTE, Verdict.ALLOW, reason="the gateway answers there about itself")


def entry_checks(
    traveller: Traveller, to: Instances, transport: Transport, identity: str | None, port: int
) -> tuple[Check, ...]:
    """What a gateway asks of a request that comes to a port of its pods.

    Args:
        traveller: the request.
        to: the gateway's pods.
        transport: how it comes.
        identity: of the peer, as the gateway knows it.
        port: of the pods.
    """
    if port in OF_THE_PROXY:
        return (_OWN,)
    gateways = traveller.index.gateways
    unread = gateways.unread(to)
    if unread:
        return (Check(CheckKind.ROUTE, Verdict.UNKNOWN, reason=f"what listens there cannot be told: {unread}"),)
    servers = gateways.listening(to, traveller.index.in_front_of(to), port)
    if not servers:
        reason = f"no Gateway of {to.workload} listens on port {port}"
        return (Check(CheckKind.ROUTE, Verdict.UNREACHABLE, _refusal(traveller), reason=reason),)
    refused = _wrong_transport(traveller, servers, transport)
    if refused is not None:
        return (refused,)
    asked = _asked(traveller, to, identity, port, reads=any(each.reads_http for each in servers))
    return (*asked, Check(CheckKind.ROUTE, Verdict.ALLOW, reason=_told(servers)))


def _asked(traveller: Traveller, to: Instances, identity: str | None, port: int, *, reads: bool) -> tuple[Check, ...]:
    """Its policies, on the chain of the listener; HTTP is read in TLS too, where the gateway ends that."""
    if not reads:
        what = seen(traveller, identity, traveller.address_of(to), port, None)
        return (policy_check(traveller, traveller.index.sidecar_policies(to, Chain.TCP), what, _refusal(traveller)),)
    http = traveller.http
    return (not_http(),) if http is None else http_checks(traveller, to, identity, port, http)


def _refusal(traveller: Traveller) -> Shape:
    """A closed connection; a proxy on the way that reads HTTP turns that into 503."""
    return Shape.UNAVAILABLE if traveller.read else Shape.CLOSED


def _wrong_transport(traveller: Traveller, servers: tuple[Server, ...], transport: Transport) -> Check | None:
    """A listener for mTLS of the mesh takes nothing else, and others cannot read it."""
    mutual = any(each.mode == _ISTIO_MUTUAL for each in servers)
    if mutual is (transport is Transport.MTLS):
        return None
    wanted = "mTLS of the mesh" if mutual else "no mTLS of the mesh"
    reason = f"the listener of {servers[0].name} takes {wanted}, and {transport} is sent"
    return Check(CheckKind.PROTOCOL, Verdict.UNREACHABLE, _refusal(traveller), reason=reason)


def _told(servers: tuple[Server, ...]) -> str:
    """The listeners in full: who compares two meshes compares them by these words."""
    told = "; ".join(dict.fromkeys(each.words for each in servers))
    return f"by {told}; what it forwards is asked with --client gateway:NAME"

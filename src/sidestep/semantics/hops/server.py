"""Arriving at pods: what captures the connection there, who it says the peer is, and what policies answer.

Source: istio-semantics.md §3.6, §3.8, §3.11, §5.3.
"""

from msgspec import Struct
from msgspec.structs import replace

from sidestep.semantics.authentication.peers import Levels, Mtls, PeerPolicy, effective
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.decisions import Branch, Check, CheckKind, Hop, Proxy, Shape, Transport, Verdict
from sidestep.semantics.families import is_ipv6
from sidestep.semantics.hops.entry import entry_checks
from sidestep.semantics.hops.forwarded import certificate_of, forwarded
from sidestep.semantics.hops.judging import http_checks, not_http, policy_check, ztunnel_check
from sidestep.semantics.hops.network import network_check
from sidestep.semantics.hops.seeing import seen
from sidestep.semantics.hops.traveller import Traveller, identity_over
from sidestep.semantics.instances import BYPASS_INBOUND, Instances, Mode
from sidestep.semantics.network_policies import PROBED_FROM
from sidestep.semantics.protocols import Declared, treated_as
from sidestep.semantics.proxies import INTERCEPTION
from sidestep.semantics.redirection import OF_THE_PROXY
from sidestep.semantics.requests import Tcp
from sidestep.semantics.routing.hosts import Client
from sidestep.semantics.routing.sidecars import Scope

_ILLEGAL_AT_ZTUNNEL = frozenset({15001, 15006, 15008})


class Arrival(Struct, frozen=True, gc=False):
    """A leg that ends at pods.

    Attributes:
        traveller: the request and who sends it on.
        to: the pods.
        transport: how it comes.
        port: the target port.
        declared: what the Service's port says that it speaks.
        passing: the waypoint that is passed by on the way, if one is.
        stranger: that whoever sends knows no more of these pods than an address, if so.
    """

    traveller: Traveller
    to: Instances
    transport: Transport
    port: int
    declared: Declared = Declared.UNDECLARED
    passing: Check | None = None
    stranger: Check | None = None

    @property
    def identity(self) -> str | None:
        """Of the peer, as the receiver knows it."""
        return identity_over(self.transport, self.traveller.sender)

    def hop(self, proxy: Proxy, *checks: Check) -> Hop:
        """The hop at these pods."""
        address = self.traveller.sender.address
        asked = (*(each for each in (self.stranger, self.passing) if each is not None), *checks)
        return Hop(proxy, self.to.words, self.transport, self.identity, address, self.port, asked)

    def refused(self, proxy: Proxy, kind: CheckKind, shape: Shape, reason: str) -> Branch:
        """It does not get through, though no policy refuses it; whoever read the request before answers for it."""
        told = Shape.UNAVAILABLE if self.traveller.read else shape
        return self.traveller.end(self.hop(proxy, Check(kind, Verdict.UNREACHABLE, told, reason=reason)))


def arrive(arrival: Arrival) -> Branch:
    """The verdict at the pods."""
    traveller, to = arrival.traveller, arrival.to
    blocked = network_check(traveller, to, arrival.transport, arrival.port)
    if blocked is not None:
        return traveller.end(arrival.hop(Proxy.NONE, blocked))
    unsure = traveller.of_other_settings(to)
    if unsure is not None:
        return unsure
    match to.mode:
        case Mode.AMBIENT:
            return _at_ztunnel(arrival)
        case Mode.SIDECAR if (why := _unfollowed(arrival)) is not None:
            return traveller.end(arrival.hop(Proxy.SIDECAR_IN, why), to)
        case Mode.SIDECAR if to.captures:
            return _at_sidecar(arrival)
        case Mode.PROXYLESS:
            return traveller.unknown(
                str(to.workload), "proxyless gRPC judges requests by itself, which is not modelled"
            )
        case Mode.GATEWAY:
            asked = entry_checks(traveller, to, arrival.transport, arrival.identity, arrival.port)
            return traveller.end(arrival.hop(Proxy.GATEWAY, *asked))
        case Mode.WAYPOINT:
            return traveller.unknown(str(to.workload), f"{to.workload} is a waypoint, which nobody dials by its name")
        case _:
            return _unguarded(arrival)


def to_itself(traveller: Traveller, pods: Instances, port: int) -> Branch:
    """The only pod of its kind dials its own address: neither Istio's nor the CNI's rules redirect that.

    Source: cni/pkg/iptables (nat ISTIO_OUTPUT, out of `lo`: ACCEPT); tools/istio-iptables (`-o lo`, not the proxy's
    user: RETURN). Where there are several pods, it is taken to be another that is dialled.
    """
    return _unguarded(Arrival(traveller, pods, Transport.PLAINTEXT, port), "what a pod sends to itself is not captured")


def probed(traveller: Traveller, pods: Instances, port: int) -> Branch:
    """The kubelet asks pods of its own node: NetworkPolicies let it, but know it by another address in ambient.

    Source: Kubernetes' NetworkPolicy (what a node sends to its own pods is always let in); istio-semantics.md §2.1
    (probes of ambient pods are sent on from 169.254.7.127); the webhook rewrites those of sidecars (§1.5).
    """
    if pods.mode is not Mode.AMBIENT:
        arrival = Arrival(traveller, pods, Transport.PLAINTEXT, port)
        return _unguarded(arrival, "what a node sends to its own pods no NetworkPolicy keeps out")
    sender = replace(traveller.sender, address=PROBED_FROM[is_ipv6(pods.address)])
    return arrive(Arrival(replace(traveller, sender=sender), pods, Transport.PLAINTEXT, port))


def _unguarded(arrival: Arrival, why: str = "") -> Branch:
    """Pods that no proxy stands before, or not on this way: whatever is not plaintext, the application cannot read."""
    if arrival.transport is Transport.PLAINTEXT:
        checks = (Check(CheckKind.CAPTURE, Verdict.ALLOW, reason=why),) if why else ()
        return arrival.traveller.end(arrival.hop(Proxy.APPLICATION, *checks), arrival.to)
    reason = f"{arrival.transport} is sent to pods where nothing reads it"
    return arrival.refused(Proxy.APPLICATION, CheckKind.PROTOCOL, Shape.CLOSED, reason)


def _at_ztunnel(arrival: Arrival) -> Branch:
    """Ztunnel sees no HTTP: addresses, the peer's identity and the target port are all it judges by.

    Pods that bypass capture miss the redirection of plaintext alone: HBONE comes to ztunnel's own port all the same
    (cni/pkg/iptables, D45).
    """
    traveller, to, port = arrival.traveller, arrival.to, arrival.port
    if traveller.sender.local:
        return _unguarded(arrival, "what the pod's own node sends is not captured, so that its probes get through")
    if to.bypasses_inbound and arrival.transport is not Transport.HBONE:
        return _unguarded(arrival, f"{BYPASS_INBOUND} keeps plaintext from ztunnel")
    if port in _ILLEGAL_AT_ZTUNNEL:
        return arrival.refused(Proxy.ZTUNNEL_IN, CheckKind.CAPTURE, Shape.CLOSED, f"ztunnel refuses port {port}")
    if arrival.transport is Transport.MTLS:
        reason = "ztunnel hands the sidecar's TLS on to the application, which cannot read it"
        return arrival.refused(Proxy.ZTUNNEL_IN, CheckKind.PROTOCOL, Shape.CLOSED, reason)
    what = seen(traveller, arrival.identity, traveller.address_of(to), port, None)
    check = ztunnel_check(traveller.index.ztunnel_policies(to), what, _refusal_of_ztunnel(traveller))
    broken = traveller.index.peer_levels(to).broken
    if broken is not None and not (check.verdict is Verdict.DENY and check.object is not None):
        check = _unread(broken)
    return traveller.end(arrival.hop(Proxy.ZTUNNEL_IN, check), to)


def _unread(policy: PeerPolicy) -> Check:
    reason = f"{policy.id} could not be read: {policy.invalid}"
    return Check(CheckKind.PEER_AUTHENTICATION, Verdict.UNKNOWN, object=policy.id, reason=reason)


def _refusal_of_ztunnel(traveller: Traveller) -> Shape:
    """A reset to whoever sent it; a proxy that reads HTTP turns that into 503."""
    return Shape.UNAVAILABLE if traveller.read else Shape.RESET


def _at_sidecar(arrival: Arrival) -> Branch:
    to, port = arrival.to, arrival.port
    if arrival.transport is not Transport.HBONE and (to.excluded("Inbound", port) or port in OF_THE_PROXY):
        return _unguarded(arrival, f"the sidecar does not capture port {port}")
    scope = arrival.traveller.index.routing.scope(Client(to.namespace, to.labels))
    arrival = _as_sent(_as_declared(arrival, scope))
    hop = arrival.hop(Proxy.SIDECAR_IN, *_asked_by_sidecar(arrival))
    reads = hop.verdict is Verdict.ALLOW and arrival.declared is not Declared.TCP
    return (_onward(arrival) if reads else arrival.traveller).end(hop, to)


def _unfollowed(arrival: Arrival) -> Check | None:
    """What a Sidecar asks for at a port that cannot be told from objects; None for nothing."""
    to, port, index = arrival.to, arrival.port, arrival.traveller.index
    scope = index.routing.scope(Client(to.namespace, to.labels))
    own = (scope.declared or {}).get(port)
    if own is None:
        return None
    reason = ""
    if own.listens(redirected=to.shape.annotations.get(INTERCEPTION) != "NONE"):
        reason = "the sidecar listens itself (captureMode): what comes of it depends on where the application listens"
    elif own.ends_tls and effective(index.peer_levels(to), port).mode is Mtls.DISABLE:
        reason = "the sidecar ends TLS of others, with certificates that the pod has as files"
    where = f"at port {port} {reason}"
    return Check(CheckKind.CAPTURE, Verdict.UNKNOWN, object=scope.object, reason=where) if reason else None


def _as_declared(arrival: Arrival, scope: Scope) -> Arrival:
    """A Sidecar that declares ports of the pods is asked in place of their Services; the others are sniffed."""
    declared = scope.declared
    if declared is None:
        return arrival
    own = declared.get(arrival.port)
    return replace(arrival, declared=treated_as(own.port.protocol.lower()) if own else Declared.UNDECLARED)


def _as_sent(arrival: Arrival) -> Arrival:
    """In mutual TLS a client's proxy says by ALPN whether it sends bytes, and what is sniffed is taken so.

    Source: pilot/pkg/networking/core/listener_inbound.go (chains of undeclared ports match `istio` as bytes).
    """
    sniffed = arrival.transport is Transport.MTLS and arrival.declared is Declared.UNDECLARED
    return replace(arrival, declared=Declared.TCP) if sniffed and not arrival.traveller.read else arrival


def _asked_by_sidecar(arrival: Arrival) -> tuple[Check, ...]:
    """PeerAuthentication first; where it could not be read, a policy that refuses all the same is certain."""
    peer = _peer_check(arrival, arrival.traveller.index.peer_levels(arrival.to))
    if peer is None:
        return _policies(arrival)
    if peer.verdict is Verdict.ALLOW:
        return (peer, *_policies(arrival))
    asked = _policies(arrival) if peer.verdict is Verdict.UNKNOWN else ()
    return (*(each for each in asked if each.verdict is Verdict.DENY or each.consulted is not None), peer)


def _onward(arrival: Arrival) -> Traveller:
    """The request as the sidecar hands it to the application."""
    index, to = arrival.traveller.index, arrival.to
    proved = arrival.identity if arrival.transport is Transport.MTLS else None
    certificate = certificate_of(proved, index.principal(to)) if proved else ""
    return forwarded(arrival.traveller, index.sidecar_request_policies(to), certificate)


def _peer_check(arrival: Arrival, levels: Levels) -> Check | None:
    """PeerAuthentication; HBONE has proved its peer already and is not asked."""
    if arrival.transport is Transport.HBONE:
        return None
    if levels.broken is not None:
        return _unread(levels.broken)
    traveller, plain, asked = (
        arrival.traveller,
        arrival.transport is Transport.PLAINTEXT,
        effective(levels, arrival.port),
    )
    where = asked.policy.id if asked.policy else None
    kind = CheckKind.PEER_AUTHENTICATION
    told = f"{asked.field or 'the default'} is {asked.mode}"
    if plain and asked.mode is Mtls.STRICT:
        shape = Shape.UNAVAILABLE if traveller.read else Shape.RESET
        return Check(kind, Verdict.DENY, shape, where, reason=f"{told}, and the peer sends plaintext")
    if not plain and asked.mode is Mtls.DISABLE:
        shape = Shape.UNAVAILABLE if arrival.declared is Declared.HTTP else Shape.HANG
        return Check(kind, Verdict.UNREACHABLE, shape, where, reason=f"{told}, and the peer sends mTLS")
    payload = traveller.request.payload
    if plain and isinstance(payload, Tcp) and payload.server_first and asked.mode is Mtls.PERMISSIVE:
        reason = "PERMISSIVE waits for the client's first bytes to tell TLS from plaintext, and the server speaks first"
        return Check(kind, Verdict.UNREACHABLE, Shape.HANG, where, reason=reason)
    return Check(kind, Verdict.ALLOW, object=where, reason=told)


def _policies(arrival: Arrival) -> tuple[Check, ...]:
    """Tokens and policies, on the chain that the port's protocol chooses."""
    traveller, to = arrival.traveller, arrival.to
    http = traveller.http
    if http is not None and arrival.declared is not Declared.TCP:
        return http_checks(traveller, to, arrival.identity, arrival.port, http)
    if http is None and arrival.declared is Declared.HTTP:
        return (not_http(),)
    what = seen(traveller, arrival.identity, traveller.address_of(to), arrival.port, None)
    refusal = Shape.UNAVAILABLE if traveller.read else Shape.CLOSED
    return (policy_check(traveller, traveller.index.sidecar_policies(to, Chain.TCP), what, refusal),)

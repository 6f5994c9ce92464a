"""What a mesh does with one request: the path, every enforcement point, the verdict and its shape."""

from enum import StrEnum

from msgspec import Struct

from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.authorization.evaluate import Outcome, PolicySet
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import Authorization
from sidestep.semantics.requests import Http
from sidestep.semantics.routing.route import Backend, Route


class Verdict(StrEnum):
    """What becomes of a request.

    `UNREACHABLE`: it is not refused by a policy, it just does not arrive. `UNKNOWN`: what decides was not read, is not
    modelled, or depends on which backend is chosen.
    """

    ALLOW = "allow"
    DENY = "deny"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Shape(StrEnum):
    """How a refusal looks to the client."""

    NONE = ""
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    RESET = "reset"
    CLOSED = "closed"
    HANG = "hang"
    ANSWERED = "answered by the proxy"


class CheckKind(StrEnum):
    """What an enforcement point asks."""

    CAPTURE = "capture"
    NETWORK_POLICY = "network policy"
    PEER_AUTHENTICATION = "peer authentication"
    REQUEST_AUTHENTICATION = "request authentication"
    AUTHORIZATION = "authorization"
    ROUTE = "route"
    WAYPOINT = "waypoint"
    PROTOCOL = "protocol"
    ENDPOINT = "endpoint"


class Bypass(StrEnum):
    """Why a request is not asked about by the waypoint that labels name for its destination.

    Source: istio-semantics.md §2.2 and §3.8.
    """

    UNAVAILABLE = "the label that asks for it does not take effect"
    POD = "the address of a pod was dialled, not that of its Service"
    OTHER_SERVICE = "another Service in front of the same pods was dialled"
    SIDECAR = "sidecars do not ask waypoints"
    GATEWAY = "gateways do not ask waypoints unless a label tells them to"
    PLAIN = "nothing captures the client"
    OUTSIDE = "it comes from outside of the mesh"
    ROUTED = "the waypoint of another Service routed it here"


class Check(Struct, frozen=True, gc=False):
    """One question that an enforcement point asked, and its answer.

    Attributes:
        kind: what it asked.
        verdict: the answer.
        shape: how a refusal looks there.
        object: what decided; None for a default.
        rule: place of the rule in the object, from 0.
        outcome: of AuthorizationPolicies, for who wants it in words.
        authorization: the policy as ztunnel has it, where ztunnel decided.
        reason: in words; for AuthorizationPolicies made later, from `outcome` and `seen`.
        seen: what policies were asked about.
        bypass: of a waypoint that is passed by, why.
        consulted: in a survey, everything that was asked.
    """

    kind: CheckKind
    verdict: Verdict
    shape: Shape = Shape.NONE
    object: ObjectId | None = None
    rule: int | None = None
    outcome: Outcome | None = None
    authorization: Authorization | None = None
    reason: str = ""
    seen: Seen | None = None
    bypass: Bypass | None = None
    consulted: PolicySet | tuple[RequestPolicy, ...] | None = None


class Proxy(StrEnum):
    """What stands at a hop."""

    APPLICATION = "application"
    SIDECAR_OUT = "client sidecar"
    SIDECAR_IN = "server sidecar"
    ZTUNNEL_OUT = "ztunnel of the client's node"
    ZTUNNEL_IN = "ztunnel of the server's node"
    WAYPOINT = "waypoint"
    GATEWAY = "gateway"
    NONE = "no proxy"


class Transport(StrEnum):
    """How bytes travel to a hop."""

    PLAINTEXT = "plaintext"
    MTLS = "mTLS"
    HBONE = "HBONE"


class Hop(Struct, frozen=True, gc=False):
    """One stop of the path.

    Attributes:
        proxy: what stands there.
        at: whose it is: the workload, the waypoint, the gateway, the external host.
        transport: how the request came to it.
        identity: of the peer, as this hop sees it; None for plaintext.
        source: address of the peer, as this hop sees it; empty where it cannot be told.
        port: on which it arrives there.
        checks: what was asked, in order; the first that is not `allow` decides.
    """

    proxy: Proxy
    at: str
    transport: Transport = Transport.PLAINTEXT
    identity: str | None = None
    source: str = ""
    port: int = 0
    checks: tuple[Check, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Of the whole hop."""
        for check in self.checks:
            if check.verdict is not Verdict.ALLOW:
                return check.verdict
        return Verdict.ALLOW


class Branch(Struct, frozen=True, gc=False):
    """One way that a request may take.

    Attributes:
        path: its hops.
        verdict: of this way.
        shape: how a refusal looks to the client.
        route: the route that was taken last; None where nobody routes.
        destination: where it ends; None outside of the mesh, or when it does not get so far.
        weight: its share among its siblings, of 1.
        condition: what must hold for this way to be taken, where that cannot be told.
        decider: the check that refused; None for allow.
        delivered: the request as the application gets it, as far as configuration changes it: path, host and headers;
            None where it carries no HTTP or does not get there.
        group: of a destination in several states, which of its groups, as in `WorkloadClient`.
        backend: of the route, the one that was tried; None where nobody routes.
        copies: who gets copies of the request, by workloads or, without any, by name: each with its share of 100.
        chosen: who of those behind the service is taken, where not each in turn; in words.
    """

    path: tuple[Hop, ...]
    verdict: Verdict
    shape: Shape = Shape.NONE
    route: Route | None = None
    destination: WorkloadRef | None = None
    weight: float = 1.0
    condition: str = ""
    decider: Check | None = None
    delivered: Http | None = None
    group: int = 0
    backend: Backend | None = None
    copies: tuple[tuple[float, tuple[str, ...]], ...] = ()
    chosen: tuple[str, ...] = ()


class Unknown(Struct, frozen=True, gc=False):
    """Something that keeps a decision from being certain."""

    reason: str
    object: ObjectId | None = None


class Decision(Struct, frozen=True, gc=False):
    """What a mesh does with a request.

    Attributes:
        verdict: common to all branches; else unknown, and `unknowns` says on what it depends.
        shape: of a refusal that all branches share.
        branches: every way it may take, the likeliest first; never empty.
        unknowns: what could not be told.
        assumptions: what was taken for granted.
    """

    verdict: Verdict
    shape: Shape
    branches: tuple[Branch, ...]
    unknowns: tuple[Unknown, ...] = ()
    assumptions: tuple[str, ...] = ()

    @property
    def path(self) -> tuple[Hop, ...]:
        """Of the likeliest branch."""
        return self.branches[0].path

    @property
    def route(self) -> Route | None:
        """Of the likeliest branch."""
        return self.branches[0].route


def decision(branches: tuple[Branch, ...], assumptions: tuple[str, ...] = ()) -> Decision:
    """What several ways amount to."""
    ordered = branches if len(branches) == 1 else tuple(sorted(branches, key=lambda branch: -branch.weight))
    first = ordered[0]
    if len(ordered) == 1 and first.verdict is not Verdict.UNKNOWN:
        return Decision(first.verdict, first.shape, ordered, (), assumptions)
    if all(branch.verdict is first.verdict for branch in ordered):
        shape = first.shape if all(branch.shape is first.shape for branch in ordered) else Shape.NONE
        unknowns = _reasons(ordered) if first.verdict is Verdict.UNKNOWN else ()
        return Decision(first.verdict, shape, ordered, unknowns, assumptions)
    return Decision(Verdict.UNKNOWN, Shape.NONE, ordered, (*_depends(ordered), *_reasons(ordered)), assumptions)


def _reasons(branches: tuple[Branch, ...]) -> tuple[Unknown, ...]:
    found = (
        Unknown(branch.decider.reason, branch.decider.object)
        for branch in branches
        if branch.verdict is Verdict.UNKNOWN and branch.decider is not None
    )
    return tuple(dict.fromkeys(found))


def _depends(branches: tuple[Branch, ...]) -> tuple[Unknown, ...]:
    ways = sorted({f"{_told(branch)}: {branch.verdict}" for branch in branches})
    return (Unknown(f"it depends on the way it takes ({'; '.join(ways)})"),)


def _told(branch: Branch) -> str:
    if branch.condition:
        return branch.condition
    return f"at {branch.destination}" if branch.destination else f"at {branch.path[-1].at}"

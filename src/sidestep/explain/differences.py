"""Which differences of the catalogue account for the change between two decisions about one request.

They are read off the decisions alone: who decided before and after, whom each saw, what was passed by, which route was
taken and what the application got. Where the decisions cannot tell two differences apart, both are named.
"""

from collections.abc import Iterator

from sidestep.explain.difference_facts import Change
from sidestep.explain.difference_routes import of_routes
from sidestep.explain.difference_terms import refused_at_ztunnel, void_at_ztunnel
from sidestep.semantics.authentication.peers_at_ztunnel import CONVERTED, STATIC_STRICT
from sidestep.semantics.authorization.evaluate import Ground
from sidestep.semantics.authorization.policy import Action, Attribute, Policy
from sidestep.semantics.authorization.ztunnel import ALLOWED_WAYPOINT
from sidestep.semantics.decisions import Bypass, Check, CheckKind, Decision, Proxy, Shape, Transport, Verdict
from sidestep.semantics.hops.forwarded import XFCC

_PASSED_BY = {
    Bypass.UNAVAILABLE: "D17",
    Bypass.POD: "D18",
    Bypass.OTHER_SERVICE: "D19",
    Bypass.SIDECAR: "D51",
    Bypass.GATEWAY: "D52",
    Bypass.PLAIN: "D30",
    Bypass.OUTSIDE: "D60",
    Bypass.ROUTED: "D54",
}
_IDENTITIES = frozenset({Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.TRUST_DOMAIN})
_EXTERNAL = (Ground.EXTERNAL, Ground.PERHAPS_EXTERNAL)
_STATUS = (Shape.FORBIDDEN, Shape.UNAUTHORIZED)
_BROKEN = (Shape.RESET, Shape.CLOSED, Shape.UNAVAILABLE)


def between(before: Decision, after: Decision) -> tuple[str, ...]:
    """Their codes: those that account for the verdict first, then for routes, then for what is only seen.

    Args:
        before: a request decided where pods have sidecars.
        after: the same request where some of them are in ambient.
    """
    change = Change(before, after)
    found = (*_of_verdict(change), *of_routes(change), *_of_view(change))
    return tuple(dict.fromkeys(found))


def _of_verdict(change: Change) -> Iterator[str]:
    if change.opened:
        yield from _opened(change)
    elif change.closed:
        yield from _closed(change)
    elif change.before.verdict is not change.after.verdict and change.splits:
        yield "D20"
    elif change.before.verdict is change.after.verdict is Verdict.DENY and _loses_status(change):
        yield "D15"


def _loses_status(change: Change) -> bool:
    return change.before.shape in _STATUS and change.after.shape in _BROKEN


def _opened(change: Change) -> Iterator[str]:
    """Refused before, admitted after."""
    check = change.refused_before
    if check is None:
        return
    if change.after_bypass is not None and check.kind in (CheckKind.AUTHORIZATION, CheckKind.REQUEST_AUTHENTICATION):
        yield _PASSED_BY[change.after_bypass]
    match check.kind:
        case CheckKind.AUTHORIZATION:
            yield from _policy_opened(change, check)
        case CheckKind.REQUEST_AUTHENTICATION if not change.asks_after(CheckKind.REQUEST_AUTHENTICATION):
            yield "D34"
        case CheckKind.PEER_AUTHENTICATION:
            yield from _mtls_opened(change, check)
        case CheckKind.PROTOCOL if change.last_before.proxy is Proxy.APPLICATION:
            yield "D29"
        case CheckKind.PROTOCOL:
            yield from ("D55",) if check.shape is Shape.HANG else ("D37",) if check.object is not None else ()
        case CheckKind.ROUTE if change.unknown_before:
            yield from _egress_opened(change)
        case _:
            pass
    if change.last_after.proxy is Proxy.APPLICATION and change.asks_after(CheckKind.CAPTURE):
        yield "D45"


def _egress_opened(change: Change) -> Iterator[str]:
    """What the sidecar took for unknown: outside of what it may know, or hidden by its exports."""
    check = change.refused_before
    registry_only = check is not None and check.kind is CheckKind.ROUTE
    if registry_only or not change.hidden_before:
        yield "D46"
    if not change.ends_outside and (registry_only or change.hidden_before):
        yield "D48"


def _mtls_opened(change: Change, check: Check) -> Iterator[str]:
    """MTLS was not met before: the port was STRICT for plaintext, or DISABLE for mTLS."""
    if change.unknown_before:
        yield from _egress_opened(change)
    elif check.shape is Shape.HANG and change.last_before.transport is Transport.PLAINTEXT:
        yield "D55"
    elif check.verdict is Verdict.UNREACHABLE:
        yield "D26"
    elif change.last_after.transport is Transport.PLAINTEXT:
        yield "D28"


def _policy_opened(change: Change, check: Check) -> Iterator[str]:
    policy, rule = change.policy_of(check), check.rule
    if policy is None:
        return
    asked = change.attributes_of(check)
    if policy.action in (Action.CUSTOM, Action.AUDIT):
        yield "D08"
    if Attribute.HOST in asked and change.ends_elsewhere:
        yield "D21"
    if policy.targets or change.ends_elsewhere:
        return
    if asked & _IDENTITIES and change.named_otherwise:
        yield "D39"
    else:
        yield from _judged_otherwise(change, policy, rule, asked)


def _judged_otherwise(change: Change, policy: Policy, rule: int | None, asked: frozenset[Attribute]) -> Iterator[str]:
    """The same policy where others enforce it, who see other things."""
    if change.last_after.proxy is Proxy.ZTUNNEL_IN:
        yield from void_at_ztunnel(policy, rule, change.last_before.identity)
    if change.through_waypoint:
        if not change.is_layer4(policy):
            yield "D04"
        yield from _seen_otherwise(change, asked)
    if asked & _IDENTITIES and change.disabled_before:
        yield "D26"
    if asked & _IDENTITIES and change.forgotten:
        yield "D63"


def _seen_otherwise(change: Change, asked: frozenset[Attribute]) -> Iterator[str]:
    """Behind or at a waypoint the port, the peer and its address are others."""
    if Attribute.PORT in asked and change.waypoint_port != change.last_before.port:
        yield "D01"
    if asked & _IDENTITIES and change.last_after.identity != change.last_before.identity:
        yield "D02"
    if Attribute.SOURCE_IP in asked and change.last_after.source != change.last_before.source:
        yield "D03"


def _closed(change: Change) -> Iterator[str]:
    """Admitted before, refused after."""
    check = change.refused_after
    if check is None:
        return
    proxy, peer = change.last_after.proxy, change.last_after
    if change.forgotten and change.last_before.identity is not None:
        yield "D63"
    elif check.kind is CheckKind.NETWORK_POLICY:
        yield from ("D32",) if change.is_probe else ()
    elif check.shape is Shape.HANG:
        yield "D55"
    elif proxy is Proxy.WAYPOINT:
        yield from _closed_at_waypoint(change, check)
    elif proxy is Proxy.ZTUNNEL_IN:
        yield from _closed_at_ztunnel(change, check)
    elif proxy is Proxy.SIDECAR_IN and peer.identity is None and change.last_before.identity is not None:
        yield "D31"


def _closed_at_waypoint(change: Change, check: Check) -> Iterator[str]:
    policy, outcome = change.policy_of(check), check.outcome
    if policy is None:
        return
    if not policy.targets:
        yield "D24"
        return
    asked = change.attributes_of(check)
    if Attribute.PORT in asked and change.last_after.port != change.last_before.port:
        yield "D01"
    if Attribute.SOURCE_IP in asked:
        yield "D03"
    if any(target.kind == "GatewayClass" for target in policy.targets):
        yield "D22"
    if policy.action is Action.CUSTOM and outcome is not None and outcome.ground in _EXTERNAL:
        yield "D25"


def _closed_at_ztunnel(change: Change, check: Check) -> Iterator[str]:
    authorization = check.authorization
    if authorization is None:
        return
    if authorization.policy is None:
        yield from _derived(change, authorization.name)
        return
    asked = change.attributes_of(check)
    if change.through_waypoint:
        yield from _seen_otherwise(change, asked - {Attribute.PORT})
    yield from refused_at_ztunnel(authorization, change.last_after.identity)


def _derived(change: Change, name: str) -> Iterator[str]:
    """What istiod made for ztunnel of a PeerAuthentication, or of a waypoint's binding."""
    if name.startswith(ALLOWED_WAYPOINT):
        yield "D23"
    elif name == STATIC_STRICT or name.startswith(CONVERTED):
        if change.last_before.identity is not None:
            yield "D31"
        elif change.asks_before(CheckKind.CAPTURE):
            yield "D29"
        elif change.last_before.proxy is Proxy.SIDECAR_IN:
            yield "D27"


def _of_view(change: Change) -> Iterator[str]:
    """What a dry run, an audit or the application sees."""
    if change.marked_before("shadowed") and not change.marked_after("shadowed"):
        yield "D13"
    if change.marked_before("audited") and not change.marked_after("audited"):
        yield "D08"
    before, after = change.before.branches[0].delivered, change.after.branches[0].delivered
    if before is None or after is None:
        return
    if before.headers.get(XFCC) != after.headers.get(XFCC):
        yield "D33"
    lost = any(name not in after.headers for name in before.headers.keys() - {XFCC})
    if change.validated_before and (lost or before.token.state is not after.token.state):
        yield "D35"
    if before.path != after.path and not change.rewrites:
        yield "D56"

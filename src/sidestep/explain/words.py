"""A decision in words: every hop and check as a sentence, and the verdict as one."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import to_builtins

from sidestep.explain.explanation import DecidedBy, HopReport, StateReport, Way
from sidestep.explain.policy_words import outcome_words, ztunnel_words
from sidestep.semantics.authentication.tokens import TokenState
from sidestep.semantics.authorization.trust import Bundle
from sidestep.semantics.decisions import Branch, Check, CheckKind, Decision, Hop, Proxy, Shape, Verdict
from sidestep.semantics.requests import (
    Answers,
    Client,
    GatewayClient,
    Guise,
    Http,
    KubeletClient,
    NodeClient,
    OutsideClient,
    Request,
    SomebodyClient,
    Tcp,
    WorkloadClient,
)

_SHAPES = {
    Shape.RESET: "the connection is reset",
    Shape.CLOSED: "the connection is closed",
    Shape.HANG: "it hangs until somebody gives up",
}
_GUISES = {
    Guise.SIDECAR: "with a sidecar",
    Guise.OLD_SIDECAR: "with a sidecar that knows no HBONE",
    Guise.AMBIENT: "in ambient",
}
_MOST = 80
"""Characters of a value that words show."""
_NAMED = (Proxy.WAYPOINT, Proxy.GATEWAY)
_VERBS = {
    Verdict.DENY: "refused",
    Verdict.UNREACHABLE: "does not arrive",
    Verdict.UNKNOWN: "cannot be told",
}


def state_report(name: str, decision: Decision, bundle: Bundle) -> StateReport:
    """One state of the mesh."""
    first = decision.branches[0]
    several = len(decision.branches) > 1
    return StateReport(
        name,
        decision.verdict.value,
        decision.shape.value,
        verdict_words(decision, bundle),
        tuple(_hop(hop, bundle) for hop in first.path),
        _route(first),
        tuple(_way(branch, bundle) for branch in decision.branches) if several else (),
        tuple(dict.fromkeys(each.reason for each in decision.unknowns)),
    )


def verdict_words(decision: Decision, bundle: Bundle) -> str:
    """The verdict in one sentence."""
    if decision.verdict is Verdict.ALLOW:
        where = sorted({str(branch.destination or branch.path[-1].at) for branch in decision.branches})
        return f"reaches {', '.join(where)}"
    if decision.verdict is Verdict.UNKNOWN and decision.unknowns:
        return f"cannot be told: {decision.unknowns[0].reason}"
    first = decision.branches[0]
    check, at = first.decider, first.path[-1]
    why = check_words(check, bundle) if check else ""
    return f"{_VERBS[decision.verdict]} at {_stop(at)}{_shape(decision.shape)}: {why}"


def _stop(hop: Hop) -> str:
    """A stop by its name, or by whose it is."""
    if hop.proxy is Proxy.NONE:
        return hop.at
    return f"the {hop.proxy}{' of' if hop.proxy not in _NAMED else ''} {hop.at}"


def check_words(check: Check, bundle: Bundle) -> str:
    """Why one check answered as it did."""
    if check.reason:
        return _reason(check)
    if check.outcome is not None:
        return outcome_words(check.outcome, check.seen, bundle)
    if check.authorization is not None:
        return ztunnel_words(check.authorization, check.seen, denied=check.verdict is Verdict.DENY)
    match check.kind:
        case CheckKind.AUTHORIZATION:
            return "no policy applies"
        case CheckKind.REQUEST_AUTHENTICATION:
            return "the token is valid, or there is none"
        case _:
            return f"{check.kind.value}: {check.verdict.value}"


def _reason(check: Check) -> str:
    """Told already, with the object where it is not named in it."""
    told = f"mTLS: {check.reason}" if check.kind is CheckKind.PEER_AUTHENTICATION else check.reason
    return f"{told} ({check.object})" if check.object and str(check.object) not in told else told


def request_words(request: Request) -> str:
    """A request in one line, with all that it carries."""
    who, sent = client_words(request.client), request.payload
    if isinstance(sent, Tcp):
        first = ", and the server speaks first" if sent.server_first else ""
        opens = f"TLS for {sent.sni}" if sent.sni else "TCP"
        return f"{who} opens {opens} to {request.to}:{request.port}{first}{_answered(request)}"
    carried = ", ".join(_carried(sent, request.to))
    asked = f"{'gRPC ' if sent.grpc else ''}{sent.method} {sent.path}"
    told = f" with {carried}" if carried else ""
    return f"{who} sends {asked} to {request.to}:{request.port}{told}{_answered(request)}"


def _answered(request: Request) -> str:
    known = request.authorizer is not Answers.UNSTATED
    return f", which the external authorizer {request.authorizer.value}" if known else ""


def _carried(http: Http, to: str) -> Iterator[str]:
    """What is sent beside method and path; `sidestep explain`'s arguments have it in full."""
    if http.authority not in ("", to):
        yield f"Host {_cut(http.authority)}"
    yield from (f"{name}: {_cut(value)}" for name, value in http.headers.items())
    if http.token.state is not TokenState.NONE:
        claims = ", ".join(f"{name}={_cut(value)}" for name, value in each_claim(http.token.claims))
        yield f"a token that is {http.token.state.value}{f' ({claims})' if claims else ''}"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def each_claim(claims: Mapping[str, Any], outer: str = "") -> Iterator[tuple[str, str]]:
    """Names and values; nested ones as Istio writes them: `realm[roles]`; a list is a claim that is given often."""
    for key, value in claims.items():
        name = f"{outer}[{key}]" if outer else key
        if isinstance(value, Mapping):
            yield from each_claim(value, name)
            continue
        for each in value if isinstance(value, list) else [value]:
            yield name, str(each)


def client_words(client: Client) -> str:
    """Who sends it."""
    match client:
        case WorkloadClient():
            return str(client.ref)
        case SomebodyClient():
            told = f"someone {client.namespace}/{client.account} {_GUISES[client.guise]}"
            return f"{told} at {client.address}" if client.address else told
        case GatewayClient():
            return f"gateway {client.namespace}/{client.name}"
        case NodeClient():
            return f"node {client.address}".rstrip()
        case OutsideClient():
            return f"outside {client.address}".rstrip()
        case KubeletClient():
            return "the kubelet"


def name_of_stranger(client: GatewayClient | NodeClient | OutsideClient | KubeletClient) -> str:
    """Who is no pod, as `--client` takes him, and scopes of accepted differences do."""
    match client:
        case GatewayClient():
            return f"gateway:{client.namespace}/{client.name}"
        case NodeClient():
            return f"node:{client.address}" if client.address else "node"
        case OutsideClient():
            return f"outside:{client.address}" if client.address else "outside"
        case KubeletClient():
            return "kubelet"


def _hop(hop: Hop, bundle: Bundle) -> HopReport:
    decider = next((check for check in hop.checks if check.verdict is not Verdict.ALLOW), None)
    decider = decider or next((check for check in reversed(hop.checks) if check.object is not None), None)
    rule = None if decider is None or decider.rule is None else decider.rule + 1
    return HopReport(
        hop.proxy.value,
        hop.at,
        hop.transport.value,
        hop.identity,
        hop.source,
        hop.port,
        hop.verdict.value,
        DecidedBy(decider.object if decider else None, rule),
        tuple(check_words(check, bundle) for check in hop.checks),
    )


def _way(branch: Branch, bundle: Bundle) -> Way:
    return Way(
        branch.verdict.value,
        branch.shape.value,
        round(branch.weight, 4),
        branch.condition,
        str(branch.destination) if branch.destination else "",
        tuple(_hop(hop, bundle) for hop in branch.path),
        _route(branch),
    )


def _route(branch: Branch) -> dict[str, object] | None:
    if branch.route is None:
        return None
    found: dict[str, object] = to_builtins(branch.route)
    return {key: value for key, value in found.items() if value not in (None, "", (), [], {})}


def _shape(shape: Shape) -> str:
    if shape in _SHAPES:
        return f" ({_SHAPES[shape]})"
    return f" with {shape.value}" if shape.value else ""

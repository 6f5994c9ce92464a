"""Policies asked by a proxy, and its answer as a check."""

from sidestep.model.metadata import ObjectId
from sidestep.semantics.authentication.tokens import RequestPolicy, Validation, validate
from sidestep.semantics.authorization.evaluate import Ground, Outcome, PolicySet
from sidestep.semantics.authorization.policy import Attribute, Policy
from sidestep.semantics.authorization.seen import Chain, HttpSeen, Seen
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.decisions import Check, CheckKind, Shape, Verdict
from sidestep.semantics.extension_providers import Speech
from sidestep.semantics.hops.seeing import blind_spots, http_seen, seen
from sidestep.semantics.hops.traveller import Traveller
from sidestep.semantics.instances import Instances
from sidestep.semantics.requests import Answers, Http

_PASSED = Check(CheckKind.AUTHORIZATION, Verdict.ALLOW)
_NOT_REFUSED = Check(CheckKind.AUTHORIZATION, Verdict.ALLOW, outcome=Outcome(True, Ground.NO_DENY_MATCHES))
_NO_TOKENS = Validation()
_BAD_PATH = Check(CheckKind.PROTOCOL, Verdict.DENY, Shape.CLOSED, reason="the proxy answers 400 to this path")


def token_check(policies: tuple[RequestPolicy, ...], http: Http) -> tuple[Validation, Check | None]:
    """What RequestAuthentications make of a request's token; no check where none applies."""
    if not policies:
        return _NO_TOKENS, None
    preflight = http.method == "OPTIONS" and {"origin", "access-control-request-method"} <= http.headers.keys()
    found = validate(policies, http.token, preflight=preflight)
    where = found.policy.id if found.policy else None
    if found.unknown:
        return found, Check(CheckKind.REQUEST_AUTHENTICATION, Verdict.UNKNOWN, object=where, reason=found.unknown)
    if found.refused:
        reason = f"the token is {http.token.state.value}, or of no issuer that {where} names"
        if found.for_others:
            reason = f"the token names no audience that {where} asks for"
        shape = Shape.FORBIDDEN if found.for_others else Shape.UNAUTHORIZED
        refused = Check(CheckKind.REQUEST_AUTHENTICATION, Verdict.DENY, shape, where, reason=reason)
        return found, refused
    return found, Check(CheckKind.REQUEST_AUTHENTICATION, Verdict.ALLOW, object=where, consulted=policies)


def policy_check(
    traveller: Traveller, policies: PolicySet, what: Seen, refusal: Shape, unsure: frozenset[Attribute] = frozenset()
) -> Check:
    """What AuthorizationPolicies say, as Envoy judges them."""
    if traveller.request.survey:
        return Check(CheckKind.AUTHORIZATION, Verdict.ALLOW, seen=what, consulted=policies)
    outcome = policies.judge(what, blind_spots(what) | unsure)
    if outcome.allowed is True:
        if outcome.policy is None and not (outcome.audited or outcome.shadowed):
            return _PASSED if outcome.ground is Ground.NO_POLICY else _NOT_REFUSED
        return Check(CheckKind.AUTHORIZATION, Verdict.ALLOW, Shape.NONE, *_named(outcome), outcome=outcome, seen=what)
    if outcome.allowed is False:
        return Check(CheckKind.AUTHORIZATION, Verdict.DENY, refusal, *_named(outcome), outcome=outcome, seen=what)
    if outcome.ground in (Ground.EXTERNAL, Ground.PERHAPS_EXTERNAL):
        told = _external(traveller, policies, outcome, what.http, refusal)
        if outcome.ground is Ground.EXTERNAL or told.verdict is Verdict.ALLOW:
            return told
    return Check(
        CheckKind.AUTHORIZATION, Verdict.UNKNOWN, Shape.NONE, *_named(outcome), outcome, reason=_unsure(outcome)
    )


def ztunnel_check(policies: ZtunnelSet, what: Seen, refusal: Shape) -> Check:
    """What ztunnel says."""
    told = policies.judge(what)
    authorization = told.authorization
    policy = authorization.policy if authorization else None
    where, rule = policy.id if policy else None, told.group.rule if told.group else None
    if told.allowed is None:
        return Check(
            CheckKind.AUTHORIZATION, Verdict.UNKNOWN, Shape.NONE, where, rule, None, authorization, told.reason
        )
    verdict = Verdict.ALLOW if told.allowed else Verdict.DENY
    shape = Shape.NONE if told.allowed else refusal
    if told.allowed and authorization is None and policies.powerless:
        lost = policies.powerless[0]
        named = lost.policy.id if lost.policy else lost.name
        reason = f"{named} refuses nothing here: without {', '.join(lost.lost)} it matches nobody"
        return Check(CheckKind.AUTHORIZATION, verdict, reason=reason, seen=what)
    return Check(CheckKind.AUTHORIZATION, verdict, shape, where, rule, None, authorization, seen=what)


def _external(
    traveller: Traveller, policies: PolicySet, outcome: Outcome, http: HttpSeen | None, refusal: Shape
) -> Check:
    """A CUSTOM policy matches: its authorizer has the last word, unless the configuration already has it."""
    policy = outcome.policy
    providers = {each.policy.provider for each in policies.custom}
    known = traveller.index.settings.authorizers
    several = len(providers) > 1 and not traveller.index.settings.several_authorizers
    provider = policy.provider if policy else ""
    if several or (traveller.index.settings.config is not None and provider not in known):
        why = "several CUSTOM providers on one workload" if several else f"no extension provider is called {provider!r}"
        return Check(CheckKind.AUTHORIZATION, Verdict.DENY, refusal, *_named(outcome), outcome, reason=why)
    if http is None and provider in known and known[provider].speech is Speech.HTTP:
        reason = f"provider {provider!r} speaks HTTP, and is not asked about TCP"
        return Check(CheckKind.AUTHORIZATION, Verdict.ALLOW, Shape.NONE, *_named(outcome), outcome, reason=reason)
    match traveller.request.authorizer:
        case Answers.ALLOWS:
            return Check(CheckKind.AUTHORIZATION, Verdict.ALLOW, Shape.NONE, *_named(outcome), outcome)
        case Answers.DENIES:
            reason = f"the external authorizer {provider!r} refuses"
            return Check(CheckKind.AUTHORIZATION, Verdict.DENY, refusal, *_named(outcome), outcome, reason=reason)
        case _:
            reason = f"the external authorizer {provider!r} decides"
            return Check(CheckKind.AUTHORIZATION, Verdict.UNKNOWN, Shape.NONE, *_named(outcome), outcome, reason=reason)


def _named(outcome: Outcome) -> tuple[ObjectId | None, int | None]:
    policy: Policy | None = outcome.policy
    return policy.id if policy else None, outcome.rule.index if outcome.rule else None


def _unsure(outcome: Outcome) -> str:
    if outcome.ground is Ground.UNREADABLE and outcome.policy:
        return f"{outcome.policy.id} could not be read: {outcome.policy.invalid}"
    rule = f", rule {outcome.rule.index + 1}," if outcome.rule else ""
    return f"{outcome.policy.id if outcome.policy else 'a policy'}{rule} looks at something that is not known"


def http_checks(traveller: Traveller, to: Instances, identity: str | None, port: int, http: Http) -> tuple[Check, ...]:
    """What a sidecar or gateway that reads HTTP asks."""
    validation, token = token_check(traveller.index.sidecar_request_policies(to), http)
    policies = traveller.index.sidecar_policies(to, Chain.HTTP)
    address = traveller.address_of(to)
    if token is not None and token.verdict is not Verdict.ALLOW:
        told = http_seen(traveller, http, _NO_TOKENS)
        return refused_before(traveller, policies, seen(traveller, identity, address, port, told), token)
    told = http_seen(traveller, http, validation)
    if told is None:
        return (_BAD_PATH,)
    what = seen(traveller, identity, address, port, told)
    check = policy_check(traveller, policies, what, Shape.FORBIDDEN)
    return (token, check) if token is not None else (check,)


def refused_before(
    traveller: Traveller, policies: PolicySet, what: Seen, token: Check, unsure: frozenset[Attribute] = frozenset()
) -> tuple[Check, ...]:
    """What becomes of a request whose token is refused: authorizers are asked before tokens are looked at."""
    if not policies.custom or traveller.request.survey:
        return (token,)
    asked = policy_check(traveller, PolicySet(custom=policies.custom), what, Shape.FORBIDDEN, unsure)
    return (token,) if asked.verdict is Verdict.ALLOW else (asked,)


def not_http() -> Check:
    """Bytes that are no HTTP, on a port that says it speaks HTTP."""
    reason = "the port is declared HTTP, and what is sent is not"
    return Check(CheckKind.PROTOCOL, Verdict.UNREACHABLE, Shape.CLOSED, reason=reason)

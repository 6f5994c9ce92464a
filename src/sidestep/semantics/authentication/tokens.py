"""RequestAuthentication: what becomes of a request's token before policies are asked.

Source: istio-semantics.md §4.2 (pilot/pkg/security/authn, Envoy's jwt_authn): no token passes without a principal, one
valid token is enough, and a request whose only tokens are invalid gets 401.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.parse import match_labels, target_refs
from sidestep.semantics.authorization.policy import TargetRef
from sidestep.semantics.trees import MalformedError, flag, mappings, strings, text


class TokenState(StrEnum):
    """What a request carries."""

    NONE = "none"
    VALID = "valid"
    INVALID = "invalid"
    EXPIRED = "expired"


class Token(Struct, frozen=True, gc=False):
    """A request's token.

    Attributes:
        state: whether its signature and times hold.
        claims: its payload, `iss` included.
        placed: it is carried where the rules look for it, wherever that is; else `Authorization` is all that is known.
    """

    state: TokenState = TokenState.NONE
    claims: dict[str, Any] = {}
    placed: bool = False


class Keys(Struct, frozen=True):
    """Where an issuer's keys are.

    Attributes:
        inline: the key set itself; it goes before the address.
        uri: where it is served.
        timeout: of fetching it, as written.
    """

    inline: str = ""
    uri: str = ""
    timeout: str = ""


class Places(Struct, frozen=True):
    """Where a token is looked for, besides or in place of `Authorization: Bearer` and `access_token`.

    Attributes:
        headers: each with what stands in front of the token.
        params: of the query.
        cookies: names.
    """

    headers: tuple[tuple[str, str], ...] = ()
    params: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()


_USUAL = Places()
ALWAYS_LISTS = ("permission", "scope")
"""Claims that are lists of words between spaces, whoever issued them."""


class JwtRule(Struct, frozen=True):
    """One issuer whose tokens are read.

    Attributes:
        issuer: of the tokens.
        audiences: any of which the token must name; empty for all.
        default_place: tokens are taken from `Authorization: Bearer` and `access_token`, as no other is named.
        output_headers: claims and payloads that are handed to the application as headers.
        claim_headers: those of single claims: the header and the path of the claim.
        field: where it stands.
        payload_header: the one among the output headers that gets the whole payload.
        keys: of the issuer.
        places: of tokens.
        forward: the application gets the token, too.
        lists: claims that are lists of words between spaces.
    """

    issuer: str
    audiences: tuple[str, ...] = ()
    default_place: bool = True
    output_headers: tuple[str, ...] = ()
    claim_headers: tuple[tuple[str, str], ...] = ()
    field: str = ""
    payload_header: str = ""
    keys: Keys = Keys()
    places: Places = Places()
    forward: bool = False
    lists: tuple[str, ...] = ()


class RequestPolicy(Struct, frozen=True):
    """A RequestAuthentication; `unplaced` where it could not be read where it applies."""

    id: ObjectId
    rules: tuple[JwtRule, ...] = ()
    selector: Labels | None = None
    targets: tuple[TargetRef, ...] = ()
    invalid: str = ""
    unplaced: bool = False

    @property
    def namespace(self) -> str:
        """Where it lives."""
        return self.id.namespace


class Validation(Struct, frozen=True, gc=False):
    """What validation leaves.

    Attributes:
        refused: the request gets 401.
        for_others: it gets 403 instead, as the token is good and meant for others (Envoy's jwt_authn).
        claims: payload that policies see; None without a validated token.
        headers: that the application gets of it, by lower-case name.
        removed: the token itself is not handed on: a rule took it that does not say `forwardOriginalToken`.
        policy: the one that decided, where one did.
        unknown: why it cannot be told; empty when it can.
    """

    refused: bool = False
    claims: dict[str, Any] | None = None
    headers: dict[str, str] = {}
    policy: RequestPolicy | None = None
    unknown: str = ""
    removed: bool = False
    for_others: bool = False


def parse_request_policy(resource: Resource[Spec]) -> RequestPolicy:
    """One RequestAuthentication, typed."""
    spec = resource.view.spec or {}
    try:
        selector, targets = match_labels(spec.get("selector")), target_refs(spec)
    except MalformedError as error:
        return unplaced_request_policy(resource.id, str(error))
    try:
        rules = mappings(spec.get("jwtRules"), "jwtRules")
        read = tuple(_rule(rule, f"jwtRules[{index}]") for index, rule in enumerate(rules))
        return RequestPolicy(resource.id, read, selector, targets)
    except MalformedError as error:
        return RequestPolicy(resource.id, (), selector, targets, str(error))


def unplaced_request_policy(of: ObjectId, why: str) -> RequestPolicy:
    """A RequestAuthentication of which not even that could be read where it applies."""
    return RequestPolicy(of, invalid=why, unplaced=True)


def validate(policies: Iterable[RequestPolicy], token: Token, *, preflight: bool = False) -> Validation:
    """What becomes of a token where these policies apply."""
    applied = tuple(policies)
    if preflight or token.state is TokenState.NONE:
        return Validation()
    broken = next((policy for policy in applied if policy.invalid), None)
    if broken:
        return Validation(policy=broken, unknown=f"{broken.id} could not be read: {broken.invalid}")
    rules = [(policy, rule) for policy in applied for rule in policy.rules]
    if not rules:
        return Validation()
    if not (token.placed or any(rule.default_place for _, rule in rules)):
        reason = "the token's place is named in RequestAuthentication, and the request does not say where it carries it"
        return Validation(policy=rules[0][0], unknown=reason)
    for policy, rule in rules:
        if _accepts(rule, token):
            claims = _as_policies_see(rule, token.claims)
            return Validation(claims=claims, headers=_headers(rule, token), policy=policy, removed=not rule.forward)
    for_others = any(_for_others(rule, token) for _, rule in rules)
    return Validation(refused=True, policy=rules[0][0], for_others=for_others)


def _verifies(rule: JwtRule, token: Token) -> bool:
    """Whether a token is good, and of a rule's issuer; one that names no issuer is taken as the rule's own."""
    return token.state is TokenState.VALID and token.claims.get("iss", rule.issuer) == rule.issuer


def _for_others(rule: JwtRule, token: Token) -> bool:
    """Whether a rule's issuer made a token for others: audiences are looked at before signatures, after times."""
    readable = token.state is TokenState.VALID or (token.state is TokenState.INVALID and token.claims)
    issued = token.claims.get("iss", rule.issuer) == rule.issuer
    return bool(readable) and issued and not _is_meant(rule, token)


def _accepts(rule: JwtRule, token: Token) -> bool:
    """Whether a rule takes a token."""
    return _is_meant(rule, token) and _verifies(rule, token)


def _is_meant(rule: JwtRule, token: Token) -> bool:
    named = token.claims.get("aud", [])
    audiences = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    return not rule.audiences or any(name in rule.audiences for name in audiences)


def _as_policies_see(rule: JwtRule, claims: dict[str, Any]) -> dict[str, Any]:
    """Claims, of which some are lists of words between spaces."""
    lists = {name: claims[name].split() for name in (*ALWAYS_LISTS, *rule.lists) if isinstance(claims.get(name), str)}
    return {**claims, **lists} if lists else claims


def _headers(rule: JwtRule, token: Token) -> dict[str, str]:
    """What of a token is handed on; the whole payload stands there encoded, and is not told."""
    told = {name.lower(): "(payload of the token)" for name in rule.output_headers}
    for name, claim in rule.claim_headers:
        value = _claim(token.claims, claim)
        told.pop(name.lower(), None)
        if value is not None:
            told[name.lower()] = value
    return told


def _claim(claims: dict[str, Any], path: str) -> str | None:
    """A claim as a header has it; None where it is absent or not a plain value."""
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, bool):
        return str(found).lower()
    return str(found) if isinstance(found, str | int) else None


def _rule(rule: Any, field: str) -> JwtRule:
    of_claims = tuple(
        (text(each.get("header"), field), text(each.get("claim"), field))
        for each in mappings(rule.get("outputClaimToHeaders"), field)
    )
    payload = text(rule.get("outputPayloadToHeader"), field)
    places = _places(rule, field)
    return JwtRule(
        text(rule.get("issuer"), f"{field}.issuer"),
        strings(rule.get("audiences"), f"{field}.audiences"),
        places == _USUAL,
        tuple(header for header in (*(header for header, _ in of_claims), payload) if header),
        of_claims,
        field,
        payload,
        _keys(rule, field),
        places,
        bool(flag(rule.get("forwardOriginalToken"), f"{field}.forwardOriginalToken")),
        strings(rule.get("spaceDelimitedClaims"), f"{field}.spaceDelimitedClaims"),
    )


def _keys(rule: Any, field: str) -> Keys:
    uri = text(rule.get("jwksUri"), f"{field}.jwksUri") or text(rule.get("jwks_uri"), f"{field}.jwks_uri")
    return Keys(text(rule.get("jwks"), f"{field}.jwks"), uri, text(rule.get("timeout"), f"{field}.timeout"))


def _places(rule: Any, field: str) -> Places:
    return Places(
        tuple(
            (text(each.get("name"), f"{field}.fromHeaders"), text(each.get("prefix"), f"{field}.fromHeaders"))
            for each in mappings(rule.get("fromHeaders"), f"{field}.fromHeaders")
        ),
        strings(rule.get("fromParams"), f"{field}.fromParams"),
        strings(rule.get("fromCookies"), f"{field}.fromCookies"),
    )

"""RequestAuthentication: what becomes of a token (istio-semantics.md §4.2)."""

import pytest
from msgspec.structs import replace
from tests.support.mesh import mesh, o

from sidestep.model.kinds import REQUEST_AUTHENTICATION
from sidestep.semantics.authentication.tokens import (
    Token,
    TokenState,
    parse_request_policy,
    unplaced_request_policy,
    validate,
)

ISSUER = "https://issuer.example.com"
VALID = Token(TokenState.VALID, {"iss": ISSUER, "sub": "b", "aud": ["shop"], "org": {"id": 5, "ok": True}})


def policy(*rules, **more):
    tree = o.istio("RequestAuthentication", "tokens", "shop", {"jwtRules": list(rules), **more})
    (found,) = mesh(tree).of(REQUEST_AUTHENTICATION)
    return parse_request_policy(found)


def rule(issuer=ISSUER, **more):
    return {"issuer": issuer, "jwks": "{}", **more}


@pytest.mark.parametrize(
    ("rules", "token", "refused", "principal"),
    [
        ((), VALID, False, False), ((rule(),), Token(), False, False), ((rule(),), VALID, False, True), ((rule("other"),), VALID, True, False),
        ((rule("other"), rule()), VALID, False, True), ((rule(),), Token(TokenState.INVALID), True, False), ((rule(),), Token(TokenState.EXPIRED, {"iss": ISSUER}), True, False),
        ((rule(audiences=["shop"]),), VALID, False, True), ((rule(audiences=["x"]),), VALID, True, False), ((rule(audiences=[]),), VALID, False, True),
        ((rule(audiences=["x"]),), Token(TokenState.VALID, {"aud": "x"}), False, True), ((rule(audiences=["x"]),), Token(TokenState.VALID, {"aud": 5}), True, False),
        ((rule(),), Token(TokenState.VALID), False, True),
    ],
)  # fmt: skip
def test_what_becomes_of_a_token(rules, token, refused, principal):
    found = validate([policy(*rules)], token)
    assert (found.refused, found.claims is not None) == (refused, principal)
    assert not found.unknown


@pytest.mark.parametrize(
    ("state", "claims", "for_others"),
    [
        (TokenState.INVALID, {"iss": ISSUER, "aud": "y"}, True), (TokenState.VALID, {"iss": ISSUER, "aud": "y"}, True),
        (TokenState.INVALID, {"iss": ISSUER, "aud": "x"}, False), (TokenState.EXPIRED, {"iss": ISSUER, "aud": "y"}, False),
        (TokenState.INVALID, {"iss": "other", "aud": "y"}, False), (TokenState.INVALID, {}, False),
    ],
)  # fmt: skip
def test_for_whom_a_token_is_is_looked_at_before_its_signature_and_after_its_times(state, claims, for_others):
    found = validate([policy(rule(audiences=["x"]))], Token(state, claims))
    assert (found.refused, found.for_others) == (True, for_others)


def test_a_preflight_is_not_asked():
    assert not validate([policy(rule())], Token(TokenState.INVALID), preflight=True).refused


@pytest.mark.parametrize("place", [{"fromHeaders": [{"name": "x"}]}, {"fromParams": ["x"]}, {"fromCookies": ["x"]}])
def test_a_token_in_another_place_cannot_be_told_unless_it_is_said_to_be_there(place):
    found = policy(rule(**place))
    assert "does not say where" in validate([found], VALID).unknown
    assert validate([found], replace(VALID, placed=True)).claims == VALID.claims
    assert validate([found], Token(TokenState.INVALID, placed=True)).refused
    assert not validate([found], Token()).unknown


def test_headers_that_the_application_gets():
    found = policy(
        rule(
            outputPayloadToHeader="X-Payload",
            outputClaimToHeaders=[
                {"header": "X-Org", "claim": "org.id"},
                {"header": "x-ok", "claim": "org.ok"},
                {"header": "x-none", "claim": "a.b"},
            ],
        )
    )
    assert validate([found], VALID).headers == {"x-payload": "(payload of the token)", "x-org": "5", "x-ok": "true"}


@pytest.mark.parametrize(
    "broken",
    [
        {"jwtRules": 5},
        {"jwtRules": [5]},
        {"jwtRules": [{"issuer": 5}]},
        {"jwtRules": [{"audiences": "x"}]},
        {"jwtRules": [{"outputClaimToHeaders": [5]}]},
    ],
)
def test_a_broken_one_is_unknown_to_whoever_carries_a_token(broken):
    tree = o.istio("RequestAuthentication", "tokens", "shop", {"selector": {"matchLabels": {"app": "cart"}}, **broken})
    found = parse_request_policy(mesh(tree).of(REQUEST_AUTHENTICATION)[0])
    assert found.selector == {"app": "cart"}
    assert "shop/tokens" in validate([found], VALID).unknown
    assert not validate([found], Token()).unknown
    assert validate([unplaced_request_policy(found.id, "why")], VALID).unknown

"""What a field's strings mean, by attribute (istio-semantics.md §3.3)."""

import pytest

from sidestep.semantics.authorization.evaluate import rule_matches
from sidestep.semantics.authorization.policy import Attribute, Clause, ClauseKind, Conjunction, Rule, Term, Values
from sidestep.semantics.authorization.seen import HttpSeen, Seen
from sidestep.semantics.authorization.values import key_of, port_number, values_of

WEB = "cluster.local/ns/shop/sa/web"
FAR = "far.td/ns/shop/sa/web"


def holds(attribute, value, seen, *, key=(), negated=False, namespace="shop"):
    values, none = values_of(attribute, (value,), namespace), Values()
    term = Term(attribute, none if negated else values, values if negated else none, "field", key)
    return rule_matches(Rule(0, (Clause(ClauseKind.WHEN, (Conjunction((term,)),)),)), seen)


IDENTITIES = [
    (Attribute.PRINCIPAL, WEB, True, False), (Attribute.PRINCIPAL, "*", True, True), (Attribute.PRINCIPAL, "cluster.local/*", True, False),
    (Attribute.PRINCIPAL, "*/sa/web", True, True), (Attribute.PRINCIPAL, "*/sa/we", False, False), (Attribute.PRINCIPAL, f"spiffe://{WEB}", False, False),
    (Attribute.NAMESPACE, "shop", True, True), (Attribute.NAMESPACE, "sho", False, False), (Attribute.NAMESPACE, "s*p", True, True),
    (Attribute.NAMESPACE, "*", True, True), (Attribute.NAMESPACE, "*p", True, True), (Attribute.NAMESPACE, "back", False, False),
    (Attribute.SERVICE_ACCOUNT, "web", True, True), (Attribute.SERVICE_ACCOUNT, "shop/web", True, True), (Attribute.SERVICE_ACCOUNT, "back/web", False, False),
    (Attribute.SERVICE_ACCOUNT, "*", False, False), (Attribute.SERVICE_ACCOUNT, "we", False, False), (Attribute.TRUST_DOMAIN, "cluster.local", True, False),
    (Attribute.TRUST_DOMAIN, "cluster", False, False), (Attribute.TRUST_DOMAIN, "*", True, True), (Attribute.TRUST_DOMAIN, "*.local", True, False),
    (Attribute.TRUST_DOMAIN, "far*", False, True),
]  # fmt: skip


@pytest.mark.parametrize(("attribute", "value", "near", "far"), IDENTITIES)
def test_identities(attribute, value, near, far):
    assert holds(attribute, value, Seen(WEB)) is near
    assert holds(attribute, value, Seen(FAR)) is far
    assert holds(attribute, value, Seen(WEB), negated=True) is not near


@pytest.mark.parametrize(
    "attribute", [Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.TRUST_DOMAIN]
)
def test_without_an_identity_every_positive_is_false_and_every_negative_true(attribute):
    assert not holds(attribute, "*", Seen())
    assert holds(attribute, "*", Seen(), negated=True)


@pytest.mark.parametrize(
    ("value", "issuer", "subject", "matches"),
    [
        ("https://i/sub", "https://i", "sub", True), ("https://i/*", "https://i", "any", True), ("https://i/*", "https://j", "any", False),
        ("*", "i", "s", True), ("*/s", "any", "s", True), ("*/s", "any", "t", False), ("*j/s", "ij", "s", True), ("*uffix", "i", "suffix", True),
        ("pre*", "prefix", "s", True), ("https://i/s*", "https://i", "sub", True), ("https://i/s*", "https://i", "x", False),
    ],
)  # fmt: skip
def test_request_principals_are_split_at_the_last_slash(value, issuer, subject, matches):
    seen = Seen(http=HttpSeen(claims={"iss": issuer, "sub": subject}))
    assert holds(Attribute.REQUEST_PRINCIPAL, value, seen) is matches


@pytest.mark.parametrize(
    "claims", [None, {}, {"iss": "i"}, {"sub": "s"}, {"iss": 5, "sub": "s"}, {"iss": None, "sub": None}]
)
def test_no_request_principal_without_issuer_and_subject(claims):
    assert not holds(Attribute.REQUEST_PRINCIPAL, "*", Seen(http=HttpSeen(claims=claims)))


@pytest.mark.parametrize(
    ("attribute", "value", "http", "matches"),
    [
        (Attribute.HOST, "Cart.Shop", HttpSeen(authority="cart.shop"), True), (Attribute.HOST, "cart.shop", HttpSeen(authority="cart.shop:80"), False),
        (Attribute.HOST, "cart.shop*", HttpSeen(authority="CART.shop:80"), True), (Attribute.METHOD, "get", HttpSeen("GET"), False),
        (Attribute.METHOD, "*", HttpSeen("GET"), True), (Attribute.PATH, "/a", HttpSeen(path="/a?b"), True), (Attribute.PATH, "/a?b", HttpSeen(path="/a?b"), False),
        (Attribute.PATH, "/A", HttpSeen(path="/a"), False), (Attribute.PATH, "/a/{*}", HttpSeen(path="/a/b"), True), (Attribute.PATH, "/a/{*}", HttpSeen(path="/a/b/c"), False),
        (Attribute.PATH, "/a/{*}", HttpSeen(path="/a/"), False), (Attribute.PATH, "/a/{**}", HttpSeen(path="/a/b/c"), True), (Attribute.AUDIENCE, "x", HttpSeen(claims={"aud": ["y", "x"]}), True),
        (Attribute.AUDIENCE, "x", HttpSeen(claims={"aud": "x"}), True), (Attribute.AUDIENCE, "x", HttpSeen(claims={"aud": 5}), False), (Attribute.PRESENTER, "x", HttpSeen(claims={"azp": "x"}), True),
    ],
)  # fmt: skip
def test_http(attribute, value, http, matches):
    assert holds(attribute, value, Seen(http=http)) is matches
    assert not holds(attribute, value, Seen())


@pytest.mark.parametrize(
    ("attribute", "written", "key"),
    [
        (Attribute.HEADER, "request.headers[X-Team]", ("x-team",)), (Attribute.HEADER, "request.headers", None), (Attribute.HEADER, "request.headers[a", None),
        (Attribute.CLAIM, "request.auth.claims[a][b]", ("a", "b")), (Attribute.CLAIM, "request.auth.claims[a.b]", ("a.b",)), (Attribute.CLAIM, "request.auth.claims", None),
        (Attribute.METADATA, "experimental.envoy.filters.a.b[c]", ("envoy.filters.a.b", "c")), (Attribute.METADATA, "experimental.envoy.filters.a", None),
        (Attribute.SNI, "connection.sni", ()),
    ],
)  # fmt: skip
def test_keys_in_brackets(attribute, written, key):
    assert key_of(attribute, written) == key


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("80", 80), ("0", 0), ("65535", 65535), ("65536", None), ("080", 80), ("-1", None), ("+80", None), (" 80", None), ("8_0", None), ("80.0", None),
        ("", None), ("http", None), ("²", None), ("٣", None), ("9" * 5000, None), ("0" * 5000 + "80", 80),
    ],
)  # fmt: skip
def test_ports_as_go_reads_them(text, number):
    assert port_number(text) == number


@pytest.mark.parametrize(
    ("attribute", "bad"),
    [
        (Attribute.SOURCE_IP, "x"),
        (Attribute.REMOTE_IP, "10.0.0.0/99"),
        (Attribute.DESTINATION_IP, ""),
        (Attribute.PORT, "http"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_rest_kept(attribute, bad):
    good = "80" if attribute is Attribute.PORT else "10.0.0.0/8"
    values = values_of(attribute, (bad, good), "shop")
    assert values.broken
    assert len(values.matchers) == 1
    assert not values_of(attribute, (good,), "shop").broken

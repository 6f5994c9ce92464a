"""AuthorizationPolicies as Envoy's RBAC filters enforce them: DENY, then ALLOW; at a sidecar and at a waypoint.

Source: istio-semantics.md §3.2 to §3.4. The rules come from `semantics.authorization` in the form in which it judges
them, so that nothing of their meaning is said twice.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TypeVar, assert_never

from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.rbac.v3.rbac_pb2 import RBAC, Permission, Policy, Principal
from envoy.config.route.v3.route_components_pb2 import HeaderMatcher
from envoy.extensions.path.match.uri_template.v3.uri_template_match_pb2 import UriTemplateMatchConfig
from envoy.type.matcher.v3.filter_state_pb2 import FilterStateMatcher
from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from envoy.type.matcher.v3.path_pb2 import PathMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.matcher.v3.value_pb2 import ValueMatcher

from sidestep.controlplane.generators.http.texts import text
from sidestep.controlplane.generators.node.messages import cidr, packed
from sidestep.semantics.authorization.evaluate import Compiled
from sidestep.semantics.authorization.matchers import Cidr, Exact, IssuerSubject, Present, Template
from sidestep.semantics.authorization.matchers import StringMatcher as Matcher
from sidestep.semantics.authorization.policy import Action, Attribute, Clause, Conjunction, Rule, Term, Values
from sidestep.semantics.identity import SPIFFE

JWT_FILTER = "envoy.filters.http.jwt_authn"
SOURCE_PRINCIPAL = "mesh.source.principal"
"""Filter state in which a waypoint keeps who opened the tunnel: within it there is no TLS (envoy.md §1.2)."""
AnyMatcher = Matcher | IssuerSubject
_Side = TypeVar("_Side", Permission, Principal)
_ANY_PERMISSION, _ANY_PRINCIPAL = Permission(any=True), Principal(any=True)


class Place(StrEnum):
    """Where a filter stands, which decides how it learns who the peer is."""

    SIDECAR = "sidecar"
    WAYPOINT = "waypoint"


def rbac(compiled: Iterable[Compiled], action: Action, place: Place) -> RBAC:
    """The rules of one action's policies.

    An ALLOW without a rule refuses everybody, and a DENY without one nobody, as in Istio.
    """
    denies = action is Action.DENY
    return RBAC(
        action=RBAC.Action.DENY if denies else RBAC.Action.ALLOW,
        policies={
            f"ns[{each.policy.namespace}]-policy[{each.policy.id.name}]-rule[{rule.index}]": _policy(rule, place)
            for each in compiled
            for rule in each.rules
        },
    )


def _policy(rule: Rule, place: Place) -> Policy:
    """All clauses hold; those about the peer on one side, the others on the other: Envoy has a place for each."""
    peers = [clause for clause in rule.clauses if _about_peer(clause)]
    others = [clause for clause in rule.clauses if not _about_peer(clause)]
    permissions = [_permitted(clause) for clause in others]
    principals = [_identified(clause, place) for clause in peers]
    return Policy(
        permissions=[_all_permissions(permissions)],
        principals=[_all_principals(principals)],
    )


def _about_peer(clause: Clause) -> bool:
    return all(term.attribute in _PEER for part in clause.any_of for term in part.terms)


def _permitted(clause: Clause) -> Permission:
    return _any_permissions([_all_permissions(_permissions(part)) for part in clause.any_of])


def _permissions(part: Conjunction) -> list[Permission]:
    found = []
    for term in part.terms:
        if term.one_of.matchers:
            found.append(_any_permissions(_each(term, term.one_of, _permission)))
        if term.none_of.matchers:
            found.append(Permission(not_rule=_any_permissions(_each(term, term.none_of, _permission))))
    return found


def _identified(clause: Clause, place: Place) -> Principal:
    return _any_principals([_all_principals(_principals(part, place)) for part in clause.any_of])


def _principals(part: Conjunction, place: Place) -> list[Principal]:
    def one(term: Term, matcher: AnyMatcher) -> Principal:
        return _principal(term, matcher, place)

    found = []
    for term in part.terms:
        if term.one_of.matchers:
            found.append(_any_principals(_each(term, term.one_of, one)))
        if term.none_of.matchers:
            found.append(Principal(not_id=_any_principals(_each(term, term.none_of, one))))
    return found


def _each(term: Term, values: Values, make: Callable[[Term, AnyMatcher], _Side]) -> list[_Side]:
    return [make(term, matcher) for matcher in values.matchers]


def _permission(term: Term, matcher: AnyMatcher) -> Permission:
    """One value of what is asked, or of how it is asked."""
    if isinstance(matcher, IssuerSubject):
        raise ValueError(term)  # noqa: TRY004 - of a value, not of a type
    match term.attribute, matcher:
        case Attribute.PATH, Template():
            return Permission(uri_template=_template(matcher))
        case Attribute.PATH, _:
            return Permission(url_path=PathMatcher(path=text(matcher)))
        case Attribute.PORT, Exact(text=number):
            return Permission(destination_port=int(number))
        case Attribute.DESTINATION_IP, Cidr(text=network):
            return Permission(destination_ip=cidr(network))
        case Attribute.SNI, _:
            return Permission(requested_server_name=text(matcher))
        case Attribute.METHOD | Attribute.HOST | Attribute.HEADER, _:
            return Permission(header=_asked(term, matcher))
        case _:
            return Permission(metadata=_told(term, matcher))


def _asked(term: Term, matcher: Matcher) -> HeaderMatcher:
    """A header, of those that HTTP itself has too."""
    match term.attribute:
        case Attribute.METHOD:
            return _header(":method", matcher)
        case Attribute.HOST:
            return _header(":authority", matcher, ignore_case=True)
        case _:
            return _header(term.key[0], matcher)


def _told(term: Term, matcher: Matcher) -> MetadataMatcher:
    """What other filters found out."""
    if term.attribute is Attribute.METADATA:
        return _metadata(term.key[0], term.key[1:], matcher, lists=False)
    return _metadata(JWT_FILTER, ("payload", *_CLAIMS.get(term.attribute, term.key)), matcher, lists=True)


def _principal(term: Term, matcher: AnyMatcher, place: Place) -> Principal:
    """One value of who asks."""
    match term.attribute, matcher:
        case Attribute.REQUEST_PRINCIPAL, IssuerSubject():
            halves = (("iss", matcher.issuer), ("sub", matcher.subject))
            ids = [
                Principal(metadata=_metadata(JWT_FILTER, ("payload", key), half, lists=False)) for key, half in halves
            ]
            return Principal(and_ids=Principal.Set(ids=ids))
        case Attribute.SOURCE_IP, Cidr():
            return Principal(direct_remote_ip=cidr(matcher.text))
        case Attribute.REMOTE_IP, Cidr():
            return Principal(remote_ip=cidr(matcher.text))
        case _, IssuerSubject():
            raise ValueError(term)
        case Attribute.PRINCIPAL, _:
            return _named(text(matcher, before=SPIFFE), place)
        case _:
            return _named(text(matcher), place)


def _named(name: StringMatcher, place: Place) -> Principal:
    """Who the peer is, by its certificate, or by what a waypoint kept of the tunnel's."""
    match place:
        case Place.SIDECAR:
            return Principal(authenticated=Principal.Authenticated(principal_name=name))
        case Place.WAYPOINT:
            return Principal(filter_state=FilterStateMatcher(key=SOURCE_PRINCIPAL, string_match=name))
        case _:
            assert_never(place)


def _header(name: str, matcher: Matcher, *, ignore_case: bool = False) -> HeaderMatcher:
    """A header that is there, even with nothing in it, is there."""
    if isinstance(matcher, Present):
        return HeaderMatcher(name=name, present_match=True)
    return HeaderMatcher(name=name, string_match=text(matcher, ignore_case=ignore_case))


def _template(matcher: Template) -> TypedExtensionConfig:
    written = matcher.text.replace("{**}", "**").replace("{*}", "*")
    return TypedExtensionConfig(name="uri-template", typed_config=packed(UriTemplateMatchConfig(path_template=written)))


def _metadata(filter_: str, path: Sequence[str], matcher: Matcher, *, lists: bool) -> MetadataMatcher:
    """A value in metadata, or, where it is a list, one of its items."""
    value = ValueMatcher(string_match=text(matcher))
    if lists:
        item = ValueMatcher(list_match={"one_of": value})
        value = ValueMatcher(or_match={"value_matchers": [item, value]})
    return MetadataMatcher(filter=filter_, path=[{"key": key} for key in path], value=value)


def _any_permissions(found: Sequence[Permission]) -> Permission:
    return found[0] if len(found) == 1 else Permission(or_rules=Permission.Set(rules=found))


def _all_permissions(found: Sequence[Permission]) -> Permission:
    if not found:
        return _ANY_PERMISSION
    return found[0] if len(found) == 1 else Permission(and_rules=Permission.Set(rules=found))


def _any_principals(found: Sequence[Principal]) -> Principal:
    return found[0] if len(found) == 1 else Principal(or_ids=Principal.Set(ids=found))


def _all_principals(found: Sequence[Principal]) -> Principal:
    if not found:
        return _ANY_PRINCIPAL
    return found[0] if len(found) == 1 else Principal(and_ids=Principal.Set(ids=found))


_CLAIMS = {Attribute.AUDIENCE: ("aud",), Attribute.PRESENTER: ("azp",)}
_PEER = frozenset(
    {
        Attribute.PRINCIPAL,
        Attribute.NAMESPACE,
        Attribute.SERVICE_ACCOUNT,
        Attribute.TRUST_DOMAIN,
        Attribute.SOURCE_IP,
        Attribute.REMOTE_IP,
        Attribute.REQUEST_PRINCIPAL,
    }
)
"""What Envoy looks for on the side of principals."""

"""AuthorizationPolicies in a normal form: a rule is an AND of clauses, a clause an OR of conjunctions of terms.

That one form is read by the HTTP chain, reduced for the TCP chain and for ztunnel, put into words, and proved about.
"""

from enum import StrEnum
from functools import cached_property

from msgspec import Struct

from sidestep.model.metadata import Labels, ObjectId
from sidestep.semantics.authorization.matchers import Exact, IssuerSubject, StringMatcher


class Action(StrEnum):
    """What a policy does with a request that it matches."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    AUDIT = "AUDIT"
    CUSTOM = "CUSTOM"


class Attribute(StrEnum):
    """What a term looks at."""

    PRINCIPAL = "source.principal"
    NAMESPACE = "source.namespace"
    SERVICE_ACCOUNT = "source.serviceAccount"
    TRUST_DOMAIN = "source.trustDomain"
    SOURCE_IP = "source.ip"
    REMOTE_IP = "remote.ip"
    REQUEST_PRINCIPAL = "request.auth.principal"
    AUDIENCE = "request.auth.audiences"
    PRESENTER = "request.auth.presenter"
    CLAIM = "request.auth.claims"
    HEADER = "request.headers"
    HOST = "request.host"
    METHOD = "request.method"
    PATH = "request.path"
    PORT = "destination.port"
    DESTINATION_IP = "destination.ip"
    SNI = "connection.sni"
    METADATA = "experimental.envoy.filters"
    UNKNOWN = "unknown"


OF_TOKENS = frozenset({Attribute.CLAIM, Attribute.AUDIENCE, Attribute.PRESENTER, Attribute.REQUEST_PRINCIPAL})
"""What is read from a token that holds."""


HTTP_ONLY = frozenset(
    {
        Attribute.REQUEST_PRINCIPAL,
        Attribute.AUDIENCE,
        Attribute.PRESENTER,
        Attribute.CLAIM,
        Attribute.HEADER,
        Attribute.HOST,
        Attribute.METHOD,
        Attribute.PATH,
    }
)
"""What a TCP chain cannot see."""

ZTUNNEL_SOURCES = frozenset(
    {Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.SOURCE_IP, Attribute.TRUST_DOMAIN}
)
"""Source fields that istiod does not count as layer 7; trust domains are among them, and all the same are not sent."""

ZTUNNEL_CONDITIONS = frozenset(
    {Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SOURCE_IP, Attribute.PORT, Attribute.DESTINATION_IP}
)
"""`when` keys that ztunnel can judge."""


class Values(Struct, frozen=True, dict=True):
    """One side of a term: what the policy lists, and how Envoy would match it.

    Attributes:
        written: as the policy has them.
        matchers: of those that can be read.
        broken: some cannot be read (an IP that is none): an ALLOW rule is then dropped, a DENY goes without them.
    """

    written: tuple[str, ...] = ()
    matchers: tuple[StringMatcher | IssuerSubject, ...] = ()
    broken: bool = False

    @cached_property
    def exact(self) -> frozenset[str]:
        """Texts that a value may be equal to."""
        return frozenset(each.text for each in self.matchers if isinstance(each, Exact))

    @cached_property
    def looser(self) -> tuple[StringMatcher, ...]:
        """Matchers of one text that ask for less than equality."""
        return tuple(each for each in self.matchers if not isinstance(each, Exact | IssuerSubject))

    def match(self, value: str) -> bool:
        """Whether any takes a value."""
        return value in self.exact or any(each.matches(value) for each in self.looser)


class Term(Struct, frozen=True):
    """One field: true when any of `one_of` matches (or none is listed) and nothing of `none_of` does.

    Attributes:
        attribute: what it looks at.
        key: name of the header, path of the claim, filter and key of the metadata.
        one_of: `values`, or the field itself.
        none_of: `notValues`, or the `not…` field.
        field: where it stands in the rule, e.g. `to[0].operation.methods`.
    """

    attribute: Attribute
    one_of: Values
    none_of: Values
    field: str
    key: tuple[str, ...] = ()


class Conjunction(Struct, frozen=True):
    """Terms that must all hold: a source, an operation or a condition. Without terms it is true."""

    terms: tuple[Term, ...]


class ClauseKind(StrEnum):
    """Which part of a rule a clause is."""

    FROM = "from"
    TO = "to"
    WHEN = "when"


class Clause(Struct, frozen=True):
    """One part of a rule: any of its conjunctions must hold."""

    kind: ClauseKind
    any_of: tuple[Conjunction, ...]


class Rule(Struct, frozen=True):
    """One rule: all its clauses must hold; without clauses it matches everything.

    Attributes:
        index: its place in the policy, from 0.
        clauses: its parts.
        unreadable: why no proxy reads it (an unknown `when` key): it then does not exist; empty when it is fine.
    """

    index: int
    clauses: tuple[Clause, ...] = ()
    unreadable: str = ""


class TargetRef(Struct, frozen=True):
    """What a policy is attached to."""

    group: str
    kind: str
    name: str
    namespace: str = ""


class Policy(Struct, frozen=True):
    """An AuthorizationPolicy.

    Attributes:
        id: the object.
        action: what it does; an action that no version knows makes the policy `invalid`.
        rules: any of which may match.
        selector: labels that a workload must carry; None where it has no selector.
        targets: what it is attached to instead; empty for none.
        provider: of a CUSTOM policy.
        dry_run: only shadow evaluation; never of CUSTOM, whose authorizer is asked all the same.
        invalid: why it could not be read whole; such a policy makes decisions unknown.
        unplaced: it could not be read where it applies: that may be anywhere in its namespace.
    """

    id: ObjectId
    action: Action
    rules: tuple[Rule, ...] = ()
    selector: Labels | None = None
    targets: tuple[TargetRef, ...] = ()
    provider: str = ""
    dry_run: bool = False
    invalid: str = ""
    unplaced: bool = False

    @property
    def namespace(self) -> str:
        """Where it lives."""
        return self.id.namespace

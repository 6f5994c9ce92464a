"""Which requests there are, as far as two meshes can tell them apart: a finite product of choices for each attribute.

Every condition that any policy, token rule or route of either mesh puts on an attribute is taken as a language; one
text for each combination of languages is enough (`languages.representatives`).
"""

from collections.abc import Iterable, Iterator
from itertools import product
from math import prod
from typing import Any

from msgspec import Struct

from sidestep.prove.languages import Ending, Exactly, Language, Matching, Starting, Undecidable, representatives
from sidestep.semantics.authentication.tokens import RequestPolicy, Token, TokenState
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.authorization.matchers import (
    Exact,
    IssuerSubject,
    Prefix,
    Present,
    Regex,
    StringMatcher,
    Suffix,
    Template,
)
from sidestep.semantics.authorization.paths import normalise
from sidestep.semantics.authorization.policy import Attribute, Term
from sidestep.semantics.authorization.templates import pattern_of
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.requests import Http
from sidestep.semantics.routing.http_match import HttpMatch, NamedMatch
from sidestep.semantics.routing.text_match import Form, TextMatch

_CLAIMS = {Attribute.AUDIENCE: ("aud",), Attribute.PRESENTER: ("azp",)}
_MOST_ISSUERS = 16
_TEXTS = frozenset(
    {
        Attribute.METHOD,
        Attribute.PATH,
        Attribute.HOST,
        Attribute.HEADER,
        Attribute.CLAIM,
        Attribute.AUDIENCE,
        Attribute.PRESENTER,
    }
)


class Asked(Struct, frozen=True):
    """What looks at a request in one mesh on one way.

    Attributes:
        policies: all policy sets that judge HTTP.
        tokens: all RequestAuthentications.
        conditions: of all routes.
    """

    policies: tuple[PolicySet, ...] = ()
    tokens: tuple[RequestPolicy, ...] = ()
    conditions: tuple[HttpMatch, ...] = ()


class Choices(Struct, frozen=True):
    """The texts that stand for all, by attribute; None among a header's stands for its absence."""

    methods: tuple[str, ...]
    paths: tuple[str, ...]
    authorities: tuple[str, ...]
    headers: dict[str, tuple[str | None, ...]]
    queries: dict[str, tuple[str | None, ...]]
    tokens: tuple[Token, ...]

    @property
    def size(self) -> int:
        """How many requests they make."""
        parts = (
            self.methods,
            self.paths,
            self.authorities,
            self.tokens,
            *self.headers.values(),
            *self.queries.values(),
        )
        return prod(len(part) for part in parts)

    def requests(self) -> Iterator[Http]:
        """All requests, the plainest first."""
        names, queries = tuple(self.headers), tuple(self.queries)
        for token, authority, method, path in product(self.tokens, self.authorities, self.methods, self.paths):
            for values in product(*self.headers.values()):
                headers = {name: value for name, value in zip(names, values, strict=True) if value is not None}
                for asked in product(*self.queries.values()):
                    query = "&".join(f"{n}={v}" for n, v in zip(queries, asked, strict=True) if v is not None)
                    yield Http(method, f"{path}?{query}" if query else path, authority, headers, token)


def choices(asked: Iterable[Asked], host: str, normalisation: PathNormalisation) -> Choices:
    """The choices for everything that looks at a request.

    Raises:
        Undecidable: something looks at what no finite choice stands for.
    """
    collected = _Collected()
    for each in asked:
        for policies in each.policies:
            collected.policies(policies)
        for policy in each.tokens:
            collected.token_rules(policy)
        for match in each.conditions:
            collected.condition(match)
    return collected.choices(host, normalisation)


class _Collected:
    """Languages by attribute."""

    def __init__(self) -> None:
        self._texts: dict[str, set[Language]] = {"method": set(), "path": set(), "authority": set()}
        self._headers: dict[str, set[Language]] = {}
        self._queries: dict[str, set[Language]] = {}
        self._claims: dict[tuple[str, ...], set[Language]] = {}
        self._issuers: set[str] = set()
        self._audiences: set[str] = set()
        self._validated = False

    def policies(self, policies: PolicySet) -> None:
        """Everything that the rules of a set look at."""
        for compiled in (*policies.custom, *policies.deny, *policies.allow):
            for rule in compiled.rules:
                for clause in rule.clauses:
                    for part in clause.any_of:
                        for term in part.terms:
                            self._term(term)

    def token_rules(self, policy: RequestPolicy) -> None:
        """Issuers and audiences that are taken."""
        self._validated = self._validated or bool(policy.rules)
        for rule in policy.rules:
            self._issuers.add(rule.issuer)
            self._audiences.update(rule.audiences)

    def condition(self, match: HttpMatch) -> None:
        """What a route looks at."""
        self._texts["path"].update(_of_text(match.path))
        for named in match.headers:
            self._named(named, self._headers)
        for named in match.queries:
            self._queries.setdefault(named.name, set()).update(_of_text(named.text))

    def _named(self, named: NamedMatch, into: dict[str, set[Language]]) -> None:
        if named.claim:
            self._claims.setdefault(named.claim, set()).update(_of_text(named.text))
        elif named.name in (":method", ":authority", ":path", "host"):
            name = {":authority": "authority", "host": "authority"}.get(named.name, named.name.removeprefix(":"))
            self._texts[name].update(_of_text(named.text))
        elif named.name != ":scheme":
            into.setdefault(named.name, set()).update(_of_text(named.text))

    def _term(self, term: Term) -> None:
        if term.attribute is Attribute.REQUEST_PRINCIPAL:
            self._principal(term)
            return
        sides = (term.one_of, term.none_of) if term.attribute in _TEXTS else ()
        found = {language for side in sides for each in side.matchers for language in _of(each)}
        match term.attribute:
            case Attribute.METHOD:
                self._texts["method"] |= found
            case Attribute.PATH:
                self._texts["path"] |= found
            case Attribute.HOST:
                self._texts["authority"] |= found
            case Attribute.HEADER:
                self._header(term, found)
            case Attribute.CLAIM:
                self._claims.setdefault(term.key, set()).update(found)
            case Attribute.AUDIENCE | Attribute.PRESENTER:
                self._claims.setdefault(_CLAIMS[term.attribute], set()).update(found)
            case Attribute.METADATA:
                raise Undecidable(f"{term.field} looks at metadata that other filters set")
            case _:
                pass

    def _header(self, term: Term, found: set[Language]) -> None:
        name = term.key[0] if term.key else ""
        known = {":method": "method", ":path": "path", ":authority": "authority", "host": "authority"}.get(name)
        if known is None:
            self._headers.setdefault(name, set()).update(found)
        else:
            self._texts[known] |= found

    def _principal(self, term: Term) -> None:
        for side in (term.one_of, term.none_of):
            for each in side.matchers:
                if isinstance(each, IssuerSubject):
                    self._claims.setdefault(("iss",), set()).update(_of(each.issuer))
                    self._claims.setdefault(("sub",), set()).update(_of(each.subject))

    def choices(self, host: str, normalisation: PathNormalisation) -> Choices:
        paths = representatives(self._texts["path"], "/")
        usual = [path for path in paths if normalise(path, normalisation) == path]
        return Choices(
            tuple(dict.fromkeys(("GET", *(m for m in representatives(self._texts["method"]) if m)))),
            tuple(dict.fromkeys(("/", *usual))),
            (host, *self._authorities(host)),
            {name: (None, *representatives(found)) for name, found in sorted(self._headers.items())},
            {name: (None, *representatives(found)) for name, found in sorted(self._queries.items())},
            tuple(self._tokens()),
        )

    def _authorities(self, host: str) -> tuple[str, ...]:
        """Other names than the one that is dialled, only where something asks for them."""
        wanted = self._texts["authority"]
        return tuple(text for text in representatives(wanted) if text and text != host) if wanted else ()

    def _tokens(self) -> Iterator[Token]:
        yield Token()
        if not self._validated:
            return
        yield Token(TokenState.INVALID)
        issuers = sorted({*self._issuers, *representatives(self._claims.get(("iss",), ()))} - {""})[:_MOST_ISSUERS]
        others = {key: found for key, found in sorted(self._claims.items()) if key not in (("iss",), ("aud",))}
        audiences = sorted({*self._audiences, *representatives(self._claims.get(("aud",), ()))} - {""}) or ["nobody"]
        values = [(None, *(text for text in representatives(found) if text)) for found in others.values()]
        for issuer, audience in product(issuers, audiences):
            for chosen in product(*values):
                claims: dict[str, Any] = {"iss": issuer, "aud": audience}
                for key, value in zip(others, chosen, strict=True):
                    if value is not None:
                        _put(claims, key, value)
                yield Token(TokenState.VALID, claims)


def _put(claims: dict[str, Any], key: tuple[str, ...], value: str) -> None:
    for part in key[:-1]:
        below = claims.setdefault(part, {})
        if not isinstance(below, dict):
            raise Undecidable(f"claim {'.'.join(key)} is asked for as a text and as an object")
        claims = below
    claims[key[-1]] = value


def _of(matcher: StringMatcher | IssuerSubject) -> tuple[Language, ...]:
    match matcher:
        case Exact():
            return (Exactly(matcher.text),)
        case Prefix():
            return (Starting(matcher.text),)
        case Suffix():
            return (Ending(matcher.text),)
        case Template():
            pattern = pattern_of(matcher.text)
            return (Matching(pattern),) if pattern is not None else ()
        case Regex():
            return (Matching(matcher.text),)
        case Present():
            return ()
        case _:
            raise Undecidable(f"{type(matcher).__name__} is no matcher of texts")


def _of_text(match: TextMatch) -> tuple[Language, ...]:
    text = match.text
    match match.form:
        case Form.PRESENT:
            return ()
        case Form.REGEX:
            return (Matching(text),)
        case _ if match.fold:
            folded = "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else f"\\{c}" for c in text)
            return (Matching(folded if match.form is Form.EXACT else f"{folded}(.|\\n)*"),)
        case Form.EXACT:
            return (Exactly(text),)
        case Form.PREFIX:
            return (Starting(text),)
        case Form.SEGMENTS:
            return (Exactly(text), Starting(f"{text}/"))

"""Everything by which policies, token rules and routes of two meshes can tell HTTP requests apart, by attribute."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

from msgspec import Struct

from sidestep.prove.expressions import Undecidable
from sidestep.prove.languages import Ending, Exactly, Language, Matching, Pieces, Rewritten, Starting
from sidestep.prove.residual import Atom, Residual
from sidestep.semantics.authentication.tokens import Places, RequestPolicy
from sidestep.semantics.authorization import matchers
from sidestep.semantics.authorization.policy import Attribute
from sidestep.semantics.authorization.templates import pattern_of
from sidestep.semantics.patterns import compiled, quote
from sidestep.semantics.routing.http_match import HttpMatch, NamedMatch
from sidestep.semantics.routing.text_match import Form, TextMatch

_PSEUDO = {":method": "method", ":path": "path", ":authority": "authority", "host": "authority"}
_DIRECT = {Attribute.METHOD: "method", Attribute.PATH: "path", Attribute.HOST: "authority"}
_CLAIMS = {Attribute.AUDIENCE: ("aud",), Attribute.PRESENTER: ("azp",)}
ANY_REWRITE = ("", "")
FORWARDED_FOR = "x-forwarded-for"
Languages = frozenset[Language]
KeyT = TypeVar("KeyT")


class TokenRule(Struct, frozen=True):
    """What a RequestAuthentication says of one issuer, without its name and place."""

    issuer: str
    audiences: frozenset[str]
    places: Places
    headers: tuple[tuple[str, str], ...]
    payload: tuple[str, ...]
    lists: frozenset[str] = frozenset()
    forward: bool = False


class TokenRules(Struct, frozen=True):
    """All that is asked of tokens at one place, in order; `unreadable` where it could not be read."""

    rules: tuple[TokenRule, ...] = ()
    unreadable: str = ""


class Condition(Struct, frozen=True):
    """What a route's match looks at in a request."""

    path: TextMatch
    headers: tuple[NamedMatch, ...] = ()
    queries: tuple[NamedMatch, ...] = ()

    @classmethod
    def of(cls, match: HttpMatch) -> "Condition":
        """Of a match."""
        return cls(match.path, match.headers, match.queries)


class Asked(Struct, frozen=True):
    """What looks at a request on its way in either mesh.

    Attributes:
        residuals: what is left of policies.
        tokens: rules about tokens.
        conditions: of routes.
        rewrites: beginnings of paths that routes replace, and by what; two empty texts where nobody can tell.
        appended: headers to which routes add a value.
    """

    residuals: frozenset[Residual] = frozenset()
    tokens: frozenset[TokenRules] = frozenset()
    conditions: frozenset[Condition] = frozenset()
    rewrites: frozenset[tuple[str, str]] = frozenset()
    appended: frozenset[str] = frozenset()


class Conditions(Struct, frozen=True):
    """Languages by attribute.

    Attributes:
        texts: of `method`, `path` and `authority`.
        headers: by name.
        queries: by name of the parameter.
        claims: by path.
        lists: claims that somebody reads as words between spaces, and others as one text.
        blocks: ranges of addresses that the forwarded client is held against.
        issuers: whose tokens are taken.
        validated: whether tokens are looked at.
        custom: whether an external authorizer may be asked.
    """

    texts: Mapping[str, Languages]
    headers: Mapping[str, Languages]
    queries: Mapping[str, Languages]
    claims: Mapping[tuple[str, ...], Languages]
    lists: frozenset[str]
    blocks: frozenset[str] = frozenset()
    issuers: frozenset[str] = frozenset()
    validated: bool = False
    custom: bool = False


def token_rules(policies: Iterable[RequestPolicy]) -> TokenRules:
    """The rules of RequestAuthentications, in the order in which a token is held against them."""
    applied = tuple(policies)
    broken = next((str(policy.id) for policy in applied if policy.invalid), "")
    return TokenRules(
        tuple(
            TokenRule(
                rule.issuer,
                frozenset(rule.audiences),
                rule.places,
                rule.claim_headers,
                rule.output_headers,
                frozenset(rule.lists),
                rule.forward,
            )
            for policy in applied
            for rule in policy.rules
        ),
        broken,
    )


@lru_cache(maxsize=16384)
def conditions(asked: Asked) -> Conditions:
    """The languages of everything that looks at a request.

    Raises:
        Undecidable: something looks at what no finite choice stands for.
    """
    found = _Collected(asked)
    for each in asked.residuals:
        found.residual(each)
    for rules in asked.tokens:
        found.tokens(rules)
    for match in asked.conditions:
        found.match(match)
    return found.conditions()


def hosts_of(residuals: Iterable[Residual]) -> Languages:
    """What policies ask of the Host header."""
    asked = Asked(frozenset(each for each in residuals if _asks_for_hosts(each)))
    return conditions(asked).texts["authority"] if asked.residuals else frozenset()


@lru_cache(maxsize=65536)
def _asks_for_hosts(residual: Residual) -> bool:
    atoms = (atom for rule in residual.rules() for clause in rule for part in clause for atom in part)
    return any(
        atom.attribute is Attribute.HOST or (atom.key and _PSEUDO.get(atom.key[0]) == "authority") for atom in atoms
    )


class _Collected:
    """Languages by attribute, as they are met."""

    def __init__(self, asked: Asked) -> None:
        self._rewrites, self._appended = sorted(asked.rewrites), asked.appended
        self._texts: dict[str, set[Language]] = {"method": set(), "path": set(), "authority": set()}
        self._headers: dict[str, set[Language]] = {}
        self._queries: dict[str, set[Language]] = {}
        self._claims: dict[tuple[str, ...], set[Language]] = {}
        self._blocks: set[str] = set()
        self._issuers: set[str] = set()
        self._places: set[frozenset[tuple[str, Places]]] = set()
        self._lists: set[str] = set()
        self._validated = self._custom = False

    def residual(self, residual: Residual) -> None:
        self._custom = self._custom or bool(residual.custom)
        for rule in residual.rules():
            for clause in rule:
                for part in clause:
                    for atom in part:
                        self._atom(atom)

    def tokens(self, rules: TokenRules) -> None:
        self._validated = True
        if rules.rules:
            self._places.add(frozenset((rule.issuer, rule.places) for rule in rules.rules))
        for rule in rules.rules:
            self._issuers.add(rule.issuer)
            self._lists |= rule.lists
            self._claim(("aud",), (Exactly(audience) for audience in rule.audiences))
            for _, claim in rule.headers:
                self._claim(tuple(claim.split(".")), (Starting(""),))

    def match(self, match: Condition) -> None:
        self._texts["path"].update(of_text(match.path))
        for named in match.headers:
            self._named(named)
        for named in match.queries:
            self._queries.setdefault(named.name, set()).update(of_text(named.text))

    def _named(self, named: NamedMatch) -> None:
        if named.claim:
            self._validated = True
            self._claim(named.claim, of_text(named.text))
        elif named.name in _PSEUDO:
            self._texts[_PSEUDO[named.name]].update(of_text(named.text))
        elif named.name != ":scheme":
            self._headers.setdefault(named.name, set()).update(of_text(named.text))

    def _atom(self, atom: Atom) -> None:
        if atom.unknown:
            return
        sides = atom.one_of | atom.none_of
        match atom.attribute:
            case Attribute.METHOD | Attribute.PATH | Attribute.HOST:
                self._text(_DIRECT[atom.attribute], sides)
            case Attribute.HEADER:
                self._header(atom.key[0] if atom.key else "", sides)
            case Attribute.CLAIM | Attribute.AUDIENCE | Attribute.PRESENTER:
                key = _CLAIMS.get(atom.attribute, atom.key)
                self._claim(key, (language for each in sides for language in of_matcher(each)))
            case Attribute.REQUEST_PRINCIPAL:
                for each in sides:
                    if isinstance(each, matchers.IssuerSubject):
                        self._claim(("iss",), of_matcher(each.issuer))
                        self._claim(("sub",), of_matcher(each.subject))
            case Attribute.REMOTE_IP:
                self._blocks |= {each.text for each in sides if isinstance(each, matchers.Cidr)}
            case _:
                raise Undecidable(f"a policy looks at {atom.attribute.value}, which other filters set")

    def _text(self, name: str, sides: frozenset[object]) -> None:
        if name == "path" and ANY_REWRITE in self._rewrites:
            raise Undecidable("a policy looks at paths that a route rewrites by an expression")
        for each in sides:
            for language in of_matcher(each):
                self._texts[name].add(language)
                if name == "path":
                    self._texts[name].update(Rewritten(head, into, language) for head, into in self._rewrites)

    def _header(self, name: str, sides: frozenset[object]) -> None:
        if name in self._appended:
            raise Undecidable(f"a policy looks at header {name!r}, to which a route adds a value")
        if name in _PSEUDO:
            self._text(_PSEUDO[name], sides)
        else:
            self._headers.setdefault(name, set()).update(one for each in sides for one in of_matcher(each))

    def _claim(self, key: tuple[str, ...], found: Iterable[Language]) -> None:
        self._claims.setdefault(key, set()).update(found)

    def conditions(self) -> Conditions:
        if self._blocks and FORWARDED_FOR in self._headers:
            raise Undecidable("X-Forwarded-For is looked at as a text and as an address")
        if len(self._places) > 1 and any(places != Places() for told in self._places for _, places in told):
            raise Undecidable("tokens are looked for in one place here, and in another there")
        return Conditions(
            _frozen(self._texts),
            _frozen(self._headers),
            _frozen(self._queries),
            _frozen(self._claims),
            frozenset(self._lists),
            frozenset(self._blocks),
            frozenset(self._issuers),
            self._validated,
            self._custom,
        )


def _frozen(found: dict[KeyT, set[Language]]) -> dict[KeyT, Languages]:
    return {key: frozenset(found[key]) for key in sorted(found, key=repr)}


def of_matcher(matcher: object) -> tuple[Language, ...]:
    """The languages of a policy's matcher."""
    match matcher:
        case matchers.Exact():
            return (Exactly(matcher.text),)
        case matchers.Prefix():
            return (Starting(matcher.text),)
        case matchers.Suffix():
            return (Ending(matcher.text),)
        case matchers.Pieces():
            return (Pieces(matcher.parts),)
        case matchers.Template():
            pattern = pattern_of(matcher.text)
            return (Matching(pattern),) if pattern is not None and compiled(pattern) is not None else ()
        case matchers.Regex():
            return (Matching(matcher.text),) if compiled(matcher.text) is not None else ()
        case matchers.Present():
            return Exactly(""), Starting("")
        case _:
            raise Undecidable(f"{type(matcher).__name__} is no matcher of texts")


def of_text(match: TextMatch) -> tuple[Language, ...]:
    """The languages of a route's condition; an expression that RE2 refuses leaves the route unknown."""
    text = match.text
    match match.form:
        case Form.PRESENT:
            return (Starting(""),)
        case Form.REGEX:
            return () if match.refused else (Matching(text),)
        case Form.EXACT:
            return (Matching(f"(?i){quote(text)}") if match.fold else Exactly(text),)
        case Form.PREFIX:
            return (Matching(f"(?is){quote(text)}.*") if match.fold else Starting(text),)
        case Form.SEGMENTS if match.fold:
            return (Matching(f"(?is){quote(text)}(/.*)?"),)
        case Form.SEGMENTS:
            return (Exactly(text), Starting(f"{text}/"))

"""The finitely many HTTP requests that stand for all: a product of one text for each class of each attribute."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import combinations, permutations, product
from math import prod
from typing import Any

from msgspec import Struct

from sidestep.prove.addresses import representatives as address_representatives
from sidestep.prove.asked import FORWARDED_FOR, Asked, Conditions, Languages, conditions
from sidestep.prove.expressions import Undecidable
from sidestep.prove.languages import representatives, telling, usual_methods
from sidestep.prove.texts import Texts
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.requests import Http

_MOST_TOKENS = 4_000
_MOST_UNIONS = 6
_UNTIDY = "/./"
_OTHER_WORD = "-"
_PREFLIGHT = {"origin": "https://elsewhere.example", "access-control-request-method": "GET"}


class Choices(Struct, frozen=True):
    """The texts that stand for all, by attribute; None among a header's stands for its absence.

    Attributes:
        methods: the usual one first.
        paths: likewise.
        authorities: empty for the name that is dialled.
        headers: by name.
        queries: by name of the parameter.
        tokens: none first.
        bundles: headers that only count together: those of a CORS preflight.
        custom: whether an external authorizer may be asked.
    """

    methods: tuple[str, ...] = ("GET",)
    paths: tuple[str, ...] = ("/",)
    authorities: tuple[str, ...] = ("",)
    headers: Mapping[str, tuple[str | None, ...]] = {}
    queries: Mapping[str, tuple[str | None, ...]] = {}
    tokens: tuple[Token, ...] = (Token(),)
    bundles: tuple[Mapping[str, str], ...] = ({},)
    custom: bool = False

    @property
    def size(self) -> int:
        """How many requests they make."""
        parts = (self.methods, self.paths, self.authorities, self.tokens, self.bundles)
        return prod(len(part) for part in (*parts, *self.headers.values(), *self.queries.values()))

    def requests(self) -> Iterator[Http]:
        """All requests, the plainest first."""
        names, asked = tuple(self.headers), tuple(self.queries)
        for token, bundle, authority in product(self.tokens, self.bundles, self.authorities):
            for values in product(*self.headers.values()):
                told = {name: value for name, value in zip(names, values, strict=True) if value is not None}
                headers = {**bundle, **told}
                for found in product(*self.queries.values()):
                    query = "&".join(f"{n}={v}" for n, v in zip(asked, found, strict=True) if v is not None)
                    for method, path in product(self.methods, self.paths):
                        yield Http(method, f"{path}?{query}" if query else path, authority, headers, token)


@lru_cache(maxsize=16384)
def choices(asked: Asked, mode: PathNormalisation, *, fixed: tuple[str, str] | None = None) -> Choices:
    """The choices for everything that looks at a request.

    Args:
        asked: by whatever on its way.
        mode: how paths are normalised.
        fixed: method and path, where those are chosen already.

    Raises:
        Undecidable: something looks at what no finite choice stands for.
    """
    told = conditions(asked)
    methods, paths = ((fixed[0],), (fixed[1],)) if fixed is not None else _lines(told, mode)
    headers = {
        name: (None, *telling(representatives(languages, Texts.HEADER), languages))
        for name, languages in told.headers.items()
    }
    if told.blocks:
        headers[FORWARDED_FOR] = (None, *address_representatives(told.blocks))
    preflight = told.validated and "OPTIONS" in methods
    return Choices(
        methods,
        paths,
        ("", *_values(told.texts["authority"], Texts.HOST)),
        headers,
        {
            name: (None, *telling(representatives(languages, Texts.QUERY), languages))
            for name, languages in told.queries.items()
        },
        tuple(_tokens(told)),
        ({}, _PREFLIGHT) if preflight else ({},),
        told.custom,
    )


def paths_of(untidy: bool) -> tuple[str, ...]:
    """Paths that proxies clean, where those are asked for."""
    return (_UNTIDY,) if untidy else ()


def _lines(told: Conditions, mode: PathNormalisation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Methods and paths."""
    known = usual_methods(told.texts["method"])
    paths = ("/", *representatives(told.texts["path"], Texts.PATH, mode)) if told.texts["path"] else ("/",)
    return tuple(dict.fromkeys((*known, "OPTIONS") if told.validated else known)), tuple(dict.fromkeys(paths))


def _values(languages: Languages, texts: Texts) -> tuple[str, ...]:
    """None are needed for the authority as long as nothing looks at it; a header that is looked at has some value."""
    return representatives(languages, texts) if languages or texts is not Texts.HOST else ()


def _tokens(told: Conditions) -> Iterator[Token]:
    """None, one that is refused, and one for each class of claims: whoever signs one names himself in it."""
    yield Token()
    if not told.validated:
        return
    yield Token(TokenState.INVALID, placed=True)
    known = {key: languages for key, languages in told.claims.items() if key != ("iss",)}
    named = representatives(told.claims.get(("iss",), frozenset()), Texts.CLAIM)
    issuers: list[Any] = sorted({*told.issuers, *named}) or [None]
    values = [_claim_values(languages, spaced=key[0] in told.lists) for key, languages in known.items()]
    size = len(issuers) * prod(len(each) for each in values)
    if size > _MOST_TOKENS:
        raise Undecidable(f"{size:,} classes of tokens are more than {_MOST_TOKENS:,}")
    for issuer in issuers:
        for chosen in product(*values):
            claims = _claims(issuer, known, chosen)
            if claims is not None:
                yield Token(TokenState.VALID, claims, placed=True)


def _claims(issuer: str | None, keys: Iterable[tuple[str, ...]], chosen: tuple[Any, ...]) -> dict[str, Any] | None:
    """A payload; never an empty one, which would stand for claims that nobody told.

    None where a claim would have to be a text and an object: there is no such payload.
    """
    claims: dict[str, Any] = {"jti": "1"} if issuer is None else {"iss": issuer}
    told = zip(keys, chosen, strict=True)
    return claims if all(value is None or _put(claims, key, value) for key, value in told) else None


def _claim_values(languages: Languages, *, spaced: bool) -> list[Any]:
    """Absent, each class of texts, and lists of several: such a claim is in the classes of all its texts.

    Where texts are words between spaces for somebody, several in one text, too.
    """
    texts = representatives(languages, Texts.CLAIM)
    single = telling(texts, languages)
    several = [list(pair) for pair in combinations(single, 2)] if len(single) <= _MOST_UNIONS else []
    larger = range(3, len(single) + 1) if len(single) <= _MOST_UNIONS else (len(single),)
    words = [" ".join(pair) for pair in permutations((*filter(None, texts), _OTHER_WORD), 2)] if spaced else []
    return [None, *single, *words, *several, *(list(each) for size in larger for each in combinations(single, size))]


def _put(claims: dict[str, Any], key: tuple[str, ...], value: Any) -> bool:
    """Whether there is room: nothing is below a text, and no text where something is below."""
    for part in key[:-1]:
        below = claims.setdefault(part, {})
        if not isinstance(below, dict):
            return False
        claims = below
    if isinstance(claims.get(key[-1]), dict):
        return False
    claims[key[-1]] = value
    return True

"""Of what texts consist: paths as proxies leave them, methods, hosts, headers, query parameters, claims.

Source: RFC 9110 (tokens, field values), RFC 3986; `semantics.authorization.paths` for what normalisation changes. Only
texts are told that a proxy would judge as they are sent: every other path is judged as one of them.
"""

from collections.abc import Hashable
from enum import StrEnum
from functools import lru_cache

from sidestep.prove import characters as c
from sidestep.prove.automata import Guard
from sidestep.semantics.path_normalisation import PathNormalisation

_UNRESERVED = c.LETTERS | c.DIGITS | c.some("-._~")
_FORBIDDEN_IN_PATHS = c.some(' "<>`{}|^\\?#')
_MERGING = (PathNormalisation.MERGE_SLASHES, PathNormalisation.DECODE_AND_MERGE_SLASHES)
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_BEGIN, _SEGMENT, _DOT, _DOTS, _INSIDE, _SLASHES = "begin", "segment", ".", "..", "inside", "//"


class Texts(StrEnum):
    """A kind of text."""

    PATH = "path"
    METHOD = "method"
    HOST = "host"
    HEADER = "header"
    QUERY = "query"
    CLAIM = "claim"


def alphabet_of(texts: Texts, mode: PathNormalisation) -> int:
    """The characters that a text may consist of."""
    match texts:
        case Texts.PATH:
            kept = c.PRINTABLE & ~_FORBIDDEN_IN_PATHS
            return kept if mode is not PathNormalisation.NONE else c.PRINTABLE & ~c.some(" ?#")
        case Texts.METHOD:
            return c.LETTERS | c.DIGITS | c.some("!#$%&'*+-.^_`|~")
        case Texts.HOST:
            return c.LOWER | c.DIGITS | c.some("-._:*~")
        case Texts.QUERY:
            return c.PRINTABLE & ~c.some(" &#")
        case Texts.HEADER:
            return c.PRINTABLE
        case Texts.CLAIM:
            return c.PRINTABLE | c.one(c.STAND_IN)


@lru_cache(maxsize=16)
def guard_of(texts: Texts, mode: PathNormalisation) -> Guard:
    """What a text must be beside."""
    if texts is Texts.HEADER:
        return Guard(frozenset(" "), "", _header_step, lambda state: state != " ")
    if texts in (Texts.METHOD, Texts.HOST):
        return Guard(start="", step=lambda _state, _char: "x", fine=bool)
    if texts is not Texts.PATH or mode is PathNormalisation.NONE:
        return Guard()
    merges, decodes = mode in _MERGING, mode is PathNormalisation.DECODE_AND_MERGE_SLASHES

    def step(state: tuple[str, str], char: str) -> Hashable | None:
        return _path_step(state, char, merges=merges, decodes=decodes)

    return Guard(frozenset("/.%;"), (_BEGIN, ""), step, lambda state: state[0] not in (_DOT, _DOTS))


def _header_step(state: str, char: str) -> str | None:
    """Values neither begin nor end with a blank."""
    if char == " ":
        return " " if state else None
    return "x"


def _path_step(state: tuple[str, str], char: str, *, merges: bool, decodes: bool) -> tuple[str, str] | None:
    """The next state: where in a segment, and what of an escape was read; None for what normalisation changes."""
    where, escape = state
    if where == _SLASHES:
        return None
    if escape:
        return _escaped(where, escape, char, merges=merges, decodes=decodes)
    return _plain(where, char, merges=merges)


def _plain(where: str, char: str, *, merges: bool) -> tuple[str, str] | None:
    if char == "/":
        if where == _BEGIN:
            return _SEGMENT, "first" if merges else ""
        if where == _SEGMENT and merges:
            return None
        return None if where in (_DOT, _DOTS) else (_SEGMENT, "")
    if char == "%":
        return _INSIDE, "%"
    if char == "." and where in (_SEGMENT, _DOT):
        return (_DOT if where == _SEGMENT else _DOTS), ""
    if char == ";" and where in (_DOT, _DOTS):
        return None
    return _INSIDE, ""


def _escaped(where: str, escape: str, char: str, *, merges: bool, decodes: bool) -> tuple[str, str] | None:
    """Behind the first slash of merging modes, where one more and no text is left alone; and behind a percent sign."""
    if escape == "first":
        return (_SLASHES, "") if char == "/" else _plain(where, char, merges=merges)
    if char not in _HEXADECIMAL:
        return _plain(where, char, merges=merges)
    if escape == "%":
        return where, f"%{char}"
    number = int(escape[1] + char, 16)
    undone = number == 0 or bool((1 << number) & _UNRESERVED if number < c.BEYOND else 0)
    return None if undone or (decodes and number in (0x2F, 0x5C)) else (where, "")

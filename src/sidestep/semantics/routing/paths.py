"""Paths and locations as Envoy makes them: rewrites, and where a redirect points.

Source: Envoy source/common/router/config_impl.cc (finalizePathHeader, newUri) and RE2::GlobalReplace; the query is
kept.
"""

import re
from collections.abc import Callable, Iterator
from typing import Protocol, cast

from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.patterns import Pattern
from sidestep.semantics.routing.hosts import bare_authority
from sidestep.semantics.routing.rule import Redirect, Rewrite
from sidestep.semantics.routing.text_match import Form, TextMatch

_GROUP = re.compile(r"\\(\d|\\)")
_OWN_PORT = {"http": 80, "https": 443}


class _Match(Protocol):
    def group(self, number: int, /) -> str | None: ...
    def span(self) -> tuple[int, int]: ...


class _Iterable(Protocol):
    def finditer(self, text: str, /) -> Iterator[_Match]: ...


def rewritten(rewrite: Rewrite | None, match: TextMatch, http: HttpSeen) -> str:
    """The path as the backend gets it; empty where nothing rewrites it."""
    if rewrite is None:
        return ""
    path, rest = _split(http)
    if rewrite.pattern is not None and rewrite.pattern.pattern is not None:
        return _replaced(rewrite.pattern.pattern, rewrite.substitution, path) + rest
    if rewrite.drop_prefix:
        dropped = len(match.text) if match.form is Form.SEGMENTS else 0
        return f"/{path[dropped:].removeprefix('/')}{rest}"
    return f"{rewrite.prefix}{path[len(_matched(match, path)) :]}{rest}"


def location(redirect: Redirect, match: TextMatch, http: HttpSeen, port: int, *, tls: bool = False) -> str:
    """Where a redirect points."""
    own = http.header(":scheme") or ("https" if tls else "http")
    scheme = redirect.scheme or own
    number = shown_port(redirect, port, tls=tls)
    shown = f":{number}" if number else ""
    host = redirect.authority or _request_host(http.authority, own, scheme, explicit=bool(shown))
    return f"{scheme}://{host}{shown}{_new_path(redirect, match, http)}"


def shown_port(redirect: Redirect, port: int, *, tls: bool = False) -> int:
    """The port that a redirect names; 0 for none, and for the scheme's own, which is never named."""
    number = port if redirect.port < 0 else redirect.port
    return 0 if number == _OWN_PORT.get(redirect.scheme or ("https" if tls else "http")) else number


def _new_path(redirect: Redirect, match: TextMatch, http: HttpSeen) -> str:
    path, rest = _split(http)
    if redirect.prefix is not None:
        return f"{redirect.prefix}{path[len(_matched(match, path)) :]}{rest}"
    if not redirect.path:
        return path + rest
    return redirect.path if "?" in redirect.path else redirect.path + rest


def _request_host(authority: str, own: str, scheme: str, *, explicit: bool) -> str:
    """The request's host; its port goes when another is set, or when it was the old scheme's own."""
    bare = bare_authority(authority)
    port = authority[len(bare) + 1 :]
    stale = scheme != own and port == str(_OWN_PORT.get(own))
    return bare if explicit or stale else authority


def _split(http: HttpSeen) -> tuple[str, str]:
    path = http.bare_path
    return path, http.path[len(path) :]


def _matched(match: TextMatch, path: str) -> str:
    """The part of a path that a match covers."""
    return path[: len(match.text)] if match.form in (Form.PREFIX, Form.SEGMENTS) else path


def _replaced(pattern: Pattern, substitution: str, path: str) -> str:
    """Every match replaced; an empty one directly behind another is none."""
    parts: list[str] = []
    at = 0
    for found in cast("_Iterable", pattern).finditer(path):
        start, end = found.span()
        if start == end == at and parts:
            continue
        parts += [path[at:start], _GROUP.sub(_filled(found), substitution)]
        at = end
    return "".join((*parts, path[at:]))


def _filled(found: _Match) -> Callable[[re.Match[str]], str]:
    def group(reference: re.Match[str]) -> str:
        if reference[1] == "\\":
            return "\\"
        try:
            return found.group(int(reference[1])) or ""
        except IndexError:
            return ""

    return group

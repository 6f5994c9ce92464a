"""What a request carries, as people write it: method, headers, token, or bytes that nobody reads."""

import re

from sidestep.errors import UsageError
from sidestep.explain.dialled import Dialled
from sidestep.explain.question import Question
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.requests import Http, Tcp

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CLAIM = re.compile(r"([^\[\]]+)((?:\[[^\[\]]+\])*)")
_HTTP_OPTIONS = {
    "method": "--method",
    "path": "--path",
    "headers": "--header",
    "claims": "--claim",
    "token": "--token",
    "host": "--host",
    "grpc": "--grpc",
}


def payload_of(question: Question, told: Dialled) -> tuple[Http | Tcp, tuple[str, ...]]:
    """What is sent, and what to know of it.

    Raises:
        UsageError: it contradicts itself, or a part has no meaning.
    """
    opaque = question.tcp or question.server_first or bool(question.sni) or told.opaque
    if not opaque:
        return _http(question, told), ()
    _check_opaque(question, told)
    sni = question.sni or (told.host if told.encrypted else "")
    note = f"the client speaks TLS itself (server name {sni}): proxies see neither method nor path"
    return Tcp(question.server_first, sni), (note,) if sni else ()


def _check_opaque(question: Question, told: Dialled) -> None:
    """Options of HTTP say nothing of bytes that nobody reads."""
    said = [option for name, option in _HTTP_OPTIONS.items() if getattr(question, name)]
    if said:
        bytes_of = "the client's own TLS" if told.encrypted else "TCP"
        instead = ", or write http:// where a proxy starts TLS" if told.encrypted else ""
        raise UsageError(f"no proxy reads what {bytes_of} carries", where=said[0], remedy=f"leave it out{instead}")


def _http(question: Question, told: Dialled) -> Http:
    grpc = question.grpc or told.is_grpc
    headers = _headers(question.headers)
    authority = question.host or headers.pop("host", "")
    if grpc:
        headers.setdefault("content-type", "application/grpc")
    method = question.method or ("POST" if grpc else "GET")
    if not _TOKEN.fullmatch(method):
        raise UsageError(f"{method!r} is no method", where="--method", remedy="write e.g. GET")
    return Http(method.upper(), _path(question.path or told.path or "/"), authority, headers, _token(question), grpc)


def _path(path: str) -> str:
    if path.startswith("/") or path == "*":
        return path
    raise UsageError(f"{path!r} is no path", where="--path", remedy=f"start it with a slash: /{path}")


def _headers(written: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in written:
        name, colon, value = each.partition(":")
        if not colon or not _TOKEN.fullmatch(name.strip()):
            raise UsageError(f"{each!r} is no header", where="--header", remedy="write 'NAME: VALUE'")
        key = name.strip().lower()
        found[key] = f"{found[key]},{value.strip()}" if key in found else value.strip()
    return found


def _token(question: Question) -> Token:
    """A valid one where claims are given; claims of a token that does not pass are seen by nobody."""
    state = _state(question.token) if question.token else TokenState.VALID if question.claims else TokenState.NONE
    if question.claims and state is TokenState.NONE:
        raise UsageError("claims without a token", where="--claim", remedy="leave out --token none")
    return Token(state, _claims(question.claims), placed=state is not TokenState.NONE)


def _state(written: str) -> TokenState:
    try:
        return TokenState(written)
    except ValueError:
        known = ", ".join(TokenState)
        raise UsageError(
            f"{written!r} is no state of a token", where="--token", remedy=f"write one of {known}"
        ) from None


def _claims(written: tuple[str, ...]) -> dict[str, object]:
    """`k=v`, nested as Istio writes it: `k[inner]=v`; one that is given several times is a list."""
    found: dict[str, object] = {}
    for each in written:
        key, equals, value = each.partition("=")
        parts = _CLAIM.fullmatch(key.strip())
        if not equals or parts is None:
            raise UsageError(f"{each!r} is no claim", where="--claim", remedy="write NAME=VALUE, or NAME[INNER]=VALUE")
        _put(found, (parts[1], *re.findall(r"\[([^\[\]]+)\]", parts[2])), value, each)
    return found


def _put(tree: dict[str, object], key: tuple[str, ...], value: str, written: str) -> None:
    for part in key[:-1]:
        inner = tree.setdefault(part, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{written!r}: {part} has a value already", where="--claim", remedy="give it one form")
        tree = inner
    known = tree.get(key[-1])
    if isinstance(known, dict):
        raise UsageError(f"{written!r}: {key[-1]} holds others", where="--claim", remedy="give it one form")
    tree[key[-1]] = value if known is None else [*known, value] if isinstance(known, list) else [known, value]

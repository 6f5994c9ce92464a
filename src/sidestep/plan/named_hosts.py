"""Hosts that a text names: the value of an environment variable, an argument of a command."""

import re
from collections.abc import Iterator

from msgspec import Struct

_LONGEST = 16_384
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_URL = re.compile(
    rf"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*+)://(?:[^\s/@\"'<>]*@)?({_HOST})(?::([0-9]{{1,5}})(?![0-9]))?"
)
_HOST_PORT = re.compile(rf"(?<![\w.:/@$-])({_HOST}):([0-9]{{1,5}})(?![\w.@:])")
_ONLY_HOST = re.compile(_HOST)
_ADDRESS = re.compile(
    r"(?:^|[^a-z])(?:addr(?:ess)?|host(?:name)?|ur[li]|endpoint|server|service|upstream|target|backend|broker|peer|dsn)(?:e?s)?$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_IPV4 = re.compile(r"[0-9.]+")
_OWN = ("localhost",)


class NamedHost(Struct, frozen=True, order=True):
    """A host in a text.

    Attributes:
        host: lower-case, without the dot at the end.
        port: where the text has one.
        scheme: of the URL it stood in; empty elsewhere.
    """

    host: str
    port: int | None = None
    scheme: str = ""


def named_hosts(text: str, called: str = "") -> frozenset[NamedHost]:
    """URLs and `host:port` anywhere in a text; a bare host where the text is nothing else and is called an address.

    Neither IP addresses nor `localhost` are names. Texts are read up to 16 KiB.

    Args:
        text: what may name hosts.
        called: name of the variable or flag, e.g. `CART_SERVICE_ADDR` or `--upstream`.
    """
    text = text[:_LONGEST].strip()
    found = (*_in_urls(text), *_with_port(_URL.sub(" ", text)))
    if not found and _ONLY_HOST.fullmatch(text) and is_address(called):
        found = (NamedHost(_plain(text)),)
    return frozenset(each for each in found if _is_name(each.host))


def is_address(called: str) -> bool:
    """Whether a variable or flag is called like something that one connects to."""
    return _ADDRESS.search(_CAMEL.sub("_", called)) is not None


def _in_urls(text: str) -> Iterator[NamedHost]:
    for scheme, host, port in _URL.findall(text):
        yield NamedHost(_plain(host), int(port) if port else None, scheme.lower())


def _with_port(text: str) -> Iterator[NamedHost]:
    for host, port in _HOST_PORT.findall(text):
        yield NamedHost(_plain(host), int(port))


def _plain(host: str) -> str:
    return host.rstrip(".").lower()


def _is_name(host: str) -> bool:
    return host not in _OWN and not _IPV4.fullmatch(host)

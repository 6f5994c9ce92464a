"""What a client dials, as people write it: a host, a service, an address or a URL, with or without a port."""

import re
from ipaddress import ip_address

from msgspec import Struct

from sidestep.errors import UsageError

WHERE = "--to"
FORMS = "HOST, SERVICE, NS/SERVICE or IP, each with :PORT if you like, or a URL"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_AUTHORITY = re.compile(r"([^/?#]*)(.*)", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9_*]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_PLAIN, _GRPC, _TLS, _TCP = ("http", "h2c"), ("grpc",), ("https", "tls", "grpcs"), ("tcp",)
_SCHEMES = (*_PLAIN, *_GRPC, *_TLS, *_TCP)


class Dialled(Struct, frozen=True):
    """What was written, taken apart.

    Attributes:
        host: name or address.
        port: None where none is written.
        namespace: of `NS/SERVICE`; empty for other forms.
        path: with query, of a URL; empty where there is none.
        scheme: of a URL, in lower case; empty without one.
    """

    host: str
    port: int | None = None
    namespace: str = ""
    path: str = ""
    scheme: str = ""

    @property
    def encrypted(self) -> bool:
        """Whether the client speaks TLS of its own, into which no proxy sees."""
        return self.scheme in _TLS

    @property
    def opaque(self) -> bool:
        """Whether nothing of HTTP can be seen."""
        return self.scheme in (*_TLS, *_TCP)

    @property
    def is_grpc(self) -> bool:
        """Whether the URL says that it is gRPC."""
        return self.scheme in _GRPC


def dialled(text: str) -> Dialled:
    """Take apart what was written.

    Raises:
        UsageError: it has none of the forms.
    """
    written = text.strip()
    url = _URL.fullmatch(written)
    if url:
        return _url(url[1].lower(), url[2])
    first, slash, rest = written.partition("/")
    if not slash or written.startswith("["):
        return _with_port(written)
    if "." in first or ":" in first:
        return _url("", written)
    if "/" in rest:
        raise UsageError(
            f"{written!r} names no destination", where=WHERE, remedy=f"write {FORMS}; a path needs http://"
        )
    found = _with_port(rest)
    return Dialled(found.host, found.port, first)


def is_address(host: str) -> bool:
    """Whether it is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _url(scheme: str, rest: str) -> Dialled:
    if scheme and scheme not in _SCHEMES:
        raise UsageError(
            f"{scheme!r} is no scheme of a request", where=WHERE, remedy=f"use one of {', '.join(_SCHEMES)}"
        )
    found = _AUTHORITY.fullmatch(rest)
    authority, path = (found[1], found[2]) if found else (rest, "")
    told = _with_port(authority.rpartition("@")[2])
    path = path.partition("#")[0]
    return Dialled(told.host, told.port, path=f"/{path}" if path.startswith("?") else path, scheme=scheme)


def _with_port(text: str) -> Dialled:
    """`host`, `host:port`, `[v6]:port` or a bare IPv6 address."""
    if is_address(text):
        return Dialled(text)
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, ""
    bare = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if text.startswith("[") and text.endswith("]"):
        bare, port, colon = text[1:-1], "", ""
    if not is_address(bare) and not _HOST.fullmatch(bare):
        raise UsageError(f"{text!r} is no host", where=WHERE, remedy=f"write {FORMS}")
    return Dialled(bare.lower(), _port(port, text) if colon else None)


def _port(written: str, text: str) -> int:
    if written.isascii() and written.isdigit() and 0 < int(written) < 65536:
        return int(written)
    raise UsageError(f"{written!r} in {text!r} is no port", where=WHERE, remedy="write a number from 1 to 65535")

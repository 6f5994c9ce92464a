"""Where Prometheus is and how to be let in, checked before anything is asked."""

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from msgspec import Struct

from sidestep.errors import UsageError, WorldError

_API = re.compile(r"/api/v1(/query)?/*$")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PRINTABLE = re.compile(r"[\x21-\x7e]+(?:[ \t]+[\x21-\x7e]+)*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class PrometheusAccess(Struct, frozen=True):
    """Where Prometheus is and how to be let in; never printed with its secrets.

    Attributes:
        url: with any path prefix, and user and password where need be.
        token_file: read anew for each query, for tokens are rotated.
        ca_file: certificate authority; None for the system's.
        headers: name and value, e.g. a tenant.
        timeout: seconds for one query.
        labels: label and value that all series must have, e.g. the cluster's where several share a store.
    """

    url: str
    token_file: str | None = None
    ca_file: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float = 60.0
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The URL without user and password."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    def token(self) -> str | None:
        """The bearer token as it stands in its file now.

        Raises:
            WorldError: the file cannot be read or holds no token; what it holds is never told.
        """
        if not self.token_file:
            return None
        try:
            token = Path(self.token_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            told = error.strerror if isinstance(error, OSError) else "it is no text"
            raise _no_token(self.token_file, str(told)) from error
        if not _PRINTABLE.fullmatch(token) or " " in token:
            raise _no_token(self.token_file, "it must hold one token and nothing else")
        return token

    def __repr__(self) -> str:
        return f"PrometheusAccess({self.name})"


def checked_access(
    url: str,
    token_file: str | None = None,
    ca_file: str | None = None,
    headers: Iterable[str] = (),
    timeout: float = 60.0,
) -> PrometheusAccess:
    """What the user gave, as a value.

    Args:
        url: `http://` or `https://`; a trailing `/api/v1` is forgiven.
        token_file: file with a bearer token.
        ca_file: file with certificates in PEM.
        headers: each as `NAME: VALUE`.
        timeout: seconds for one query.

    Raises:
        UsageError: the URL or a header cannot be one.
    """
    return PrometheusAccess(_url(url), token_file, ca_file, tuple(map(_header, headers)), timeout)


def label(text: str) -> tuple[str, str]:
    """A label as the user writes it, `NAME=VALUE`.

    Raises:
        UsageError: it is none.
    """
    name, equals, value = text.partition("=")
    if not equals or not _LABEL.fullmatch(name):
        raise UsageError(f"{text!r} is no label", where="--prometheus-label", remedy="write NAME=VALUE")
    return name, value


def _url(text: str) -> str:
    """The URL, less what belongs to the API; a wrong one is not repeated, for it may hold a password."""
    if not text.startswith(("http://", "https://")):
        raise _no_url("give it with http:// or https://")
    parts = _split(text)
    if "@" in parts.path or parts.query or parts.fragment:
        raise _no_url("give it without query; in user and password write @, /, ? and # as %40, %2F, %3F and %23")
    return urlunsplit((parts.scheme, parts.netloc, _API.sub("", parts.path).rstrip("/"), "", ""))


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        if parts.hostname and (parts.port is None or parts.port):
            return parts
    except ValueError:
        pass
    raise _no_url("give a host and, where need be, a port from 1 to 65535")


def _no_url(remedy: str) -> UsageError:
    return UsageError("no URL of a Prometheus", where="--prometheus", remedy=remedy)


def _no_token(file: str, told: str) -> WorldError:
    return WorldError(f"no token file: {told}", where=file, remedy="check --prometheus-token-file")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = (part.strip(" ") for part in text.partition(":"))
    if not colon or not _HEADER_NAME.fullmatch(name) or not _PRINTABLE.fullmatch(value):
        raise UsageError("no header", where="--prometheus-header", remedy="write 'NAME: VALUE'")
    return name, value

"""Where a request goes, read from its URL."""

from functools import lru_cache
from urllib.parse import urlsplit

from msgspec import Struct

from sidestep.errors import UsageError

_PORTS = {"http": 80, "https": 443, "h2c": 80, "grpc": 80, "ws": 80, "tcp": 80, "tcp-first": 80, "dns": 53}


class Target(Struct, frozen=True):
    """A URL in its parts.

    Attributes:
        scheme: one of those that are known.
        host: name or address; one that ends in a dot is looked up as it stands, and no search list is tried.
        port: given, or the scheme's.
        path: with the query; begins with a slash.
        authority: host and port as they were written, without that dot.
    """

    scheme: str
    host: str
    port: int
    path: str
    authority: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What connections are kept by."""
        return self.scheme, self.host, self.port


@lru_cache(1024)
def target_of(url: str) -> Target:
    """The parts of a URL.

    Raises:
        UsageError: the scheme is not known, or there is no host.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{error}", where=url, remedy="write scheme://host:port/path") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UsageError(
            f"the URL has no host, or a scheme other than {', '.join(_PORTS)}",
            where=url,
            remedy="write scheme://host:port/path, such as http://reviews:9080/",
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    authority = parts.netloc.rpartition("@")[2].replace(".:", ":").removesuffix(".")
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path, authority)

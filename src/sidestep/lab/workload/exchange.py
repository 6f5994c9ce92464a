"""A request as a workload sees it, its answer, and who it is."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

Headers = tuple[tuple[str, str], ...]

POD_HEADER = "x-sidestep-pod"
"""`<namespace>/<name>` of the pod that answered."""


class Who(Struct, frozen=True):
    """What a workload says of itself."""

    name: str
    namespace: str
    container: str = ""
    version: str = ""
    node: str = ""
    account: str = ""
    service: str = ""
    """What its spans are called by."""

    @property
    def pod(self) -> str:
        """What stands in the header."""
        return f"{self.namespace}/{self.name}"


class TlsSeen(Struct, frozen=True):
    """TLS that ended at the workload itself."""

    version: str
    cipher: str
    protocol: str
    client: str = ""
    """Subject of the client's certificate."""


class Peer(Struct, frozen=True):
    """Both ends of a connection as the workload's socket has them."""

    remote: str
    local: str
    tls: TlsSeen | None = None


class Asked(Struct, frozen=True):
    """A request.

    Attributes:
        protocol: `HTTP/1.1`, `HTTP/2` or `gRPC`.
        method: of HTTP.
        path: with the query.
        headers: as they came; names in lower case. HTTP/2's pseudo-headers included.
        body: its first 64 KiB.
        body_size: all of it.
        peer: the connection.
    """

    protocol: str
    method: str
    path: str
    headers: Headers
    body: bytes
    body_size: int
    peer: Peer

    def header(self, name: str) -> str:
        """The first header of a name (in lower case); empty for none."""
        return next((value for key, value in self.headers if key == name), "")


class Reply(Struct, frozen=True):
    """An answer; of gRPC, `status` is translated, and `message` is what it answers with; None for an empty one."""

    status: int
    headers: Headers
    body: bytes
    message: bytes | None = None


Answer = Callable[[Asked], "Reply | Awaitable[Reply]"]
"""Answers at once where nothing is to be waited for."""

BODY_KEPT = 64 * 1024

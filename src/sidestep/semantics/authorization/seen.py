"""What an enforcement point sees of one request: the input of every policy."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Chain(StrEnum):
    """By which kind of filter chain a proxy judges: one that reads HTTP, or one that sees bytes."""

    HTTP = "http"
    TCP = "tcp"


class HttpSeen(Struct, frozen=True, gc=False):
    """The HTTP part of a request.

    Attributes:
        method: as sent.
        path: with query, normalised as the proxy does before it judges.
        authority: the Host or `:authority` header as sent, port included.
        headers: by lower-case name; a list where a name is sent several times, each value matched for itself.
        claims: payload of the validated token; None without one.
    """

    method: str = "GET"
    path: str = "/"
    authority: str = ""
    headers: Mapping[str, str | list[str]] = {}
    claims: dict[str, Any] | None = None

    def header(self, name: str) -> str | None:
        """A header, pseudo-headers included, several of a name joined by commas; None when absent."""
        value = self.values_of(name)
        return ",".join(value) if isinstance(value, list) else value

    def values_of(self, name: str) -> str | list[str] | None:
        """A header's value, or values where it is sent several times: policies match each for itself."""
        match name:
            case ":method":
                return self.method
            case ":path":
                return self.path
            case ":authority" | "host":
                return self.authority
            case _:
                return self.headers.get(name)

    @property
    def bare_path(self) -> str:
        """The path without query and fragment."""
        return self.path.partition("?")[0].partition("#")[0]


class Seen(Struct, frozen=True, gc=False):
    """What a proxy knows when it judges.

    Attributes:
        identity: principal of the peer's certificate without `spiffe://`; None for plaintext.
        source_ip: peer of the TCP connection.
        remote_ip: the client that the proxy trusts to be behind it (X-Forwarded-For, PROXY protocol).
        destination_ip: address of the connection: the pod's, or the service's at a waypoint.
        destination_port: likewise: the target port at a pod, the service port at a waypoint.
        sni: server name of the TLS connection.
        http: None where the proxy sees bytes only.
        metadata: Envoy's dynamic metadata by filter and key, for `experimental.envoy.filters`.
    """

    identity: str | None = None
    source_ip: str = ""
    remote_ip: str = ""
    destination_ip: str = ""
    destination_port: int = 0
    sni: str = ""
    http: HttpSeen | None = None
    metadata: dict[str, dict[str, Any]] | None = None

"""What the mesh configuration says of external authorizers.

Source: istio/api mesh/v1alpha1 (MeshConfig.ExtensionProvider); pilot/pkg/security/authz/builder/extauthz.go. What
istiod refuses (no service, no port, a status that Envoy does not know) is no provider.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text

_FOR_EVER = "600s"
_PORTS = range(1, 65_536)
_STATUSES = frozenset({
    0, 100, *range(200, 209), 226, *range(300, 306), 307, 308, *range(400, 418), 421, 422, 423, 424, 426, 428, 429, 431,
    *range(500, 509), 510, 511,
})  # fmt: skip
"""That Envoy has a name for (envoy/type/v3/http_status.proto)."""


class Speech(StrEnum):
    """How an authorizer is asked."""

    HTTP = "http"
    GRPC = "grpc"


class Body(Struct, frozen=True):
    """How much of a request's body an authorizer gets.

    Attributes:
        limit: bytes.
        partial: what is longer is cut, and else refused.
        raw: as bytes, even where it is no text.
    """

    limit: int
    partial: bool = False
    raw: bool = False


class Authorizer(Struct, frozen=True):
    """An external authorizer. Lists of headers take a name, `prefix*` or `*suffix`.

    Attributes:
        name: by which CUSTOM policies name it.
        speech: how it is asked.
        host: full name.
        port: of the service.
        timeout: of one question, as written.
        path_prefix: in front of the path that it is asked about.
        fail_open: requests pass where it cannot be asked.
        status_on_error: of the answer where it cannot be asked; 0 for Envoy's own.
        headers: of the request that it gets.
        added: name and value of headers that it gets besides.
        body: None for none.
        to_upstream: headers of its answer that the application gets.
        on_deny: headers of its answer that the client gets with a refusal.
        on_allow: headers of its answer that the client gets with the application's.
        reroute: the route is chosen again after it answered.
    """

    name: str
    speech: Speech
    host: str
    port: int
    timeout: str = _FOR_EVER
    path_prefix: str = ""
    fail_open: bool = False
    status_on_error: int = 0
    headers: tuple[str, ...] = ()
    added: tuple[tuple[str, str], ...] = ()
    body: Body | None = None
    to_upstream: tuple[str, ...] = ()
    on_deny: tuple[str, ...] = ()
    on_allow: tuple[str, ...] = ()
    reroute: bool = False


_FIELDS = {"envoyExtAuthzHttp": Speech.HTTP, "envoyExtAuthzGrpc": Speech.GRPC}


def authorizers(values: Mapping[str, Any]) -> dict[str, Authorizer]:
    """External authorizers by name, but for those that istiod refuses."""
    return {each.name: each for why, each in _read(values) if not why}


def refused_authorizers(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Those that istiod refuses, in words: what policies ask them is refused."""
    return tuple(f"extensionProviders {each.name!r}: {why}" for why, each in _read(values) if why)


def _read(values: Mapping[str, Any]) -> Iterator[tuple[str, Authorizer]]:
    """Each with the reason why istiod refuses it; one without a name cannot be asked by anybody."""
    for provider in as_dicts(values.get("extensionProviders")):
        name = as_text(provider.get("name"))
        for field, speech in _FIELDS.items():
            if name and field in provider:
                said = as_dict(provider[field])
                yield _refusal(said), _authorizer(name, speech, said)


def _refusal(said: Mapping[str, Any]) -> str:
    if not as_text(said.get("service")):
        return "service: expected the name of one"
    if _number(said.get("port")) not in _PORTS:
        return f"port: expected one from 1 to 65535, found {said.get('port')!r}"
    status = said.get("statusOnError") or ""
    if status and _status(status) not in _STATUSES:
        return f"statusOnError: expected a status that Envoy knows, such as 503, found {status!r}"
    return ""


def _authorizer(name: str, speech: Speech, said: Mapping[str, Any]) -> Authorizer:
    added = as_dict(said.get("includeAdditionalHeadersInCheck"))
    return Authorizer(
        name,
        speech,
        as_text(said.get("service")).rpartition("/")[2].lower(),
        _number(said.get("port")),
        as_text(said.get("timeout")) or _FOR_EVER,
        as_text(said.get("pathPrefix")),
        said.get("failOpen") is True,
        _status(said.get("statusOnError")),
        as_strings(said.get("includeRequestHeadersInCheck")) or as_strings(said.get("includeHeadersInCheck")),
        tuple(sorted((key, as_text(value)) for key, value in added.items())),
        _body(said.get("includeRequestBodyInCheck")),
        as_strings(said.get("headersToUpstreamOnAllow")),
        as_strings(said.get("headersToDownstreamOnDeny")),
        as_strings(said.get("headersToDownstreamOnAllow")),
        said.get("clearRouteCache") is True,
    )


def _body(value: object) -> Body | None:
    said = as_dict(value)
    limit = _number(said.get("maxRequestBytes"))
    return Body(limit, said.get("allowPartialMessage") is True, said.get("packAsBytes") is True) if limit else None


def _status(value: object) -> int:
    """A status is written as a text; -1 for one that is no number."""
    if isinstance(value, str):
        return int(value) if value.isdecimal() and value.isascii() else -1 if value else 0
    return _number(value)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0

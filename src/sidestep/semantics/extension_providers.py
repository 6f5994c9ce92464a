"""What the mesh configuration says of external authorizers.

Source: istio/api mesh/v1alpha1 (MeshConfig.ExtensionProvider); pilot/pkg/security/authz/builder/extauthz.go. What
istiod refuses (no service, no port) is no provider.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text

_FOR_EVER = "600s"


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
    """External authorizers by name."""
    found = {}
    for provider in as_dicts(values.get("extensionProviders")):
        for field, speech in _FIELDS.items():
            made = _authorizer(as_text(provider.get("name")), speech, as_dict(provider.get(field)))
            if field in provider and made is not None:
                found[made.name] = made
    return found


def _authorizer(name: str, speech: Speech, said: Mapping[str, Any]) -> Authorizer | None:
    host, port = as_text(said.get("service")), _number(said.get("port"))
    if not (name and host and port):
        return None
    added = as_dict(said.get("includeAdditionalHeadersInCheck"))
    return Authorizer(
        name,
        speech,
        host.rpartition("/")[2].lower(),
        port,
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
    """A status is written as a text."""
    return int(value) if isinstance(value, str) and value.isdecimal() else _number(value)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0

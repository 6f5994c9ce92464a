"""What the mesh configuration says of collectors of spans.

Source: pilot/pkg/networking/core/tracing.go (`otelConfig`, `buildHCMTracing`); istio/api mesh/v1alpha1
(MeshConfig.ExtensionProvider.OpenTelemetryTracingProvider).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct

from sidestep.semantics.loose import as_dict, as_dicts, as_text

_KIND = "opentelemetry"
_OTHERS = ("zipkin", "datadog", "lightstep", "skywalking", "stackdriver", "opencensus")
_READ = frozenset({"service", "port", "maxTagLength", "http", "grpc", "resourceDetectors"})
_HTTP, _GRPC = frozenset({"path", "timeout", "headers"}), frozenset({"timeout", "initialMetadata"})
_USUAL_TIMEOUT = "3s"
_DETECTORS = ("environment", "dynatrace")


class Exporter(Struct, frozen=True):
    """A collector of spans, and how it is told of them.

    Attributes:
        host: full name.
        port: of the service.
        path: over HTTP; empty for gRPC.
        timeout: of one request, as written; empty for none.
        headers: name and value of those that each request has; of gRPC its metadata.
        detectors: by which proxies add to what they say of themselves.
        longest_path: bytes of a request's path that a span keeps; 0 for Envoy's own bound.
    """

    host: str
    port: int
    path: str = ""
    timeout: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    detectors: tuple[str, ...] = ()
    longest_path: int = 0


def exporter(provider: Mapping[str, Any]) -> Exporter | None:
    """What a provider is to spans; None for one of a kind that the lab does not speak."""
    said = as_dict(provider.get(_KIND))
    host, port = as_text(said.get("service")).rpartition("/")[2].lower(), said.get("port")
    if not host or not isinstance(port, int):
        return None
    bound, known = said.get("maxTagLength"), as_dict(said.get("resourceDetectors"))
    longest = bound if isinstance(bound, int) else 0
    detectors = tuple(each for each in _DETECTORS if each in known)
    http, grpc = said.get("http"), as_dict(said.get("grpc"))
    if http is None:
        metadata = _headers(grpc.get("initialMetadata"))
        return Exporter(host, port, "", as_text(grpc.get("timeout")), metadata, detectors, longest)
    told = as_dict(http)
    path = f"/{as_text(told.get('path')).lstrip('/')}"
    timeout = as_text(told.get("timeout")) or _USUAL_TIMEOUT
    return Exporter(host, port, path, timeout, _headers(told.get("headers")), detectors, longest)


def unheeded_exporters(values: Mapping[str, Any], used: Collection[str]) -> Iterator[str]:
    """In words, what providers of spans say that the lab's proxies are not told.

    Args:
        values: of the mesh configuration.
        used: names of providers that anybody asks for.
    """
    for provider in as_dicts(values.get("extensionProviders")):
        name = as_text(provider.get("name"))
        if name not in used:
            continue
        for kind in _OTHERS:
            if kind in provider:
                yield f"extensionProviders {name!r}: {kind} is not spoken here, and no span is made for it"
        said = as_dict(provider.get(_KIND))
        for field in _fields(said):
            yield f"extensionProviders {name!r}: {_KIND}.{field} is not carried out"


def _fields(said: Mapping[str, Any]) -> Iterator[str]:
    yield from sorted(said.keys() - _READ)
    for part, known, listed in (("http", _HTTP, "headers"), ("grpc", _GRPC, "initialMetadata")):
        told = as_dict(said.get(part))
        yield from (f"{part}.{each}" for each in sorted(told.keys() - known))
        for at, header in enumerate(as_dicts(told.get(listed))):
            if "envName" in header:
                yield f"{part}.{listed}[{at}].envName"
    if "http" in said and "grpc" in said:
        yield "grpc"
    yield from (
        f"resourceDetectors.{each}" for each in sorted(as_dict(said.get("resourceDetectors")).keys() - {*_DETECTORS})
    )


def _headers(listed: object) -> tuple[tuple[str, str], ...]:
    """Those whose value is known: one that istiod's environment has is not."""
    found = ((as_text(each.get("name")), each) for each in as_dicts(listed))
    return tuple((name, as_text(each.get("value"))) for name, each in found if name and "envName" not in each)

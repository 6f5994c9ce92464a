"""Rules of TCPRoutes and TLSRoutes in the mesh, compiled.

Source: pilot/pkg/config/kube/gateway/conversion.go (convertTCPRoute, convertTLSRoute, augmentTLSPortMatch).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.semantics.routing.gateway_api_backends import RefusedError, RouteContext, weighted
from sidestep.semantics.routing.hosts import overlap
from sidestep.semantics.routing.route import RouteSource
from sidestep.semantics.routing.rule import StreamEntry, StreamKind
from sidestep.semantics.trees import MalformedError, mappings, strings

ALPHA_SINCE = {StreamKind.TCP: (1, 31), StreamKind.TLS: (1, 30)}
"""Since when istiod reads the kind without being told to."""
_SOURCES = {StreamKind.TCP: RouteSource.TCP_ROUTE, StreamKind.TLS: RouteSource.TLS_ROUTE}


def stream_entries(
    spec: Mapping[str, Any], kind: StreamKind, port: int, host: str, context: RouteContext
) -> Iterator[StreamEntry]:
    """Every rule, for one host of the parent; none where Istio refuses the object."""
    source = _SOURCES[kind]
    try:
        names = _server_names(spec, host) if kind is StreamKind.TLS else ()
        rules = [
            StreamEntry(
                source,
                context.object,
                f"rules[{at}]",
                targets=tuple(target for _, target in weighted(_refs(rule, at), f"rules[{at}].backendRefs", context)),
                server_names=names,
                port=port,
                match="hostnames" if names else "",
            )
            for at, rule in enumerate(mappings(spec.get("rules"), "rules"))
        ]
    except MalformedError as error:
        yield StreamEntry(source, context.object, "rules", broken=f"{context.object}: {error}")
    except RefusedError:
        return
    else:
        yield from rules


def unread_entry(kind: StreamKind, context: RouteContext) -> StreamEntry:
    """An object of which it is not known whether istiod reads it."""
    why = f"{context.object}: whether istiod reads it (PILOT_ENABLE_ALPHA_GATEWAY_API) is not known"
    return StreamEntry(_SOURCES[kind], context.object, "rules", broken=why)


def _refs(rule: Mapping[str, Any], at: int) -> list[Mapping[str, Any]]:
    return mappings(rule.get("backendRefs"), f"rules[{at}].backendRefs")


def _server_names(spec: Mapping[str, Any], host: str) -> tuple[str, ...]:
    """Server names that are asked for: those written, or the parent's; of several those that fit the parent."""
    written = tuple(name.lower() for name in strings(spec.get("hostnames"), "hostnames"))
    if written in ((), ("*",)):
        return (host,)
    return written if len(written) == 1 else tuple(name for name in written if overlap(name, host))

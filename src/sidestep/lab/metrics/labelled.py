"""Who asked whom, as Istio's proxies of pods name it in their metrics.

Source: istio/proxy, source/extensions/filters/http/istio_stats/istio_stats.cc (populatePeerInfo) and
workload_discovery/api.cc; pilot/pkg/model/telemetry.go (disableHostHeaderFallback). One label differs on purpose:
a waypoint names the server's principal only where it reached the server by TLS, for that is what it saw.
"""

from collections.abc import Callable, Iterator, Mapping

from sidestep.controlplane.describing import Answer, Named, Party
from sidestep.lab.metrics.requests import Request

_OF_ENDS = (
    "workload",
    "workload_namespace",
    "principal",
    "app",
    "version",
    "canonical_service",
    "canonical_revision",
    "cluster",
)
_WHO = (
    "reporter", *(f"source_{each}" for each in _OF_ENDS), *(f"destination_{each}" for each in _OF_ENDS),
    "destination_service", "destination_service_name", "destination_service_namespace",
)  # fmt: skip
LABELS = (
    *_WHO, "request_protocol", "response_code", "grpc_response_status", "response_flags", "connection_security_policy",
)  # fmt: skip
_MAY_BE_EMPTY = frozenset({"response_code", "grpc_response_status"})
_UNKNOWN, _LATEST, _FINE, _CLUSTER = "unknown", "latest", "-", "Kubernetes"
_TUNNEL = "connect_originate"
"""In the endpoint of a request that leaves by HBONE."""
_UNJUDGED = {"block_all": "BlackHoleCluster", "allow_any": "PassthroughCluster"}
"""Routes of what no service answers, and what metrics say instead of a service's name."""
_NO_SERVICE = frozenset({*_UNJUDGED.values(), "InboundPassthroughCluster"})
_SPOKEN_TO = frozenset({"sidecar", "gateway"})
"""Proxies that tell each other in headers who they are; the rest is known by what the control plane says of them."""
_NOBODY = Party()
Find = Callable[[str], Answer]


def labels(proxy: str, request: Request, find: Find) -> tuple[str, ...]:
    """Values of all labels, in order.

    Args:
        proxy: key of the workload whose proxy wrote it.
        request: as it wrote it.
        find: who is who.
    """
    own = find(proxy).party or _NOBODY
    client = _party(find, request.client)
    served = _party(find, request.endpoint)
    match request.reporter:
        case "source":
            tunnelled = served.identity if _TUNNEL in (request.upstream or "") else ""
            known = request.server or tunnelled
            ends = (_own(own, own.identity if request.server else ""), _peer(served, known, own))
            service, policy = _asked(request, find, own, _space(known) or served.namespace), _UNKNOWN
        case "destination":
            ends = (_peer(client, request.peer, own), _own(own, own.identity if request.peer else ""))
            service, policy = _served(request, find, own), _policy(request)
        case _:
            onward = bool(request.server) or _TUNNEL in (request.upstream or "")
            shown = (request.server or served.identity) if onward else ""
            ends = (_peer(client, request.peer), _peer(served, shown, missing=_UNKNOWN))
            service, policy = _asked(request, find, own, ""), _policy(request)
    found = (
        request.reporter, *ends[0], *ends[1], *service, request.protocol, _code(request), request.status_of_grpc,
        request.flags or _FINE, policy,
    )  # fmt: skip
    pairs = zip(LABELS, found, strict=True)
    return tuple(each or ("" if label in _MAY_BE_EMPTY else _UNKNOWN) for label, each in pairs)


def who(values: tuple[str, ...]) -> tuple[str, ...]:
    """Labels of what is counted before it is known what becomes of a request: who, and nothing of the answer."""
    return (*values[: len(_WHO)], *("" for _ in LABELS[len(_WHO) :]))


def service_of(told: Mapping[str, str]) -> str:
    """Host of the service that labels name; empty where they have something else in its place."""
    host, name, space = (told[f"destination_service{each}"] for each in ("", "_name", "_namespace"))
    named = name not in _NO_SERVICE and space != _UNKNOWN and host != told["destination_canonical_service"]
    return host if named and host != _UNKNOWN else ""


def _party(find: Find, address: str) -> Party:
    return (find(address).party if address else None) or _NOBODY


def _own(party: Party, principal: str) -> Iterator[str]:
    """The end whose proxy writes."""
    app, version = party.app
    return _end(party, party.namespace, principal, app, version, party.canonical_revision)


def _peer(party: Party, principal: str, other: Party = _NOBODY, missing: str = _LATEST) -> Iterator[str]:
    """The end that is told of, as it tells itself where both ends' proxies do."""
    speaks = {party.mesh, other.mesh} <= _SPOKEN_TO
    app, version = party.told if speaks else (party.canonical_service, party.canonical_revision)
    space = _space(principal) or party.namespace
    return _end(party, space, principal, app, version, party.canonical_revision or missing)


def _end(  # noqa: PLR0913, PLR0917 - one label each
    party: Party, space: str, principal: str, app: str, version: str, revision: str
) -> Iterator[str]:
    yield from (party.workload, space, principal, app, version, party.canonical_service, revision)
    yield "" if party is _NOBODY else _CLUSTER


def _space(principal: str) -> str:
    """Namespace of an identity."""
    return principal.partition("/ns/")[2].partition("/")[0]


def _policy(request: Request) -> str:
    return "mutual_tls" if request.peer else "none"


def _code(request: Request) -> str:
    return "" if request.message else str(request.code or 0)


def _asked(request: Request, find: Find, own: Party, space: str) -> tuple[str, str, str]:
    """Host, name and namespace of the service that a request went to; a sidecar names its authority where none is."""
    named = _service(find, request.service)
    if named is not None:
        return named.host, named.host if named.entry else named.name, named.namespace
    host = (request.authority or "") if own.mesh == "sidecar" and not request.message else ""
    return host, _without_service(request) or host, space


def _served(request: Request, find: Find, own: Party) -> tuple[str, str, str]:
    """Likewise of who comes in: the first that serves the port, whatever the client calls it."""
    hosts = sorted(host for host, ports in own.services.items() if request.port in ports)
    named = _service(find, hosts[0]) if hosts else None
    if named is None:
        return own.canonical_service, _without_service(request) or own.canonical_service, own.namespace
    return named.host, named.host if named.entry else named.name, own.namespace


def _without_service(request: Request) -> str:
    cluster = request.cluster or ""
    return cluster if cluster in _NO_SERVICE else _UNJUDGED.get(request.route or "", "")


def _service(find: Find, host: str) -> Named | None:
    return find(host).service if host else None

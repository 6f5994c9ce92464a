"""Envoy's response flags.

Source: Envoy's source/common/stream_info/utility.h (names) and envoy/stream_info/stream_info.h (when each is set).
"""

from collections.abc import Mapping

from sidestep.explain.log_lines.meaning import Meaning

FLAGS: Mapping[str, Meaning] = {
    "UF": (
        "The proxy could not connect to the endpoint it chose, in TCP or in TLS.",
        (
            "nothing listens on that port of the pod, or the pod is starting or gone",
            "a NetworkPolicy admits the port of the app and not 15008, which HBONE comes in by",
            "a DestinationRule forces ISTIO_MUTUAL towards a pod that has no sidecar any more",
        ),
    ),
    "UC": (
        "The endpoint closed the connection before it had answered.",
        (
            "ztunnel at the destination refused this client: to the proxy in front that looks like a closed connection",
            "PeerAuthentication STRICT meets plain text from a client that has neither sidecar nor ztunnel",
            "the app closes idle connections sooner than the proxy gives them up",
            "the app or ztunnel was restarted",
        ),
    ),
    "UH": (
        "The chosen cluster had no endpoint that counts as healthy.",
        (
            "no pod behind the service is ready",
            "the subset of a DestinationRule selects labels that no pod has",
            "outlier detection ejected all of them",
        ),
    ),
    "NR": (
        "No route fits the request, or no filter chain fits the connection.",
        (
            "host and path match no rule of the VirtualService or HTTPRoute",
            "the route is bound to another gateway than this proxy, as when a waypoint takes over from sidecars",
            "plain text at a port where PeerAuthentication STRICT leaves only mTLS",
        ),
    ),
    "NC": (
        "The route names a cluster that this proxy does not have.",
        (
            "the host or its port does not exist, or exportTo or a Sidecar hides it from this proxy",
            "the subset is in a DestinationRule that this proxy does not see: a waypoint looks from its own namespace",
        ),
    ),
    "URX": (
        "All retries, or for TCP all attempts to connect, were used up.",
        ("every attempt failed: the flags and details beside it tell how",),
    ),
    "DC": (
        "The client closed the connection before the answer was complete.",
        ("the client has a shorter timeout than the server needs", "the client or its proxy was restarted"),
    ),
    "UO": (
        "A circuit breaker was open: too many connections or requests towards the service at once.",
        (
            "limits of connectionPool in a DestinationRule",
            "a waypoint counts all clients of a service together, where each sidecar counted only its own",
        ),
    ),
    "UT": (
        "The endpoint did not answer within the timeout of the route.",
        ("the app is slower than the timeout in its VirtualService or HTTPRoute",),
    ),
    "UR": (
        "The endpoint reset the stream.",
        ("the app or the proxy in front of it gave up on this request", "the endpoint limits concurrent streams"),
    ),
    "LR": (
        "This proxy reset the stream itself.",
        ("its configuration changed or it drained meanwhile", "a filter gave up on the request"),
    ),
    "RL": (
        "A rate limit refused the request.",
        (
            "a rate limit set by EnvoyFilter",
            "a local limit counts per proxy: in a waypoint all clients share what each sidecar had to itself",
        ),
    ),
    "RLSE": ("The rate limit service did not answer.", ("that service is down or cannot be reached from this proxy",)),
    "UAEX": (
        "An external authorizer refused the request.",
        (
            "a CUSTOM policy asked its provider, which said no",
            "the provider cannot be reached from here: a waypoint stands elsewhere than the sidecar did",
        ),
    ),
    "DPE": (
        "The client broke the HTTP protocol.",
        (
            "something other than HTTP is spoken on a port declared as HTTP",
            "a header or request line that Envoy refuses",
        ),
    ),
    "UPE": (
        "The endpoint broke the HTTP protocol.",
        (
            "name or appProtocol of the port says another version of HTTP than the app speaks",
            "the app answers with headers that Envoy refuses",
        ),
    ),
    "SI": (
        "The stream was idle for too long.",
        ("a long poll or a stream without keep-alive is longer than the idle timeout",),
    ),
    "UMSDR": ("The stream was open for longer than its limit.", ("a limit on the duration of streams",)),
    "DT": ("The client's connection was open for longer than its limit.", ("a limit on the duration of connections",)),
    "IH": ("Headers that begin with x-envoy- failed a strict check.", ("the client sets such headers itself",)),
    "LH": ("A health check of the proxy itself failed.", ("the health check filter says that the app is down",)),
    "OM": (
        "The proxy shed load to protect itself.",
        ("its memory or connections ran out: the limits of the proxy are below what it needs",),
    ),
    "DO": (
        "Endpoint discovery told the proxy to drop a share of the requests.",
        ("load shedding set for the service",),
    ),
    "UDO": ("Endpoint discovery told the proxy to drop all requests.", ("load shedding at 100% for the service",)),
    "DF": (
        "The name of the endpoint did not resolve.",
        (
            "the host of a ServiceEntry does not exist in DNS as this proxy sees it",
            "DNS of the app resolved another way: sidecars and ztunnel answer from different places",
        ),
    ),
    "FI": ("An injected fault aborted the request.", ("fault.abort of a VirtualService",)),
    "DI": ("An injected fault delayed the request.", ("fault.delay of a VirtualService",)),
    "RFCF": ("The answer came from the proxy's cache.", ("a cache filter",)),
    "NFCF": (
        "Configuration of a filter did not arrive in time.",
        ("the module of a WasmPlugin could not be fetched from here",),
    ),
    "DR": ("The client reset the stream.", ("the client gave up on this request",)),
}

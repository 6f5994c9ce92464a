"""Envoy's response code details, and why it ended a connection.

Source: Envoy's docs (HTTP connection manager, response code details), envoy/stream_info/stream_info.h, and the filters
that istiod configures (rbac, jwt_authn, ext_authz, ratelimit, local_ratelimit, fault). Keys are what stands before the
first bracket.
"""

from collections.abc import Mapping

from sidestep.explain.log_lines.meaning import Meaning

DETAILS: Mapping[str, Meaning] = {
    "via_upstream": (
        "The status came from the endpoint, not from this proxy; behind it may be another proxy or the app.",
        (),
    ),
    "direct_response": ("The route itself answers, without an endpoint.", ("directResponse or redirect of a route",)),
    "internal_redirect": ("The proxy followed a redirect instead of passing it on.", ()),
    "route_not_found": (
        "No route fits host, path and headers.",
        (
            "the VirtualService or HTTPRoute has no rule for them, or names other hosts",
            "the route is bound to a gateway or service that this proxy does not serve",
        ),
    ),
    "route_configuration_not_found": ("The proxy has no routes yet.", ("istiod has not answered it so far",)),
    "cluster_not_found": (
        "The route leads to a service, port or subset that this proxy was not given.",
        (
            "the destination is misspelt, gone, or hidden by exportTo or a Sidecar",
            "the subset is in a DestinationRule that this proxy does not see",
        ),
    ),
    "no_healthy_upstream": (
        "The service has no endpoint that counts as healthy.",
        ("no pod is ready", "the subset selects no pod", "outlier detection ejected all of them"),
    ),
    "filter_chain_not_found": (
        "The connection fits no filter chain, so it was closed before any request.",
        (
            "plain text where PeerAuthentication STRICT leaves only mTLS: a client without a sidecar",
            "TLS with a server name that no Gateway lists",
        ),
    ),
    "rbac_access_denied": (
        "Authorization policies refused the request at this proxy.",
        ("the policy named here, or where none is named, no ALLOW policy that fits",),
    ),
    "rbac_deny_close": ("Authorization policies refused the connection at this proxy.", ("a policy on TCP",)),
    "jwt_authn_access_denied": (
        "The token in the request is missing or not valid for the RequestAuthentication.",
        (
            "wrong issuer, audience or key, or an expired token",
            "the keys (jwksUri) cannot be fetched from where this proxy stands",
        ),
    ),
    "ext_authz_denied": ("The external authorizer of a CUSTOM policy refused the request.", ("its own rules",)),
    "ext_authz_error": (
        "The external authorizer of a CUSTOM policy could not be asked.",
        ("it is down, or cannot be reached from where this proxy stands",),
    ),
    "request_rate_limited": ("The rate limit service refused the request.", ("its limits",)),
    "rate_limiter_error": ("The rate limit service could not be asked.", ("it is down or cannot be reached",)),
    "local_rate_limited": (
        "The proxy's own rate limit refused the request.",
        ("each proxy counts for itself: one waypoint sees what many sidecars shared out",),
    ),
    "fault_filter_abort": ("An injected fault aborted the request.", ("fault.abort of a VirtualService",)),
    "upstream_reset_before_response_started": (
        "The connection to the endpoint failed or broke before an answer began.",
        ("the reason in the braces",),
    ),
    "upstream_reset_after_response_started": (
        "The connection to the endpoint broke in the middle of the answer.",
        ("the app or a proxy was restarted", "a limit on the duration of connections or streams"),
    ),
    "upstream_response_timeout": ("The endpoint took longer than the timeout of the route.", ("a slow app",)),
    "response_timeout": ("The endpoint took longer than the timeout of the route.", ("a slow app",)),
    "upstream_per_try_timeout": ("The last attempt took longer than perTryTimeout.", ("a slow app",)),
    "upstream_per_try_idle_timeout": ("The last attempt was idle for too long.", ("a slow app",)),
    "upstream_max_stream_duration_reached": ("The stream outlived its limit.", ("a limit on duration of streams",)),
    "max_duration_timeout": ("The stream outlived its limit.", ("a limit on the duration of streams",)),
    "stream_idle_timeout": ("The stream was idle for too long.", ("a long poll without keep-alive",)),
    "request_overall_timeout": ("The client took too long to send the request.", ("a slow client",)),
    "request_header_timeout": ("The client took too long to send the headers.", ("a slow client",)),
    "downstream_header_timeout": ("The client took too long to send the headers.", ("a slow client",)),
    "duration_timeout": ("The client's connection outlived its limit.", ("a limit on the duration of connections",)),
    "downstream_remote_disconnect": (
        "The client left before the answer was complete.",
        ("a shorter timeout in the client", "the client or its proxy was restarted"),
    ),
    "downstream_remote_reset": ("The client reset the stream.", ("the client gave up on this request",)),
    "downstream_local_disconnect": (
        "This proxy closed the client's connection.",
        ("the reason in the brackets", "it drains, or its listener changed"),
    ),
    "overload": ("The proxy shed load to protect itself.", ("limits of the proxy below what it needs",)),
    "drop_overload": ("Endpoint discovery told the proxy to drop requests.", ("load shedding for the service",)),
    "unconditional_drop_overload": ("Endpoint discovery told the proxy to drop all requests.", ("load shedding",)),
    "maintenance_mode": ("The cluster is switched off for maintenance.", ("a runtime setting of the proxy",)),
    "low_version": ("The client speaks HTTP/1.0, which the proxy does not accept.", ("an old client or health check",)),
    "missing_host_header": ("The request has no Host header.", ("a client that is not HTTP/1.1",)),
    "missing_path_rejected": ("The request has no path.", ("a malformed request",)),
    "invalid_path": ("The path is not valid.", ("a malformed request",)),
    "absolute_path_rejected": ("The request names a whole URL where a path belongs.", ("a client set to use a proxy",)),
    "path_normalization_failed": ("The path cannot be normalised.", ("bad escapes in the path",)),
    "request_headers_failed_strict_check": ("Headers x-envoy-* failed a check.", ("the client sets them itself",)),
    "request_payload_too_large": ("The body exceeds what a filter buffers.", ("a filter that reads whole bodies",)),
    "response_payload_too_large": ("The answer exceeds what a filter buffers.", ("a filter that reads whole bodies",)),
    "request_payload_exceeded_retry_buffer_limit": (
        "The body was too large to be sent again.",
        ("a retry of a large upload",),
    ),
    "upgrade_failed": ("The upgrade (WebSocket, CONNECT) is not allowed here.", ("the route does not allow it",)),
    "websocket_handshake_unsuccessful": ("The endpoint refused the upgrade to WebSocket.", ("the app",)),
    "early_connect_data": ("Data came before the tunnel was accepted.", ("a peer that does not wait for 200",)),
    "http1": ("The peer broke HTTP/1.", ("another protocol on a port declared as HTTP", "a header that Envoy refuses")),
    "http2": ("The peer broke HTTP/2.", ("another protocol on a port declared as HTTP/2 or gRPC",)),
    "http3": ("The peer broke HTTP/3.", ("another protocol on this port",)),
    "transport_socket_timeout": ("TLS with the client took too long.", ("a client that opens and does not speak TLS",)),
    "tcp_session_idle_timeout": ("The TCP connection was idle for too long.", ("idleTimeout, an hour by default",)),
    "on_idle_timeout": ("The connection was idle for too long.", ("idleTimeout, an hour by default",)),
    "http2_ping_timeout": ("The peer did not answer a ping.", ("it is gone without a word, or overloaded",)),
    "max_connection_duration_reached": ("The connection outlived its limit.", ("a limit on connections",)),
}

RESETS: Mapping[str, Meaning] = {
    "connection_termination": (
        "The endpoint closed the connection without an answer.",
        (
            "ztunnel at the destination refused this client; its own line tells the policy",
            "policies that name only the original clients and not the waypoint or gateway that now connects",
            "PeerAuthentication STRICT meets plain text",
            "the app closed an idle connection just then",
        ),
    ),
    "remote_connection_failure": ("Connecting to the endpoint failed.", ("the reason beside it",)),
    "connection_failure": ("Connecting to the endpoint failed.", ("the reason beside it",)),
    "local_connection_failure": ("The proxy could not open a connection of its own.", ("no sockets or ports left",)),
    "connection_timeout": (
        "The endpoint did not accept the connection in time.",
        ("a NetworkPolicy drops it, on 15008 for HBONE", "the pod is gone, its address is not yet forgotten"),
    ),
    "remote_reset": ("The endpoint reset the stream.", ("the app or the proxy in front of it gave up",)),
    "remote_refused_stream_reset": ("The endpoint accepts no further streams.", ("it drains, or is at its limit",)),
    "local_reset": ("This proxy reset the stream.", ("a filter or a change of configuration",)),
    "overflow": ("A circuit breaker was open.", ("connectionPool of a DestinationRule",)),
    "protocol_error": ("The endpoint broke the protocol.", ("the port declares another protocol than the app speaks",)),
}

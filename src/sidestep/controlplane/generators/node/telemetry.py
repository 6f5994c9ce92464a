"""What is written of connections: ztunnel's fields, in its order (ztunnel.md §7.2), and who is who for peers.

A line is written when a connection is there, now and then while it lasts, and at its end: counters are made of them
by who reads the file (`lab.metrics`), so that the path of bytes knows of no counter.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct as PlainStruct

from sidestep.controlplane.generators.node.messages import literal, packed
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.records import Workload, identity_of

NODE = "{node}"
"""In the name of the log: the proxy's node."""
_WHILE_IT_LASTS = timedelta(seconds=5)


class Direction(StrEnum):
    """Of a connection, as its workload sees it."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


def baggage(workload: Workload) -> str:
    """Who a workload is, as tunnels carry it (ztunnel.md §5.3)."""
    parts = {
        "k8s.cluster.name": "Kubernetes",
        "k8s.namespace.name": workload.namespace,
        "k8s.pod.name": workload.workload_name or workload.name,
        "service.name": workload.canonical_name,
        "service.version": workload.canonical_revision,
        "cloud.region": workload.locality.region,
        "cloud.availability_zone": workload.locality.zone,
    }
    return ",".join(f"{key}={value}" for key, value in parts.items() if value)


def logs(settings: Settings, workload: Workload, direction: Direction, fields: Mapping[str, str]) -> list[AccessLog]:
    """What to write of connections; nothing where no log is asked for.

    Args:
        settings: where to.
        workload: whose connection it is.
        direction: of the connection.
        fields: what the other end is called where this is logged, and what tells a connection from others (`id`).
    """
    if not settings.access_log:
        return []
    side = "src" if direction is Direction.OUTBOUND else "dst"
    own = {
        f"{side}.workload": literal(workload.name),
        f"{side}.namespace": literal(workload.namespace),
        f"{side}.identity": literal(identity_of(workload)),
    }
    line = {
        "time": "%START_TIME%",
        "scope": "access",
        "message": "%ACCESS_LOG_TYPE%",
        "uid": literal(workload.uid),
        **own,
        **fields,
        "direction": direction.value,
        "bytes_sent": "%BYTES_SENT%",
        "bytes_recv": "%BYTES_RECEIVED%",
        "duration": "%DURATION%ms",
        "response_flags": "%RESPONSE_FLAGS%",
        "error": "%RESPONSE_CODE_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON%",
    }
    path = settings.access_log.replace(NODE, workload.node)
    form = FileAccessLog(path=path, log_format={"json_format": ParseDict(line, PlainStruct())})
    return [AccessLog(name="envoy.access_loggers.file", typed_config=packed(form))]


def of_bytes(settings: Settings) -> dict[str, Any]:
    """When connections whose bytes are copied are logged besides their end."""
    return (
        {"flush_access_log_on_connected": True, "access_log_flush_interval": _WHILE_IT_LASTS}
        if settings.access_log
        else {}
    )


def of_tunnels(settings: Settings) -> dict[str, Any]:
    """When CONNECT streams are logged besides their end."""
    return (
        {"flush_log_on_tunnel_successfully_established": True, "access_log_flush_interval": _WHILE_IT_LASTS}
        if settings.access_log
        else {}
    )

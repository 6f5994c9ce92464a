"""What is written of connections: ztunnel's fields, in its order (ztunnel.md §7.2), and who is who for peers."""

from collections.abc import Mapping
from enum import StrEnum

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct as PlainStruct

from sidestep.controlplane.generators.node.messages import literal, packed
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.records import Workload, identity_of


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
    """What to write when a connection ends; nothing where no log is asked for.

    Args:
        settings: where to.
        workload: whose connection it is.
        direction: of the connection.
        fields: what the other end is called where this is logged.
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
        "message": "connection complete",
        **own,
        **fields,
        "direction": direction.value,
        "bytes_sent": "%BYTES_SENT%",
        "bytes_recv": "%BYTES_RECEIVED%",
        "duration": "%DURATION%ms",
        "response_flags": "%RESPONSE_FLAGS%",
        "error": "%RESPONSE_CODE_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON%",
    }
    form = FileAccessLog(path=settings.access_log, log_format={"json_format": ParseDict(line, PlainStruct())})
    return [AccessLog(name="envoy.access_loggers.file", typed_config=packed(form))]

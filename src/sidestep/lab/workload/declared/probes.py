"""Probes as a container's object writes them."""

from collections.abc import Iterator, Sequence

from sidestep.lab.cluster.objects import Tree
from sidestep.lab.workload.containers import Probe, ProbeKind
from sidestep.lab.workload.declared.ports import Declared
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text

_PORTS = 65536
_FIELDS = {
    ProbeKind.STARTUP: "startupProbe",
    ProbeKind.LIVENESS: "livenessProbe",
    ProbeKind.READINESS: "readinessProbe",
}


def probes_of(container: Tree, ports: Sequence[Declared]) -> tuple[Probe, ...]:
    """All probes of a container; those without a handler that we know are left out."""
    return tuple(_probes(container, ports))


def _probes(container: Tree, ports: Sequence[Declared]) -> Iterator[Probe]:
    for kind, field in _FIELDS.items():
        tree = as_dict(container.get(field))
        http, tcp, grpc = (as_dict(tree.get(each)) for each in ("httpGet", "tcpSocket", "grpc"))
        command = as_strings(as_dict(tree.get("exec")).get("command"))
        handler = http or tcp or grpc
        if not handler and not command:
            continue
        yield Probe(
            kind,
            port=_number(handler.get("port"), ports),
            path=_path(as_text(http.get("path"))) if http else "",
            scheme=as_text(http.get("scheme")) or "HTTP",
            host=as_text(handler.get("host")),
            headers=tuple(
                (as_text(each.get("name")), as_text(each.get("value"))) for each in as_dicts(http.get("httpHeaders"))
            ),
            grpc=bool(grpc),
            grpc_service=as_text(grpc.get("service")),
            command=() if handler else command,
            initial_delay=_count(tree, "initialDelaySeconds", 0),
            period=_count(tree, "periodSeconds", 10) or 10,
            timeout=_count(tree, "timeoutSeconds", 1) or 1,
            success_threshold=_count(tree, "successThreshold", 1) or 1,
            failure_threshold=_count(tree, "failureThreshold", 3) or 3,
        )


def _path(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _number(port: object, ports: Sequence[Declared]) -> int:
    if isinstance(port, int):
        return port if 0 < port < _PORTS else 0
    return next((each.number for each in ports if each.name == port and each.name), 0)


def _count(tree: Tree, field: str, otherwise: int) -> int:
    value = tree.get(field, otherwise)
    return value if isinstance(value, int) and value >= 0 else otherwise

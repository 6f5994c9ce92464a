"""At which ports the kubelet asks pods whether they live, as their template says: the webhook rewrites it in pods."""

from collections.abc import Iterator
from typing import Any

from sidestep.model.kinds import CONTROLLERS
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict, as_dicts

PROBE_FIELDS = ("livenessProbe", "readinessProbe", "startupProbe")
"""Of a container."""
_MARK = b'Probe"'
_ASKED = ("httpGet", "tcpSocket", "grpc")


def probe_ports(mesh: Mesh, pods: Instances) -> tuple[int, ...]:
    """Ports that the kubelet asks over the network; none for pods whose template was not read.

    Args:
        mesh: with the controllers.
        pods: whose named ports are meant.
    """
    return tuple(sorted({port for told in _told(mesh, pods.workload) if (port := _number(told, pods)) is not None}))


def _told(mesh: Mesh, workload: WorkloadRef) -> Iterator[Any]:
    for kind in CONTROLLERS:
        if kind.name != workload.kind:
            continue
        found = mesh.find(kind, workload.namespace, workload.name)
        if found is None or _MARK not in found.body:
            continue
        spec = as_dict(as_dict(as_dict(found.tree().get("spec")).get("template")).get("spec"))
        for container in (*as_dicts(spec.get("containers")), *as_dicts(spec.get("initContainers"))):
            for probe in PROBE_FIELDS:
                asked = as_dict(container.get(probe))
                yield from (as_dict(asked[way]).get("port") for way in _ASKED if way in asked)


def _number(told: object, pods: Instances) -> int | None:
    """A port by its number, which may be written as text, or by its name."""
    if isinstance(told, int):
        return told
    text = str(told)
    return int(text) if text.isdigit() else pods.container_ports.get(text)

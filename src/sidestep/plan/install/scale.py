"""How big a mesh is, in the numbers that its control plane and its node proxies are sized by."""

import re
from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from sidestep.model.kinds import NODE, SERVICE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Revision
from sidestep.semantics.proxies import Role, recognise

_KUBELET = re.compile(r"v?(\d{1,3})\.(\d{1,3})")
_ZONE = "topology.kubernetes.io/zone"


class Scale(Struct, frozen=True):
    """The size of a mesh.

    Attributes:
        nodes: all nodes.
        zones: zones they stand in.
        pods: pods that hold resources, in the mesh or not: ztunnel is told of all of them.
        services: all Services.
        proxies: sidecars, gateways and waypoints connected to istiod.
        sidecars: how many pods each revision injected.
        kubelets: the oldest minor release of a kubelet; None where a node does not say.
    """

    nodes: int
    zones: int
    pods: int
    services: int
    proxies: int
    sidecars: Mapping[Revision, int]
    kubelets: tuple[int, int] | None


def scale_of(mesh: Mesh) -> Scale:
    """Count once, shape by shape."""
    by_shape = Counter(id(pod.shape) for pod in mesh.pods if not pod.status.terminal)
    shapes = {id(pod.shape): pod.shape for pod in mesh.pods}
    sidecars: Counter[Revision] = Counter()
    proxies = 0
    for key, count in by_shape.items():
        found = recognise(shapes[key])
        if found.sidecar:
            sidecars[found.revision or Revision("default")] += count
        if found.sidecar or found.role in (Role.GATEWAY, Role.WAYPOINT):
            proxies += count
    zones = {node.meta.labels[_ZONE] for node in mesh.of(NODE) if node.meta.labels.get(_ZONE)}
    return Scale(
        len(mesh.of(NODE)), len(zones), by_shape.total(), len(mesh.of(SERVICE)), proxies, sidecars, _kubelets(mesh)
    )


def _kubelets(mesh: Mesh) -> tuple[int, int] | None:
    infos = [node.view.status.node_info for node in mesh.of(NODE)]
    found = [_KUBELET.match(info.kubelet_version) if info else None for info in infos]
    told = [(int(match[1]), int(match[2])) for match in found if match]
    return min(told) if told and len(told) == len(found) else None

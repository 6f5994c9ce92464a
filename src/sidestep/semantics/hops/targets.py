"""What a client reaches by the name or address that it dials."""

from msgspec import Struct

from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.routing.hosts import is_address
from sidestep.semantics.service_index import Service

_MOST_NAMES = 8


class External(Struct, frozen=True):
    """Something that the mesh does not know."""

    host: str


class Pods(Struct, frozen=True):
    """Pods by their own address; `service` where a headless name led to them."""

    instances: tuple[Instances, ...]
    service: Service | None = None

    def port_of(self, instances: Instances, port: int) -> int:
        """The port as it is dialled: behind a headless name DNS changes no ports, so it is the one given."""
        _ = instances
        return port


Target = Service | Pods | External


def resolve(index: MeshIndex, to: str, namespace: str, followed: int = 0) -> Target:
    """What a name or address means to a client of a namespace."""
    if is_address(to):
        service = index.services.by_vip.get(to)
        if service is not None:
            return service
        pods = index.by_address.get(to)
        return Pods((pods,)) if pods is not None else index.services.around(to) or External(to)
    found = index.services.named(to, namespace)
    if found is None:
        return _pod_name(index, to, namespace)
    if found.external_name and followed < _MOST_NAMES:
        return resolve(index, found.external_name, namespace, followed + 1)
    if found.headless:
        return Pods(index.behind(found), found)
    return found


def dialled_address(to: str, target: Target) -> str:
    """The address that a client dials: as it is given, or the first that DNS answers; empty where that is not known."""
    if is_address(to):
        return to
    return target.vips[0] if isinstance(target, Service) and target.vips else ""


def _pod_name(index: MeshIndex, to: str, namespace: str) -> Target:
    """`pod-0.service` of a StatefulSet, or somebody outside."""
    pod, _, rest = to.partition(".")
    service = index.services.named(rest, namespace) if rest else None
    if service is None or not service.headless:
        return External(to)
    owner = pod.rpartition("-")[0]
    found = tuple(each for each in index.behind(service) if each.workload.name == owner)
    return Pods(found, service) if found else External(to)

"""What stands behind a service's address: the pods that it selects, those that are ready."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from sidestep.lab.cluster.objects import Tree, labels_of, spec_of
from sidestep.lab.cluster.pods import is_leaving, is_ready
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text

_PORTS = 65536


class Backend(Struct, frozen=True):
    """Where connections to one port of a service's address go.

    Attributes:
        address: of the service.
        protocol: TCP or UDP.
        port: dialled.
        targets: address and port of each endpoint; none refuses.
        sticky: the same client always gets the same one.
    """

    address: str
    protocol: str
    port: int
    targets: tuple[tuple[str, int], ...]
    sticky: bool = False


def backends(service: Tree, pods: Sequence[Tree]) -> tuple[Backend, ...]:
    """The ports of a Service's own addresses; none for a headless one."""
    spec = spec_of(service)
    addresses = [each for each in as_strings(spec.get("clusterIPs")) if each != "None"]
    sticky = spec.get("sessionAffinity") == "ClientIP"
    chosen = _serving(service, pods)
    return tuple(
        Backend(address, protocol, number, _targets(port, chosen, family=":" in address), sticky)
        for address in addresses
        for port in as_dicts(spec.get("ports"))
        if (number := _number(port.get("port"))) and (protocol := as_text(port.get("protocol")) or "TCP") != "SCTP"
    )


def selects(service: Tree, labels: dict[str, str]) -> bool:
    """Whether a Service selects pods with these labels; one without selector selects none."""
    selector = as_dict(spec_of(service).get("selector"))
    return bool(selector) and selector.items() <= labels.items()


def _serving(service: Tree, pods: Sequence[Tree]) -> list[Tree]:
    early = spec_of(service).get("publishNotReadyAddresses") is True
    selected = (each for each in pods if selects(service, labels_of(each)))
    return [each for each in selected if is_ready(each) or (early and not is_leaving(each))]


def _targets(port: Tree, pods: Iterable[Tree], *, family: bool) -> tuple[tuple[str, int], ...]:
    found = ((_address(each, family), target_port(port, each)) for each in pods)
    return tuple(sorted((address, number) for address, number in found if address and number))


def _address(pod: Tree, six: bool) -> str:
    every = [as_text(each.get("ip")) for each in as_dicts(as_dict(pod.get("status")).get("podIPs"))]
    return next((each for each in every if (":" in each) is six), "")


def target_port(port: Tree, pod: Tree) -> int:
    """The port of a pod behind a service's port: a number, or the container port of that name; 0 for none."""
    target = port.get("targetPort", port.get("port"))
    if isinstance(target, int):
        return _number(target)
    containers = as_dicts(spec_of(pod).get("containers"))
    named = (
        each for container in containers for each in as_dicts(container.get("ports")) if each.get("name") == target
    )
    return next((_number(each.get("containerPort")) for each in named), 0)


def _number(value: object) -> int:
    """A port's number; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _PORTS else 0

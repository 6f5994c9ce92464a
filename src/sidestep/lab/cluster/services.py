"""What stands behind a service's address: ready pods that it selects, and what somebody wrote down for it."""

from collections.abc import Iterable, Sequence
from typing import Self

from msgspec import Struct

from sidestep.lab.cluster.objects import Tree, spec_of
from sidestep.lab.cluster.pods import is_leaving, is_ready
from sidestep.model.views.core import EndpointSlice
from sidestep.semantics.by_selector import BySelector
from sidestep.semantics.endpoint_slices import named
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text, labels_of

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


class Near(Struct, frozen=True):
    """The Services of a namespace.

    Attributes:
        every: by name.
        selecting: found by the labels of pods.
    """

    every: tuple[Tree, ...]
    selecting: BySelector[Tree]

    @classmethod
    def of(cls, services: Iterable[Tree]) -> Self:
        """These."""
        every = tuple(services)
        return cls(every, by_selector(every))


def backends(service: Tree, pods: Sequence[Tree], slices: Sequence[EndpointSlice] = ()) -> tuple[Backend, ...]:
    """The ports of a Service's own addresses; none for a headless one.

    Args:
        service: the object.
        pods: of its namespace.
        slices: that were written down for it.
    """
    spec = spec_of(service)
    addresses = [each for each in as_strings(spec.get("clusterIPs")) if each != "None"]
    sticky = spec.get("sessionAffinity") == "ClientIP"
    chosen = _serving(service, pods)
    return tuple(
        Backend(address, protocol, number, _targets(port, chosen, slices, family=":" in address), sticky)
        for address in addresses
        for port in as_dicts(spec.get("ports"))
        if (number := _number(port.get("port"))) and (protocol := as_text(port.get("protocol")) or "TCP") != "SCTP"
    )


def selector_of(service: Tree) -> dict[str, str]:
    """Labels of the pods that a Service selects; none where it selects none."""
    found = as_dict(spec_of(service).get("selector"))
    return {key: value for key, value in found.items() if isinstance(value, str)}


def by_selector(services: Iterable[Tree]) -> BySelector[Tree]:
    """Services found by the labels of the pods that they select; those that select none are left out."""
    return BySelector(tuple(filter(selector_of, services)), selector_of)


def selects(service: Tree, labels: dict[str, str]) -> bool:
    """Whether a Service selects pods with these labels; one without selector selects none."""
    selector = as_dict(spec_of(service).get("selector"))
    return bool(selector) and selector.items() <= labels.items()


def _serving(service: Tree, pods: Sequence[Tree]) -> list[Tree]:
    early = spec_of(service).get("publishNotReadyAddresses") is True
    selected = (each for each in pods if selects(service, labels_of(each)))
    return [each for each in selected if is_ready(each) or (early and not is_leaving(each))]


def _targets(
    port: Tree, pods: Iterable[Tree], slices: Iterable[EndpointSlice], *, family: bool
) -> tuple[tuple[str, int], ...]:
    found = {(_address(each, family), target_port(port, each)) for each in pods}
    own = (_number(port.get("port")), as_text(port.get("name")))
    for each in (each for told in slices for each in named(told, [own], "", as_text(port.get("protocol")) or "TCP")):
        if each.ready and (":" in each.address) is family:
            found.update((each.address, number) for number in each.ports.values())
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

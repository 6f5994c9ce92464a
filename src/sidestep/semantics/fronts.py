"""What the ports of pods are declared to be: a proxy there has one chain for a port, whichever name was dialled."""

from collections.abc import Iterator, Sequence

from sidestep.semantics.instances import Instances
from sidestep.semantics.service_index import Port, Service


def fronts(services: Sequence[Service], to: Instances) -> Iterator[tuple[Service, Port, int]]:
    """Ports of services, with the ports of the pods that serve them; of several for one, the first declares it.

    Services whose endpoints are written down count for pods that no Service selects; ServiceEntries always.

    Source: pilot/pkg/serviceregistry/kube/controller/controller.go (GetProxyServiceTargets), aggregate/controller.go.

    Args:
        services: that are in front of the pods, the oldest first.
        to: the pods.
    """
    selected = any(each.selector is not None and not each.resolution for each in services)
    for service in services:
        if service.selector is None and not service.resolution and selected:
            continue
        for port in service.ports:
            number = _served_at(service, port, to)
            if number is not None:
                yield service, port, number


def _served_at(service: Service, port: Port, to: Instances) -> int | None:
    """Where pods serve a port of a service: as it says, or as it is written down for their addresses."""
    written = (each.ports.get(port.number) for each in service.named or () if each.address in to.addresses)
    if service.selector is None and (own := next(written, None)) is not None:
        return own
    return port.target if isinstance(port.target, int) else to.container_ports.get(port.target)

"""What a proxy means that asks for workloads and services one by one (ztunnel.md §3.4 and §3.6).

It asks by a key, or by an address as `<network>/<address>`; our network has no name. The address itself is answered as
one that is not there: that is what ends ztunnel's waiting, and it never holds anything under such a name.
"""

from collections.abc import Iterator

from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Service, ServiceKey, Workload, WorkloadUid


class Demand:
    """What one proxy may ask for.

    Args:
        index: the records.
        node: the proxy's, whose workloads it is told unasked: ztunnel waits for these without a word.
    """

    def __init__(self, index: Index, node: str) -> None:
        self._index, self._node = index, node

    def meant(self, name: str) -> Iterator[str]:
        """Keys of the node's own workloads, of who has a name or an address, and of what is behind a service."""
        yield from (each.uid for each in self._index.on_node(self._node))
        workload, service = self._found(name)
        if workload is not None:
            yield workload.uid
        if service is not None:
            yield service.key
            yield from (each.uid for each in self._index.endpoints(service.key))

    def asked_as(self, key: str) -> Iterator[str]:
        """Keys and addresses by which a record and its services are meant, if it is there; none for the node's own."""
        workload = self._index.workloads.get(WorkloadUid(key))
        services = [key] if workload is None else list(workload.services)
        if workload is not None:
            if workload.node == self._node:
                yield ""
            yield from (f"/{each}" for each in workload.addresses)
        for service in filter(None, (self._index.services.get(ServiceKey(each)) for each in services)):
            yield service.key
            yield from (f"/{each}" for each in service.vips)

    def _found(self, name: str) -> tuple[Workload | None, Service | None]:
        if name.startswith("/"):
            address = name.removeprefix("/")
            return self._index.workload_at(address), self._index.service_at(address)
        return self._index.workloads.get(WorkloadUid(name)), self._index.services.get(ServiceKey(name))

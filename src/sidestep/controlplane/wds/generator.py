"""What a ztunnel is told: every record as it is, each a resource of its own."""

from collections.abc import Iterable, Iterator

from sidestep.controlplane.generators import ADDRESS, AUTHORIZATION, Resource, Unit
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Dirty, PolicyKey, ServiceKey, WorkloadUid
from sidestep.controlplane.wds.authorizations import authorization_message
from sidestep.controlplane.wds.workloads import service_address, workload_address

_WORKLOAD, _SERVICE, _POLICY = "workload", "service", "policy"


class WorkloadGenerator:
    """Records as Istio's messages; nothing is made on demand, for everything is there."""

    def units(self, index: Index, dirty: Dirty | None) -> Iterable[Unit]:
        """One per record."""
        yield from _units(_POLICY, index.policies if dirty is None else dirty.policies)
        yield from _units(_SERVICE, index.services if dirty is None else dirty.services)
        yield from _units(_WORKLOAD, index.workloads if dirty is None else dirty.workloads)

    def resources(self, index: Index, unit: Unit) -> Iterable[Resource]:
        """The record's message; its name is the key by which it is removed, too."""
        kind, _, key = unit.partition(" ")
        if kind == _WORKLOAD and (workload := index.workloads.get(WorkloadUid(key))) is not None:
            yield Resource(ADDRESS, key, workload_address(workload))
        elif kind == _SERVICE and (service := index.services.get(ServiceKey(key))) is not None:
            yield Resource(ADDRESS, key, service_address(service))
        elif kind == _POLICY and (policy := index.policies.get(PolicyKey(key))) is not None:
            yield Resource(AUTHORIZATION, key, authorization_message(policy))

    def group(self, _index: Index, _proxy: str) -> str:
        """Each has its own."""
        return ""

    def vacated(self, _type_url: str, _name: str, _proxy: str) -> Resource | None:
        """Nothing is made on demand."""
        return None

    def on_demand(self, _index: Index, _type_url: str, _name: str, _proxy: str) -> Resource | None:
        """Nothing."""
        return None


def _units(kind: str, keys: Iterable[str]) -> Iterator[Unit]:
    return (Unit(f"{kind} {key}") for key in sorted(keys))

"""Pods that are alike, by workload, namespace and address; nobody looks at a namespace that nobody asks for."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar, overload

from msgspec import Struct

from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.pods import Pod
from sidestep.semantics.instances import Instances, instances_of
from sidestep.semantics.inventory import Stock
from sidestep.semantics.proxies import GATEWAY_NAME

Groups = tuple[Instances, ...]
DefaultT = TypeVar("DefaultT")
_Places = dict[str, tuple[str, ...]]
_NONE: Mapping[str, Groups] = {}


class _Space(Struct, frozen=True, dict=True):
    """One namespace of a mesh; all that is found of it is found once, whoever shares it."""

    stock: Stock
    name: str

    @cached_property
    def workloads(self) -> dict[WorkloadRef, Groups]:
        found = {each.ref: tuple(instances_of(each)) for each in self.stock.of(self.name)}
        return {ref: groups for ref, groups in found.items() if groups}

    @cached_property
    def pods(self) -> Groups:
        return tuple(each for groups in self.workloads.values() for each in groups)

    @cached_property
    def by_address(self) -> dict[str, Instances]:
        return {
            address: each
            for each in self.pods
            if not each.shape.spec.host_network
            for address in (*each.addresses, *each.twins)
        }

    @cached_property
    def gateways(self) -> dict[str, Groups]:
        found: dict[str, Groups] = {}
        for each in self.pods:
            name = each.labels.get(GATEWAY_NAME)
            if name is not None:
                found[name] = (*found.get(name, ()), each)
        return found


_Spaces = Mapping[str, _Space]


class Workloads(Mapping[WorkloadRef, Groups]):
    """Pods that are alike, by workload, in order.

    Args:
        spaces: namespaces, by name.
        places: in which namespaces pods may have an address; more than have it do no harm.
    """

    def __init__(self, spaces: _Spaces, places: _Places) -> None:
        self._spaces, self._places = spaces, places
        self.by_namespace = _ByNamespace(spaces)
        self.by_address = _ByAddress(spaces, places)

    @classmethod
    def of(cls, mesh: Mesh) -> "Workloads":
        """All of a mesh."""
        stock, places = Stock(mesh), dict[str, tuple[str, ...]]()
        _note(places, mesh.pods)
        return cls({name: _Space(stock, name) for name in stock.namespaces}, places)

    def beside(self, mesh: Mesh, namespaces: Collection[str]) -> "Workloads":
        """The same of a mesh whose workloads are these but in some namespaces; what is known of the others is kept."""
        stock, places = Stock(mesh), dict(self._places)
        _note(places, (pod for pod in mesh.pods if pod.shape.namespace in namespaces))
        anew = {name: _Space(stock, name) for name in namespaces}
        return Workloads(dict(sorted({**self._spaces, **anew}.items())), places)

    def gateways(self, namespace: str) -> Mapping[str, Groups]:
        """Pods of a namespace that are of a Gateway, by its name."""
        found = self._spaces.get(namespace)
        return found.gateways if found is not None else _NONE

    def __getitem__(self, ref: WorkloadRef) -> Groups:
        return self._spaces[ref.namespace].workloads[ref]

    @overload
    def get(self, key: WorkloadRef, /) -> Groups | None: ...
    @overload
    def get(self, key: WorkloadRef, default: Groups | DefaultT, /) -> Groups | DefaultT: ...
    def get(self, key: WorkloadRef, default: object = None, /) -> object:
        """The pods of a workload; every request asks for one."""
        space = self._spaces.get(key.namespace)
        return space.workloads.get(key, default) if space is not None else default

    def __iter__(self) -> Iterator[WorkloadRef]:
        return (ref for space in self._spaces.values() for ref in space.workloads)

    def __len__(self) -> int:
        return sum(len(space.workloads) for space in self._spaces.values())


class _ByNamespace(Mapping[str, Groups]):
    """Pods by namespace; none without pods is told."""

    def __init__(self, spaces: _Spaces) -> None:
        self._spaces = spaces

    def __getitem__(self, name: str) -> Groups:
        found = self._spaces[name].pods
        if not found:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name, space in self._spaces.items() if space.pods)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _ByAddress(Mapping[str, Instances]):
    """Pods by address: of several that have one, those of the last workload by name."""

    def __init__(self, spaces: _Spaces, places: _Places) -> None:
        self._spaces, self._places = spaces, places

    def __getitem__(self, address: str) -> Instances:
        for name in reversed(self._places[address]):
            found = self._spaces[name].by_address.get(address)
            if found is not None:
                return found
        raise KeyError(address)

    def __iter__(self) -> Iterator[str]:
        return iter({address: None for space in self._spaces.values() for address in space.by_address})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _note(places: _Places, pods: Iterable[Pod]) -> None:
    """Where pods have their addresses, namespaces by name."""
    for pod in pods:
        status, space = pod.status, pod.shape.namespace
        for address in (status.pod_ip,) if status.pod_ips is None else status.addresses:
            known = places.get(address)
            if known is None:
                places[address] = (space,)
            elif space not in known:
                places[address] = tuple(sorted((*known, space)))

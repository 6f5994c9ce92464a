"""Pods that are alike, by workload, namespace and address; nobody looks at a namespace that nobody asks for."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar, overload

from msgspec import Struct

from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.overlaid import Overlaid
from sidestep.model.pods import Pod
from sidestep.semantics.injectors import Injectors
from sidestep.semantics.instances import Instances, instances_of
from sidestep.semantics.inventory import Stock, Workload
from sidestep.semantics.proxies import GATEWAY_NAME

Groups = tuple[Instances, ...]
DefaultT = TypeVar("DefaultT")
_Places = dict[str, tuple[str, ...]]
_NONE: Mapping[str, Groups] = {}


class _Space(Struct, frozen=True, dict=True):
    """One namespace of a mesh; all that is found of it is found once, whoever shares it."""

    stock: Stock | None
    name: str

    @classmethod
    def at_once(cls, stock: Stock, name: str, like: "_Space | None") -> "_Space":
        """Without the mesh that it was found in: of thousands of states nobody holds on to each.

        Args:
            stock: of the mesh.
            name: of the namespace.
            like: the same namespace of a mesh that shares most pods with this one.
        """
        made, around = cls(None, name), stock.surroundings(name)
        known = like.known if like is not None and like.surroundings == around else {}
        found = stock.of(name, {ref: workload for ref, (workload, _) in known.items()})
        vars(made).update(surroundings=around, known={each.ref: _kept(each, known.get(each.ref)) for each in found})
        return made

    @cached_property
    def surroundings(self) -> Hashable:
        return self.stock.surroundings(self.name) if self.stock is not None else None

    @cached_property
    def known(self) -> dict[WorkloadRef, tuple[Workload, Groups]]:
        of = self.stock.of(self.name) if self.stock is not None else ()
        return {each.ref: _kept(each) for each in of}

    @cached_property
    def workloads(self) -> dict[WorkloadRef, Groups]:
        return {ref: groups for ref, (_, groups) in self.known.items() if groups}

    def asks(self, label: str) -> bool:
        """Whether any pod carries a label; nobody need know what the pods are."""
        if self.stock is None:
            return any(label in each.labels for each in self.pods)
        return any(label in pod.shape.labels for pod in self.stock.mesh.pods_in(self.name))

    @cached_property
    def pods(self) -> Groups:
        return tuple(each for groups in self.workloads.values() for each in groups)

    @cached_property
    def by_address(self) -> dict[str, Instances]:
        return {
            address: each for each in self.pods if not each.shape.spec.host_network for address in each.every_address
        }

    @cached_property
    def gateways(self) -> dict[str, Groups]:
        found: dict[str, Groups] = {}
        for each in self.pods:
            name = each.labels.get(GATEWAY_NAME)
            if name is not None:
                found[name] = (*found.get(name, ()), each)
        return found


def _kept(workload: Workload, before: tuple[Workload, Groups] | None = None) -> tuple[Workload, Groups]:
    """A workload and its pods: the very same as before for the same workload."""
    return before if before is not None and before[0] is workload else (workload, tuple(instances_of(workload)))


_Spaces = Overlaid[str, _Space]


class Workloads(Mapping[WorkloadRef, Groups]):
    """Pods that are alike, by workload, in order.

    Args:
        spaces: namespaces, by name.
        places: in which namespaces pods may have an address; more than have it do no harm.
        injectors: of the mesh.
    """

    def __init__(self, spaces: _Spaces, places: _Places, injectors: Injectors) -> None:
        self._spaces, self._places, self._injectors = spaces, places, injectors
        self.by_namespace = _ByNamespace(spaces)
        self.by_address = _ByAddress(spaces, places)

    @classmethod
    def of(cls, mesh: Mesh) -> "Workloads":
        """All of a mesh."""
        stock, places = Stock(mesh), dict[str, tuple[str, ...]]()
        _note(places, mesh.pods)
        return cls(Overlaid({name: _Space(stock, name) for name in stock.namespaces}), places, stock.injectors)

    def beside(self, mesh: Mesh, namespaces: Collection[str]) -> "Workloads":
        """The same of a mesh that injects alike, whose workloads are these but in some namespaces."""
        stock, places = Stock.injected(mesh, self._injectors), self._places
        new = [pod for name in namespaces for pod in mesh.pods_in(name) if not _is_noted(places, pod, name)]
        if new:
            places = dict(places)
            _note(places, new)
        anew = {name: _Space.at_once(stock, name, self._spaces.get(name)) for name in namespaces}
        spaces = self._spaces.otherwise(anew)
        known = all(name in self._spaces for name in anew)
        return Workloads(spaces if known else Overlaid(dict(sorted(spaces.items()))), places, self._injectors)

    def are_there(self, ref: WorkloadRef) -> bool:
        """Whether a workload has pods, and they were observed."""
        groups = self.get(ref)
        return bool(groups) and not any(each.declared for each in groups or ())

    def gateways(self, namespace: str) -> Mapping[str, Groups]:
        """Pods of a namespace that are of a Gateway, by its name."""
        found = self._spaces.get(namespace)
        return found.gateways if found is not None else _NONE

    def asking(self, label: str) -> set[str]:
        """Namespaces in which pods carry a label."""
        return {name for name, space in self._spaces.items() if space.asks(label)}

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


def _addresses(pod: Pod) -> tuple[str, ...]:
    status = pod.status
    return (status.pod_ip,) if status.pod_ips is None else status.addresses


def _is_noted(places: _Places, pod: Pod, namespace: str) -> bool:
    """Whether it is known where a pod has its addresses; every state of a plan asks that of all that are near."""
    for address in _addresses(pod):  # noqa: SIM110 - a generator takes as long as all the rest
        if namespace not in places.get(address, ()):
            return False
    return True


def _note(places: _Places, pods: Iterable[Pod]) -> None:
    """Where pods have their addresses, namespaces by name."""
    for pod in pods:
        space = pod.namespace
        for address in _addresses(pod):
            known = places.get(address)
            if known is None:
                places[address] = (space,)
            elif space not in known:
                places[address] = tuple(sorted((*known, space)))

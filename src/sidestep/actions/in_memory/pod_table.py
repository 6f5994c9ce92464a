"""The pods of a mesh by namespace and by workload, where some can be exchanged for others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from sidestep.model.in_order import Apart, InPieces
from sidestep.model.mesh import PODS, Mesh, place_of_pod
from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import Parents, parents, workload_of, workload_of_shape
from sidestep.model.pods import Pod, PodShape


class PodTable:
    """Pods of one mesh; nothing is copied before the first of them changes."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._made: Sequence[Pod] | None = mesh.pods
        self._gone = 0
        self._ordered = InPieces(mesh.pods, place_of_pod) if mesh.is_in_order else None

    @cached_property
    def _places(self) -> list[Pod | None]:
        return list(self._mesh.pods)

    def pods(self) -> Sequence[Pod]:
        """All pods in the order read, new ones last, or all in order; the very same while none changed."""
        if self._made is None and self._ordered is not None:
            self._made = self._ordered.all()
        if self._made is None:
            self._made = tuple(pod for pod in self._places if pod) if self._gone else tuple(self._places)  # type: ignore[arg-type]
        return self._made

    def changed(self) -> Iterator[tuple[str, Sequence[Pod], Apart[Pod]]]:
        """What there was in order when somebody asked this last, and how that differs from what is there."""
        if self._ordered is not None and self._ordered.is_changed:
            yield PODS, *self._ordered.changed()

    def at(self, places: Iterable[int]) -> Iterator[tuple[int, Pod]]:
        """Those of some places that are still there."""
        for place in places:
            pod = self._places[place]
            if pod is not None:
                yield place, pod

    def in_namespace(self, namespace: str) -> list[int]:
        """Places of the pods of a namespace."""
        return self._by_namespace.setdefault(namespace, [])

    def of_workload(self, workload: WorkloadRef) -> list[int]:
        """Places of the pods of a workload."""
        return self._by_workload.setdefault(workload, [])

    def named(self, namespace: str, name: str) -> list[int]:
        """The place of a pod, by its name."""
        return [place for place, _ in self.at(self._by_name.get((namespace, name), ()))]

    def shapes(self) -> Iterator[tuple[WorkloadRef, PodShape, int]]:
        """Each shape of pods that a controller made, with their workload and their number."""
        for shape, places in self._by_shape:
            workload = workload_of_shape(shape, self._parents)
            if workload is not None:
                yield workload, shape, len(places)

    def exchange(self, places: Iterable[int], change: Callable[[Pod], Pod]) -> None:
        """Put another pod in each of some places; one that stays as it is must come back as the same object."""
        for place, pod in list(self.at(places)):
            changed = change(pod)
            if changed is not pod:
                self._put(place, changed)

    def add(self, pods: Iterable[Pod]) -> None:
        """Add pods at the end."""
        for pod in pods:
            near, own = self.in_namespace(pod.namespace), self.of_workload(workload_of(pod, self._parents))
            same = self._by_name.setdefault((pod.namespace, pod.name), [])
            for index in (near, own, same):
                index.append(len(self._places))
            self._places.append(None)
            self._put(len(self._places) - 1, pod)

    def drop(self, places: Iterable[int]) -> None:
        """Take pods away."""
        for place, _ in list(self.at(places)):
            self._put(place, None)
            self._gone += 1

    def _put(self, place: int, pod: Pod | None) -> None:
        if self._ordered is not None:
            self._ordered.exchange(self._places[place], pod)
        self._places[place] = pod
        self._made = None

    @cached_property
    def _parents(self) -> Parents:
        return parents(self._mesh)

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], list[int]]:
        found: dict[tuple[str, str], list[int]] = {}
        for place, pod in self.at(range(len(self._places))):
            found.setdefault((pod.namespace, pod.name), []).append(place)
        return found

    @cached_property
    def _by_namespace(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for shape, places in self._by_shape:
            found.setdefault(shape.namespace, []).extend(places)
        return found

    @cached_property
    def _by_workload(self) -> dict[WorkloadRef, list[int]]:
        found: dict[WorkloadRef, list[int]] = {}
        for shape, places in self._by_shape:
            workload = workload_of_shape(shape, self._parents)
            if workload is not None:
                found.setdefault(workload, []).extend(places)
                continue
            for place, pod in self.at(places):
                found.setdefault(WorkloadRef(shape.namespace, "Pod", pod.name), []).append(place)
        return found

    @property
    def _by_shape(self) -> Iterable[tuple[PodShape, list[int]]]:
        """Places of the pods that share a shape now: replicas by the thousand take one step."""
        found: dict[int, tuple[PodShape, list[int]]] = {}
        for place, pod in enumerate(self._places):
            if pod is not None:
                found.setdefault(id(pod.shape), (pod.shape, []))[1].append(place)
        return found.values()

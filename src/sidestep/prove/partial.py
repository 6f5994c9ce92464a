"""States within a step: pods are captured and made anew one after the other, so that old and new serve side by side.

Between two meshes that differ in pods there are: some pods of every workload changed, the others not; and some
workloads changed whole, the others not.
"""

from collections.abc import Collection, Iterable, Iterator

from msgspec import structs

from sidestep.model.in_order import InPieces
from sidestep.model.kinds import SERVICE
from sidestep.model.mesh import PODS, Mesh, place_of_pod
from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import parents, workload_of_shape
from sidestep.model.pods import Pod, PodStatus

_OLD = "-old"


def with_partial(first: Mesh, states: Iterable[tuple[str, Mesh]]) -> Iterator[tuple[str, Mesh]]:
    """States by their steps, and before each those within its step.

    Args:
        first: where the way begins.
        states: in order; the same mesh again where a step changes nothing, which is then left out.
    """
    last = first.in_order
    for step, mesh in states:
        now = mesh.in_order
        if now is not last:
            now.beside(last)
            for words, within in between(last, now):
                yield f"{step} ({words})", within
            yield step, now
        last = now


def is_within(state: str) -> bool:
    """Whether a state's name is of one within a step."""
    return state.endswith(")")


def between(before: Mesh, after: Mesh) -> Iterator[tuple[str, Mesh]]:
    """Every state within a step that is told apart, with what it is in words; none where no pod changes."""
    before, after = before.in_order, after.in_order
    changed = _changed(before, after)
    if not changed:
        return
    yield "some pods of each workload done", _half_done(after, changed)
    if len(changed) > 1:
        refs = sorted(changed)
        first, second = refs[: len(refs) // 2], refs[len(refs) // 2 :]
        yield "the first workloads done", _with(after, {ref: _old(changed[ref]) for ref in second})
        yield "the last workloads done", _with(after, {ref: _old(changed[ref]) for ref in first})


_Changes = list[tuple[Pod, Pod]]


def _changed(before: Mesh, after: Mesh) -> dict[WorkloadRef, _Changes]:
    """Pods that are other ones afterwards, by workload."""
    gone, new = after.apart_from(before, PODS)
    if not (gone and new):
        return {}
    old = {(pod.namespace, pod.name): pod for pod in gone}
    known = parents(after, {pod.namespace for pod in new})
    found: dict[WorkloadRef, _Changes] = {}
    for pod in new:
        one = old.get((pod.namespace, pod.name))
        if one is not None and one.shape != pod.shape:
            ref = workload_of_shape(pod.shape, known) or WorkloadRef(pod.namespace, "Pod", pod.name)
            found.setdefault(ref, []).append((one, pod))
    return found


def _half_done(after: Mesh, changed: dict[WorkloadRef, _Changes]) -> Mesh:
    """Old and new pods of each workload.

    A single pod is there twice for a while. That it has more of the connections then is no difference of configuration:
    so every other pod that stands behind a Service beside it is counted twice too.
    """
    mesh = _with(after, {ref: _half(pods) for ref, pods in changed.items()})
    single = [pods[0][0] for pods in changed.values() if len(pods) == 1]
    both = {(pod.namespace, name) for pod in single for name in (pod.name, _old_name(pod.name))}
    beside = _beside(mesh, single)
    twins = [
        structs.replace(pod, name=f"{pod.name}-too", status=_elsewhere(pod))
        for space in sorted({pod.namespace for pod in single})
        for pod in mesh.pods_in(space)
        if id(pod.shape) in beside and (pod.namespace, pod.name) not in both
    ]
    return _exchanged(mesh, (), twins) if twins else mesh


def _beside(mesh: Mesh, pods: Collection[Pod]) -> set[int]:
    """Shapes of pods that share a Service with some, or with those that do, and so on."""
    spaces = {pod.namespace for pod in pods}
    shapes = {space: {id(pod.shape): pod.shape for pod in mesh.pods_in(space)} for space in spaces}
    services = {
        space: [each.view.spec.selector for each in mesh.in_namespace(SERVICE, space) if each.view.spec.selector]
        for space in spaces
    }
    found: set[int] = set()
    waiting = [pod.shape for pod in pods]
    while waiting:
        shape = waiting.pop()
        for selector in services.get(shape.namespace, ()):
            if selector.items() <= shape.labels.items():
                near = shapes.get(shape.namespace, {})
                new = {
                    key: each
                    for key, each in near.items()
                    if key not in found and selector.items() <= each.labels.items()
                }
                found.update(new)
                waiting.extend(new.values())
    return found


def _old_name(name: str) -> str:
    return f"{name}{_OLD}"


def _half(changes: _Changes) -> list[Pod]:
    """The first half is done; of a single pod both, as while a new one comes up beside it."""
    if len(changes) == 1:
        old, new = changes[0]
        return [structs.replace(old, name=_old_name(old.name)), structs.replace(new, status=_elsewhere(new))]
    half = len(changes) // 2
    return [*(new for _, new in changes[:half]), *(old for old, _ in changes[half:])]


def _elsewhere(pod: Pod) -> PodStatus:
    """Two pods have two addresses; that of the new one is not known yet."""
    return structs.replace(pod.status, pod_ip="", pod_ips=None)


def _old(changes: _Changes) -> list[Pod]:
    return [old for old, _ in changes]


def _with(mesh: Mesh, pods: dict[WorkloadRef, list[Pod]]) -> Mesh:
    """The mesh with other pods of some workloads."""
    replaced = {(pod.namespace, pod.name.removesuffix(_OLD)) for group in pods.values() for pod in group}
    near = (pod for space in sorted({space for space, _ in replaced}) for pod in mesh.pods_in(space))
    gone = [pod for pod in near if (pod.namespace, pod.name) in replaced]
    return _exchanged(mesh, gone, [pod for group in pods.values() for pod in group])


def _exchanged(mesh: Mesh, gone: Iterable[Pod], new: Iterable[Pod]) -> Mesh:
    """The mesh with some pods in place of others, in order as it is."""
    pods, gone, new = InPieces(mesh.pods, place_of_pod), tuple(gone), tuple(new)
    for pod in gone:
        pods.exchange(pod, None)
    for pod in new:
        pods.exchange(None, pod)
    return mesh.exchanged(gone, new, pods.all())

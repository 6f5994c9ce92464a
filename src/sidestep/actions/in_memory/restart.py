"""What the pods of a workload are after they were made anew.

A new pod keeps the name, the node and the address of the one that it replaces: nobody can tell the next ones, and all
that is decided from a mesh is decided alike. When it started is not known.
"""

from collections.abc import Callable

from msgspec import Struct, structs

from sidestep.actions.in_memory.capture import captured
from sidestep.actions.in_memory.control_plane import ControlPlane
from sidestep.actions.in_memory.sidecars import Donors, Wanted, injected, stripped
from sidestep.model.metadata import Labels, WorkloadRef
from sidestep.model.pods import ContainerStatus, Pod, PodCondition, PodShape, PodStatus, kept_annotations
from sidestep.semantics.injection import Candidate, Injection, Result
from sidestep.semantics.proxies import Role, recognise

CONTROLLERS_LABELS = frozenset({
    "pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash", "pod-template-generation",
    "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "job-name", "controller-uid",
    "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-completion-index",
})  # fmt: skip
"""What controllers write on each pod beside the template's labels (k8s.io/api/{apps,batch})."""
_READY = (PodCondition("Ready", "True"),)


class Maker(Struct, frozen=True):
    """What decides how the next pod of a workload looks.

    Attributes:
        workload: whose.
        template: what its controller declares; None where that was not read, and the pods themselves must tell.
        namespace_labels: None when the namespace was not read.
        plane: who injects what.
        donors: sidecars that new ones look like; asked for only when one is made.
    """

    workload: WorkloadRef
    template: PodShape | None
    namespace_labels: Labels | None
    plane: ControlPlane
    donors: Callable[[], Donors]

    def declared(self, old: PodShape) -> PodShape:
        """The template, or what pods tell of it."""
        return self.template or stripped(old)

    def doubt(self, old: PodShape) -> str:
        """Why nobody can tell what the next pod gets; empty where it can be told."""
        if _is_proxy(old) or recognise(self.declared(old)).sidecar:
            return ""
        found = self._injection(old)
        return found.reason if found.result is Result.UNKNOWN else ""

    def _injection(self, old: PodShape) -> Injection:
        """What the injector says of the next pod."""
        shape = self.declared(old)
        host = shape.spec.host_network
        pod = Candidate(self.workload.namespace, self.namespace_labels, shape.labels, shape.annotations, host)
        return self.plane.injectors.decide(pod)

    def depends_on(self, old: PodShape) -> bool:
        """Whether the next pod is told by the one before it, and not by the template alone."""
        return self.template is None or _is_proxy(old)

    def next(self, old: PodShape) -> PodShape:
        """What takes the place of a pod, but for what its controller adds."""
        shape = self.declared(old)
        if _is_proxy(old):
            return _redeclared(old, shape)
        found = self._injection(old)
        if found.result is not Result.INJECTED or recognise(shape).sidecar:
            return structs.replace(shape, annotations=kept_annotations(shape.annotations))
        revision = found.revision
        wanted = Wanted(revision, self.plane.gives_hbone(revision), self.plane.default_requests(revision))
        return injected(shape, wanted, self.donors().like(self.workload, revision), self.workload.name)


def renewal(maker: Maker) -> Callable[[Pod], Pod]:
    """Makes pods anew; those that come out alike share their shape."""
    bases: dict[int, PodShape] = {}
    alike: dict[object, PodShape] = {}
    known: dict[int, tuple[PodShape, PodStatus]] = {}

    def shape_after(old: PodShape) -> PodShape:
        base = id(old) if maker.depends_on(old) else 0
        if base not in bases:
            bases[base] = maker.next(old)
        own = {name: value for name, value in old.labels.items() if name in CONTROLLERS_LABELS}
        key = (base, tuple(own.items()), old.owners)
        if key not in alike:
            alike[key] = _controlled(bases[base], old, own, maker.namespace_labels or {})
        return alike[key]

    def renewed(pod: Pod) -> Pod:
        if pod.status.terminal:
            return pod
        if id(pod.shape) not in known:
            shape = shape_after(pod.shape)
            known[id(pod.shape)] = (shape, _running(shape))
        shape, status = known[id(pod.shape)]
        status = structs.replace(status, pod_ip=pod.status.pod_ip, pod_ips=pod.status.pod_ips)
        return structs.replace(pod, shape=shape, status=status, created=None, deleting=False)

    return renewed


def _is_proxy(shape: PodShape) -> bool:
    """Whether pods are part of the mesh itself, or of its API: what injection makes of those is left as it is."""
    known = recognise(shape)
    return known.role is not Role.APPLICATION or known.proxyless


def _redeclared(old: PodShape, declared: PodShape) -> PodShape:
    """A proxy of its own (a gateway, say) stays what it is, under the labels and annotations of its template."""
    annotations = {**old.annotations, **kept_annotations(declared.annotations)}
    return structs.replace(old, labels={**old.labels, **declared.labels}, annotations=annotations)


def _controlled(base: PodShape, old: PodShape, own: Labels, namespace_labels: Labels) -> PodShape:
    shape = structs.replace(base, namespace=old.namespace, labels={**base.labels, **own}, owners=old.owners)
    return captured(shape, namespace_labels)


def _running(shape: PodShape) -> PodStatus:
    """A pod that came up."""
    containers = tuple(ContainerStatus(each.name, ready=True) for each in shape.spec.containers or ())
    init = tuple(ContainerStatus(each.name, ready=True) for each in shape.spec.init_containers or ())
    return PodStatus("Running", "", None, _READY, containers, init or None)

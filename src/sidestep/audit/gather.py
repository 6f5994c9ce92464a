"""Gather the facts of a mesh: group pods by workload, recognise each shape once, ask who would inject the next."""

from msgspec import Struct

from sidestep.audit.facts import Facts, Group, Options, Workload
from sidestep.model import kinds
from sidestep.model.mesh import Mesh, SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import parents, workload_of_shape
from sidestep.model.pods import Pod, PodShape
from sidestep.model.quantity import Resources
from sidestep.model.telemetry import Telemetry
from sidestep.model.templates import WorkloadTemplate, workload_templates
from sidestep.semantics.injection import Injection, Result
from sidestep.semantics.injectors import Injectors, candidate, injectors
from sidestep.semantics.proxies import Recognition, Role, SidecarMode, recognise
from sidestep.semantics.proxy_resources import default_requests, predicted_requests

NATIVE_SIDECAR = "sidecar.istio.io/nativeSidecar"

_Shapes = list[tuple[PodShape, list[Pod]]]


def gather(mesh: Mesh, telemetry: Telemetry, options: Options) -> Facts:
    """The facts of a mesh."""
    survey = _Survey(mesh, injectors(mesh), observed=_pods_were_read(mesh))
    templates = {template.workload: template for template in workload_templates(mesh)}
    shapes = _shapes_by_workload(mesh)
    workloads = tuple(
        survey.workload(ref, shapes.get(ref, []), templates.get(ref))
        for ref in sorted({*shapes, *templates})
        if not options.namespaces or ref.namespace in options.namespaces
    )
    return Facts(mesh, survey.injectors, workloads, telemetry, options)


def _pods_were_read(mesh: Mesh) -> bool:
    """Whether a workload without pods has none: manifests of bare pods are no observation."""
    if mesh.source.kind is SourceKind.FILES:
        return any(pod.node or pod.status.phase for pod in mesh.pods)
    return not any(gap.resource == kinds.POD.key for gap in mesh.gaps) or bool(mesh.pods)


def _shapes_by_workload(mesh: Mesh) -> dict[WorkloadRef, _Shapes]:
    """Pods that hold resources, by shape, by workload."""
    by_shape: dict[int, list[Pod]] = {}
    for pod in mesh.pods:
        if not pod.status.terminal:
            by_shape.setdefault(id(pod.shape), []).append(pod)
    known = parents(mesh)
    found: dict[WorkloadRef, _Shapes] = {}
    for pods in by_shape.values():
        shape = pods[0].shape
        ref = workload_of_shape(shape, known)
        if ref is not None:
            found.setdefault(ref, []).append((shape, pods))
            continue
        for pod in pods:
            found.setdefault(WorkloadRef(shape.namespace, "Pod", pod.name), []).append((shape, [pod]))
    return found


class _Survey(Struct, frozen=True):
    """What is the same for every workload; `observed` says whether running pods were read at all."""

    mesh: Mesh
    injectors: Injectors
    observed: bool

    def workload(self, ref: WorkloadRef, shapes: _Shapes, template: WorkloadTemplate | None) -> Workload:
        """One workload, from its pods or, without any, from what its controller declares."""
        groups = sorted((_observed(shape, pods) for shape, pods in shapes), key=lambda group: -group.count)
        injection = self._next(template.shape if template else groups[0].shape, template)
        if template and not groups:
            groups = [self._declared(template, injection)]
        return Workload(ref, tuple(groups), template, injection)

    def _next(self, shape: PodShape, template: WorkloadTemplate | None) -> Injection:
        """What the next pod gets: what a webhook adds, or else the sidecar that the template already holds."""
        injection = self.injectors.decide(candidate(self.mesh, shape))
        written = recognise(template.shape) if template else Recognition()
        if injection.result is Result.INJECTED or not written.sidecar:
            return injection
        reason = "the sidecar is written into the template (istioctl kube-inject)"
        return Injection(Result.INJECTED, reason, written.revision, (*injection.chain, reason))

    def _declared(self, template: WorkloadTemplate, injection: Injection) -> Group:
        """Nothing where pods were read, the replicas where they were not, with the sidecar they would get."""
        shape = template.shape
        count = 0 if self.observed else (template.replicas or len(self.mesh.of(kinds.NODE)) or 1)
        recognition = recognise(shape)
        bare = recognition.role is Role.APPLICATION and not recognition.sidecar and not recognition.proxyless
        if not (bare and injection.result is Result.INJECTED):
            return Group(shape, recognition, (), count, _proxy_requests(recognition))
        mode = SidecarMode.NATIVE if shape.annotations.get(NATIVE_SIDECAR) == "true" else SidecarMode.CLASSIC
        sidecar = Recognition(sidecar=mode, revision=injection.revision)
        requests = predicted_requests(shape.annotations, default_requests(self.mesh, injection.revision))
        return Group(shape, sidecar, (), count, requests, predicted=True)


def _observed(shape: PodShape, pods: list[Pod]) -> Group:
    recognition = recognise(shape)
    return Group(shape, recognition, tuple(pods), len(pods), _proxy_requests(recognition))


def _proxy_requests(recognition: Recognition) -> Resources:
    return recognition.proxy.requests if recognition.proxy else Resources()

"""Every workload with its pods: grouped, recognised once per shape, and asked what the next pod would get."""

from collections.abc import Hashable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model import kinds
from sidestep.model.mesh import Mesh, SourceKind
from sidestep.model.metadata import Labels, Revision, WorkloadRef
from sidestep.model.ownership import parents, workload_of_shape
from sidestep.model.pods import HOOK, Pod, PodShape
from sidestep.model.quantity import Resources
from sidestep.model.templates import WorkloadTemplate, workload_templates
from sidestep.semantics.enrolment import enrolment
from sidestep.semantics.injection import Injection, Result
from sidestep.semantics.injectors import Injectors, candidate, injectors
from sidestep.semantics.native_sidecars import is_native
from sidestep.semantics.proxies import Recognition, Role, SidecarMode, recognise
from sidestep.semantics.proxy_resources import default_requests, predicted_requests
from sidestep.semantics.settings import Settings, settings

_Shapes = list[tuple[PodShape, list[Pod]]]


class Group(Struct, frozen=True):
    """Pods of one workload that share a shape.

    Attributes:
        shape: what they have in common.
        recognition: what they are.
        pods: those that hold resources now; empty when only the template was read.
        count: how many pods: those read, or those declared.
        requests: what the sidecar (or other proxy) of one pod requests.
        predicted: the sidecar is not in the template; the injector would add it.
        enrolled: no pods were read, and labels would put them into ambient.
    """

    shape: PodShape
    recognition: Recognition
    pods: tuple[Pod, ...]
    count: int
    requests: Resources
    predicted: bool = False
    enrolled: bool = False


class Workload(Struct, frozen=True, dict=True):
    """One workload.

    Attributes:
        ref: its name.
        groups: its pods by shape, the largest group first.
        template: its controller, if that was read.
        injection: what its next pod would get.
    """

    ref: WorkloadRef
    groups: tuple[Group, ...]
    template: WorkloadTemplate | None
    injection: Injection

    @property
    def role(self) -> Role:
        """What most of its pods do in the mesh."""
        return self.groups[0].recognition.role if self.groups else Role.APPLICATION

    @property
    def from_template(self) -> bool:
        """Whether the counts are declared rather than observed."""
        return any(group.count and not group.pods for group in self.groups)

    @cached_property
    def next_shape(self) -> PodShape | None:
        """What the next pod is made from: the template, or else the pods that there are."""
        if self.template:
            return self.template.shape
        return self.groups[0].shape if self.groups else None

    @property
    def pods(self) -> int:
        """How many pods it has, or declares."""
        return sum(group.count for group in self.groups)

    @property
    def sidecars(self) -> int:
        """How many of them carry a sidecar."""
        return sum(group.count for group in self.groups if group.recognition.sidecar)


class Inventory(Struct, frozen=True):
    """All workloads of a mesh, by namespace, kind and name, and who injects."""

    injectors: Injectors
    workloads: tuple[Workload, ...]


class Stock(Struct, frozen=True, dict=True):
    """The workloads of a mesh, taken stock of one namespace after the other."""

    mesh: Mesh

    @classmethod
    def injected(cls, mesh: Mesh, injectors: Injectors) -> "Stock":
        """Of a mesh of which it is known who injects."""
        made = cls(mesh)
        vars(made)["injectors"] = injectors
        return made

    @cached_property
    def injectors(self) -> Injectors:
        """Who injects."""
        return injectors(self.mesh)

    @cached_property
    def namespaces(self) -> tuple[str, ...]:
        """All that pods or controllers are in, by name."""
        declared = {each.meta.namespace for kind in _HOLDERS for each in self.mesh.of(kind)}
        return tuple(sorted(declared.union(self.mesh.spaces_of_pods)))

    def of(self, namespace: str, known: Mapping[WorkloadRef, Workload] = MappingProxyType({})) -> tuple[Workload, ...]:
        """All workloads of a namespace, by kind and name.

        Args:
            namespace: of which.
            known: some as they were in another mesh whose `surroundings` there are the same; those whose pods and
                controller are the very same stay as they are.
        """
        near = _near(self.mesh, namespace)
        templates = {template.workload: template for template in workload_templates(near)}
        shapes = _shapes_by_workload(near)

        def workload(ref: WorkloadRef) -> Workload:
            own, template, before = shapes.get(ref, []), templates.get(ref), known.get(ref)
            if before is not None and _is_made_of(before, own, template):
                return before
            return self._survey.workload(ref, own, template)

        return tuple(map(workload, sorted({*shapes, *templates})))

    def surroundings(self, namespace: str) -> Hashable:
        """What counts for every workload of a namespace, in meshes whose settings and injectors are the same."""
        found = self.mesh.find(kinds.NAMESPACE, "", namespace)
        return self._survey.observed, frozenset(found.meta.labels.items()) if found is not None else None

    @cached_property
    def _survey(self) -> "_Survey":
        return _Survey(self.mesh, self.injectors, observed=pods_were_read(self.mesh))


_HOLDERS: tuple[kinds.Kind[Any], ...] = (*kinds.CONTROLLERS, kinds.CRON_JOB)


def inventory(mesh: Mesh, namespaces: tuple[str, ...] = ()) -> Inventory:
    """Take stock of a mesh, or of some of its namespaces."""
    stock = Stock(mesh)
    wanted = [each for each in stock.namespaces if not namespaces or each in namespaces]
    return Inventory(stock.injectors, tuple(workload for each in wanted for workload in stock.of(each)))


def _is_made_of(workload: Workload, shapes: _Shapes, template: WorkloadTemplate | None) -> bool:
    """Whether a workload was found out of these very pods and this very controller."""
    controllers = [each and each.controller for each in (workload.template, template)]
    pods = {id(pod) for group in workload.groups for pod in group.pods}
    return controllers[0] is controllers[1] and pods == {id(pod) for _, own in shapes for pod in own}


def _near(mesh: Mesh, namespace: str) -> Mesh:
    """The pods of a namespace, and what they come of."""
    resources = {kind.key: mesh.in_namespace(kind, namespace) for kind in _HOLDERS}
    return replace(mesh, pods=mesh.pods_in(namespace), resources=resources)


def pods_were_read(mesh: Mesh) -> bool:
    """Whether a workload without pods has none: manifests of bare pods are no observation."""
    if mesh.source.kind is SourceKind.FILES:
        return any(pod.observed for pod in mesh.pods)
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


class _Survey(Struct, frozen=True, dict=True):
    """What is the same for every workload; `observed` says whether running pods were read at all."""

    mesh: Mesh
    injectors: Injectors
    observed: bool

    @cached_property
    def _settings(self) -> Settings:
        """Istiod's environment and version."""
        return settings(self.mesh)

    @cached_property
    def _defaults(self) -> dict[Revision | None, Resources]:
        """What the injectors of revisions request; a mesh may have thousands of ConfigMaps to search."""
        return {}

    def workload(self, ref: WorkloadRef, shapes: _Shapes, template: WorkloadTemplate | None) -> Workload:
        """One workload, from its pods or, without any, from what its controller declares."""
        groups = sorted((_observed(shape, pods) for shape, pods in shapes), key=_largest_first)
        injection = self._next(template.shape if template else groups[0].shape, template)
        if template and not groups:
            count = 0 if self.observed else (template.replicas or len(self.mesh.of(kinds.NODE)) or 1)
            groups = [self._declared(template.shape, count, injection)]
        elif not template and self._is_manifest(shapes):
            groups = [self._declared(shape, len(pods), injection) for shape, pods in shapes]
        return Workload(ref, tuple(groups), template, injection)

    def _next(self, shape: PodShape, template: WorkloadTemplate | None) -> Injection:
        """What the next pod gets: what a webhook adds, or else the sidecar that the template already holds."""
        injection = self.injectors.decide(candidate(self.mesh, shape))
        written = recognise(template.shape) if template else Recognition()
        if injection.result is Result.INJECTED or not written.sidecar:
            return injection
        reason = "the sidecar is written into the template (istioctl kube-inject)"
        return Injection(Result.INJECTED, reason, written.revision, (*injection.chain, reason))

    def _is_manifest(self, shapes: _Shapes) -> bool:
        """Whether these are bare pods that somebody wrote down, and that no injector has seen yet.

        Those that Helm makes for a moment, as tests of a release, are none that anybody moves.
        """
        from_files = self.mesh.source.kind is SourceKind.FILES
        return from_files and not any(
            pod.observed or HOOK in shape.annotations for shape, pods in shapes for pod in pods
        )

    def _declared(self, shape: PodShape, count: int, injection: Injection) -> Group:
        """So many pods that nobody saw, with the sidecar that they would get."""
        recognition = recognise(shape)
        bare = recognition.role is Role.APPLICATION and not recognition.sidecar and not recognition.proxyless
        if not (bare and injection.result is Result.INJECTED):
            enrolled = _is_enrolled(shape, self.mesh.namespace_labels(shape.namespace))
            return Group(shape, recognition, (), count, _proxy_requests(recognition), enrolled=enrolled)
        mode = SidecarMode.NATIVE if is_native(shape.annotations, self._settings) else SidecarMode.CLASSIC
        sidecar = Recognition(sidecar=mode, revision=injection.revision)
        requests = predicted_requests(shape.annotations, self._requests_by(injection.revision))
        return Group(shape, sidecar, (), count, requests, predicted=True)

    def _requests_by(self, revision: Revision | None) -> Resources:
        if revision not in self._defaults:
            self._defaults[revision] = default_requests(self.mesh, revision)
        return self._defaults[revision]


def _is_enrolled(shape: PodShape, namespace_labels: Labels) -> bool:
    found = enrolment(shape, namespace_labels)
    return found.selected and found.excluded is None


def _observed(shape: PodShape, pods: list[Pod]) -> Group:
    recognition = recognise(shape)
    named = tuple(sorted(pods, key=lambda pod: pod.name))
    return Group(shape, recognition, named, len(pods), _proxy_requests(recognition))


def _largest_first(group: Group) -> tuple[int, str]:
    """Among equals by name, so that the order in which pods were read never shows."""
    return -group.count, group.pods[0].name if group.pods else ""


def _proxy_requests(recognition: Recognition) -> Resources:
    return recognition.proxy.requests if recognition.proxy else Resources()

"""A mesh that effects change in place; a `Mesh` is made of it only when somebody asks for one."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from msgspec import structs

from sidestep.actions.in_memory import waypoints
from sidestep.actions.in_memory.capture import Recapture, recaptured
from sidestep.actions.in_memory.control_plane import ControlPlane, control_plane, decides
from sidestep.actions.in_memory.object_table import ObjectTable
from sidestep.actions.in_memory.objects import (
    Refusal,
    absent,
    applied,
    changed_labels,
    patched,
    rebuilt,
    relabelled,
    unexpected,
)
from sidestep.actions.in_memory.pod_table import PodTable
from sidestep.actions.in_memory.restart import Maker, renewal
from sidestep.actions.in_memory.sidecars import Donors
from sidestep.model.build import known_kind
from sidestep.model.kinds import (
    CONTROLLERS,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    DEPLOYMENT_CONFIG,
    GATEWAY,
    NAMESPACE,
    POD,
    ROLLOUT,
    STATEFUL_SET,
    Kind,
)
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, ObjectId, WorkloadRef
from sidestep.model.pods import Pod, PodShape
from sidestep.model.resource import Resource
from sidestep.model.templates import WorkloadTemplate, workload_template
from sidestep.plan.steps import Apply, Delete, Effect, Gate, Patch, Probe, Restart, SetLabels, Wait, WaitFor
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.inventory import pods_were_read
from sidestep.semantics.waypoints import is_waypoint_gateway

_CONTROLLERS: tuple[Kind[Any], ...] = (*CONTROLLERS, CRON_JOB)
_ROLLED = frozenset({kind.name for kind in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, ROLLOUT, DEPLOYMENT_CONFIG)})
"""Controllers that replace their pods by themselves when their template changes."""
_HOLDERS: Mapping[str, Kind[Any]] = {kind.name: kind for kind in _CONTROLLERS}


class WorkingCopy:
    """One mesh under effects, each of which costs what it touches.

    Args:
        mesh: as it is at first; it never changes itself.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._start = mesh
        self._objects = ObjectTable(mesh)
        self._pods = PodTable(mesh)
        self._known_plane: ControlPlane | None = None
        self._relabelled: dict[object, tuple[PodShape, PodShape]] = {}
        self._outdated: dict[WorkloadRef, None] = {}

    def mesh(self) -> Mesh:
        """The mesh as it is now; it shares with the first one all that did not change, and is in order if that was."""
        pods, resources, others = self._pods.pods(), self._objects.resources(), self._objects.others()
        start = self._start
        if pods is start.pods and resources is start.resources and others is start.others:
            return start
        made = structs.replace(start, pods=pods, resources=resources, others=others)
        if start.is_in_order and others is start.others:
            made.known_to_be_in_order()
            for changed in (self._pods.changed(), self._objects.changed()):
                for key, before, found in changed:
                    made.is_apart(key, before, found)
        return made

    def perform(self, effect: Effect) -> Refusal | None:
        """Let an effect happen; the reason where it cannot, and then nothing has changed."""
        match effect:
            case SetLabels(object=named) if _is_pod(named):
                return self._label_pod(effect)
            case Patch(object=named) | Apply(object=named) | Delete(object=named) if _is_pod(named):
                return Refusal(f"{named}: pods are made by their controllers")
            case SetLabels(object=named):
                found = self._objects.find(named)
                return self._exchange(found, relabelled(found, effect)) if found else absent(named)
            case Patch(object=named):
                found = self._objects.find(named)
                return self._exchange(found, patched(found, effect)) if found else absent(named)
            case Apply(object=named):
                return self._apply(effect)
            case Delete(object=named):
                found = self._objects.find(named)
                return self._exchange(found, None) if found else absent(named)
            case Restart():
                return self._restart(effect.workload)
            case Wait(what=WaitFor.WAYPOINT_READY):
                return self._ready(effect.subject)
            case Wait() | Gate() | Probe():
                return None

    def roll_out(self) -> None:
        """Let the controllers finish: pods that are older than their template are made anew."""
        for workload in tuple(self._outdated):
            self._restart(workload)

    def _exchange(self, old: Resource[Any] | None, new: Resource[Any] | Refusal | None) -> Refusal | None:
        """Put an object in the place of another, and let everybody react who watches it."""
        if isinstance(new, Refusal) or new is old:
            return new if isinstance(new, Refusal) else None
        if new is not None:
            self._objects.put(new)
        elif old is not None:
            self._objects.drop(old.id)
        self._noticed(old, new)
        return None

    def _noticed(self, old: Resource[Any] | None, new: Resource[Any] | None) -> None:
        changed = new or old
        if changed is None:
            return
        if any(each is not None and decides(each) for each in (old, new)):
            self._known_plane = None
        kind = known_kind(changed.api_version, changed.kind)
        if changed.kind in _ROLLED and old is not None and new is not None:
            self._watch_template(old, new)
        if kind is NAMESPACE:
            before, after = old.meta.labels if old else {}, new.meta.labels if new else {}
            if before.get(DATAPLANE_MODE) != after.get(DATAPLANE_MODE):
                self._pods.exchange(self._pods.in_namespace(changed.meta.name), Recapture(before, after))
        elif kind is GATEWAY and new is None:
            self._pods.drop(self._pods_of(changed))
        elif kind is GATEWAY and old is None and new is not None and is_waypoint_gateway(new):
            self._serve(new)

    def _watch_template(self, old: Resource[Any], new: Resource[Any]) -> None:
        before, after = workload_template(old), workload_template(new)
        if before is not None and after is not None and before.shape != after.shape:
            self._outdated[after.workload] = None

    def _apply(self, effect: Apply) -> Refusal | None:
        found = self._objects.find(effect.object)
        return self._exchange(found, applied(found, effect))

    def _label_pod(self, effect: SetLabels) -> Refusal | None:
        places = self._pods.named(effect.object.namespace or "default", effect.object.name)
        if not places:
            return absent(effect.object)
        if effect.template:
            return Refusal(f"{effect.object} has no pod template")
        for _, pod in self._pods.at(places):
            wrong = unexpected(pod.shape.labels, effect.before)
            if wrong:
                return Refusal(f"{effect.object}: {wrong}")
        self._pods.exchange(places, lambda pod: self._with_labels(pod, effect))
        return None

    def _with_labels(self, pod: Pod, effect: SetLabels) -> Pod:
        """A pod with other labels; those that were alike and are changed alike go on sharing their shape."""
        old, inherited = pod.shape, self._namespace_labels(pod.namespace)
        key = (id(old), frozenset(effect.labels.items()), inherited.get(DATAPLANE_MODE), pod.status.terminal)
        known = self._relabelled.get(key)
        if known is None:
            labels = changed_labels(old.labels, effect.labels)
            shape = old if labels == old.labels else structs.replace(old, labels=labels)
            if not pod.status.terminal:
                shape = recaptured(shape, old.labels, inherited, inherited)
            known = self._relabelled[key] = (old, shape)
        return pod if known[1] is old else structs.replace(pod, shape=known[1])

    def _restart(self, workload: WorkloadRef) -> Refusal | None:
        if workload.kind == POD.name:
            return Refusal(f"{workload}: nobody makes a pod anew that no controller made")
        template = self._template(workload)
        pods = [pod for _, pod in self._pods.at(self._pods.of_workload(workload))]
        if template is None and not pods:
            return absent(workload)
        shape = template.shape if template else None
        maker = Maker(
            workload, shape, self._objects.namespace_labels(workload.namespace), self._plane, lambda: self._donors
        )
        doubt = next((doubt for pod in pods[:1] if (doubt := maker.doubt(pod.shape))), "")
        if doubt:
            return Refusal(f"{workload}: nobody can tell what its next pods get: {doubt}")
        self._pods.exchange(self._pods.of_workload(workload), renewal(maker))
        self._outdated.pop(workload, None)
        return None

    def _template(self, workload: WorkloadRef) -> WorkloadTemplate | None:
        kind = _HOLDERS.get(workload.kind)
        controller = self._objects.of_kind(kind, workload.namespace, workload.name) if kind else None
        return workload_template(controller) if controller else None

    def _ready(self, subject: str) -> Refusal | None:
        namespace, _, name = subject.rpartition(" ")[2].rpartition("/")
        gateway = self._objects.of_kind(GATEWAY, namespace, name)
        if gateway is None:
            return absent(f"Gateway {namespace}/{name}")
        if not is_waypoint_gateway(gateway):
            return Refusal(f"{gateway.id} is no waypoint")
        if waypoints.has_address(gateway):
            return None
        refusal = self._exchange(gateway, rebuilt(gateway, waypoints.with_address(gateway.tree())))
        served = self._objects.of_kind(GATEWAY, namespace, name)
        if refusal is None and served is not None:
            self._serve(served)
        return refusal

    def _serve(self, gateway: Resource[Any]) -> None:
        """Let the pods of a waypoint run that istiod serves, where pods are observed at all."""
        if waypoints.has_address(gateway) and self._observed and not self._pods_of(gateway):
            self._pods.add(waypoints.waypoint_pods(gateway))

    def _pods_of(self, gateway: Resource[Any]) -> list[int]:
        near = self._pods.at(self._pods.in_namespace(gateway.meta.namespace))
        return [place for place, pod in near if waypoints.is_pod_of(gateway, pod)]

    def _namespace_labels(self, namespace: str) -> Labels:
        return self._objects.namespace_labels(namespace) or {}

    @property
    def _plane(self) -> ControlPlane:
        if self._known_plane is None:
            self._known_plane = control_plane(self.mesh())
        return self._known_plane

    @cached_property
    def _donors(self) -> Donors:
        """From the mesh as it was at first, so that the last sidecar to go is remembered."""
        return Donors(PodTable(self._start).shapes())

    @cached_property
    def _observed(self) -> bool:
        return pods_were_read(self._start)


def _is_pod(named: ObjectId) -> bool:
    return known_kind(named.api_version, named.kind) is POD

"""Pod templates of controllers: what the next pods will be made from."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import CONTROLLERS, CRON_JOB, Kind
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Metadata, OwnerReference, WorkloadRef
from sidestep.model.pods import PodShape
from sidestep.model.resource import Resource
from sidestep.model.views.apps import Controller, CronJob, PodTemplate


class WorkloadTemplate(Struct, frozen=True):
    """A workload as its controller declares it.

    Attributes:
        workload: its name.
        controller: the object that holds the template.
        shape: what its pods would look like before anything is injected.
        replicas: how many it declares; 1 where the kind counts otherwise (Job, CronJob), 0 for a DaemonSet, whose
            count is the nodes'.
    """

    workload: WorkloadRef
    controller: Resource[Controller] | Resource[CronJob]
    shape: PodShape
    replicas: int


def workload_templates(mesh: Mesh) -> Iterator[WorkloadTemplate]:
    """Templates of all controllers at the top of their owner chain."""
    holders: tuple[Kind[Any], ...] = (*CONTROLLERS, CRON_JOB)
    for kind in holders:
        for controller in mesh.of(kind):
            template = workload_template(controller)
            if template is not None:
                yield template


def workload_template(controller: Resource[Any]) -> WorkloadTemplate | None:
    """The template of one object; None for one that has none, or that another controller manages."""
    match controller.view:
        case CronJob(spec=spec) if spec.job_template.spec.template is not None:
            return _template(controller, spec.job_template.spec.template, 1)
        case Controller(spec=spec) if spec.template is not None and not _is_controlled(controller.meta):
            return _template(controller, spec.template, _replicas(controller.kind, spec.replicas))
        case _:
            return None


def _template(
    controller: Resource[Controller] | Resource[CronJob], template: PodTemplate, replicas: int
) -> WorkloadTemplate:
    meta = controller.meta
    owner = OwnerReference(controller.kind, meta.name, controller.api_version, controller=True)
    shape = PodShape(meta.namespace, template.metadata.labels, template.metadata.annotations, (owner,), template.spec)
    return WorkloadTemplate(WorkloadRef(meta.namespace, controller.kind, meta.name), controller, shape, replicas)


def _is_controlled(meta: Metadata) -> bool:
    return any(owner.controller for owner in meta.owner_references)


def _replicas(kind: str, declared: int | None) -> int:
    if kind == "DaemonSet":
        return 0
    return 1 if declared is None else declared

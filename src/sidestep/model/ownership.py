"""From a pod to its workload: the owner chain, followed to the top.

Pod to ReplicaSet to Deployment or Rollout; Pod to Job to CronJob; other controllers are their own top. Where the
middle of the chain was not read (files, a forbidden kind), the ReplicaSet's name less its `pod-template-hash` is the
Deployment's: that is how the deployment controller names them.
"""

from collections.abc import Iterable, Mapping

from sidestep.model.kinds import JOB, REPLICA_SET
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, OwnerReference, WorkloadRef
from sidestep.model.pods import Pod, PodShape

_HASH_LABEL = "pod-template-hash"
_ROLLOUT_HASH_LABEL = "rollouts-pod-template-hash"

Parents = Mapping[tuple[str, str, str], OwnerReference]


def parents(mesh: Mesh, namespaces: Iterable[str] | None = None) -> Parents:
    """Controllers of ReplicaSets and Jobs, by (kind, namespace, name); of some namespaces, or of all."""
    near = (
        resource
        for kind in (REPLICA_SET, JOB)
        for found in (
            (mesh.of(kind),) if namespaces is None else (mesh.in_namespace(kind, each) for each in namespaces)
        )
        for resource in found
    )
    return {
        (resource.kind, resource.meta.namespace, resource.meta.name): owner
        for resource in near
        for owner in resource.meta.owner_references
        if owner.controller
    }


def workload_of_shape(shape: PodShape, known: Parents) -> WorkloadRef | None:
    """The workload of all pods of a shape; None for pods that nobody controls, which are their own."""
    owner = shape.controller
    if owner is None:
        return None
    return top_of_chain(shape.namespace, owner, shape.labels, known)


def workload_of(pod: Pod, known: Parents) -> WorkloadRef:
    """The workload of one pod."""
    return workload_of_shape(pod.shape, known) or WorkloadRef(pod.namespace, "Pod", pod.name)


def top_of_chain(namespace: str, owner: OwnerReference, labels: Labels, known: Parents) -> WorkloadRef:
    """The workload above a controller, from what was read or else from names."""
    parent = known.get((owner.kind, namespace, owner.name))
    if parent is not None:
        return WorkloadRef(namespace, parent.kind, parent.name)
    if owner.kind == "ReplicaSet":
        for label, kind in ((_HASH_LABEL, "Deployment"), (_ROLLOUT_HASH_LABEL, "Rollout")):
            suffix = f"-{labels.get(label, '')}"
            if len(suffix) > 1 and owner.name.endswith(suffix):
                return WorkloadRef(namespace, kind, owner.name.removesuffix(suffix))
    return WorkloadRef(namespace, owner.kind, owner.name)

"""Pods that may come: whom policies may meet though no pod that was read is like it.

Such a pod has no labels, and its namespace, where it is not there yet, none but its name.
"""

from sidestep.model.metadata import WorkloadRef
from sidestep.model.pods import PodShape, PodSpec
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.requests import Guise, SomebodyClient

SOMEONE = "someone"
"""Stands where the kind of a workload would."""


def pods_of(client: SomebodyClient) -> Instances:
    """The pod that may come, as if it ran; a sidecar of today knows HBONE."""
    return Instances(
        WorkloadRef(client.namespace, SOMEONE, client.account),
        0,
        PodShape(client.namespace, {}, {}, (), PodSpec(service_account_name=client.account)),
        Mode.AMBIENT if client.guise is Guise.AMBIENT else Mode.SIDECAR,
        hbone=client.guise is Guise.SIDECAR,
        addresses=(client.address,) if client.address else (),
        count=1,
    )


def guise_of(pods: Instances) -> Guise | None:
    """As what another pod like these would come; None for those that no identity is given to, or only by hand."""
    match pods.mode:
        case Mode.AMBIENT:
            return Guise.AMBIENT
        case Mode.SIDECAR if pods.captures:
            return Guise.SIDECAR if pods.hbone else Guise.OLD_SIDECAR
        case _:
            return None

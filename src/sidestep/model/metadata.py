"""The part of an object that all kinds share."""

from typing import NewType

from msgspec import Struct

NamespaceName = NewType("NamespaceName", str)
NodeName = NewType("NodeName", str)
Revision = NewType("Revision", str)

DEFAULT_NAMESPACE = "default"
"""Of objects that name none: where they are applied without a word about it."""

Labels = dict[str, str]


class OwnerReference(Struct, frozen=True, gc=False, rename="camel"):
    """Who manages an object: the controller is followed, other owners are not."""

    kind: str = ""
    name: str = ""
    api_version: str = ""
    controller: bool = False


class Metadata(Struct, frozen=True, rename="camel"):
    """ObjectMeta, as far as anything here reads it.

    Labels and annotations must not be mutated: values are shared between objects.
    """

    name: str = ""
    namespace: str = ""
    labels: Labels = {}
    annotations: Labels = {}
    owner_references: tuple[OwnerReference, ...] = ()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    uid: str = ""
    resource_version: str = ""
    generate_name: str = ""


class ObjectId(Struct, frozen=True, order=True, rename="camel"):
    """What names one object in a cluster.

    Attributes:
        api_version: group and version.
        kind: its kind.
        namespace: empty for cluster-scoped kinds.
        name: its name.
    """

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class WorkloadRef(Struct, frozen=True, order=True):
    """What one thinks of as a workload: the top of a pod's owner chain.

    Attributes:
        namespace: its own.
        kind: Deployment, StatefulSet, DaemonSet, Job, CronJob, Rollout, another controller's kind, or Pod for a
            bare pod.
        name: its own.
    """

    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

"""On which kind of Kubernetes the nodes run, as far as Istio's charts care.

Source: istio-semantics.md §6.1 (g); Istio's platform prerequisites; manifests/helm-profiles/platform-*.yaml.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from enum import StrEnum

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.model.kinds import DEPLOYMENT_CONFIG, NAMESPACE, NODE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Node
from sidestep.plan.install.releases import GKE_PROFILE, knows


class Platform(StrEnum):
    """Kinds of Kubernetes that differ for istio-cni or ztunnel, and those known not to."""

    OPENSHIFT = "openshift"
    GKE = "gke"
    EKS = "eks"
    AKS = "aks"
    K3D = "k3d"
    K3S = "k3s"
    RKE2 = "rke2"
    MICROK8S = "microk8s"
    MINIKUBE = "minikube"
    KIND = "kind"
    OTHER = "other"


_PROFILES = frozenset(
    {Platform.OPENSHIFT, Platform.GKE, Platform.K3D, Platform.K3S, Platform.MICROK8S, Platform.MINIKUBE}
)


class Found(Struct, frozen=True):
    """A platform and what told it.

    Attributes:
        platform: the one of most nodes.
        because: how it was told.
        object: the node or other object that tells it.
        field: where on that object.
        assumed: nothing told it.
    """

    platform: Platform
    because: str
    object: ObjectId | None = None
    field: str = ""
    assumed: bool = False


def profile_of(platform: Platform, version: str) -> str:
    """The chart's platform profile, the value of `global.platform`; empty where a chart has none."""
    if platform not in _PROFILES or (platform is Platform.GKE and not knows(version, GKE_PROFILE)):
        return ""
    return platform.value


def platform_of(mesh: Mesh, asked: str = "") -> Found:
    """The platform, asked for or told by the mesh.

    Raises:
        UsageError: the one asked for is not known.
    """
    if asked:
        return Found(_named(asked), "the caller said so")
    told = [(found, node) for node in mesh.of(NODE) if (found := _of_node(node))]
    if told:
        counts = Counter(found[0] for found, _ in told)
        platform = max(counts, key=lambda each: (counts[each], each))
        field, node = next((found[1], node) for found, node in told if found[0] is platform)
        return Found(platform, f"{counts[platform]} of {len(mesh.of(NODE))} nodes say so", node.id, field)
    return _without_nodes(mesh)


def _named(asked: str) -> Platform:
    try:
        return Platform(asked)
    except ValueError as error:
        known = ", ".join(Platform)
        raise UsageError(f"platform {asked!r} is not known", remedy=f"give one of {known}") from error


def _without_nodes(mesh: Mesh) -> Found:
    for resource in _openshift_objects(mesh):
        return Found(Platform.OPENSHIFT, "OpenShift's objects are there", resource)
    why = "no node names a platform that needs settings of its own" if mesh.of(NODE) else "no nodes were read"
    return Found(Platform.OTHER, why, assumed=True)


def _openshift_objects(mesh: Mesh) -> Iterator[ObjectId]:
    yield from (each.id for each in mesh.of(DEPLOYMENT_CONFIG))
    yield from (each.id for each in mesh.others if each.api_version.partition("/")[0].endswith(".openshift.io"))
    yield from (each.id for each in mesh.of(NAMESPACE) if "openshift.io/sa.scc.mcs" in each.meta.annotations)


def _of_node(node: Resource[Node]) -> tuple[Platform, str] | None:
    for platform, field in _SIGNS:
        told = field(node)
        if told:
            return platform, told
    return None


def _label(prefix: str) -> Callable[[Resource[Node]], str]:
    """A sign: any label that starts so."""
    return lambda node: next((f"metadata.labels[{key}]" for key in node.meta.labels if key.startswith(prefix)), "")


def _kubelet(part: str) -> Callable[[Resource[Node]], str]:
    """A sign: the kubelet's version contains this."""

    def sign(node: Resource[Node]) -> str:
        info = node.view.status.node_info
        return "status.nodeInfo.kubeletVersion" if info and part in info.kubelet_version else ""

    return sign


def _provider(prefix: str) -> Callable[[Resource[Node]], str]:
    """A sign: the cloud's name for the machine starts so."""
    return lambda node: "spec.providerID" if node.view.spec.provider_id.startswith(prefix) else ""


def _k3d(node: Resource[Node]) -> str:
    return _kubelet("+k3s")(node) if node.meta.name.startswith("k3d-") else ""


_SIGNS: tuple[tuple[Platform, Callable[[Resource[Node]], str]], ...] = (
    (Platform.OPENSHIFT, _label("node.openshift.io/os_id")),
    (Platform.GKE, _label("cloud.google.com/gke-")),
    (Platform.GKE, _kubelet("-gke.")),
    (Platform.EKS, _label("eks.amazonaws.com/")),
    (Platform.EKS, _kubelet("-eks-")),
    (Platform.AKS, _label("kubernetes.azure.com/")),
    (Platform.K3D, _k3d),
    (Platform.K3S, _kubelet("+k3s")),
    (Platform.RKE2, _kubelet("+rke2")),
    (Platform.MICROK8S, _label("microk8s.io/")),
    (Platform.MINIKUBE, _label("minikube.k8s.io/")),
    (Platform.KIND, _provider("kind://")),
    (Platform.GKE, _provider("gce://")),
    (Platform.EKS, _provider("aws://")),
    (Platform.AKS, _provider("azure://")),
)
"""Signs in the order in which they are believed; OpenShift and k3s run on clouds whose names come last."""

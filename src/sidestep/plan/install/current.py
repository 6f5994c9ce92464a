"""The control plane that is there: which istiod, which mesh config, which Helm releases.

Of Helm's own memory (Secrets) nothing is read; what a release was given shows in the objects that it made.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.kinds import CONFIG_MAP, DAEMON_SET, DEPLOYMENT
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Revision
from sidestep.model.pods import Container
from sidestep.model.resource import Resource
from sidestep.model.views.apps import Controller
from sidestep.model.views.core import ConfigMap
from sidestep.plan.install.releases import minor
from sidestep.plan.install.trees import plain_mapping
from sidestep.semantics.images import release_of
from sidestep.semantics.mesh_config import MeshConfig, mesh_configs

DEFAULT = Revision("default")
ROOT = "istio-system"
_MESH = "data.mesh"
_REV = "istio.io/rev"
_RELEASE = "meta.helm.sh/release-name"
_RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
_MANAGED_BY, _INSTANCE = "app.kubernetes.io/managed-by", "app.kubernetes.io/instance"
_SAIL = frozenset({"IstioRevision", "Istio", "IstioCNI", "ZTunnel"})


class Istiod(Struct, frozen=True):
    """One istiod Deployment.

    Attributes:
        resource: the Deployment.
        container: its `discovery` container.
        revision: whose it is.
        version: of its image, where the tag says it.
    """

    resource: Resource[Controller]
    container: Container
    revision: Revision
    version: str | None


class Current(Struct, frozen=True):
    """What is installed of Istio.

    Attributes:
        namespace: of the control plane.
        revision: the one to change or to add.
        istiod: its Deployment; None where it does not run yet or was not read.
        template: the Deployment whose settings a new revision takes over; the same as `istiod` where that exists.
        others: revisions that run beside it.
        mesh_config: the ConfigMap of the mesh's settings, or who asks for the control plane where there is none.
        mesh_field: where in it they stand.
        mesh: those settings, unknown ones included; None where they could not be read.
        injector: the ConfigMap of the injector.
        values: the Helm values that the injector was given.
        cni: istio-cni's DaemonSet.
        ztunnel: ztunnel's DaemonSet.
    """

    namespace: str
    revision: Revision
    istiod: Istiod | None
    template: Istiod | None
    others: tuple[Istiod, ...]
    mesh_config: Resource[Any] | None
    mesh_field: str
    mesh: dict[str, Any] | None
    injector: Resource[ConfigMap] | None
    values: dict[str, Any]
    cni: Resource[Controller] | None
    ztunnel: Resource[Controller] | None

    @property
    def suffix(self) -> str:
        """What names of the revision's objects end in."""
        return "" if self.revision == DEFAULT else f"-{self.revision}"

    @property
    def version(self) -> str:
        """What runs, of this revision or the one it follows; empty where nothing tells."""
        return (self.template.version if self.template else None) or ""


def current(mesh: Mesh, sidecars: Mapping[Revision, int], asked: str = "") -> Current:
    """The control plane to change: the revision asked for, or the one that most sidecars obey."""
    found = sorted(istiods(mesh), key=lambda each: _weight(each, sidecars))
    chosen = next((each for each in found if each.revision == asked), None) if asked else next(iter(found), None)
    template = chosen or next(iter(found), None)
    namespace = template.resource.meta.namespace if template else ROOT
    revision = Revision(asked) if asked else chosen.revision if chosen else DEFAULT
    read_as = template.revision if template else revision
    settings = _config_map(mesh, "istio", read_as, namespace)
    asked_for = _asked_for(mesh, read_as, namespace) if settings is None else None
    injector = _config_map(mesh, "istio-sidecar-injector", read_as, namespace)
    return Current(
        namespace,
        revision,
        chosen,
        template,
        tuple(each for each in found if each is not chosen),
        asked_for.resource if asked_for else settings,
        asked_for.field if asked_for else _MESH,
        asked_for.values if asked_for else plain_mapping((settings.view.data or {}).get("mesh")) if settings else None,
        injector,
        (plain_mapping((injector.view.data or {}).get("values")) or {}) if injector else {},
        node_agent(mesh, "install-cni", "istio-cni"),
        node_agent(mesh, "istio-proxy", "ztunnel"),
    )


def istiods(mesh: Mesh) -> Iterator[Istiod]:
    """Every istiod Deployment."""
    for deployment in mesh.of(DEPLOYMENT):
        template = deployment.view.spec.template
        container = _container(template.spec.containers, "discovery") if template else None
        if (
            template
            and container
            and "istiod" in (template.metadata.labels.get("app"), deployment.meta.labels.get("app"))
        ):
            labels = (template.metadata.labels, deployment.meta.labels)
            revision = next((each[_REV] for each in labels if each.get(_REV)), None) or variable(container, "REVISION")
            yield Istiod(deployment, container, Revision(revision or DEFAULT), release_of(container.image))


def node_agent(mesh: Mesh, container: str, name: str) -> Resource[Controller] | None:
    """The DaemonSet of istio-cni or ztunnel: told by its container and its name, which the charts allow to extend."""
    for daemon_set in mesh.of(DAEMON_SET):
        template = daemon_set.view.spec.template
        labels = template.metadata.labels if template else {}
        named = name in (labels.get("app"), labels.get("app.kubernetes.io/name"), daemon_set.meta.name)
        if (
            template
            and _container(template.spec.containers, container)
            and (named or daemon_set.meta.name == f"{name}-node")
        ):
            return daemon_set
    return None


def variable(container: Container, name: str) -> str | None:
    """A literal environment variable; None where it is absent or its value was not read."""
    return next((each.value for each in container.env or () if each.name == name), None)


def helm_release(resource: Resource[Any] | None) -> str | None:
    """The Helm release that made an object: Helm's annotation, or in a rendered manifest the chart's own labels."""
    if resource is None:
        return None
    labels = resource.meta.labels
    rendered = labels.get(_INSTANCE) if labels.get(_MANAGED_BY) == "Helm" else None
    return resource.meta.annotations.get(_RELEASE) or rendered


def is_operated(resource: Resource[Any] | None) -> bool:
    """Whether the Sail operator (OpenShift Service Mesh 3) made it and puts back what others change."""
    return resource is not None and any(owner.kind in _SAIL for owner in resource.meta.owner_references)


def release_namespace(resource: Resource[Any] | None, usual: str) -> str:
    """The namespace of the Helm release that made an object: Helm's word, else the object's own."""
    if resource is None:
        return usual
    return resource.meta.annotations.get(_RELEASE_NAMESPACE) or resource.meta.namespace


def _weight(istiod: Istiod, sidecars: Mapping[Revision, int]) -> tuple[int, tuple[int, int], str]:
    """Most sidecars first, then the newest, then by name."""
    major, patch = minor(istiod.version) or (0, 0)
    return (-sidecars.get(istiod.revision, 0), (-major, -patch), istiod.resource.meta.name)


def _config_map(mesh: Mesh, name: str, revision: Revision, namespace: str) -> Resource[ConfigMap] | None:
    return mesh.find(CONFIG_MAP, namespace, name if revision == DEFAULT else f"{name}-{revision}")


def _asked_for(mesh: Mesh, revision: Revision, namespace: str) -> MeshConfig | None:
    """What an operator, Helm or GitOps is told of a control plane; the only one there is, whatever its revision.

    Its root namespace is written out where that of the chart would be another one.
    """
    every = [each for each in mesh_configs(mesh) if each.resource.kind != CONFIG_MAP.name]
    own = [each for each in every if (each.revision or DEFAULT) == revision]
    found = next(iter(own or (every if len(every) == 1 else ())), None)
    if found is None or found.root_namespace == namespace:
        return found
    return replace(found, values={**found.values, "rootNamespace": found.root_namespace})


def _container(containers: tuple[Container, ...] | None, name: str) -> Container | None:
    return next((container for container in containers or () if container.name == name), None)

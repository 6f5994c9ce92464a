"""What the injector would do now: who is injected, with what, and whether sidecars speak HBONE."""

from typing import Any

from msgspec import Struct

from sidestep.model.kinds import CONFIG_MAP, DEPLOYMENT, WEBHOOK
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Revision
from sidestep.model.quantity import Resources
from sidestep.model.resource import Resource
from sidestep.plan.install.current import istiods, variable
from sidestep.semantics.injectors import DEFAULT, Injectors, injectors
from sidestep.semantics.loose import as_dict
from sidestep.semantics.mesh_config import mesh_configs
from sidestep.semantics.proxy_resources import default_requests

HBONE = "ISTIO_META_ENABLE_HBONE"
_AMBIENT = "PILOT_ENABLE_AMBIENT"
_ISTIO = "istio"


class ControlPlane(Struct, frozen=True):
    """The injectors of a mesh and what they give to a sidecar.

    Attributes:
        injectors: who injects.
        hbone: revisions whose sidecars take HBONE, by istiod's environment or the mesh's settings.
        requests: of a sidecar by default, by revision.
    """

    injectors: Injectors
    hbone: frozenset[str]
    requests: dict[str, Resources]

    def gives_hbone(self, revision: Revision | None) -> bool:
        """Whether a new sidecar takes HBONE."""
        return (revision or DEFAULT) in self.hbone

    def default_requests(self, revision: Revision | None) -> Resources:
        """What a new sidecar requests, unless its pod says otherwise."""
        return self.requests.get(revision or DEFAULT, self.requests[DEFAULT])


def control_plane(mesh: Mesh) -> ControlPlane:
    """The control plane of a mesh."""
    found = injectors(mesh)
    revisions = {DEFAULT, *found.revisions}
    ambient = {each.revision for each in istiods(mesh) if variable(each.container, _AMBIENT) == "true"}
    return ControlPlane(
        found,
        frozenset(ambient | _with_hbone(mesh)),
        {revision: default_requests(mesh, revision) for revision in revisions},
    )


def decides(resource: Resource[Any]) -> bool:
    """Whether a control plane changes with an object."""
    kind, name = resource.kind, resource.meta.name
    return kind == WEBHOOK.name or (kind in (CONFIG_MAP.name, DEPLOYMENT.name) and name.startswith(_ISTIO))


def _with_hbone(mesh: Mesh) -> set[str]:
    """Revisions whose mesh settings say so."""
    found = set()
    for config in mesh_configs(mesh):
        metadata = as_dict(as_dict(config.values.get("defaultConfig")).get("proxyMetadata"))
        if str(metadata.get(HBONE)).lower() == "true":
            found.add(config.revision or DEFAULT)
    return found

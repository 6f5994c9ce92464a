"""The mesh-wide settings that decisions depend on, each with what it was read from.

Source: istio-semantics.md §3.1 to §3.3; istio/api mesh/v1alpha1 for defaults. Of several control planes the default
revision's configuration is taken, or the first by name.
"""

from typing import Any

from msgspec import Struct

from sidestep.model.kinds import DEPLOYMENT
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.semantics.authorization.trust import Bundle
from sidestep.semantics.extension_providers import Authorizer, authorizers
from sidestep.semantics.identity import DEFAULT_TRUST_DOMAIN
from sidestep.semantics.loose import as_dict, as_strings, as_text
from sidestep.semantics.mesh_config import DEFAULT_ROOT, mesh_configs
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.routing.defaults import MeshDefaults, mesh_defaults
from sidestep.semantics.trees import go_bool
from sidestep.semantics.versions import IstioVersion, istio_version


class Settings(Struct, frozen=True):
    """What holds for the whole mesh.

    Attributes:
        version: of Istio.
        root_namespace: where policies are mesh-wide.
        bundle: trust domain and aliases.
        registry_only: whether sidecars refuse hosts that the mesh does not know.
        normalisation: of paths.
        authorizers: external ones, by name.
        flags: environment of istiod.
        routing: what routing takes from the configuration.
        config: the ConfigMap; None where none was read and the defaults are taken.
    """

    version: IstioVersion
    root_namespace: str = DEFAULT_ROOT
    bundle: Bundle = Bundle()
    registry_only: bool = False
    normalisation: PathNormalisation = PathNormalisation.BASE
    authorizers: dict[str, Authorizer] = {}
    flags: dict[str, str] = {}
    routing: MeshDefaults = MeshDefaults()
    config: ObjectId | None = None

    @property
    def trust_domain(self) -> str:
        """The mesh's own."""
        return self.bundle.domains[0]

    def flag(self, name: str, *, default: bool) -> bool:
        """A switch of istiod."""
        return default if (told := go_bool(self.flags.get(name, ""))) is None else told


def settings(mesh: Mesh, version: IstioVersion | None = None) -> Settings:
    """The settings of a mesh; `version` where the user names it."""
    told = version or istio_version(mesh)
    flags = _flags(mesh)
    configs = sorted(mesh_configs(mesh), key=lambda config: (config.resource.meta.name != "istio", config.resource.id))
    if not configs:
        return Settings(told, flags=flags)
    config = configs[0]
    values = config.values
    domains = (
        as_text(values.get("trustDomain")) or DEFAULT_TRUST_DOMAIN,
        *as_strings(values.get("trustDomainAliases")),
    )
    return Settings(
        told,
        config.root_namespace,
        Bundle(domains),
        config.registry_only,
        _normalisation(values),
        authorizers(values),
        flags,
        mesh_defaults(values, config.resource.id),
        config.resource.id,
    )


def _normalisation(values: dict[str, Any]) -> PathNormalisation:
    written = as_text(as_dict(values.get("pathNormalization")).get("normalization"))
    return PathNormalisation(written) if written in list(PathNormalisation) else PathNormalisation.BASE


def _flags(mesh: Mesh) -> dict[str, str]:
    found: dict[str, str] = {}
    for deployment in mesh.of(DEPLOYMENT):
        template = deployment.view.spec.template
        if template is None or not deployment.meta.name.startswith("istiod"):
            continue
        for container in template.spec.containers or ():
            found |= {variable.name: variable.value or "" for variable in container.env or ()}
    return found

"""The mesh-wide settings that decisions depend on, each with what it was read from.

Source: istio-semantics.md §3.1 to §3.3; istio/api mesh/v1alpha1 for defaults. Of several control planes the default
revision's configuration is taken, or the first by name; where others differ, what their proxies do is unknown.
"""

from typing import Any

from msgspec import Struct

from sidestep.model.kinds import CONFIG_MAP, DEPLOYMENT
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.apps import Controller, PodTemplate
from sidestep.semantics.authorization.trust import Bundle
from sidestep.semantics.control_planes import Planes, planes
from sidestep.semantics.extension_providers import Authorizer, authorizers, refused_authorizers
from sidestep.semantics.identity import DEFAULT_TRUST_DOMAIN
from sidestep.semantics.installations import installations
from sidestep.semantics.loose import as_dict, as_strings, as_text
from sidestep.semantics.mesh_config import DEFAULT_ROOT, configures, mesh_configs
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.routing.defaults import MeshDefaults, mesh_defaults
from sidestep.semantics.trees import go_bool
from sidestep.semantics.versions import ISTIOD, IstioVersion, is_istiod, istio_version

LAYERED = "ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES"


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
        config: what says so, as a rule a ConfigMap; None where none was read and the defaults are taken.
        refused_authorizers: those that istiod refuses, in words.
        planes: control planes that have other settings than these.
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
    refused_authorizers: tuple[str, ...] = ()
    planes: Planes = Planes()

    @property
    def trust_domain(self) -> str:
        """The mesh's own."""
        return self.bundle.domains[0]

    @property
    def several_authorizers(self) -> bool:
        """Whether one workload's requests may be asked of several; otherwise they are refused."""
        return self.flag("PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS", default=False)

    @property
    def admits_waypoints(self) -> bool:
        """Whether istiod adds an ALLOW for waypoints to whom they serve (D23)."""
        return self.flag("PILOT_AUTO_ALLOW_WAYPOINT_POLICY", default=False)

    @property
    def layered(self) -> bool:
        """Whether policies by selector are judged before a waypoint, too, on its own labels (D24)."""
        return self.flag(LAYERED, default=False)

    @property
    def pins_headless(self) -> bool:
        """Whether sidecars pass what a route sends to a headless Service to the address that was dialled."""
        return not self.flag("PILOT_ENABLE_EDS_FOR_HEADLESS_SERVICES", default=False)

    def flag(self, name: str, *, default: bool) -> bool:
        """A switch of istiod."""
        return default if (told := go_bool(self.flags.get(name, ""))) is None else told


def settings(mesh: Mesh, version: IstioVersion | None = None) -> Settings:
    """The settings of a mesh; `version` where the user names it."""
    told = version or istio_version(mesh)
    flags = _flags(mesh)
    configs = mesh_configs(mesh)
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
        refused_authorizers(values),
        planes(configs),
    )


def counts_for_settings(resource: Resource[Any]) -> bool:
    """Whether an object may say anything of them: Istio's configuration, and its control planes."""
    if resource.kind == DEPLOYMENT.name:
        return is_istiod(resource)
    return resource.kind == CONFIG_MAP.name and configures(resource)


def _normalisation(values: dict[str, Any]) -> PathNormalisation:
    written = as_text(as_dict(values.get("pathNormalization")).get("normalization"))
    return PathNormalisation(written) if written in list(PathNormalisation) else PathNormalisation.BASE


def _flags(mesh: Mesh) -> dict[str, str]:
    """Of the istiods that were read, or as they are asked for."""
    running = [template for each in mesh.of(DEPLOYMENT) if (template := _of_istiod(each)) is not None]
    found: dict[str, str] = {}
    for template in running:
        for container in template.spec.containers or ():
            found |= {variable.name: variable.value or "" for variable in container.env or ()}
    for each in () if running else installations(mesh):
        found |= each.stated.environment
    return found


def _of_istiod(deployment: Resource[Controller]) -> PodTemplate | None:
    return deployment.view.spec.template if deployment.meta.name.startswith(ISTIOD) else None

"""What the mesh-wide configuration says: ConfigMap `istio` or `istio-REVISION`, key `mesh`, or who asks for it.

Source: istio-semantics.md §3.1 (root namespace), §4.4 (outboundTrafficPolicy); istio/api mesh/v1alpha1 for defaults.
"""

from functools import lru_cache
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import CONFIG_MAP
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.model.views.core import ConfigMap
from sidestep.semantics.embedded import embedded_yaml
from sidestep.semantics.installations import Installation, installations
from sidestep.semantics.loose import as_dict, as_text

DEFAULT_ROOT = "istio-system"
DEFAULT_TRUST_DOMAIN = "cluster.local"
_NAME = "istio"
_CILIUM = "cilium-config"


def configures(resource: Resource[Any]) -> bool:
    """Whether an object may say how the mesh works: of ConfigMaps those of Istio and Cilium may, and no others."""
    return resource.kind != CONFIG_MAP.name or resource.meta.name == _CILIUM or _is_of_istio(resource)


def _is_of_istio(resource: Resource[Any]) -> bool:
    return resource.meta.name == _NAME or resource.meta.name.startswith(f"{_NAME}-")


class MeshConfig(Struct, frozen=True):
    """One control plane's configuration and where it stands.

    Attributes:
        resource: its ConfigMap, or the object that asks for the control plane.
        values: what it says.
        revision: of the control plane; empty for the default one.
        namespace: where that runs.
        field: where in the object the values stand.
    """

    resource: Resource[Any]
    values: dict[str, Any]
    revision: str
    namespace: str
    field: str

    @property
    def root_namespace(self) -> str:
        """Where policies without a selector hold mesh-wide."""
        return as_text(self.values.get("rootNamespace")) or self.namespace or DEFAULT_ROOT

    @property
    def registry_only(self) -> bool:
        """Whether sidecars refuse hosts that the mesh does not know."""
        return as_dict(self.values.get("outboundTrafficPolicy")).get("mode") == "REGISTRY_ONLY"


def mesh_configs(mesh: Mesh) -> tuple[MeshConfig, ...]:
    """The configuration of every control plane that was read, the default one's first; none where nothing says any.

    Objects that ask for a control plane speak where its ConfigMap was not read: they may be newer than it is.
    """
    found = [config for resource in mesh.of(CONFIG_MAP) if (config := mesh_config(resource)) is not None]
    made = {config.revision for config in found}
    asked = (_asked(each) for each in installations(mesh))
    found += (config for config in asked if config.revision not in made)
    return tuple(sorted(found, key=lambda each: (each.revision != "", each.resource.id)))


def mesh_config(resource: Resource[ConfigMap]) -> MeshConfig | None:
    """What a ConfigMap says of a mesh; None for one that is about something else."""
    values = _parsed((resource.view.data or {}).get("mesh")) if _is_of_istio(resource) else None
    if values is None:
        return None
    revision = resource.meta.name.removeprefix(_NAME).removeprefix("-")
    return MeshConfig(resource, values, revision, resource.meta.namespace, "data.mesh")


def _asked(found: Installation) -> MeshConfig:
    stated = found.stated
    return MeshConfig(found.resource, stated.mesh, stated.revision, stated.namespace, stated.field)


def root_namespaces(mesh: Mesh) -> frozenset[str]:
    """Where mesh-wide policies stand; Istio's default where no configuration was read."""
    return frozenset(config.root_namespace for config in mesh_configs(mesh)) or frozenset({DEFAULT_ROOT})


def trust_domains(mesh: Mesh) -> frozenset[str]:
    """Trust domains of the control planes; Istio's default where none is written."""
    written = (as_text(config.values.get("trustDomain")) for config in mesh_configs(mesh))
    return frozenset(name or DEFAULT_TRUST_DOMAIN for name in written) or frozenset({DEFAULT_TRUST_DOMAIN})


@lru_cache(maxsize=16)
def _parsed(text: str | None) -> dict[str, Any] | None:
    """Many rules ask, and YAML is slow; nobody changes what is returned."""
    return embedded_yaml(text)

"""Control planes beside the one whose configuration is taken for the mesh's, where they would judge otherwise.

Source: istio/api mesh/v1alpha1. A canary of the same configuration is none of these. Ztunnel has one control plane.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from sidestep.semantics.extension_providers import authorizers
from sidestep.semantics.mesh_config import DEFAULT_TRUST_DOMAIN, MeshConfig

_BOTH = ("trustDomain", "trustDomainAliases", "discoverySelectors", "pathNormalization")
_SENDERS = (
    "outboundTrafficPolicy", "defaultHttpRetryPolicy", "defaultServiceExportTo", "defaultVirtualServiceExportTo",
    "defaultDestinationRuleExportTo",
)  # fmt: skip
"""What counts only for whoever sends."""
_UNSAID = {"trustDomain": DEFAULT_TRUST_DOMAIN, "outboundTrafficPolicy": {"mode": "ALLOW_ANY"}}
_ROOT, _PROVIDERS = "rootNamespace", "extensionProviders"
_DEFAULT = "default"


class Apart(Struct, frozen=True):
    """A control plane that judges otherwise: its configuration, and the fields in which it differs."""

    config: MeshConfig
    fields: tuple[str, ...]


class Planes(Struct, frozen=True):
    """Control planes that do not judge alike; empty where all do, or there is but one.

    Attributes:
        chosen: the configuration that is taken for the mesh's, in words.
        fields: by revision, those in which it differs from the chosen one.
    """

    chosen: str = ""
    fields: dict[str, tuple[str, ...]] = {}

    def doubt(self, revision: str, *, sends: bool) -> str:
        """Why what is known of the mesh may not hold for a proxy of a revision; empty where it does."""
        if not self.fields:
            return ""
        told = self.fields.get("" if revision == _DEFAULT else revision)
        if told is None:
            named = f"of revision {revision}" if revision else "that tells no revision"
            return f"it has a proxy {named}, whose configuration was not read, and that of others differs"
        told = tuple(name for name in told if name != _PROVIDERS) if sends else _but_for_senders(told)
        if not told:
            return ""
        return f"its control plane, revision {revision or _DEFAULT}, differs in {', '.join(told)} from {self.chosen}"


def planes(configs: Sequence[MeshConfig]) -> Planes:
    """Those of which these are the configurations, the one that is taken for the mesh's first."""
    if not (others := apart(configs)):
        return Planes()
    found: dict[str, tuple[str, ...]] = {each.revision: () for each in configs}
    found |= {each.config.revision: each.fields for each in others}
    return Planes(str(configs[0].resource.id), found)


def apart(configs: Sequence[MeshConfig]) -> tuple[Apart, ...]:
    """Those that differ from the first, in order."""
    found = ((each, tuple(_differing(configs[0], each))) for each in configs[1:])
    return tuple(Apart(each, fields) for each, fields in found if fields)


def _differing(one: MeshConfig, other: MeshConfig) -> Iterator[str]:
    if one.root_namespace != other.root_namespace:
        yield _ROOT
    for name in (*_BOTH, *_SENDERS):
        if _told(one, name) != _told(other, name):
            yield name
    if authorizers(one.values) != authorizers(other.values):
        yield _PROVIDERS


def _told(config: MeshConfig, field: str) -> Any:
    """What it says, or the default where it does not."""
    return config.values.get(field) or _UNSAID.get(field)


def _but_for_senders(fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in fields if name not in _SENDERS)

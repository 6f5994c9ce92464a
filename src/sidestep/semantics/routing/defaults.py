"""What the mesh-wide configuration says about routing, as an input of every decision.

Source: istio/api mesh/v1alpha1 (MeshConfig); pilot/pkg/model/push_context.go (default exports).
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sidestep.model.metadata import ObjectId
from sidestep.semantics.loose import as_dict
from sidestep.semantics.routing.hosts import DOMAIN
from sidestep.semantics.trees import MalformedError, mapping, strings, text

ALLOW_ANY = "ALLOW_ANY"
REGISTRY_ONLY = "REGISTRY_ONLY"
_PUBLIC = ("*",)


class MeshDefaults(Struct, frozen=True):
    """Mesh-wide settings.

    Attributes:
        virtual_service_export_to: for VirtualServices that say nothing.
        destination_rule_export_to: likewise.
        service_export_to: likewise for Services and ServiceEntries.
        outbound: what sidecars do with unknown hosts.
        outbound_object: what says so; None for Istio's own default.
        retries: `defaultHttpRetryPolicy`; None for Istio's own default.
        domain: the cluster's.
        alpha_routes: whether istiod reads kinds of routes that its release has as alpha; None where that is not known.
        places: what it says of places to prefer (`localityLbSetting`).
        ends_tls: whether sidecars end TLS of others where a Sidecar says so.
        object: the whole configuration.
        unknown: why part of it cannot be told.
    """

    virtual_service_export_to: tuple[str, ...] = _PUBLIC
    destination_rule_export_to: tuple[str, ...] = _PUBLIC
    service_export_to: tuple[str, ...] = _PUBLIC
    outbound: str = ALLOW_ANY
    outbound_object: ObjectId | None = None
    retries: Mapping[str, Any] | None = None
    domain: str = DOMAIN
    alpha_routes: bool | None = None
    places: Mapping[str, Any] = {}
    ends_tls: bool = False
    object: ObjectId | None = None
    unknown: str = ""


ISTIO_DEFAULTS = MeshDefaults()
"""Of a mesh that says nothing."""


def mesh_defaults(values: Mapping[str, Any], says: ObjectId | None) -> MeshDefaults:
    """What a MeshConfig (key `mesh` of ConfigMap `istio`) says; fields of wrong types make it unknown."""
    try:
        mode = text(mapping(values.get("outboundTrafficPolicy"), "outboundTrafficPolicy").get("mode"), "mode")
        policy = values.get("defaultHttpRetryPolicy")
        return MeshDefaults(
            _exports(values, "defaultVirtualServiceExportTo"),
            _exports(values, "defaultDestinationRuleExportTo"),
            _exports(values, "defaultServiceExportTo"),
            mode or ALLOW_ANY,
            says if mode else None,
            None if policy is None else mapping(policy, "defaultHttpRetryPolicy"),
            places=as_dict(values.get("localityLbSetting")),
            object=says,
        )
    except MalformedError as error:
        return MeshDefaults(object=says, unknown=f"{says or 'mesh configuration'}: {error}")


def _exports(values: Mapping[str, Any], field: str) -> tuple[str, ...]:
    return strings(values.get(field), field) or _PUBLIC

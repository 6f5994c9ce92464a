"""Which objects need a proxy that reads HTTP, and what else decides what comes after a sidecar.

Source: istio-semantics.md §3.5 (what ztunnel keeps of a policy), §3.10 and §4.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model import kinds
from sidestep.model.kinds import Kind
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.loose import as_dict, as_dicts, as_strings
from sidestep.semantics.own_filters import only_measures
from sidestep.semantics.routing.hosts import MESH

_L4_CONDITIONS = frozenset({"source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"})
_EXCLUSION = "traffic.sidecar.istio.io/"
_L7_OPERATIONS = ("hosts", "notHosts", "methods", "notMethods", "paths", "notPaths")
_L7_SOURCES = (
    "remoteIpBlocks",
    "notRemoteIpBlocks",
    "requestPrincipals",
    "notRequestPrincipals",
    "trustDomains",
    "notTrustDomains",
)
"""What ztunnel cannot judge of a source; trust domains are no HTTP, and all the same it has no field for them."""


class Feature(StrEnum):
    """What a namespace uses of Istio."""

    L7_POLICY = "l7-policy"
    L4_POLICY = "l4-policy"
    CUSTOM_POLICY = "custom-policy"
    JWT = "jwt"
    ROUTES = "routes"
    TRAFFIC_POLICY = "traffic-policy"
    ENVOY_FILTER = "envoy-filter"
    WASM = "wasm"
    TELEMETRY = "telemetry"
    STRICT_MTLS = "strict-mtls"
    PERMISSIVE_MTLS = "permissive-mtls"
    DISABLED_MTLS = "disabled-mtls"
    SIDECAR_SCOPE = "sidecar-scope"
    SERVICE_ENTRY = "service-entry"
    TRAFFIC_EXCLUSION = "traffic-exclusion"


LAYER7 = frozenset(
    {
        Feature.L7_POLICY,
        Feature.CUSTOM_POLICY,
        Feature.JWT,
        Feature.ROUTES,
        Feature.TRAFFIC_POLICY,
        Feature.ENVOY_FILTER,
        Feature.WASM,
    }
)
"""Features that need a sidecar or a waypoint."""


class Use(Struct, frozen=True):
    """One object's use of a feature."""

    feature: Feature
    resource: Resource[Spec]


def features_of(kind: Kind[Spec], resource: Resource[Spec]) -> tuple[Feature, ...]:
    """The features that one object uses."""
    judge = _JUDGES.get(kind.key)
    return judge(resource.view.spec or {}) if judge else ()


def excludes_traffic(annotations: Labels) -> bool:
    """Whether a pod's annotations keep traffic past its sidecar; ambient ignores them all (istio-semantics.md §1.5)."""
    return any(name.startswith(_EXCLUSION) for name in annotations)


def is_layer7_policy(spec: dict[str, Any]) -> bool:
    """Whether an AuthorizationPolicy's rules look at anything that ztunnel cannot judge."""
    return any(_is_layer7_rule(rule) for rule in as_dicts(spec.get("rules")))


def _authorization(spec: dict[str, Any]) -> tuple[Feature, ...]:
    if spec.get("action") == "CUSTOM":
        return (Feature.CUSTOM_POLICY,)
    return (Feature.L7_POLICY,) if is_layer7_policy(spec) or spec.get("action") == "AUDIT" else (Feature.L4_POLICY,)


def _is_layer7_rule(rule: dict[str, Any]) -> bool:
    operations = [as_dict(item.get("operation")) for item in as_dicts(rule.get("to"))]
    sources = [as_dict(item.get("source")) for item in as_dicts(rule.get("from"))]
    return (
        any(operation.get(field) for operation in operations for field in _L7_OPERATIONS)
        or any(source.get(field) for source in sources for field in _L7_SOURCES)
        or any(str(condition.get("key")) not in _L4_CONDITIONS for condition in as_dicts(rule.get("when")))
    )


def _virtual_service(spec: dict[str, Any]) -> tuple[Feature, ...]:
    meshed = not spec.get("gateways") or MESH in as_strings(spec.get("gateways"))
    return (Feature.ROUTES,) if meshed else ()


def _destination_rule(spec: dict[str, Any]) -> tuple[Feature, ...]:
    """A rule that only asks for Istio's own mTLS, or for none, says nothing to ztunnel, nor to waypoints."""
    policy = as_dict(spec.get("trafficPolicy"))
    mode = str(as_dict(policy.get("tls")).get("mode", "DISABLE"))
    plain = set(policy) <= {"tls"} and mode in ("ISTIO_MUTUAL", "DISABLE") and not spec.get("subsets")
    return () if plain else (Feature.TRAFFIC_POLICY,)


def _route(spec: dict[str, Any]) -> tuple[Feature, ...]:
    parents = as_dicts(spec.get("parentRefs"))
    return (Feature.ROUTES,) if any(parent.get("kind") in ("Service", "ServiceEntry") for parent in parents) else ()


def _peer_authentication(spec: dict[str, Any]) -> tuple[Feature, ...]:
    levels = (spec.get("mtls"), *as_dict(spec.get("portLevelMtls")).values())
    modes = {str(as_dict(level).get("mode")) for level in levels}
    named = {
        "STRICT": Feature.STRICT_MTLS,
        "PERMISSIVE": Feature.PERMISSIVE_MTLS,
        "DISABLE": Feature.DISABLED_MTLS,
    }
    return tuple(feature for mode, feature in named.items() if mode in modes)


def _envoy_filter(spec: dict[str, Any]) -> tuple[Feature, ...]:
    return (Feature.TELEMETRY if only_measures(spec) else Feature.ENVOY_FILTER,)


def _always(feature: Feature) -> Callable[[dict[str, Any]], tuple[Feature, ...]]:
    return lambda _: (feature,)


_JUDGES: dict[str, Callable[[dict[str, Any]], tuple[Feature, ...]]] = {
    kinds.AUTHORIZATION_POLICY.key: _authorization,
    kinds.REQUEST_AUTHENTICATION.key: _always(Feature.JWT),
    kinds.PEER_AUTHENTICATION.key: _peer_authentication,
    kinds.VIRTUAL_SERVICE.key: _virtual_service,
    kinds.DESTINATION_RULE.key: _destination_rule,
    kinds.HTTP_ROUTE.key: _route,
    kinds.GRPC_ROUTE.key: _route,
    kinds.ENVOY_FILTER.key: _envoy_filter,
    kinds.WASM_PLUGIN.key: _always(Feature.WASM),
    kinds.TRAFFIC_EXTENSION.key: _always(Feature.WASM),
    kinds.TELEMETRY.key: _always(Feature.TELEMETRY),
    kinds.SIDECAR.key: _always(Feature.SIDECAR_SCOPE),
    kinds.SERVICE_ENTRY.key: _always(Feature.SERVICE_ENTRY),
}

"""What the annotations of a sidecar did for a pod, and what is left of it in ambient.

Source: istio-semantics.md §1.5, D29, D61.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from sidestep.convert.rewrite import Severity
from sidestep.semantics.embedded import embedded_yaml
from sidestep.semantics.loose import as_dict

INJECT = "sidecar.istio.io/inject"
INTERFACES = "traffic.sidecar.istio.io/kubevirtInterfaces"
REROUTE = "istio.io/reroute-virtual-interfaces"
_CONFIG = "proxy.istio.io/config"
_TRAFFIC = "traffic.sidecar.istio.io/"
_PREFIXES = (
    "sidecar.istio.io/",
    "proxy.istio.io/",
    _TRAFFIC,
    "status.sidecar.istio.io/",
    "readiness.status.sidecar.istio.io/",
    "prometheus.istio.io/",
    "inject.istio.io/",
)
_SILENT = frozenset({INJECT, INTERFACES, "sidecar.istio.io/status"})


class Meant(Struct, frozen=True):
    """What an annotation did: in words, why that ends, what to do instead, and what its end may do."""

    did: str
    why: str
    instead: str
    severity: Severity


_CAPTURED = "ambient captures every port and address (D29)"
_KNOWN: Mapping[str, Meant] = {
    f"{_TRAFFIC}excludeInboundPorts": Meant(
        "these ports were reached past the sidecar", f"{_CAPTURED}: mTLS modes and policies hold there now",
        "let plaintext in by portLevelMtls PERMISSIVE, and name the ports in AuthorizationPolicies", Severity.TRAFFIC),
    f"{_TRAFFIC}includeInboundPorts": Meant(
        "all other ports were reached past the sidecar", f"{_CAPTURED}: mTLS modes and policies hold there now",
        "let plaintext in by portLevelMtls PERMISSIVE, and name the ports in AuthorizationPolicies", Severity.TRAFFIC),
    f"{_TRAFFIC}excludeOutboundPorts": Meant(
        "calls to these ports left past the sidecar", _CAPTURED, "see that the callee takes what ztunnel sends",
        Severity.TRAFFIC),
    f"{_TRAFFIC}includeOutboundPorts": Meant(
        "calls to all other ports left past the sidecar", _CAPTURED, "see that the callee takes what ztunnel sends",
        Severity.TRAFFIC),
    f"{_TRAFFIC}excludeOutboundIPRanges": Meant(
        "calls to these addresses left past the sidecar", _CAPTURED, "see that the callee takes what ztunnel sends",
        Severity.TRAFFIC),
    f"{_TRAFFIC}includeOutboundIPRanges": Meant(
        "calls to all other addresses left past the sidecar", _CAPTURED, "see that the callee takes what ztunnel sends",
        Severity.TRAFFIC),
    f"{_TRAFFIC}excludeInterfaces": Meant(
        "an interface was left alone", "ambient captures the pod's interfaces", "check what flows there",
        Severity.TRAFFIC),
    "sidecar.istio.io/interceptionMode": Meant(
        "it chose how the sidecar gets traffic", "ztunnel keeps the client's address, and waypoints show their own",
        "check what the application makes of its peer's address", Severity.TRAFFIC),
    "sidecar.istio.io/userVolumeMount": Meant(
        "it gave the sidecar files, as a rule certificates for its TLS", "ztunnel starts no TLS of that kind",
        "start it at an egress waypoint", Severity.TRAFFIC),
    "sidecar.istio.io/bootstrapOverride": Meant(
        "it changed the configuration of Envoy", "no Envoy is in the pod", "find what needed it", Severity.TRAFFIC),
    "inject.istio.io/templates": Meant(
        "it chose templates of the injector", "nothing is injected", "see what they brought", Severity.TRAFFIC),
}  # fmt: skip
_OBSERVED = ("sidecar.istio.io/stats", "sidecar.istio.io/extraStatTags", "prometheus.istio.io/")
_STATS = Meant("it shaped the sidecar's metrics", "ztunnel and waypoints have their own", "see Telemetry for waypoints",
               Severity.OBSERVABILITY)  # fmt: skip
_SETTING = Meant("it set up the sidecar", "there is none", "nothing", Severity.COSMETIC)
_IN_CONFIG: Mapping[str, Meant] = {
    "tracing": Meant("it shaped the sidecar's traces", "ztunnel makes none", "use Telemetry for waypoints",
                     Severity.OBSERVABILITY),
    "holdApplicationUntilProxyStarts": Meant(
        "the application waited for its sidecar", "ambient captures a pod before its first container starts", "nothing",
        Severity.COSMETIC),
    "OUTPUT_CERTS": Meant(
        "the sidecar wrote the mesh's certificates to files", "ztunnel keeps them to itself",
        "keep the sidecar, or give the application certificates of its own", Severity.TRAFFIC),
}  # fmt: skip


def of_sidecars(annotations: Mapping[str, Any]) -> tuple[str, ...]:
    """The annotations that mean nothing without a sidecar."""
    return tuple(sorted(key for key in annotations if key.startswith(_PREFIXES)))


def meanings(annotations: Mapping[str, Any]) -> Iterator[tuple[str, Meant]]:
    """What each of them did, with its field."""
    for key in of_sidecars(annotations):
        field = f"annotations[{key}]"
        if key == _CONFIG:
            yield from _config(field, annotations[key])
        elif key not in _SILENT:
            other = _STATS if key.startswith(_OBSERVED) else _SETTING
            yield field, _KNOWN.get(key, other)


def _config(field: str, written: Any) -> Iterator[tuple[str, Meant]]:
    """Each setting of a proxy's configuration."""
    values = embedded_yaml(written if isinstance(written, str) else None) or {}
    metadata = as_dict(values.get("proxyMetadata"))
    for key in sorted(map(str, values)):
        if key != "proxyMetadata":
            yield f"{field}.{key}", _IN_CONFIG.get(key, _SETTING)
    for key in sorted(map(str, metadata)):
        yield f"{field}.proxyMetadata.{key}", _IN_CONFIG.get(key, _SETTING)

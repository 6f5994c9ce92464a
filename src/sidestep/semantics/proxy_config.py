"""What a pod's proxy is told to be: the mesh's default, ProxyConfigs, and the pod's own annotation.

Source: istio-semantics.md §1.4 and §1.5; istio/api mesh/v1alpha1/proxy.proto; pkg/kube/inject/webhook.go;
pkg/envoy/agent.go (`terminate`).
Later ones win, field by field: mesh, ProxyConfigs of the root namespace, of the pod's, with a selector, annotation.
"""

import re
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import PROXY_CONFIG
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.semantics.embedded import embedded_yaml
from sidestep.semantics.loose import as_dict, as_text
from sidestep.semantics.mesh_config import DEFAULT_ROOT, mesh_configs
from sidestep.semantics.trees import go_bool

ANNOTATION = "proxy.istio.io/config"
HBONE, DNS_CAPTURE = "ISTIO_META_ENABLE_HBONE", "ISTIO_META_DNS_CAPTURE"
_EXIT_WHEN_EMPTY, _LEAST_DRAIN = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "MINIMUM_DRAIN_DURATION"
_DRAIN = 5.0
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class ProxyConfig(Struct, frozen=True):
    """What is heeded of it.

    Attributes:
        holds_application: containers start after the proxy is ready (`holdApplicationUntilProxyStarts`).
        drain: seconds that it serves on when the pod ends (`terminationDrainDuration`).
        exits_when_empty: it serves on until nobody is left instead, however long that is.
        least_drain: seconds before it begins to look for that.
        concurrency: worker threads; None for the usual.
        metadata: `proxyMetadata`, its environment.
    """

    holds_application: bool = False
    drain: float = _DRAIN
    exits_when_empty: bool = False
    concurrency: int | None = None
    metadata: dict[str, str] = {}
    least_drain: float = _DRAIN

    def says(self, name: str, *, default: bool) -> bool:
        """A switch of its environment."""
        return default if (told := go_bool(self.metadata.get(name, ""))) is None else told


def proxy_config(mesh: Mesh, namespace: str, labels: Labels, annotations: Labels) -> ProxyConfig:
    """What the proxy of a pod with these labels and annotations is told to be."""
    fields: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for each in (*_of_the_mesh(mesh), *_objects(mesh, namespace, labels), embedded_yaml(annotations.get(ANNOTATION))):
        fields |= each or {}
        metadata |= _words(as_dict((each or {}).get("proxyMetadata"))) | _words(
            as_dict((each or {}).get("environmentVariables"))
        )
    concurrency = fields.get("concurrency")
    drain = _seconds(as_text(fields.get("terminationDrainDuration")))
    least = _seconds(metadata.get(_LEAST_DRAIN, ""))
    return ProxyConfig(
        fields.get("holdApplicationUntilProxyStarts") is True,
        _DRAIN if drain is None else drain,
        go_bool(metadata.get(_EXIT_WHEN_EMPTY, "")) is True,
        concurrency if isinstance(concurrency, int) and concurrency > 0 else None,
        metadata,
        _DRAIN if least is None else least,
    )


def _of_the_mesh(mesh: Mesh) -> list[dict[str, Any]]:
    return [as_dict(each.values.get("defaultConfig")) for each in mesh_configs(mesh)[:1]]


def _objects(mesh: Mesh, namespace: str, labels: Labels) -> list[dict[str, Any]]:
    """ProxyConfigs that apply, the nearest last."""
    root = next((each.root_namespace for each in mesh_configs(mesh)), DEFAULT_ROOT)
    found = []
    for each in mesh.of(PROXY_CONFIG):
        spec, home = as_dict(each.view.spec), each.meta.namespace
        wanted = as_dict(as_dict(spec.get("selector")).get("matchLabels"))
        if home in {root, namespace} and wanted.items() <= labels.items():
            found.append(((home == namespace, bool(wanted)), spec))
    return [spec for _, spec in sorted(found, key=lambda pair: pair[0])]


def _words(values: dict[str, Any]) -> dict[str, str]:
    return {key: value for key, value in values.items() if isinstance(value, str)}


def _seconds(written: str) -> float | None:
    parts = _PART.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)

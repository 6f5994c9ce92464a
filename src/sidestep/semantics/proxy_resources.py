"""What a sidecar's container will request: the injector's defaults, unless the pod's annotations say anything.

Source: istio-semantics.md §1.5: one of the four annotations drops every default (files/injection-template.yaml).
"""

from typing import Any

from sidestep.model.kinds import CONFIG_MAP
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, Revision
from sidestep.model.quantity import Resources, millicores, whole_bytes
from sidestep.semantics.embedded import embedded_yaml

CPU_REQUEST = "sidecar.istio.io/proxyCPU"
MEMORY_REQUEST = "sidecar.istio.io/proxyMemory"
CPU_LIMIT = "sidecar.istio.io/proxyCPULimit"
MEMORY_LIMIT = "sidecar.istio.io/proxyMemoryLimit"
ANNOTATIONS = (CPU_REQUEST, MEMORY_REQUEST, CPU_LIMIT, MEMORY_LIMIT)

CHART_REQUESTS = Resources(100, 128 * 2**20)
"""`global.proxy.resources.requests` of Istio's charts, Aug 2026."""
CHART_LIMITS = Resources(2000, 2**30)
"""`global.proxy.resources.limits` of Istio's charts, Aug 2026."""


def predicted_requests(annotations: Labels, defaults: Resources = CHART_REQUESTS) -> Resources:
    """What the next sidecar of a pod would request; a limit without a request counts as the request."""
    if not any(name in annotations for name in ANNOTATIONS):
        return defaults
    cpu = annotations.get(CPU_REQUEST) or annotations.get(CPU_LIMIT)
    memory = annotations.get(MEMORY_REQUEST) or annotations.get(MEMORY_LIMIT)
    return Resources(millicores(cpu) or 0, whole_bytes(memory) or 0)


def default_requests(mesh: Mesh, revision: Revision | None) -> Resources:
    """What the injector of a revision was told to request, or the charts' default."""
    suffix = f"-{revision}" if revision and revision != "default" else ""
    for config_map in mesh.of(CONFIG_MAP):
        if config_map.meta.name == f"istio-sidecar-injector{suffix}":
            values = embedded_yaml((config_map.view.data or {}).get("values")) or {}
            return _requests(values) or CHART_REQUESTS
    return CHART_REQUESTS


def _requests(values: dict[str, Any]) -> Resources | None:
    found: Any = values
    for key in ("global", "proxy", "resources", "requests"):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return None
    return Resources(millicores(_text(found.get("cpu"))) or 0, whole_bytes(_text(found.get("memory"))) or 0)


def _text(value: object) -> str | None:
    return None if value is None else str(value)

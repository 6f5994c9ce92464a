"""A small language to state meshes: ordinary objects in, a `Mesh` by the real builder out."""

import json
from typing import Any

from tools.meshgen import objects as o
from tools.meshgen.config import CNI_START, START
from tools.meshgen.proxies import REQUESTS, Sidecar, inject, proxy_container
from tools.meshgen.templates import app, gateway, waypoint, ztunnel

from sidestep.audit.facts import Facts, Options
from sidestep.audit.finding import Finding
from sidestep.audit.gather import gather
from sidestep.audit.rule import Rule
from sidestep.model.gaps import Gap
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.model.origin import ClusterOrigin
from sidestep.model.telemetry import Telemetry
from sidestep.sources.objects.builder import MeshBuilder

__all__ = [
    "CNI_START", "REQUESTS", "START", "Sidecar", "app", "gateway", "inject", "o", "proxy_container", "waypoint", "ztunnel",
]  # fmt: skip

Object = dict[str, Any]


def mesh(*objects: Object, kind: SourceKind = SourceKind.CLUSTER, gaps: tuple[Gap, ...] = ()) -> Mesh:
    """What a source would make of these objects."""
    builder = MeshBuilder()
    for tree in objects:
        builder.add(json.dumps(tree).encode(), ClusterOrigin("test", "1"))
    for gap in gaps:
        builder.gap(gap)
    return builder.build(SourceInfo(kind, "test"))


def facts(*objects: Object, telemetry: Telemetry | None = None, options: Options | None = None, **how) -> Facts:
    return gather(mesh(*objects, **how), telemetry or Telemetry(), options or Options())


def findings(rule: Rule, *objects: Object, **how) -> list[Finding]:
    """What one rule finds."""
    return list(rule.findings(facts(*objects, **how)))


def namespace(name: str = "shop", **labels: str) -> Object:
    """Labels are written with `__` for `/` and `_` for `-`, or given whole by `labelled`."""
    return o.namespace(name, **labels)


def labelled(name: str, labels: dict[str, str]) -> Object:
    return o.labelled_namespace(name, labels)


def workload(
    template: Object, name: str = "cart", space: str = "shop", kind: str = "Deployment", *, declared: Object | None = None,
    replicas: int = 2, pods: int = 2, node: str = "n1", **status,
) -> list[Object]:  # fmt: skip
    """A controller and its pods; `declared` is the template before injection."""
    made = [o.controller(kind, name, space, declared or template, replicas)]
    owner = o.owner(kind, name)
    if kind == "Deployment":
        made.append(o.replica_set(f"{name}-abc", space, name, kind, replicas))
        owner = o.owner("ReplicaSet", f"{name}-abc")
    return made + [pod(template, f"{name}-abc-{index}", space, owner, node=node, **status) for index in range(pods)]


def pod(
    template: Object, name: str = "cart-1", space: str = "shop", owner: list[Object] | None = None, *, node: str = "n1",
    started: str = START, phase: str = "Running", killed: str = "", restarts: int = 0,
) -> Object:  # fmt: skip
    """One pod; `killed` is the reason for which its proxy was last ended."""
    spec = {**template["spec"], "nodeName": node}
    metadata = o.meta(name, space, **template["metadata"], ownerReferences=owner or [])
    parts = {"containerStatuses": spec["containers"], "initContainerStatuses": spec.get("initContainers", [])}
    statuses = {part: [_status(c, killed, restarts) for c in containers] for part, containers in parts.items()}
    return o.thing("v1", "Pod", metadata, spec=spec, status={"phase": phase, "startTime": started, **statuses})


def _status(container: Object, killed: str, restarts: int) -> Object:
    proxy = container["name"] == "istio-proxy"
    last = {"terminated": {"reason": killed, "exitCode": 137}} if killed and proxy else {}
    return {"name": container["name"], "ready": True, "restartCount": restarts if proxy else 0, "lastState": last}


def labels_on(template: Object, labels: dict[str, str]) -> Object:
    """A template with more labels."""
    return _with(template, "labels", labels)


def annotations_on(template: Object, annotations: dict[str, str]) -> Object:
    """A template with more annotations."""
    return _with(template, "annotations", annotations)


def _with(template: Object, part: str, values: dict[str, str]) -> Object:
    metadata = {**template["metadata"], part: {**template["metadata"].get(part, {}), **values}}
    return {**template, "metadata": metadata}

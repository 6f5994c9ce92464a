"""Values of the chart `ztunnel`: the proxy of each node.

The chart gives the pods `system-node-critical`, sets no limits, and neither is changed here: a ztunnel that is
throttled or killed takes its whole node with it (istio-semantics.md §6.2, P13 and P14).
"""

from collections.abc import Iterator
from typing import Any

from sidestep.model.kinds import NAMESPACE
from sidestep.model.quantity import Resources
from sidestep.model.resource import Resource
from sidestep.plan.install.cni import quota
from sidestep.plan.install.current import DEFAULT, ROOT, variable
from sidestep.plan.install.images import image_settings, pull_secrets
from sidestep.plan.install.releases import ZTUNNEL_NETWORK, ZTUNNEL_QUOTA, knows
from sidestep.plan.install.situation import Situation, common
from sidestep.plan.install.sizing import MIB, ztunnel_size
from sidestep.plan.install.trees import inner
from sidestep.plan.install.values import Setting

NETWORK_LABEL = "topology.istio.io/network"
_CLUSTER = "CLUSTER_ID"
_USUAL_CLUSTER = "Kubernetes"


def ztunnel_settings(found: Situation) -> Iterator[Setting]:
    """All values of ztunnel, in the order to print."""
    yield from common(found)
    yield from _control_plane(found)
    yield from image_settings(found)
    yield from _pull_secrets(found)
    yield from _cluster(found)
    yield from _network(found)
    yield from _resources(found)
    if knows(found.version, ZTUNNEL_QUOTA):
        yield from quota(found, ("resourceQuotas",))


def _control_plane(found: Situation) -> Iterator[Setting]:
    current = found.current
    where = current.istiod.resource.id if current.istiod else None
    if current.revision != DEFAULT:
        because = "the istiod that ztunnel asks; one ztunnel serves the whole cluster"
        yield Setting(("revision",), str(current.revision), because, where, "metadata.labels[istio.io/rev]")
    if current.namespace != ROOT:
        yield Setting(("istioNamespace",), current.namespace, "istiod runs here", where, "metadata.namespace")
    address = inner(current.values, "global", "caAddress")
    if current.injector and isinstance(address, str) and address:
        because = "sidecars get their certificates there, and so must ztunnel for its pods"
        yield Setting(("caAddress",), address, because, current.injector.id, "data.values: global.caAddress")


def _pull_secrets(found: Situation) -> Iterator[Setting]:
    """This chart reads them at its top level, and takes what stands under `global` there."""
    yield from pull_secrets(found)


def _cluster(found: Situation) -> Iterator[Setting]:
    """What istiod calls this cluster; the charts of both take `Kubernetes` where nobody says."""
    template, path = found.current.template, ("multiCluster", "clusterName")
    name = variable(template.container, _CLUSTER) if template else None
    field = f"spec.template.spec.containers[discovery].env[{_CLUSTER}]"
    where: Resource[Any] | None = template.resource if template else None
    if not name:
        name = inner(found.current.values, "global", "multiCluster", "clusterName")
        where, field = found.current.injector, "data.values: global.multiCluster.clusterName"
    if isinstance(name, str) and name and name != _USUAL_CLUSTER and where:
        yield Setting(path, name, "istiod calls this cluster so, and only takes ztunnels that do", where.id, field)


def _network(found: Situation) -> Iterator[Setting]:
    current = found.current
    name = inner(current.values, "global", "network")
    where: Resource[Any] | None = current.injector
    field = "data.values: global.network"
    if not (isinstance(name, str) and name):
        where, field = found.mesh.find(NAMESPACE, "", current.namespace), f"metadata.labels[{NETWORK_LABEL}]"
        name = where.meta.labels.get(NETWORK_LABEL) if where else None
    if name and where:
        path = ("network",) if knows(found.version, ZTUNNEL_NETWORK) else ("env", "NETWORK")
        yield Setting(path, name, "the network of this cluster, as istiod is told", where.id, field)


def _resources(found: Situation) -> Iterator[Setting]:
    settings, runs = found.settings, found.current.ztunnel
    size = ztunnel_size(found.scale, settings.connections_per_node, settings.requests_per_node)
    today, where = _today(runs), runs.id if runs else None
    requests = ("resources", "requests")
    cpu, memory = max(size.requests.cpu_millis, today.cpu_millis), max(size.requests.memory_bytes, today.memory_bytes)
    kept = "; what runs asks for more and keeps it"
    told = size.cpu + (kept if cpu > size.requests.cpu_millis else "")
    yield Setting((*requests, "cpu"), f"{cpu}m", told, where, _field("cpu", where), size.assumed)
    told = size.memory + (kept if memory > size.requests.memory_bytes else "")
    yield Setting((*requests, "memory"), f"{memory // MIB}Mi", told, where, _field("memory", where), size.assumed)


def _field(name: str, where: object) -> str:
    return f"spec.template.spec.containers[istio-proxy].resources.requests.{name}" if where else ""


def _today(runs: Resource[Any] | None) -> Resources:
    template = runs.view.spec.template if runs else None
    containers = (template.spec.containers or ()) if template else ()
    return next((each.requests for each in containers if each.name == "istio-proxy"), Resources())

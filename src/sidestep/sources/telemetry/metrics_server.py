"""One sample of what proxies use now, from metrics-server (metrics.k8s.io)."""

from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.gaps import Gap, GapReason
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import parents, workload_of
from sidestep.model.quantity import millicores, whole_bytes
from sidestep.model.telemetry import ProxyUse, Spread, Telemetry, TelemetryKind
from sidestep.sources.cluster.access import Access
from sidestep.sources.cluster.client import ApiClient, FailureKind, Get, RequestError, decoded

PATH = "/apis/metrics.k8s.io/v1beta1/pods"
_RESOURCE = "pods.metrics.k8s.io"
_PROXY = "istio-proxy"


class _Meta(Struct, frozen=True):
    name: str = ""
    namespace: str = ""


class _Container(Struct, frozen=True):
    name: str = ""
    usage: dict[str, str] = {}


class _PodMetrics(Struct, frozen=True):
    metadata: _Meta = _Meta()
    containers: tuple[_Container, ...] = ()


class _List(Struct, frozen=True):
    items: tuple[_PodMetrics, ...] = ()


def read_metrics_server(access: Access, mesh: Mesh) -> Telemetry:
    """What every `istio-proxy` container uses now, by workload; no measurements where there is no metrics-server."""
    client = ApiClient(access)
    try:
        listed: _List = decoded(client.get(Get(PATH)), _List)
    except RequestError as error:
        return Telemetry(gaps=_gaps(error))
    finally:
        client.close()
    return Telemetry(TelemetryKind.METRICS_SERVER, access.name, 0, _by_workload(listed, mesh))


def _gaps(error: RequestError) -> tuple[Gap, ...]:
    """A cluster without metrics-server is no gap; one that forbids it is."""
    if error.kind is FailureKind.ABSENT:
        return ()
    reason = GapReason.FORBIDDEN if error.kind is FailureKind.FORBIDDEN else GapReason.UNREACHABLE
    return (Gap(_RESOURCE, reason, error.detail, "allow verb list on pods.metrics.k8s.io, or give --prometheus URL"),)


def _by_workload(listed: _List, mesh: Mesh) -> dict[WorkloadRef, ProxyUse]:
    known = parents(mesh)
    owners = {(pod.namespace, pod.name): workload_of(pod, known) for pod in mesh.pods}
    samples: dict[WorkloadRef, list[tuple[float, float]]] = {}
    for pod in listed.items:
        owner = owners.get((pod.metadata.namespace, pod.metadata.name))
        for container in pod.containers if owner else ():
            if owner and container.name == _PROXY:
                samples.setdefault(owner, []).append(_use(container))
    return {owner: _summed(uses) for owner, uses in samples.items()}


def _use(container: _Container) -> tuple[float, float]:
    usage: dict[str, Any] = msgspec.structs.asdict(container)["usage"]
    return float(millicores(usage.get("cpu")) or 0), float(whole_bytes(usage.get("memory")) or 0)


def _summed(uses: list[tuple[float, float]]) -> ProxyUse:
    cpu, memory = sum(use[0] for use in uses), sum(use[1] for use in uses)
    return ProxyUse(
        Spread(cpu, cpu, cpu),
        Spread(memory, memory, memory),
        max(use[1] for use in uses),
        max(use[0] for use in uses),
        samples=1,
    )

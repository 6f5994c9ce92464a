"""One sample of what proxies use now, from metrics-server (metrics.k8s.io)."""

import math
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from msgspec import Struct

from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import parents, workload_of
from sidestep.model.quantity import parse_quantity
from sidestep.model.telemetry import ProxyUse, Spread, Telemetry, TelemetryKind
from sidestep.sources.cluster.access import Access
from sidestep.sources.cluster.client import ApiClient, FailureKind, Get, RequestError, decoded
from sidestep.sources.telemetry.series import PROXY

_API = "/apis/metrics.k8s.io/v1beta1"
_RESOURCE = "pods.metrics.k8s.io"
_ALLOW = "allow verb list on pods.metrics.k8s.io, or give --prometheus URL"
_REPAIR = "see whether metrics-server is well (kubectl get apiservice v1beta1.metrics.k8s.io), or give --prometheus URL"
_REASONS = {
    FailureKind.FORBIDDEN: GapReason.FORBIDDEN,
    FailureKind.UNAUTHORIZED: GapReason.UNAUTHORIZED,
    FailureKind.TIMEOUT: GapReason.TIMEOUT,
    FailureKind.UNEXPECTED: GapReason.MALFORMED,
}


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


class _Sample(Struct, frozen=True):
    """One container: thousandths of a core, and bytes."""

    cpu: float
    memory: float


def read_metrics_server(access: Access, mesh: Mesh) -> Telemetry:
    """What every `istio-proxy` container uses now, by workload; no measurements where there is no metrics-server."""
    client = ApiClient(access)
    try:
        listed = [pod for path in _paths(mesh) for pod in _list(client, path).items]
    except RequestError as error:
        return Telemetry(gaps=_gaps(error))
    finally:
        client.close()
    proxies = _by_workload(listed, mesh)
    remarks = tuple(_unmeasured(access.name, mesh, proxies))
    return Telemetry(TelemetryKind.METRICS_SERVER, access.name, proxies=proxies, remarks=remarks)


def _paths(mesh: Mesh) -> tuple[str, ...]:
    """Only the namespaces that were read: more may be forbidden."""
    spaces = mesh.source.namespaces
    return tuple(f"{_API}/namespaces/{quote(space, safe='')}/pods" for space in spaces) or (f"{_API}/pods",)


def _list(client: ApiClient, path: str) -> _List:
    answer: _List = decoded(client.get(Get(path)), _List)
    return answer


def _gaps(error: RequestError) -> tuple[Gap, ...]:
    """A cluster without metrics-server is no gap; one that forbids it is."""
    if error.kind is FailureKind.ABSENT:
        return ()
    reason = _REASONS.get(error.kind, GapReason.UNREACHABLE)
    return (Gap(_RESOURCE, reason, error.detail, _ALLOW if reason is GapReason.FORBIDDEN else _REPAIR),)


def _by_workload(listed: Iterable[_PodMetrics], mesh: Mesh) -> dict[WorkloadRef, ProxyUse]:
    known = parents(mesh)
    owners = {(pod.namespace, pod.name): workload_of(pod, known) for pod in mesh.pods}
    samples: dict[WorkloadRef, list[_Sample]] = {}
    for pod in listed:
        owner = owners.get((pod.metadata.namespace, pod.metadata.name))
        for container in pod.containers if owner else ():
            sample = _sample(container)
            if owner and sample and container.name == PROXY:
                samples.setdefault(owner, []).append(sample)
    return {owner: _summed(uses) for owner, uses in samples.items()}


def _sample(container: _Container) -> _Sample | None:
    """What a container uses; None unless both are told, for what is not told is not 0.

    CPU is told in billionths of a core: rounding it as requests are rounded would add up to a thousandth per proxy.
    """
    cpu, memory = (_amount(container.usage.get(name)) for name in ("cpu", "memory"))
    return None if cpu is None or memory is None else _Sample(cpu * 1000, memory)


def _amount(text: str | None) -> float | None:
    quantity = None if text is None else parse_quantity(text)
    return None if quantity is None or not math.isfinite(float(quantity)) else float(quantity)


def _summed(uses: list[_Sample]) -> ProxyUse:
    cpu, memory = sum(use.cpu for use in uses), sum(use.memory for use in uses)
    return ProxyUse(
        Spread(cpu, cpu, cpu),
        Spread(memory, memory, memory),
        max(use.memory for use in uses),
        max(use.cpu for use in uses),
        samples=1,
    )


def _unmeasured(name: str, mesh: Mesh, measured: dict[WorkloadRef, ProxyUse]) -> Iterator[Remark]:
    """Workloads whose proxies were not sampled, e.g. because their pods are younger than a minute."""
    known = parents(mesh)
    shapes = {id(pod.shape): pod for pod in mesh.pods if not pod.status.terminal}.values()
    having = {
        workload_of(pod, known)
        for pod in shapes
        if any(container.name == PROXY for container in pod.shape.spec.all_containers)
    }
    missing = len(having - measured.keys())
    if missing:
        yield Remark(name, f"metrics-server has no sample of {missing} of {len(having)} workloads with proxies")

"""How much ztunnel and istiod ask for, each with the formula that it was computed by.

Sources of the constants: the comment in ztunnel's chart (512Mi for about 200,000 pods or 100,000 open connections);
Istio's performance page since 1.24 (ztunnel 0.06 vCPU and 12 MB per 1,000 requests/s) and 1.1 to 1.22 (istiod 1 vCPU
and 1.5 GB for 1,000 services and 2,000 sidecars); istiod of Aug 2026 measured with one client (235 MiB at 1,000
services, 563 MiB at 5,000, two pods each).
"""

from math import ceil

from msgspec import Struct

from sidestep.model.quantity import Resources
from sidestep.plan.install.scale import Scale

MIB = 2**20
ZTUNNEL_CHART = Resources(200, 512 * MIB)
ISTIOD_CHART = Resources(500, 2048 * MIB)
HEADROOM = 2
ISTIOD_HEADROOM = 1.5
GRPC_DEFAULT = 4 * MIB
_PODS_PER_512, _CONNECTIONS_PER_512 = 200_000, 100_000
_ZTUNNEL_BASE, _ZTUNNEL_LEAST = 32, Resources(100, 128 * MIB)
_CPU_PER_THOUSAND, _MIB_PER_THOUSAND = 60, 12
_ISTIOD_BASE, _MIB_PER_SERVICE, _MIB_PER_PROXY = 152, 0.082, 0.65
_GRPC_WORKLOADS, _BYTES_PER_WORKLOAD = 40_000, 100


class Sized(Struct, frozen=True):
    """Requests and how they were computed.

    Attributes:
        requests: of one pod.
        formula: constants and inputs, in one line each for CPU and memory.
        assumed: an input was not measured.
    """

    requests: Resources
    cpu: str
    memory: str
    assumed: bool = False


class Today(Struct, frozen=True):
    """What istiod has now: the least and the most replicas, and the requests of each."""

    replicas: int = 1
    most: int = 0
    requests: Resources = Resources()


class IstiodSize(Struct, frozen=True):
    """How many istiod, how large each, and by which formulas."""

    replicas: int
    most: int
    requests: Resources
    count_formula: str
    most_formula: str
    cpu_formula: str
    memory_formula: str


def ztunnel_size(scale: Scale, connections: int | None, requests: float | None) -> Sized:
    """Requests of one ztunnel; never less than the chart's where nothing was measured."""
    cpu, cpu_text = _ztunnel_cpu(requests)
    memory, memory_text = _ztunnel_memory(scale.pods, connections, requests)
    return Sized(Resources(cpu, memory * MIB), cpu_text, memory_text, connections is None or requests is None)


def istiod_size(scale: Scale, today: Today) -> IstiodSize:
    """Of istiod, never less than what runs; ztunnel counts as one more proxy per node."""
    proxies = scale.proxies + scale.nodes
    cores = max(scale.services / 1000, proxies / 2000)
    least = 1 if scale.nodes == 1 else 2
    count = max(least, today.replicas, ceil(cores))
    most = max(5, 2 * count, today.most)
    cpu = max(ISTIOD_CHART.cpu_millis, today.requests.cpu_millis, _up(1000 * cores / count, 100))
    raw = ISTIOD_HEADROOM * (_ISTIOD_BASE + _MIB_PER_SERVICE * scale.services + _MIB_PER_PROXY * proxies / count)
    now = today.requests.memory_bytes // MIB
    memory = max(ISTIOD_CHART.memory_bytes // MIB, now, _up(raw, 256))
    return IstiodSize(
        count,
        most,
        Resources(cpu, memory * MIB),
        f"max({least} for availability, {today.replicas} today, cores rounded up) = {count}; cores = max("
        f"{scale.services} services / 1000, {proxies} proxies / 2000) = {cores:.2f}",
        f"max(5 of the chart, 2 * {count}, {today.most} today) = {most}",
        f"max(500m of the chart, {today.requests.cpu_millis}m today, {cores:.2f} cores / {count} replicas) = {cpu}m",
        f"max(2048Mi of the chart, {now}Mi today, {ISTIOD_HEADROOM} * ({_ISTIOD_BASE}Mi + {_MIB_PER_SERVICE}Mi * "
        f"{scale.services} services + {_MIB_PER_PROXY}Mi * {proxies} proxies / {count} replicas)) = {memory}Mi",
    )


def grpc_bytes(workloads: int) -> int | None:
    """The largest message that istiod must take from a ztunnel that names all it knows; None where 4 MiB will do.

    A ztunnel that connects again names every workload that it has, at about 100 bytes each.
    """
    if workloads <= _GRPC_WORKLOADS:
        return None
    return _up(HEADROOM * _BYTES_PER_WORKLOAD * workloads, GRPC_DEFAULT)


def _ztunnel_cpu(requests: float | None) -> tuple[int, str]:
    if requests is None:
        return ZTUNNEL_CHART.cpu_millis, "200m of the chart: requests per node were not measured"
    cpu = max(_ZTUNNEL_LEAST.cpu_millis, _up(HEADROOM * _CPU_PER_THOUSAND * requests / 1000, 50))
    return cpu, f"max(100m, {HEADROOM} * {_CPU_PER_THOUSAND}m * {requests:g} requests/s / 1000) = {cpu}m"


def _ztunnel_memory(pods: int, connections: int | None, requests: float | None) -> tuple[int, str]:
    """In MiB."""
    rate = requests or 0
    known = (
        512 * pods / _PODS_PER_512 + 512 * (connections or 0) / _CONNECTIONS_PER_512 + _MIB_PER_THOUSAND * rate / 1000
    )
    least = _ZTUNNEL_LEAST if connections is not None else ZTUNNEL_CHART
    memory = max(least.memory_bytes // MIB, _up(HEADROOM * (_ZTUNNEL_BASE + known), 32))
    counted = "not measured" if connections is None else str(connections)
    return memory, (
        f"max({least.memory_bytes // MIB}Mi, {HEADROOM} * ({_ZTUNNEL_BASE}Mi + 512Mi * {pods} pods / 200000 + 512Mi * "
        f"connections per node ({counted}) / 100000 + {_MIB_PER_THOUSAND}Mi * {rate:g} requests/s / 1000)) = {memory}Mi"
    )


def _up(value: float, step: int) -> int:
    """Rounded up to a multiple of a step."""
    return ceil(value / step) * step

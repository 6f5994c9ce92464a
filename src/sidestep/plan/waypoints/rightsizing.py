"""What sidecars would need if they asked for what they use, and what that saves: the plan that moves nobody.

CPU by the 95th percentile and memory by the maximum and 15 % more, as KRR does it (robusta-dev/krr, `simple`).
"""

from collections.abc import Iterable
from math import ceil, fsum, isfinite

from msgspec import Struct

from sidestep.audit.cost.explain import Inputs
from sidestep.audit.cost.rates import GIB, Rates, monthly
from sidestep.audit.facts import Facts, Workload
from sidestep.audit.result import Formula
from sidestep.model.metadata import WorkloadRef
from sidestep.model.prices import Rate
from sidestep.model.quantity import Resources
from sidestep.model.telemetry import ProxyUse
from sidestep.semantics.proxies import Role
from sidestep.semantics.proxy_resources import CHART_LIMITS, CPU_LIMIT, CPU_REQUEST, MEMORY_LIMIT, MEMORY_REQUEST

_MIB = 2**20
_CPU_STEP, _MEMORY_STEP = 10, 8 * _MIB


class SidecarUse(Struct, frozen=True, rename="camel"):
    """The sidecars of one workload, as they stand.

    Attributes:
        workload: whose.
        sidecars: how many.
        requests: of all of them together.
        use: what was measured of all of them; None where nothing was.
        rate: prices on the nodes that they run on.
    """

    workload: WorkloadRef
    sidecars: int
    requests: Resources
    use: ProxyUse | None
    rate: Rate


class RightSizingPolicy(Struct, frozen=True, rename="camel"):
    """How requests follow from use.

    Attributes:
        cpu_headroom: over the 95th percentile.
        memory_headroom: over the maximum.
        floor: least requests of a sidecar: an idle Envoy and its agent hold some 60 MB.
    """

    cpu_headroom: float = 1.0
    memory_headroom: float = 1.15
    floor: Resources = Resources(10, 64 * _MIB)


class RightSized(Struct, frozen=True, rename="camel"):
    """The sidecars of one workload, as they should stand.

    Attributes:
        workload: whose.
        sidecars: how many.
        requests: of one, today's mean.
        needed: of one.
        monthly: of all, today.
        monthly_needed: of all, then; more than today where they ask for too little.
    """

    workload: WorkloadRef
    sidecars: int
    requests: Resources
    needed: Resources
    monthly: float
    monthly_needed: float

    @property
    def saved(self) -> float:
        """Per month; negative where they ask for too little today."""
        return self.monthly - self.monthly_needed


class RightSizing(Struct, frozen=True, rename="camel"):
    """What right-sizing all measured sidecars saves.

    Attributes:
        workloads: those measured, by name.
        unmeasured: those of which nothing is known; they count as they stand.
        monthly: of all sidecars, today.
        monthly_needed: of all sidecars, then.
        strength: how much the measurements are worth.
        formulas: of the figures.
    """

    workloads: tuple[RightSized, ...]
    unmeasured: tuple[WorkloadRef, ...]
    monthly: float
    monthly_needed: float
    strength: str
    formulas: tuple[Formula, ...]

    @property
    def saved(self) -> float:
        """Per month."""
        return self.monthly - self.monthly_needed


def sidecar_uses(facts: Facts, rates: Rates) -> tuple[SidecarUse, ...]:
    """The sidecars of every application workload that carries any."""
    carrying = (each for each in facts.workloads if each.role is Role.APPLICATION and each.sidecars)
    return tuple(_use(workload, facts.telemetry.proxies.get(workload.ref), rates) for workload in carrying)


def right_size(uses: Iterable[SidecarUse], strength: str, policy: RightSizingPolicy | None = None) -> RightSizing:
    """What sidecars would need, and what that saves.

    Args:
        uses: as they stand, each workload once.
        strength: how much the measurements are worth, see `Telemetry.strength`.
        policy: how requests follow from use.
    """
    policy = policy or RightSizingPolicy()
    sized: list[RightSized] = []
    unmeasured: list[SidecarUse] = []
    for each in sorted((use for use in uses if use.sidecars > 0), key=lambda use: use.workload):
        needed = _needed(each, policy)
        if needed is None:
            unmeasured.append(each)
        else:
            sized.append(_sized(each, needed))
    rest = fsum(monthly(each.rate, each.requests) for each in unmeasured)
    now = fsum(each.monthly for each in sized) + rest
    then = fsum(each.monthly_needed for each in sized) + rest
    inputs = _inputs(sized, len(unmeasured), strength, policy)
    names = tuple(each.workload for each in unmeasured)
    return RightSizing(tuple(sized), names, now, then, strength, _formulas(inputs, now, then))


def annotations(sized: RightSized, limits: Resources = CHART_LIMITS) -> dict[str, str]:
    """What asks for it on a pod template: all four, since one alone drops every default of the injector.

    Args:
        sized: the sidecars.
        limits: the injector's limits; raised to twice the requests where they are lower.
    """
    twice = sized.needed.times(2)
    return {
        CPU_REQUEST: f"{sized.needed.cpu_millis}m",
        CPU_LIMIT: f"{max(limits.cpu_millis, twice.cpu_millis)}m",
        MEMORY_REQUEST: _mebibytes(sized.needed.memory_bytes),
        MEMORY_LIMIT: _mebibytes(max(limits.memory_bytes, twice.memory_bytes)),
    }


def verdict(sizing: RightSizing, ambient_monthly: float) -> str:
    """Whether right-sized sidecars cost less than ambient, in a sentence.

    Args:
        sizing: of the workloads that would move.
        ambient_monthly: what ambient adds for them: its part on the nodes, and waypoints.
    """
    if not sizing.workloads:
        return "whether right-sizing the sidecars is cheaper than moving cannot be told: no sidecar was measured"
    left, rest = sizing.monthly_needed, ""
    if sizing.unmeasured:
        rest = f" (not measured and counted as they stand: {_plural(len(sizing.unmeasured))})"
    if left <= ambient_monthly:
        return (
            f"right-sizing the sidecars is cheaper than moving: {left:.2f} a month against {ambient_monthly:.2f} for "
            f"ambient, and {sizing.monthly:.2f} today{rest}"
        )
    return (
        f"moving is cheaper than right-sizing the sidecars: {ambient_monthly:.2f} a month for ambient against "
        f"{left:.2f}, and {sizing.monthly:.2f} today{rest}"
    )


def _use(workload: Workload, measured: ProxyUse | None, rates: Rates) -> SidecarUse:
    requested, nodes, count = Resources(), list[Rate](), 0
    for group in workload.groups:
        if group.recognition.sidecar:
            requested += group.requests.times(group.count)
            count += group.count
            nodes += [rates.of(pod.node) for pod in group.pods]
    return SidecarUse(workload.ref, count, requested, measured, _mean(nodes) if nodes else rates.average)


def _mean(rates: list[Rate]) -> Rate:
    count = len(rates)
    return Rate(fsum(rate.vcpu_hour for rate in rates) / count, fsum(rate.gib_hour for rate in rates) / count)


def _needed(each: SidecarUse, policy: RightSizingPolicy) -> Resources | None:
    """Of one sidecar; the busiest one's where it is known, since all of a template ask for the same."""
    use = each.use
    if use is None:
        return None
    cpu = use.cpu_millis.p95 / each.sidecars if use.per_proxy_cpu_p95 is None else use.per_proxy_cpu_p95
    mean = use.memory_bytes.max / each.sidecars
    memory = mean if use.per_proxy_memory_max is None else use.per_proxy_memory_max
    if not all(isfinite(figure) and figure >= 0 for figure in (cpu, memory)):
        return None
    return Resources(
        max(_up(cpu * policy.cpu_headroom, _CPU_STEP), policy.floor.cpu_millis),
        max(_up(memory * policy.memory_headroom, _MEMORY_STEP), policy.floor.memory_bytes),
    )


def _sized(each: SidecarUse, needed: Resources) -> RightSized:
    one = Resources(each.requests.cpu_millis // each.sidecars, each.requests.memory_bytes // each.sidecars)
    then = monthly(each.rate, needed.times(each.sidecars))
    return RightSized(each.workload, each.sidecars, one, needed, monthly(each.rate, each.requests), then)


def _inputs(sized: list[RightSized], unmeasured: int, strength: str, policy: RightSizingPolicy) -> Inputs:
    return {
        "workloads measured": len(sized),
        "sidecars measured": sum(each.sidecars for each in sized),
        "workloads not measured, counted as they stand": unmeasured,
        "measurements": strength,
        "CPU headroom over the 95th percentile": policy.cpu_headroom,
        "memory headroom over the maximum": policy.memory_headroom,
        "floor vCPU": policy.floor.cpu_millis / 1000,
        "floor GiB": policy.floor.memory_bytes / GIB,
    }


def _formulas(inputs: Inputs, now: float, then: float) -> tuple[Formula, ...]:
    price = "(vCPU * vCPU-hour + GiB * GiB-hour) * 730 h, each workload at the mean rate of its nodes"
    needed = (
        "max(floor, 95th percentile of CPU of the busiest sidecar * headroom) and max(floor, largest working set of a "
        "sidecar * headroom)"
    )
    return (
        Formula("rightSizing.monthly", f"sum of what sidecars request: {price}", inputs, now),
        Formula("rightSizing.monthlyNeeded", f"sidecars * {needed}: {price}", inputs, then),
        Formula("rightSizing.saved", "monthly - monthlyNeeded", inputs, now - then),
    )


def _mebibytes(memory: int) -> str:
    return f"{memory // _MIB}Mi" if memory % _MIB == 0 else str(memory)


def _up(value: float, step: int) -> int:
    return ceil(round(value / step, 9)) * step


def _plural(count: int) -> str:
    return "1 workload" if count == 1 else f"{count} workloads"

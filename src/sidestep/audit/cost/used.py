"""What sidecars used, where it was measured."""

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.result import Percentile, Used
from sidestep.model.telemetry import ProxyUse
from sidestep.semantics.proxies import Role


def used(facts: Facts, workload: Workload) -> Used | None:
    """The use of a workload's sidecars; None when it has none or nothing was measured.

    Other proxies' containers are called `istio-proxy` too: only application workloads that carry sidecars count.
    """
    if workload.role is not Role.APPLICATION or not workload.sidecars:
        return None
    measured = facts.telemetry.proxies.get(workload.ref)
    return _used(measured) if measured else None


def _used(use: ProxyUse) -> Used:
    cpu, memory = use.cpu_millis, use.memory_bytes
    return Used(cpu.p95, memory.p95, Percentile(cpu.p50, memory.p50), Percentile(cpu.max, memory.max))

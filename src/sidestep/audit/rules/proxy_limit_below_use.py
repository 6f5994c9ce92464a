"""SID117: a proxy whose limits lie below what it was measured to use."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Group, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.rule import Found, Rule, of_workload
from sidestep.model.telemetry import ProxyUse

_NEAR = 0.95
_MIB = 2**20


def _check(facts: Facts) -> Iterator[Found]:
    for workload in facts.workloads:
        use = facts.telemetry.proxies.get(workload.ref)
        group = next((g for g in workload.groups if g.recognition.proxy and g.pods), None)
        if use is None or group is None:
            continue
        evidence = (*_memory(use, group, workload), *_cpu(use, group, workload))
        if evidence:
            yield Found(
                of_workload(workload),
                f"the proxy uses what its limit allows, or more: {'; '.join(e.value for e in evidence)}",
                "raise the limit, or give the proxy less configuration with a Sidecar resource",
                evidence,
            )


def _memory(use: ProxyUse, group: Group, workload: Workload) -> Iterator[Evidence]:
    limit = group.recognition.proxy.limits.memory_bytes if group.recognition.proxy else 0
    peak = use.per_proxy_memory_max
    peak = use.memory_bytes.max / max(workload.pods, 1) if peak is None else peak
    if limit and peak >= limit * _NEAR:
        yield Evidence("memory", f"peak {peak / _MIB:,.0f} MiB, limit {limit / _MIB:,.0f} MiB")


def _cpu(use: ProxyUse, group: Group, workload: Workload) -> Iterator[Evidence]:
    limit = group.recognition.proxy.limits.cpu_millis if group.recognition.proxy else 0
    usual = use.per_proxy_cpu_p95
    usual = use.cpu_millis.p95 / max(workload.pods, 1) if usual is None else usual
    if limit and usual >= limit * _NEAR:
        yield Evidence("cpu", f"95th percentile {usual:,.0f}m, limit {limit:,}m")


RULE = Rule("SID117", "proxy-limit-below-use", "Proxy limit below its use", Severity.WARNING, _check)

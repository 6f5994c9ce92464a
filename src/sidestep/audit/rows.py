"""Rows of the audit: workloads, namespaces and totals, from facts and their prices."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from sidestep.audit.facts import Facts, Group, Workload, feature_counts
from sidestep.audit.result import (
    InjectionReport,
    Monthly,
    NamespaceReport,
    Percentile,
    SidecarCount,
    SidecarTotal,
    TotalMonthly,
    Totals,
    Used,
    WorkloadReport,
)
from sidestep.model.kinds import NAMESPACE, NODE
from sidestep.model.metadata import Labels
from sidestep.model.quantity import Resources
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.images import tag_of
from sidestep.semantics.injection import INJECTION, REVISION, Injection, Result
from sidestep.semantics.proxies import Role, SidecarMode

_RESULTS: Mapping[Result, Literal["injected", "not-injected", "unknown"]] = {
    Result.INJECTED: "injected",
    Result.NOT_INJECTED: "not-injected",
    Result.UNKNOWN: "unknown",
}


def workload_row(workload: Workload, used: Used | None, monthly: Monthly) -> WorkloadReport:
    """One workload as a row."""
    carrying = [group for group in workload.groups if group.recognition.sidecar]
    ref = workload.ref
    return WorkloadReport(
        ref.namespace,
        ref.kind,
        ref.name,
        workload.pods,
        _sidecars(workload.groups),
        _injection(workload.injection),
        total(group.requests.times(group.count) for group in carrying),
        used,
        monthly,
        role=workload.role.value,
        evidence="template" if workload.from_template else "pods",
        proxyless=sum(group.count for group in workload.groups if group.recognition.proxyless),
        ambient=sum(group.count for group in workload.groups if group.recognition.captured),
        host_network=any(group.shape.spec.host_network for group in workload.groups),
        hbone=sum(group.count for group in carrying if group.recognition.hbone),
        drift=drifted(workload),
        revisions=_revisions(carrying),
        limits=total(
            group.recognition.proxy.limits.times(group.count) for group in carrying if group.recognition.proxy
        ),
    )


def drifted(workload: Workload) -> int:
    """Pods that differ from what would be created now: in having a sidecar, or in its revision."""
    wanted = workload.injection
    if wanted.result is Result.UNKNOWN or workload.role is not Role.APPLICATION or workload.from_template:
        return 0
    return sum(group.count for group in workload.groups if _differs(group, wanted))


def _differs(group: Group, wanted: Injection) -> bool:
    found = group.recognition
    carries = found.sidecar is not None or found.proxyless
    if carries != (wanted.result is Result.INJECTED):
        return True
    return carries and found.revision is not None and found.revision != wanted.revision


def namespace_rows(
    facts: Facts, rows: Iterable[WorkloadReport], monthly: Mapping[str, Monthly]
) -> tuple[NamespaceReport, ...]:
    """Every namespace that was read or holds a workload, by name."""
    by_namespace: dict[str, list[WorkloadReport]] = {}
    for row in rows:
        by_namespace.setdefault(row.namespace, []).append(row)
    read = {namespace.meta.name for namespace in facts.mesh.of(NAMESPACE)}
    only = facts.options.namespaces
    names = sorted(name for name in {*by_namespace, *read, *facts.uses} if name and (not only or name in only))
    return tuple(_namespace(facts, name, by_namespace.get(name, []), monthly.get(name, Monthly())) for name in names)


def _namespace(facts: Facts, name: str, rows: list[WorkloadReport], monthly: Monthly) -> NamespaceReport:
    return NamespaceReport(
        name,
        len(rows),
        sum(row.pods for row in rows),
        sum((row.sidecars for row in rows), SidecarCount()),
        sum(row.ambient for row in rows),
        total(row.requested for row in rows),
        total_used(row.used for row in rows),
        monthly,
        _enrolment_label(facts.mesh.namespace_labels(name)),
        bool(facts.layer7_uses(name)),
        feature_counts(facts.uses.get(name, ()), facts.by_namespace.get(name, ())),
    )


def totals(
    facts: Facts, rows: tuple[WorkloadReport, ...], monthly: TotalMonthly, drained: tuple[str, ...] | None
) -> Totals:
    """The mesh as a whole."""
    sidecars = sum((row.sidecars for row in rows), SidecarCount())
    by_role = Counter[str]()
    for row in rows:
        by_role[row.role] += row.pods
    return Totals(
        sum(row.pods for row in rows),
        SidecarTotal(sidecars.total, sidecars.classic, sidecars.native),
        by_role[Role.GATEWAY],
        by_role[Role.WAYPOINT],
        by_role[Role.ZTUNNEL],
        total(row.requested for row in rows),
        monthly,
        nodes=len(facts.mesh.of(NODE)),
        namespaces=len({row.namespace for row in rows}),
        workloads=len(rows),
        used=total_used(row.used for row in rows),
        ambient=sum(row.ambient for row in rows),
        proxyless=sum(row.proxyless for row in rows),
        drained_nodes=drained,
    )


def proxy_versions(facts: Facts) -> dict[str, int]:
    """Sidecars and gateways by the version in their image's tag."""
    counts = Counter[str]()
    for _, group in facts.groups():
        proxy = group.recognition.proxy
        if proxy is not None and proxy.image:
            counts[tag_of(proxy.image) or "unknown"] += group.count
    return dict(sorted(counts.items()))


def total(parts: Iterable[Resources]) -> Resources:
    """The sum."""
    cpu = memory = 0
    for part in parts:
        cpu += part.cpu_millis
        memory += part.memory_bytes
    return Resources(cpu, memory)


def total_used(parts: Iterable[Used | None]) -> Used | None:
    """The sum of what was measured; None when nothing was."""
    measured = [part for part in parts if part is not None]
    if not measured:
        return None
    return Used(
        sum(part.cpu_millis for part in measured),
        sum(part.memory_bytes for part in measured),
        _percentiles([part.p50 for part in measured]),
        _percentiles([part.max for part in measured]),
    )


def _percentiles(parts: list[Percentile]) -> Percentile:
    return Percentile(sum(part.cpu_millis for part in parts), sum(part.memory_bytes for part in parts))


def _sidecars(groups: Iterable[Group]) -> SidecarCount:
    counts = Counter[SidecarMode | None]()
    for group in groups:
        counts[group.recognition.sidecar] += group.count
    return SidecarCount(counts[SidecarMode.CLASSIC], counts[SidecarMode.NATIVE])


def _revisions(groups: Iterable[Group]) -> dict[str, int]:
    counts = Counter[str]()
    for group in groups:
        counts[group.recognition.revision or "unknown"] += group.count
    return dict(sorted(counts.items()))


def _injection(injection: Injection) -> InjectionReport:
    return InjectionReport(_RESULTS[injection.result], injection.reason, injection.revision, injection.chain)


def _enrolment_label(labels: Labels) -> str:
    """The labels by which a namespace asks for a data plane, as one would type them."""
    return ", ".join(f"{name}={labels[name]}" for name in (INJECTION, REVISION, DATAPLANE_MODE) if name in labels)

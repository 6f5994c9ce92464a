"""Three sentences that an owner of the mesh can repeat, made of the figures and nothing else."""

from collections import Counter

from msgspec import Struct

from sidestep.audit.finding import Finding, Severity
from sidestep.audit.result import AmbientReport, NamespaceReport, Totals
from sidestep.model.kinds import POD

_GIB = 2**30


class Scene(Struct, frozen=True):
    """What the sentences are about; `currency` as in ISO 4217, `unread` the resources that could not be read."""

    totals: Totals
    ambient: AmbientReport
    namespaces: tuple[NamespaceReport, ...]
    findings: tuple[Finding, ...]
    currency: str
    unread: frozenset[str] = frozenset()


def conclusion(scene: Scene) -> tuple[str, ...]:
    """What is there, what would change, and what to look at first."""
    return (_present(scene), _instead(scene), _first(scene))


def money(amount: float, currency: str) -> str:
    """An amount without cents, as one says it."""
    return f"${amount:,.0f}" if currency == "USD" else f"{amount:,.0f} {currency}"


def _present(scene: Scene) -> str:
    totals = scene.totals
    sidecars = totals.sidecars
    if POD.key in scene.unread and not totals.pods:
        return "Who carries a sidecar cannot be told: no pods could be read."
    if not sidecars.total:
        return f"None of {totals.pods:,} pods carries a sidecar."
    carrying = sum(1 for row in scene.namespaces if row.sidecars.total)
    requested = totals.requested
    return (
        f"{sidecars.total:,} of {totals.pods:,} pods carry a sidecar ({sidecars.native:,} native, "
        f"{sidecars.classic:,} classic) in {_count(carrying, 'namespace')}; together they request "
        f"{requested.cpu_millis / 1000:,.1f} vCPU and {requested.memory_bytes / _GIB:,.1f} GiB, "
        f"{money(totals.monthly.requested, scene.currency)} a month{_used(scene)}{_realisable(scene)}."
    )


def _used(scene: Scene) -> str:
    used = scene.totals.monthly.used
    return "" if used is None else f", and use {money(used, scene.currency)} of it (95th percentile)"


def _realisable(scene: Scene) -> str:
    realisable = scene.totals.monthly.realisable
    if realisable is None:
        return ""
    nodes = _count(len(scene.totals.drained_nodes or ()), "node")
    return f"; without them {nodes} would drain, {money(realisable, scene.currency)} a month"


def _instead(scene: Scene) -> str:
    monthly = scene.ambient.monthly
    if monthly.floor is None or monthly.highly_available is None:
        return "What ambient would cost instead depends on the nodes, and none were read."
    floor, available = money(monthly.floor, scene.currency), money(monthly.highly_available, scene.currency)
    return (
        f"Ambient would cost {floor} a month without waypoints and {available} with highly available ones "
        f"in {_count(scene.ambient.layer7_namespaces, 'namespace')} that use layer 7; {_break_even(scene.ambient)}."
    )


def _break_even(ambient: AmbientReport) -> str:
    even, here = ambient.break_even_sidecars_per_node, ambient.sidecars_per_node
    if even is None or here is None:
        return "there is nothing to compare it with"
    if not even:
        return f"ztunnel and istio-cni run here already, so each of the {here:.1f} sidecars per node is a saving"
    stands = "above" if here > even else "below"
    return f"it pays from {even:.1f} sidecars per node, and this cluster stands {stands} that at {here:.1f}"


def _first(scene: Scene) -> str:
    counted = [finding for finding in scene.findings if finding.suppressed is None]
    if not counted:
        where = " in what could be read" if scene.unread else ""
        return f"Nothing was found{where} that stands in the way."
    by_severity = Counter(finding.severity for finding in counted)
    told = ", ".join(
        _count(by_severity[severity], severity.value) for severity in reversed(Severity) if by_severity[severity]
    )
    worst = max(counted, key=lambda finding: finding.severity.rank)
    return f"Found {told}; look first at {worst.code} on {worst.object}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 or noun == "info" else f"{number:,} {noun}s"

"""The audit: one function from a mesh, its measurements and prices to the document that every format renders."""

from collections import Counter

from msgspec import Struct

from sidestep.audit.catalogue import RULES
from sidestep.audit.conclusion import Scene, conclusion
from sidestep.audit.cost.cost import cost
from sidestep.audit.cost.used import used
from sidestep.audit.facts import Facts, Options
from sidestep.audit.finding import Finding
from sidestep.audit.gather import gather
from sidestep.audit.result import Audit, Missing, SourceReport, TelemetryReport
from sidestep.audit.rows import namespace_rows, proxy_versions, totals, workload_row
from sidestep.model.gaps import Gap
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.prices import PriceBook
from sidestep.model.telemetry import Telemetry, TelemetryKind


class Request(Struct, frozen=True):
    """What to audit, and with what.

    Attributes:
        mesh: as it was read.
        telemetry: what was measured.
        prices: what compute costs.
        options: what the caller set.
        now: RFC 3339 time for the document; None leaves it out, so that equal input gives equal bytes.
        version: of this tool.
    """

    mesh: Mesh
    prices: PriceBook
    telemetry: Telemetry = Telemetry()
    options: Options = Options()
    now: str | None = None
    version: str = ""


def audit(request: Request) -> Audit:
    """Who carries a sidecar and why, what it costs, what ambient would cost, and what is wrong already."""
    facts = gather(request.mesh, request.telemetry, request.options)
    use = {w.ref: measured for w in facts.workloads if (measured := used(facts, w)) is not None}
    costs = cost(facts, request.prices, use)
    rows = tuple(workload_row(w, use.get(w.ref), costs.workloads[w.ref]) for w in facts.workloads)
    namespaces = namespace_rows(facts, rows, costs.namespaces)
    whole = totals(facts, rows, costs.totals, costs.drained_nodes)
    findings = judge(facts)
    unread = frozenset(gap.resource for gap in request.mesh.gaps)
    scene = Scene(whole, costs.ambient, namespaces, findings, costs.prices.currency, unread)
    return Audit(
        request.version,
        _source(request.mesh),
        whole,
        namespaces,
        rows,
        costs.ambient,
        findings,
        costs.prices,
        _telemetry(request.telemetry),
        costs.formulas,
        conclusion(scene),
        request.now,
        proxy_versions(facts),
    )


def judge(facts: Facts) -> tuple[Finding, ...]:
    """All findings, the worst first, then by code and object."""
    only = facts.options.namespaces
    found = [
        finding
        for rule in RULES
        for finding in rule.findings(facts)
        if not only or _space(finding.object) in ("", *only)
    ]
    return tuple(sorted(found, key=lambda finding: (-finding.severity.rank, finding.code, finding.object)))


def _space(named: ObjectId) -> str:
    """The namespace that an object lies in, or is; empty for what belongs to the whole cluster."""
    return named.name if named.kind == "Namespace" else named.namespace


def _source(mesh: Mesh) -> SourceReport:
    source = mesh.source
    return SourceReport(
        source.kind.value,
        source.name,
        mesh.complete,
        tuple(_missing(gap) for gap in mesh.gaps),
        tuple(str(remark) for remark in mesh.remarks),
        source.cluster_id,
        source.version,
        source.read_at,
        mesh.skipped_secrets,
        dict(sorted(Counter(f"{other.kind}.{other.api_version}" for other in mesh.others).items())),
    )


def _telemetry(telemetry: Telemetry) -> TelemetryReport:
    missing = tuple(_missing(gap) for gap in telemetry.gaps)
    strength = _STRENGTH[telemetry.kind]
    return TelemetryReport(telemetry.kind, telemetry.name, telemetry.window_seconds, strength, missing)


def _missing(gap: Gap) -> Missing:
    return Missing(gap.resource, gap.reason.value, gap.detail, gap.remedy)


_STRENGTH = {
    TelemetryKind.PROMETHEUS: "percentiles over the window, by workload",
    TelemetryKind.METRICS_SERVER: "one sample: peaks are unseen, and percentiles are that sample",
    TelemetryKind.NONE: "requests only: what sidecars really use cannot be told; give --prometheus URL",
}

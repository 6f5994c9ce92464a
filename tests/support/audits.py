"""Audits made by hand, for whatever renders them: empty, tiny, typical, partial, with nasty names, and large."""

from msgspec.structs import replace

from sidestep.audit.finding import Evidence, Finding, Severity
from sidestep.audit.result import (
    AmbientMonthly,
    AmbientReport,
    Audit,
    Formula,
    InjectionReport,
    Missing,
    Monthly,
    NamespaceReport,
    Percentile,
    PriceReport,
    SidecarCount,
    SidecarTotal,
    SourceReport,
    TelemetryReport,
    TotalMonthly,
    Totals,
    TransitionMonthly,
    Used,
    WorkloadReport,
)
from sidestep.model.metadata import ObjectId
from sidestep.model.origin import ClusterOrigin, FileOrigin
from sidestep.model.quantity import Resources
from sidestep.model.telemetry import TelemetryKind

MIB = 2**20
NASTY = "<script>alert(1)</script>&\"'|`*_[x](javascript:1) @team \x1b[31mred\x07\u202e =1+1,\nnext </script> ]]> \ud83d\ude00".encode(
    "utf-16", "surrogatepass"
).decode("utf-16")
NOT_UTF8 = b"\xffdir/\xfe.yaml".decode(errors="surrogateescape")
NAMES = (
    "checkout", "payments", "catalog", "search", "mail", "reports", "fraud", "auth", "media", "edge", "batch", "legacy",
)  # fmt: skip

_MEASURED = TelemetryReport(TelemetryKind.PROMETHEUS, "https://prometheus.example", 604800, "95th percentile of use")
_UNMEASURED = TelemetryReport(TelemetryKind.NONE, "", 0, "requests only: what sidecars really use cannot be told")
_PRICES = PriceReport("USD", "vendored on-demand tables", "2026-07-20")
_NOTHING = Totals(0, SidecarTotal(), 0, 0, 0, Resources(), TotalMonthly())


def empty() -> Audit:
    """Of a cluster in which there is nothing."""
    ambient = AmbientReport(AmbientMonthly(None, None), None, None)
    return Audit(
        "0.1.0", SourceReport("files", "empty/", True), _NOTHING, (), (), ambient, (), _PRICES, _UNMEASURED,
        conclusion=("None of 0 pods carries a sidecar.", "No nodes were read.", "Nothing stands in the way."),
    )  # fmt: skip


def workload(namespace: str, name: str, pods: int, native: int, **fields) -> WorkloadReport:
    """A Deployment, all of whose pods carry a sidecar of 100m and 128Mi."""
    requested = Resources(100, 128 * MIB).times(pods)
    row = WorkloadReport(
        namespace,
        "Deployment",
        name,
        pods,
        SidecarCount(pods - native, native),
        InjectionReport("injected", "namespace label istio.io/rev=prod", "prod", ("webhook", "namespace", "policy")),
        requested,
        None,
        Monthly(2.7 * pods),
        hbone=pods,
    )
    return replace(row, **fields)


def namespace(name: str, rows: list[WorkloadReport], **fields) -> NamespaceReport:
    """The sum of its workloads."""
    made = NamespaceReport(
        name,
        len(rows),
        sum(row.pods for row in rows),
        sum((row.sidecars for row in rows), SidecarCount()),
        0,
        sum((row.requested for row in rows), Resources()),
        None,
        Monthly(sum(row.monthly.requested for row in rows)),
        "istio.io/rev=prod",
        False,
    )
    return replace(made, **fields)


def finding(code: str, severity: Severity, name: str = "checkout/cart", **fields) -> Finding:
    """Something about a Deployment, read from a file."""
    where, _, which = name.partition("/")
    made = Finding(
        code,
        severity,
        ObjectId("apps/v1", "Deployment", where, which),
        f"what {code} found",
        f"do what {code} asks",
        FileOrigin(f"deploy/{where}.yaml", 7),
        (Evidence("metadata.labels", "x"),),
        docs=f"findings/{code}.md",
    )
    return replace(made, **fields)


def audit_of(rows: list[WorkloadReport], findings: tuple[Finding, ...] = ()) -> Audit:
    """A cluster that consists of these workloads."""
    by_namespace: dict[str, list[WorkloadReport]] = {}
    for row in rows:
        by_namespace.setdefault(row.namespace, []).append(row)
    sidecars = sum((row.sidecars for row in rows), SidecarCount())
    requested = sum((row.requested for row in rows), Resources())
    cost = sum(row.monthly.requested for row in rows)
    totals = Totals(
        sum(row.pods for row in rows), SidecarTotal(sidecars.total, sidecars.classic, sidecars.native), 2, 1, 8, requested,
        TotalMonthly(cost, None, 300.0), nodes=8, namespaces=len(by_namespace), workloads=len(rows), ambient=0,
        drained_nodes=("node-1", "node-2"),
    )  # fmt: skip
    ambient = AmbientReport(AmbientMonthly(90.0, 140.5), 3.1, 12.5, TransitionMonthly(90.0, 140.5), None)
    formulas = (
        Formula(
            "totals.monthly.requested",
            "sum over workloads of requests * rate",
            {"vCPU-hour": 0.0316, "pods": 3.0},
            cost,
        ),
        Formula("workloads[].monthly.requested", "requests * rate * 730 h", {"vCPU-hour": 0.0316}, None),
        Formula("ambient.monthly.highlyAvailable", "floor + waypoints", {"traffic": "not measured"}, 140.5),
    )
    conclusion = ("Sidecars are there.", "Ambient would cost less.", "Look first at the worst.")
    return Audit(
        "0.1.0",
        SourceReport("cluster", "prod", True, version="v1.33.1"),
        totals,
        tuple(namespace(name, part) for name, part in sorted(by_namespace.items())),
        tuple(rows),
        ambient,
        findings,
        _PRICES,
        _UNMEASURED,
        formulas,
        conclusion,
        "2026-11-21T06:00:00+00:00",
        {"1.29.2": totals.sidecars.total},
    )


def tiny() -> Audit:
    """Two namespaces, two findings."""
    rows = [workload("checkout", "cart", 3, 3), workload("payments", "ledger", 2, 0)]
    return audit_of(rows, (finding("SID112", Severity.BLOCKER), finding("SID106", Severity.WARNING, "payments/ledger")))


def typical() -> Audit:
    """Twelve namespaces, measured, with a finding of every severity and one that is suppressed."""
    rows = [
        _measured(workload(name, f"app-{number}", 2 + index, index % 3))
        for index, name in enumerate(NAMES)
        for number in range(1 + index % 4)
    ]
    findings = (
        finding("SID112", Severity.BLOCKER),
        finding("SID119", Severity.ERROR, "payments/ledger"),
        finding("SID119", Severity.ERROR, "catalog/index", origin=ClusterOrigin("prod", "4711")),
        finding("SID106", Severity.WARNING, "mail/smtp", origin=None),
        finding("SID106", Severity.WARNING, "legacy/cobol", suppressed="--suppress SID106"),
        finding("SID116", Severity.INFO, "edge/proxy"),
    )
    made = audit_of(rows, findings)
    used = _sum([row.used for row in rows if row.used])
    monthly = replace(made.totals.monthly, used=made.totals.monthly.requested / 4)
    namespaces = [
        replace(row, used=_sum([each.used for each in rows if each.namespace == row.namespace and each.used]),
                monthly=Monthly(row.monthly.requested, row.monthly.requested / 4), layer7=index % 2 == 0,
                features={"l7-policy": index, "routes": 1} if index % 2 == 0 else {})
        for index, row in enumerate(made.namespaces)
    ]  # fmt: skip
    totals = replace(made.totals, used=used, monthly=monthly)
    return replace(made, totals=totals, namespaces=tuple(namespaces), telemetry=_MEASURED)


def partial() -> Audit:
    """The typical one, of which something could not be read."""
    missing = (
        Missing("pods", "forbidden", "403 on list", "grant list on pods"),
        Missing("virtualservices.networking.istio.io", "timeout", "no answer in 60 s"),
    )
    made = typical()
    return replace(made, source=replace(made.source, complete=False, missing=missing))


def nasty() -> Audit:
    """Names, messages and paths that try to be markup, formulas, terminal commands and bytes that are no text."""
    named = f"{NASTY}/{NASTY}"
    bad = finding(
        "SID101", Severity.ERROR, named, message=NASTY, fix=NASTY, origin=FileOrigin(NOT_UTF8 + NASTY), suppressed=None
    )
    hidden = replace(bad, suppressed=NASTY, origin=None)
    made = audit_of([workload(NASTY, NASTY, 3, 1), workload("=cmd()", "@sum", 1, 1)], (bad, bad, hidden))
    formula = Formula(NASTY, NASTY, {NASTY: NASTY}, None)
    source = SourceReport("files", NOT_UTF8 + NASTY, False, (Missing(NASTY, NASTY, NASTY, NASTY),), (NASTY,))
    return replace(made, source=source, conclusion=(NASTY,), formulas=(*made.formulas, formula))


def large(workloads: int = 5_000) -> Audit:
    """Five thousand workloads in fifty namespaces."""
    return audit_of(
        [workload(f"team-{index % 50:02}", f"service-{index:04}", 1 + index % 7, 1) for index in range(workloads)]
    )


def _measured(row: WorkloadReport) -> WorkloadReport:
    cpu, memory = row.requested.cpu_millis / 4, row.requested.memory_bytes / 2
    used = Used(cpu, memory, Percentile(cpu / 2, memory / 2), Percentile(cpu * 2, memory * 2))
    return replace(row, used=used, monthly=replace(row.monthly, used=row.monthly.requested / 4))


def _sum(parts: list[Used]) -> Used:
    return Used(
        sum(part.cpu_millis for part in parts),
        sum(part.memory_bytes for part in parts),
        Percentile(sum(part.p50.cpu_millis for part in parts), sum(part.p50.memory_bytes for part in parts)),
        Percentile(sum(part.max.cpu_millis for part in parts), sum(part.max.memory_bytes for part in parts)),
    )

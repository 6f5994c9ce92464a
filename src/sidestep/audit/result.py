"""The audit as data: what `-o json` prints and every other format renders.

Published as JSON Schema in `docs/schemas/audit.json`; a field is never renamed or removed within `v1`.
Money is in `prices.currency` per month of 730 hours, CPU in thousandths of a core, memory in bytes.
"""

from typing import Literal

from msgspec import Struct, field

from sidestep.audit.finding import Finding
from sidestep.model.quantity import Resources
from sidestep.model.telemetry import TelemetryKind


class Missing(Struct, frozen=True, rename="camel"):
    """Something that could not be read."""

    resource: str
    reason: str
    detail: str = ""
    remedy: str = ""


class SourceReport(Struct, frozen=True, rename="camel"):
    """What was read, and whether that was everything."""

    kind: str
    name: str
    complete: bool
    missing: tuple[Missing, ...] = ()
    remarks: tuple[str, ...] = ()
    cluster_id: str = ""
    version: str = ""
    read_at: str | None = None
    skipped_secrets: int = 0
    other_kinds: dict[str, int] = {}


class SidecarCount(Struct, frozen=True, rename="camel"):
    """Pods with a sidecar, by the way it runs."""

    classic: int = 0
    native: int = 0

    @property
    def total(self) -> int:
        """Both ways together."""
        return self.classic + self.native

    def __add__(self, other: "SidecarCount") -> "SidecarCount":
        return SidecarCount(self.classic + other.classic, self.native + other.native)


class InjectionReport(Struct, frozen=True, rename="camel"):
    """What the next pod of a workload would get, and the decision chain that says so.

    Attributes:
        result: whether the next pod would get a sidecar.
        reason: the step that decided, in words.
        revision: which revision would inject; None when none would.
        chain: every step that was asked, in order.
    """

    result: Literal["injected", "not-injected", "unknown"]
    reason: str
    revision: str | None = None
    chain: tuple[str, ...] = ()


class Percentile(Struct, frozen=True, rename="camel"):
    """CPU and memory at one percentile of the window."""

    cpu_millis: float
    memory_bytes: float


class Used(Struct, frozen=True, rename="camel"):
    """What sidecars used over the window; the top-level figures are the 95th percentile."""

    cpu_millis: float
    memory_bytes: float
    p50: Percentile
    max: Percentile


class Monthly(Struct, frozen=True, rename="camel"):
    """Money per month for what sidecars request, and for what they use (95th percentile; None when unmeasured)."""

    requested: float = 0.0
    used: float | None = None


class WorkloadReport(Struct, frozen=True, rename="camel"):
    """One workload.

    Attributes:
        role: `application`, `gateway`, `waypoint`, `ztunnel`, `istio-cni` or `istiod`.
        evidence: `pods` when running pods were read; `template` when only the controller was, and counts are
            the replicas it declares.
        pods: pods that hold resources now (not Succeeded or Failed).
        sidecars: how many of them carry a sidecar.
        proxyless: how many speak gRPC to istiod without a proxy.
        ambient: how many are captured by ztunnel.
        hbone: how many sidecars can receive HBONE.
        drift: how many differ from what would be created now.
        revisions: sidecars by injecting revision.
        requested: what the sidecars request, all pods together.
        limits: their limits, all pods together.
    """

    namespace: str
    kind: str
    name: str
    pods: int
    sidecars: SidecarCount
    injection: InjectionReport
    requested: Resources
    used: Used | None
    monthly: Monthly
    role: str = "application"
    evidence: str = "pods"
    proxyless: int = 0
    ambient: int = 0
    host_network: bool = False
    hbone: int = 0
    drift: int = 0
    revisions: dict[str, int] = {}
    limits: Resources = Resources()


class NamespaceReport(Struct, frozen=True, rename="camel"):
    """A namespace: the sums of its workloads, and the features in use that decide what comes after.

    `features` counts objects by feature (see `sidestep.audit.features`); `layer7` says whether any of them needs
    layer 7.
    """

    namespace: str
    workloads: int
    pods: int
    sidecars: SidecarCount
    ambient: int
    requested: Resources
    used: Used | None
    monthly: Monthly
    injection: str
    layer7: bool
    features: dict[str, int] = {}


class SidecarTotal(Struct, frozen=True, rename="camel"):
    """Pods with a sidecar in the whole mesh."""

    total: int = 0
    classic: int = 0
    native: int = 0


class TotalMonthly(Struct, frozen=True, rename="camel"):
    """The three figures: what sidecars request, what they use, and what removing them would really free."""

    requested: float = 0.0
    used: float | None = None
    realisable: float | None = None


class Totals(Struct, frozen=True, rename="camel"):
    """The mesh as a whole; `pods` are all that hold resources, the mesh's own proxies included."""

    pods: int
    sidecars: SidecarTotal
    gateways: int
    waypoints: int
    ztunnels: int
    requested: Resources
    monthly: TotalMonthly
    nodes: int = 0
    namespaces: int = 0
    workloads: int = 0
    used: Used | None = None
    ambient: int = 0
    proxyless: int = 0
    drained_nodes: tuple[str, ...] | None = None


class AmbientMonthly(Struct, frozen=True, rename="camel"):
    """What ambient would cost: without waypoints, and with highly available ones wherever layer 7 is used.

    None where no nodes were read, on which it depends.
    """

    floor: float | None
    highly_available: float | None


class TransitionMonthly(Struct, frozen=True, rename="camel"):
    """What a month with both data planes costs on top of today; None where no nodes were read."""

    floor: float | None
    highly_available: float | None


class AmbientReport(Struct, frozen=True, rename="camel"):
    """What ambient costs instead."""

    monthly: AmbientMonthly
    break_even_sidecars_per_node: float | None
    sidecars_per_node: float | None
    transition: TransitionMonthly | None = None
    cross_zone_monthly: float | None = None
    ztunnel_per_node: Resources = Resources()
    istio_cni_per_node: Resources = Resources()
    waypoint: Resources = Resources()
    layer7_namespaces: int = 0


class Formula(Struct, frozen=True, rename="camel"):
    """How one figure came about: printed by `--explain-cost`, shown in HTML on hover.

    Attributes:
        figure: dotted path of the figure in this document, e.g. `totals.monthly.requested`.
        formula: in words and symbols.
        inputs: the values that went in, with their units in the name.
        value: the figure.
    """

    figure: str
    formula: str
    inputs: dict[str, float | str]
    value: float | None


class PriceReport(Struct, frozen=True, rename="camel"):
    """Which prices were used."""

    currency: str
    source: str
    date: str
    fallbacks: dict[str, int] = {}


class TelemetryReport(Struct, frozen=True, rename="camel"):
    """Which measurements were used, and how much weaker the answer is without them."""

    kind: TelemetryKind
    name: str
    window_seconds: int
    strength: str
    missing: tuple[Missing, ...] = ()


class Audit(Struct, frozen=True, rename="camel"):
    """The whole audit."""

    tool_version: str
    source: SourceReport
    totals: Totals
    namespaces: tuple[NamespaceReport, ...]
    workloads: tuple[WorkloadReport, ...]
    ambient: AmbientReport
    findings: tuple[Finding, ...]
    prices: PriceReport
    telemetry: TelemetryReport
    formulas: tuple[Formula, ...] = ()
    conclusion: tuple[str, ...] = ()
    generated_at: str | None = None
    istio_versions: dict[str, int] = {}
    api_version: str = field(default="sidestep.dev/v1")
    kind: str = "Audit"

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
    """Something that could not be read.

    Attributes:
        resource: `plural.group` of a kind, or a file.
        reason: `absent`, `forbidden`, `unauthorized`, `timeout`, `unreachable`, `malformed`, `truncated`,
            `unsupported` or `too-large`.
        detail: what happened, in one sentence.
        remedy: what to do, e.g. which RBAC verb to grant.
    """

    resource: str
    reason: str
    detail: str = ""
    remedy: str = ""


class SourceReport(Struct, frozen=True, rename="camel"):
    """What was read, and whether that was everything.

    Attributes:
        kind: `cluster`, `files` or `snapshot`.
        name: of the cluster's context, or the paths.
        complete: false when anything is missing: every figure may then be too low.
        missing: what could not be read, by kind or file.
        remarks: what is worth saying of the input though nothing was lost.
        cluster_id: UID of the namespace kube-system; empty where it was not read.
        version: of Kubernetes; empty where nobody told.
        read_at: RFC 3339 time at which the cluster was read, where known.
        skipped_secrets: Secrets that stood in the input, and were skipped unread.
        other_kinds: objects of kinds that the audit does not look at, by `plural.group`.
    """

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
    """Pods with a sidecar, by the way it runs.

    Attributes:
        classic: as an ordinary container.
        native: as an init container that restarts always.
    """

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
    """CPU and memory at one percentile of the window.

    Attributes:
        cpu_millis: thousandths of a core.
        memory_bytes: bytes of working set.
    """

    cpu_millis: float
    memory_bytes: float


class Used(Struct, frozen=True, rename="camel"):
    """What sidecars used over the window.

    Attributes:
        cpu_millis: thousandths of a core, 95th percentile.
        memory_bytes: bytes of working set, 95th percentile.
        p50: the median.
        max: the most.
    """

    cpu_millis: float
    memory_bytes: float
    p50: Percentile
    max: Percentile


class Monthly(Struct, frozen=True, rename="camel"):
    """Money per month of 730 hours.

    Attributes:
        requested: for what the sidecars request.
        used: for what they use, 95th percentile; null when nothing was measured.
    """

    requested: float = 0.0
    used: float | None = None


class WorkloadReport(Struct, frozen=True, rename="camel"):
    """One workload.

    Attributes:
        namespace: where it runs.
        kind: of the top of its owner chain: Deployment, StatefulSet, DaemonSet, Job, CronJob, Rollout, Pod, another.
        name: of that owner.
        used: what the sidecars used, all pods together; null when nothing was measured.
        monthly: what the sidecars cost, all pods together.
        injection: what the next pod would get.
        host_network: whether any of its pods shares its node's network.
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

    Attributes:
        namespace: its name.
        workloads: how many it holds.
        pods: pods that hold resources now (not Succeeded or Failed).
        sidecars: how many of them carry a sidecar.
        ambient: how many are captured by ztunnel.
        requested: what the sidecars request.
        used: what the sidecars used; null when nothing was measured.
        monthly: what the sidecars cost.
        injection: the labels by which it asks for a data plane, as one would type them; empty for none.
        layer7: whether any feature in use needs a proxy that reads HTTP.
        features: objects by the feature that they use, e.g. `l7-policy`, `routes`, `jwt`, `envoy-filter`.
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
    """Pods with a sidecar in the whole mesh.

    Attributes:
        total: both ways together.
        classic: as an ordinary container.
        native: as an init container that restarts always.
    """

    total: int = 0
    classic: int = 0
    native: int = 0


class TotalMonthly(Struct, frozen=True, rename="camel"):
    """The three figures, per month of 730 hours.

    Attributes:
        requested: for what the sidecars request.
        used: for what they use, 95th percentile; null when nothing was measured.
        realisable: price of the nodes that would really drain without them; null where no nodes were read.
    """

    requested: float = 0.0
    used: float | None = None
    realisable: float | None = None


class Totals(Struct, frozen=True, rename="camel"):
    """The mesh as a whole.

    Attributes:
        pods: all that hold resources now, the mesh's own proxies included.
        sidecars: how many of them carry a sidecar.
        gateways: pods of gateways.
        waypoints: pods of waypoints.
        ztunnels: pods of ztunnel.
        requested: what the sidecars request.
        monthly: what the sidecars cost.
        nodes: how many were read.
        namespaces: how many hold a workload.
        workloads: how many there are.
        used: what the sidecars used; null when nothing was measured.
        ambient: pods captured by ztunnel.
        proxyless: pods that speak gRPC to istiod without a proxy.
        drained_nodes: names of the nodes that would drain; null where no nodes were read.
    """

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
    """What ambient would cost per month; null where no nodes were read, on which it depends.

    Attributes:
        floor: ztunnel and istio-cni on every node, and the waypoints that run already.
        highly_available: the floor, and highly available waypoints wherever layer 7 is used.
    """

    floor: float | None
    highly_available: float | None


class TransitionMonthly(Struct, frozen=True, rename="camel"):
    """What a month with both data planes costs on top of today; null where no nodes were read.

    Attributes:
        floor: without new waypoints.
        highly_available: with highly available waypoints wherever layer 7 is used.
    """

    floor: float | None
    highly_available: float | None


class AmbientReport(Struct, frozen=True, rename="camel"):
    """What ambient costs instead.

    Attributes:
        monthly: the range of what it costs.
        break_even_sidecars_per_node: from how many sidecars per node on ambient is cheaper; null when unknown.
        sidecars_per_node: how many there are here.
        transition: what the time with both data planes costs in addition, per month.
        cross_zone_monthly: traffic of the waypoint hop between zones; null when its bytes were not measured.
        ztunnel_per_node: what ztunnel requests on a node, as installed or as its chart has it.
        istio_cni_per_node: the same of istio-cni.
        waypoint: what one replica of a waypoint requests.
        layer7_namespaces: namespaces with sidecars that use layer 7, and so need a waypoint.
    """

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
    """Which prices were used.

    Attributes:
        currency: ISO 4217.
        source: built-in tables, a file, or OpenCost.
        date: of the tables.
        fallbacks: nodes whose price had to be assumed, by what was assumed.
    """

    currency: str
    source: str
    date: str
    fallbacks: dict[str, int] = {}


class TelemetryReport(Struct, frozen=True, rename="camel"):
    """Which measurements were used, and how much weaker the answer is without them.

    Attributes:
        kind: `prometheus`, `metrics-server` or `none`.
        name: where they came from.
        window_seconds: how far back they reach.
        strength: what they can and cannot tell, in words.
        missing: what could not be measured.
    """

    kind: TelemetryKind
    name: str
    window_seconds: int
    strength: str
    missing: tuple[Missing, ...] = ()


class Audit(Struct, frozen=True, rename="camel"):
    """The audit: who carries a sidecar and why, what it costs, what ambient would cost, what is wrong already.

    Attributes:
        api_version: of this document; fields are only ever added within it.
        kind: always `Audit`.
        tool_version: of the sidestep that wrote it.
        source: what was read, and whether that was everything.
        totals: the mesh as a whole.
        namespaces: by name.
        workloads: by namespace, kind and name.
        ambient: what ambient costs instead.
        findings: the worst first, then by code and object; suppressed ones are listed too.
        prices: which prices were used.
        telemetry: which measurements were used.
        formulas: how each figure came about.
        conclusion: three sentences made of the figures.
        generated_at: RFC 3339 time of the audit; null where it was left out.
        istio_versions: sidecars and gateways by the version in their image's tag.
    """

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

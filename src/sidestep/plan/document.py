"""The plan as data: what becomes of each workload, through which steps, at what price, and what stands in the way."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.blockers import Blocker
from sidestep.plan.prerequisites import Prerequisite
from sidestep.plan.steps import Probe, Step
from sidestep.plan.waypoints.placement import PlacedWaypoint

API_VERSION = "sidestep.dev/v1"


class Fate(StrEnum):
    """Where a workload ends."""

    AMBIENT = "ambient"
    WAYPOINT = "ambient-with-waypoint"
    SIDECAR = "stays-sidecar"
    REWORK = "rework-first"
    NONE = "not-in-mesh"


class Confidence(StrEnum):
    """How sure a verdict is: `low` where something that matters was not read."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Reason(Struct, frozen=True, rename="camel"):
    """Something that forced a verdict.

    Attributes:
        text: in words.
        object: that says so; None for a fact about the mesh as a whole.
        field: in it.
        differences: codes of the catalogue, e.g. `D05`.
    """

    text: str
    object: ObjectId | None = None
    field: str = ""
    differences: tuple[str, ...] = ()


class WorkloadPlan(Struct, frozen=True, rename="camel"):
    """What becomes of one workload.

    Attributes:
        workload: its name.
        pods: how many.
        today: how its pods take part in the mesh now, in words.
        fate: where it ends.
        confidence: how sure that is.
        reasons: what forced it.
        differences: codes of all differences that apply to it.
        way_out: what would free it, for one that stays or must be reworked.
        override: who decided otherwise, and that it was forced where it opens a hole.
        wave: in which it moves; None for one that does not.
    """

    workload: WorkloadRef
    pods: int
    today: str
    fate: Fate
    confidence: Confidence
    reasons: tuple[Reason, ...] = ()
    differences: tuple[str, ...] = ()
    way_out: str = ""
    override: str = ""
    wave: int | None = None


class Constraint(Struct, frozen=True, rename="camel"):
    """Why something comes before something else.

    Attributes:
        text: in words.
        objects: that make it so.
    """

    text: str
    objects: tuple[ObjectId, ...] = ()


class Money(Struct, frozen=True, rename="camel"):
    """Per month, at the price book's rates; None where it cannot be told.

    Attributes:
        sidecars: what the sidecars that are left request.
        ambient: what ztunnel and the waypoints request.
        saved: against today; negative while ambient costs more than it saves.
    """

    sidecars: float | None = None
    ambient: float | None = None
    saved: float | None = None


class Wave(Struct, frozen=True, rename="camel"):
    """Workloads that move together.

    Attributes:
        number: from 1; 0 prepares and moves nobody.
        title: in words.
        workloads: who moves.
        pods: how many pods are restarted.
        constraints: why these, and why now.
        owner: of all of them, where they have one.
        money: after it.
        steps: ids of its steps, in order.
        rollback: ids of the steps that have a way back, in the order in which they are taken back.
        probes: requests to ask by hand once it is done, with the answers of today; no world sends them by itself.
    """

    number: int
    title: str
    workloads: tuple[WorkloadRef, ...] = ()
    pods: int = 0
    constraints: tuple[Constraint, ...] = ()
    owner: str = ""
    money: Money = Money()
    steps: tuple[str, ...] = ()
    rollback: tuple[str, ...] = ()
    probes: tuple[Probe, ...] = ()


class Exposure(Struct, frozen=True, rename="camel"):
    """A window in which requests are decided otherwise than today, because upstream Istio knows no order without it.

    Attributes:
        wave: in which it opens.
        opens: step that opens it.
        closes: step that closes it; empty when it stays open.
        requests: which, in words.
        seconds: about how long it is open; None for until the end.
        policy: manifest that would close it; None where none can.
    """

    wave: int
    opens: str
    closes: str
    requests: str
    seconds: int | None = None
    policy: dict[str, Any] | None = None


class Signature(Struct, frozen=True, rename="camel"):
    """By which it is known, when the plan is carried out, of what it was made and that nobody edited it.

    Attributes:
        cluster: uid of the kube-system namespace of the cluster that was read; empty for manifests.
        inputs: digests of the objects that the plan rests on, by kind and name; none for manifests, which say less
            than what a cluster makes of them.
        digest: SHA-256 of the steps, their order, and the rest of this; empty for a plan of an older sidestep.
    """

    cluster: str = ""
    inputs: dict[str, str] = {}
    digest: str = ""


class Plan(Struct, frozen=True, rename="camel"):
    """A whole plan; byte-identical for equal input.

    Attributes:
        source: what was read, in words.
        istio: its version.
        generator: version of sidestep.
        summary: the plan in a few sentences.
        workloads: verdicts, by name.
        waypoints: that it wants.
        waves: in order, wave 0 first.
        steps: of all waves, in order.
        exposures: windows that cannot be avoided.
        prerequisites: what must hold first.
        blockers: what stands in the way, by name.
        money: at the end.
        advice: what else should be known: cheaper ways, what a later Istio gives.
        assumed: what was taken for granted.
        missing: what was not read.
        currency: of all money, ISO 4217.
        signature: of what it was made, and that it is as it was made.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `Plan`.
    """

    source: str
    istio: str
    generator: str
    summary: str
    workloads: tuple[WorkloadPlan, ...] = ()
    waypoints: tuple[PlacedWaypoint, ...] = ()
    waves: tuple[Wave, ...] = ()
    steps: tuple[Step, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    money: Money = Money()
    advice: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    currency: str = "USD"
    signature: Signature = Signature()
    api_version: str = API_VERSION
    kind: str = "Plan"

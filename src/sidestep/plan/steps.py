"""The steps of a plan: effects as values, each with what must hold before it, what it does and how it is taken back."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.measures import Reading

LabelChanges = dict[str, str | None]
"""New values by label; None takes the label away."""


class SetLabels(Struct, frozen=True, tag="labels", rename="camel"):
    """Set and remove labels (merge patch of `metadata.labels`).

    Attributes:
        object: whose.
        labels: the changes.
        before: what the same labels were, for the way back.
        template: those of a controller's pod template instead of its own: a rollout follows.
    """

    object: ObjectId
    labels: LabelChanges
    before: LabelChanges
    template: bool = False


class Patch(Struct, frozen=True, tag="patch", rename="camel"):
    """A JSON merge patch, and the one that takes it back.

    Attributes:
        object: that is changed.
        patch: the change (RFC 7396).
        before: the same fields as they were.
    """

    object: ObjectId
    patch: dict[str, Any]
    before: dict[str, Any]


class Apply(Struct, frozen=True, tag="apply", rename="camel"):
    """Server-side apply of a whole object.

    Attributes:
        object: that is applied.
        manifest: the whole of it.
        before: what stood there; None when nothing did.
    """

    object: ObjectId
    manifest: dict[str, Any]
    before: dict[str, Any] | None = None


class Delete(Struct, frozen=True, tag="delete", rename="camel"):
    """Delete an object.

    Attributes:
        object: that goes.
        before: the whole of it, which puts it back.
    """

    object: ObjectId
    before: dict[str, Any]


class Restart(Struct, frozen=True, tag="restart", rename="camel"):
    """Make the pods of a workload anew, a few at a time, and wait until they are ready.

    Attributes:
        workload: whose pods.
        pods: how many.
        effect_only: the template was changed by the step before, so that the rollout is already on its way.
    """

    workload: WorkloadRef
    pods: int
    effect_only: bool = False


class WaitFor(StrEnum):
    """What a step waits for."""

    WAYPOINT_READY = "waypoint-ready"
    WAYPOINT_BOUND = "waypoint-bound"
    ROLLED_OUT = "rolled-out"
    """All pods are of the newest template, and of those before none serves on while it ends."""
    CAPTURED = "captured"
    POLICY_ACCEPTED = "policy-accepted"
    SIDECARS_GONE = "sidecars-gone"
    DAEMONSETS_READY = "daemonsets-ready"
    PREPARED = "prepared"
    """Nothing but the steps that it comes after: so that many others name one step, and not each of many."""
    CONVERGED = "converged"
    """What a repository says stands in the cluster, or stands there no more: whoever applies it is done."""


class Wait(Struct, frozen=True, tag="wait", rename="camel"):
    """Wait until something holds, and fail after a time.

    Attributes:
        what: the condition.
        subject: of what.
        seconds: the longest to wait.
    """

    what: WaitFor
    subject: str
    seconds: int


class Comparison(StrEnum):
    """How a measured value is held against a threshold."""

    AT_MOST = "<="
    AT_LEAST = ">="
    NO_WORSE_THAN_BASELINE = "<= baseline *"


class Gate(Struct, frozen=True, tag="gate", rename="camel"):
    """A measurement that must hold before the plan goes on.

    Attributes:
        name: e.g. `error-rate`.
        query: PromQL, for people; `$window` stands for the window.
        comparison: how.
        threshold: against what.
        window_seconds: the longest to look; and how far back it is looked for what was before.
        confidence: of the sequential test that decides, 0 to 1.
        reading: what is measured; None for the one number of the query.
        stops: what does not hold stops the plan; else it is looked for as long as it may be, told, and gone on.
    """

    name: str
    query: str
    comparison: Comparison
    threshold: float
    window_seconds: int = 300
    confidence: float = 0.95
    reading: Reading | None = None
    stops: bool = True


class Probe(Struct, frozen=True, tag="probe", rename="camel"):
    """A request that must be answered as foretold.

    Attributes:
        client: `namespace/workload`.
        to: host dialled.
        port: dialled.
        method: of HTTP; empty for TCP.
        path: of HTTP.
        expect: `allow` or `deny`.
    """

    client: str
    to: str
    port: int
    method: str = ""
    path: str = ""
    expect: str = "allow"


Effect = SetLabels | Patch | Apply | Delete | Restart | Wait | Gate | Probe


class Step(Struct, frozen=True, rename="camel"):
    """One step.

    Attributes:
        id: unique and stable, e.g. `w02-030`; steps in order of their ids respect `after`.
        wave: to which it belongs; 0 prepares.
        effect: what it does.
        description: in words, imperative.
        preconditions: what must hold, in words; checked by the world that performs it.
        predicts: what changes by it, in words.
        after: steps that must be done before.
        because: objects that ask for it.
    """

    id: str
    wave: int
    effect: Effect
    description: str
    preconditions: tuple[str, ...] = ()
    predicts: str = ""
    after: tuple[str, ...] = ()
    because: tuple[ObjectId, ...] = ()


def renewed(step: Step) -> WorkloadRef | None:
    """The workload whose pods a step makes anew, by another template or by a rollout; None for any other step."""
    match step.effect:
        case Restart(workload=workload):
            return workload
        case SetLabels(object=owner, template=True):
            return WorkloadRef(owner.namespace, owner.kind, owner.name)
        case _:
            return None


def writes(effect: Effect) -> bool:
    """Whether an effect may change an object; what it only looks at is looked at again by whoever does not know."""
    match effect:
        case SetLabels() | Patch() | Apply() | Delete():
            return True
        case Restart(effect_only=only):
            return not only
        case Wait() | Gate() | Probe():
            return False


def reverse(effect: Effect) -> Effect | None:
    """What takes an effect back; None where there is nothing to take back."""
    match effect:
        case SetLabels():
            return SetLabels(effect.object, effect.before, effect.labels, effect.template)
        case Patch():
            return Patch(effect.object, effect.before, effect.patch)
        case Apply(before=None):
            return Delete(effect.object, effect.manifest)
        case Apply():
            return Apply(effect.object, effect.before or {}, effect.manifest)
        case Delete():
            return Apply(effect.object, effect.before)
        case Restart():
            return effect
        case Wait(what=WaitFor.CAPTURED):
            return Wait(WaitFor.ROLLED_OUT, effect.subject, effect.seconds)
        case Wait(what=WaitFor.CONVERGED):
            return effect
        case Wait() | Gate() | Probe():
            return None

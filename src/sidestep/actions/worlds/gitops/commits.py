"""A plan of commits, made of a plan of writes: of each wave one commit, then its waits, probes and gates. Pure."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from sidestep.actions.stages import LATE, Stage
from sidestep.model.metadata import ObjectId
from sidestep.plan.document import Plan, Wave
from sidestep.plan.steps import Apply, Gate, Probe, Restart, Step, Wait, WaitFor

COMMIT = "Commit"
_API = "sidestep.dev/v1"


class Mode(Struct, frozen=True):
    """How commits are carried out.

    Attributes:
        offline: no cluster is looked at: nothing is waited for, and no gate is asked.
        patience: seconds until the cluster must have become what a commit says, or the remote must have taken it.
        pushes: commits go to a remote.
    """

    offline: bool = False
    patience: int = 3600
    pushes: bool = False


def commit_object(stage: str) -> ObjectId:
    """What names the commit of a stage."""
    return ObjectId(_API, COMMIT, "", stage)


def manifest(stage: str) -> dict[str, object]:
    """The commit of a stage, as an object."""
    return {"apiVersion": _API, "kind": COMMIT, "metadata": {"name": stage}}


def of_commits(plan: Plan, stages: tuple[Stage, ...], mode: Mode) -> Plan:
    """The plan of commits.

    Args:
        plan: of writes.
        stages: that are committed; those without objects are not.
        mode: how.
    """
    waves: list[Wave] = []
    steps: list[Step] = []
    for stage in stages:
        if not stage.objects:
            continue
        wave = _wave(plan, stage)
        own = tuple(_steps(plan, stage, wave, mode))
        back = tuple(step.id for step in own if isinstance(step.effect, Apply) or _converges(step))
        waves.append(replace(wave, steps=tuple(step.id for step in own), rollback=back))
        steps += own
    return replace(plan, waves=tuple(waves), steps=tuple(steps))


def stage_of(named: ObjectId) -> str:
    """The stage whose commit an object is; empty for any other object."""
    return named.name if (named.api_version, named.kind) == (_API, COMMIT) else ""


def by_hand(plan: Plan) -> Iterator[Step]:
    """Steps that no commit can take: pods made anew although nothing of their template changes."""
    return (step for step in plan.steps if isinstance(step.effect, Restart) and not step.effect.effect_only)


def _wave(plan: Plan, stage: Stage) -> Wave:
    """The plan's wave that a stage is; the last one settles."""
    moved = {wave.number for wave in plan.waves if wave.workloads}
    settling = [wave for wave in plan.waves if wave.number not in moved and wave.number > 0]
    if stage.name == LATE:
        return settling[-1] if settling else Wave(stage.wave, "settle")
    return next((wave for wave in plan.waves if wave.number == stage.wave), Wave(stage.wave, "prepare"))


def _steps(plan: Plan, stage: Stage, wave: Wave, mode: Mode) -> Iterator[Step]:
    number = wave.number
    first = Step(
        f"c{number:03d}-0001", number, Apply(commit_object(stage.name), manifest(stage.name)),
        f"commit {stage.name}: {wave.title}", predicts="who applies the repository does the rest",
    )  # fmt: skip
    yield first
    if mode.offline and not mode.pushes:
        return
    wait = Wait(WaitFor.CONVERGED, stage.name, mode.patience)
    converged = f"c{number:03d}-0002"
    awaited = f"the remote has {stage.name}" if mode.offline else f"the cluster is as {stage.name} says"
    yield Step(converged, number, wait, f"wait until {awaited}", after=(first.id,))
    if mode.offline:
        return
    kept = [step for step in plan.steps if step.wave == number and _looks(step)]
    known = {step.id for step in kept}
    for step in kept:
        yield replace(step, after=(converged, *(each for each in step.after if each in known)))


def _looks(step: Step) -> bool:
    effect = step.effect
    return isinstance(effect, Wait | Gate | Probe) or (isinstance(effect, Restart) and effect.effect_only)


def _converges(step: Step) -> bool:
    return isinstance(step.effect, Wait) and step.effect.what is WaitFor.CONVERGED

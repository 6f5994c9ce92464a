"""Whether a plan may be carried out: whole, of this place, and of objects that are as it knew them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from sidestep.actions.gates.watching import Measure
from sidestep.actions.runs.outlook import foresee
from sidestep.actions.worlds.effects import Stand
from sidestep.audit.facts import Options
from sidestep.audit.gather import gather
from sidestep.cli.migrate.place import Place
from sidestep.cli.states import plan_content
from sidestep.errors import UsageError, WorldError
from sidestep.model.telemetry import Telemetry
from sidestep.plan.document import Plan
from sidestep.plan.prerequisites import Prerequisite, prerequisites
from sidestep.plan.reading import read_plan
from sidestep.plan.signature import Changed, changed, digest, inputs
from sidestep.plan.steps import Gate, Restart, Step
from sidestep.report.migration.outlook import changed_words

_AGAIN = "make the plan again with `sidestep plan --out DIR`, and decide by its options"


class Document(Struct, frozen=True):
    """A plan as it was saved.

    Attributes:
        content: the document.
        plan: in it.
    """

    content: bytes
    plan: Plan


def saved_plan(path: str) -> Document:
    """A plan that nobody has edited.

    Raises:
        WorldError: it cannot be read, is no plan, is unsigned, or was edited.
    """
    content = plan_content(Path(path))
    plan = read_plan(content, path)
    if not plan.signature.digest:
        raise WorldError("is not signed: an older sidestep wrote it, or nobody made it", where=path, remedy=_AGAIN)
    if digest(content) != plan.signature.digest:
        raise WorldError("was edited: its steps are not those that it was signed with", where=path, remedy=_AGAIN)
    return Document(content, plan)


def check_cluster(plan: Plan, place: Place, where: str) -> None:
    """Hold a plan to being of this cluster; of one of manifests only its objects tell.

    Raises:
        WorldError: it is of another one.
    """
    theirs = plan.signature.cluster
    if theirs and place.cluster and theirs != place.cluster:
        raise WorldError(
            f"is a plan of another cluster: of {theirs}, and {place.named} is {place.cluster}",
            where=where,
            remedy="name the cluster with --context, or plan this one",
        )


def waves_of(plan: Plan, wave: int | None, until: int | None) -> tuple[int, ...]:
    """The waves to carry out; none for all.

    Raises:
        UsageError: the plan has no such wave.
    """
    known = sorted({each.number for each in plan.waves})
    for option, number in (("--wave", wave), ("--until", until)):
        if number is not None and number not in known:
            told = ", ".join(map(str, known)) or "none"
            raise UsageError(f"the plan has no wave {number}", where=option, remedy=f"name one of these: {told}")
    if wave is not None:
        return (wave,)
    return () if until is None else tuple(number for number in known if number <= until)


def check_reached(plan: Plan, place: Place, waves: tuple[int, ...]) -> None:
    """Hold a run of some waves to those before them being done.

    Raises:
        UsageError: one is not.
    """
    first = min(waves, default=0)
    before = [step for step in plan.steps if step.wave < first and not isinstance(step.effect, Restart)]
    undone = next((each for each in foresee(place.world, before) if each.stand not in {None, Stand.DONE}), None)
    if undone is not None:
        step = undone.step
        raise UsageError(
            f"wave {step.wave} is not done: {step.id} {step.description}",
            where=f"--wave {first}",
            remedy=f"carry wave {step.wave} out first, or leave --wave out",
        )


def check_gates(steps: Iterable[Step], measure: Measure | None, where: str, *, no_gates: bool) -> None:
    """A gate without data does not hold: that is better known before a wave than after it.

    Raises:
        UsageError: there are gates, and nobody measures.
    """
    if measure is None and not no_gates and any(isinstance(step.effect, Gate) for step in steps):
        remedy = "name it with --prometheus URL, or say --no-gates to have nothing watched"
        raise UsageError("gates need somebody who measures; nothing was written", where=where, remedy=remedy)


class Now(Struct, frozen=True):
    """What a mesh says against a plan that was made of it.

    Attributes:
        changed: objects that the plan rests on and does not change, and that are not as it knew them.
        unmet: prerequisites that do not hold.
    """

    changed: tuple[Changed, ...] = ()
    unmet: tuple[Prerequisite, ...] = ()


def mesh_now(plan: Plan, place: Place) -> Now:
    """What the mesh says that is there now; nothing where only the world's objects can be read.

    Raises:
        SidestepError: the cluster cannot be read.
    """
    if place.read is None:
        return Now()
    mesh = place.read()
    unmet = (each for each in prerequisites(gather(mesh, Telemetry(), Options())) if each.met is False)
    return Now(tuple(changed(plan, inputs(mesh))), tuple(unmet))


def drifted(plan: Plan, place: Place) -> tuple[str, ...]:
    """Objects that the plan rests on and does not change, and that are not as it knew them, in words.

    Where waves are commits, the plan of commits does not say what it changes: nothing is told.

    Raises:
        SidestepError: the cluster cannot be read.
    """
    return changed_words(mesh_now(plan, place).changed) if place.observe is not None else ()


def notes(plan: Plan, place: Place, now: Now) -> Iterator[str]:
    """What should be known before a plan is carried out."""
    if not plan.signature.cluster and place.cluster:
        yield f"the plan was made of manifests: that it is of {place.named} only its own objects tell"
    yield from (f"{each.name} is not met: {each.evidence}; {each.fix}" for each in now.unmet)
    yield from (f"{each.object} {each.field}: {each.why}; {each.way_out}" for each in plan.blockers)


def chosen(plan: Plan, waves: tuple[int, ...]) -> tuple[Step, ...]:
    """The steps of some waves; of all where none is named."""
    return tuple(step for step in plan.steps if not waves or step.wave in waves)

"""The states of a mesh that a question is asked of: today, after a plan, or after a part of one."""

from pathlib import Path

from msgspec import Struct

from sidestep.actions.memory import apply, problems
from sidestep.errors import UsageError, WorldError
from sidestep.explain.answer import LABELS_ALONE, PLANNED, TODAY, State
from sidestep.model.mesh import Mesh
from sidestep.plan.document import Plan
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.plan.naive import naive_plan
from sidestep.plan.planner import PlanRequest, Wishes, make_plan
from sidestep.plan.reading import read_plan
from sidestep.report.units import count
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.versions import IstioVersion
from sidestep.sources.prices import load_prices

_PLAN_FILE = "plan.json"
_TAKEN = "istio-cni and ztunnel are taken to run on every node, as a plan requires before its first step"


class At(Struct, frozen=True):
    """Which states are asked for.

    Attributes:
        planned: a plan is made on the fly.
        plan: one that was saved; None where none is named.
        until: the plan's wave or step; None for all of it.
        naive: also what flipping labels alone would do; beside a plan only where that decides otherwise.
    """

    naive: bool = False
    planned: bool = True
    plan: Plan | None = None
    until: str | int | None = None


def at_option(text: str | None) -> At:
    """What `--at` names; without it today and after a plan.

    Raises:
        UsageError: the file names no wave or step.
        WorldError: the file cannot be read, or is no plan.
    """
    if text is None:
        return At(naive=True)
    if text == TODAY:
        return At(planned=False)
    path, _, part = text.rpartition("#") if "#" in text else (text, "", "")
    until: str | int | None = int(part) if part.isascii() and part.isdigit() else part or None
    if path in (PLANNED, LABELS_ALONE):
        return At(planned=path == PLANNED, naive=path == LABELS_ALONE, until=until)
    if not path:
        raise UsageError(
            f"{text!r} names no state", where="--at", remedy="write today, labels, planned or PLAN.json#WAVE"
        )
    plan = read_plan(plan_content(Path(path)), path)
    _check(plan, until)
    return At(plan=plan, until=until)


def states(mesh: Mesh, at: At, version: IstioVersion | None) -> tuple[State, ...]:
    """Today, and the state that is asked for where it is another."""
    today = State(TODAY, MeshIndex.of(mesh, version))
    if at.plan is not None:
        return today, _after(mesh, at.plan, at.until, version)
    if not at.planned:
        return (today, _naive(mesh, version, at.until, optional=False)) if at.naive else (today,)
    request = PlanRequest(mesh, load_prices(None), graph=inferred_calls(mesh), wishes=Wishes(istio=version))
    naive = (_naive(mesh, version, None, optional=True),) if at.naive else ()
    plan = make_plan(request)
    _check(plan, at.until)
    return today, *naive, _after(mesh, plan, at.until, version)


def _naive(mesh: Mesh, version: IstioVersion | None, until: str | int | None, *, optional: bool) -> State:
    plan = naive_plan(mesh)
    _check(plan, until)
    name = LABELS_ALONE if until is None else str(until)
    return State(name, MeshIndex.of(apply(plan, mesh, until), version), (_TAKEN,), optional)


def _after(mesh: Mesh, plan: Plan, until: str | int | None, version: IstioVersion | None) -> State:
    name = PLANNED if until is None else str(until)
    return State(name, MeshIndex.of(apply(plan, mesh, until), version), tuple(_notes(mesh, plan)))


def _notes(mesh: Mesh, plan: Plan) -> list[str]:
    notes = [_TAKEN] if plan.steps else ["the plan moves nobody: nothing would change"]
    misfits = problems(plan, mesh)
    if misfits:
        told = f"{misfits[0].step}: {misfits[0].reason}"
        notes.append(f"{count(len(misfits), 'step')} of the plan did not fit the mesh and was left out ({told})")
    if plan.blockers:
        notes.append(f"{count(len(plan.blockers), 'blocker')} in the way of this plan: see sidestep plan")
    return notes


def plan_content(path: Path) -> bytes:
    """The document of a saved plan, by its file or the folder that holds it.

    Raises:
        WorldError: it cannot be read.
    """
    file = path / _PLAN_FILE if path.is_dir() else path
    try:
        return file.read_bytes()
    except OSError as error:
        remedy = "name a file that `sidestep plan -o json --out FILE` made, or write today or planned"
        raise WorldError(error.strerror or str(error), where=str(file), remedy=remedy) from error


def _check(plan: Plan, until: str | int | None) -> None:
    waves = sorted({wave.number for wave in plan.waves} | {step.wave for step in plan.steps})
    known = waves if isinstance(until, int) else [step.id for step in plan.steps]
    if until is None or until in known:
        return
    what = "wave" if isinstance(until, int) else "step"
    told = f"from {known[0]} to {known[-1]}" if known else "of which it has none"
    raise UsageError(f"the plan has no {what} {until}", where="--at", remedy=f"name one {told}")

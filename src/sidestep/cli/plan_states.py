"""The states on the way of a plan that `sidestep prove --plan` names: saved, made on the fly, or labels alone."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from sidestep.actions.memory import problems, states
from sidestep.cli.states import plan_content
from sidestep.errors import WorldError
from sidestep.explain.answer import PLANNED
from sidestep.model.mesh import Mesh
from sidestep.plan.document import Plan
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.plan.naive import GALLERY
from sidestep.plan.planner import PlanRequest, Wishes, make_plan
from sidestep.plan.reading import read_plan
from sidestep.prove.partial import is_within, with_partial
from sidestep.semantics.versions import IstioVersion
from sidestep.sources.prices import load_prices


class PlanOption(Struct, frozen=True):
    """Which plan.

    Attributes:
        text: as it was written.
        plan: one that was saved; None for one that is made of the mesh.
        end_only: whether only the state at its end counts.
    """

    text: str
    plan: Plan | None = None
    end_only: bool = False

    def at(self, state: str, *, last: bool) -> str:
        """What `sidestep explain --at` takes for a state; empty for one within a step, which nothing names."""
        if last and self.plan is None:
            return self.text
        return "" if is_within(state) else f"{self.text}#{state}"


def plan_option(text: str, *, end_only: bool) -> PlanOption:
    """What `--plan` names.

    Raises:
        WorldError: the file cannot be read, or is no plan.
    """
    if text == PLANNED or text in GALLERY:
        return PlanOption(text, None, end_only)
    return PlanOption(text, read_plan(plan_content(Path(text)), text), end_only)


def states_of(option: PlanOption, mesh: Mesh, version: IstioVersion | None) -> Iterator[tuple[str, Mesh]]:
    """Every state that differs from the one before it, by the step that makes it, and those within steps.

    Raises:
        WorldError: a saved plan does not fit the mesh.
    """
    plan = fitting(option, mesh, version)
    ordered = mesh.in_order
    found = with_partial(ordered, ((step.id, after) for step, after in states(plan, ordered)))
    yield from deque(found, 1) if option.end_only else found


def fitting(option: PlanOption, mesh: Mesh, version: IstioVersion | None = None) -> Plan:
    """The plan, made now where it was not saved.

    Raises:
        WorldError: a saved plan does not fit the mesh.
    """
    plan = option.plan or _made(option.text, mesh, version)
    misfits = problems(plan, mesh)
    if misfits:
        told = f"{misfits[0].step}: {misfits[0].reason}"
        raise WorldError(
            f"does not fit the mesh ({told})", where=option.text, remedy="make the plan again of this mesh"
        )
    return plan


def _made(name: str, mesh: Mesh, version: IstioVersion | None) -> Plan:
    def ours() -> Plan:
        return make_plan(PlanRequest(mesh, load_prices(None), graph=inferred_calls(mesh), wishes=Wishes(istio=version)))

    return GALLERY[name](mesh, ours) if name in GALLERY else ours()

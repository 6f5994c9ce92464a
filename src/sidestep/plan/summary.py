"""The plan in a few sentences, and what else its reader should know."""

from collections import Counter
from collections.abc import Iterator

from sidestep.audit.cost.cost import Costs
from sidestep.audit.cost.rates import rates
from sidestep.audit.facts import Facts
from sidestep.model.prices import PriceBook
from sidestep.plan.document import Fate, Plan
from sidestep.plan.money import Ledger
from sidestep.plan.waypoint_choice import Choice
from sidestep.plan.waypoints.rightsizing import right_size, sidecar_uses, verdict
from sidestep.plan.wording import many

_TOLD = {
    Fate.AMBIENT: ("needs layer 4 alone", "need layer 4 alone"),
    Fate.WAYPOINT: ("needs a waypoint", "need a waypoint"),
    Fate.SIDECAR: ("stays on its sidecar", "stay on their sidecars"),
    Fate.REWORK: ("needs rework first", "need rework first"),
}


def summary(plan: Plan, currency: str) -> str:
    """The plan in a few sentences."""
    counts = Counter(each.fate for each in plan.workloads)
    in_mesh = sum(counts[fate] for fate in _TOLD)
    if not in_mesh:
        return "Nobody in this mesh carries a sidecar: there is nothing to move."
    parts = ", ".join(
        f"{counts[fate]:,} {one if counts[fate] == 1 else several}"
        for fate, (one, several) in _TOLD.items()
        if counts[fate]
    )
    moving = [wave for wave in plan.waves if wave.workloads]
    told = [f"Of {many(in_mesh, 'workload')} in the mesh, {parts}."]
    if moving:
        behind = f" behind {many(len(plan.waypoints), 'waypoint')}" if plan.waypoints else ""
        pods = many(sum(wave.pods for wave in moving), "pod")
        told.append(f"They move in {many(len(moving), 'wave')} ({pods} restarted){behind}.")
    if plan.money.saved is not None:
        verb = "saves" if plan.money.saved >= 0 else "costs"
        told.append(f"At the end it {verb} {abs(plan.money.saved):,.0f} {currency} a month, by what is requested.")
        first = next((wave.number for wave in plan.waves if (wave.money.saved or -1.0) >= 0), None)
        if first is not None and plan.money.saved > 0:
            told.append(f"From wave {first} on it costs less than today.")
    if plan.exposures:
        windows = many(len(plan.exposures), "window")
        told.append(f"{windows} cannot be avoided: the plan says who is refused, and until when.")
    return " ".join(told)


def advice(facts: Facts, prices: PriceBook, costs: Costs, account: Ledger, choice: Choice) -> tuple[str, ...]:
    """Cheaper ways, and notes on the waypoints."""
    return tuple(_advice(facts, prices, costs, account, choice))


def _advice(facts: Facts, prices: PriceBook, costs: Costs, account: Ledger, choice: Choice) -> Iterator[str]:
    uses = sidecar_uses(facts, rates(facts.mesh, prices))
    if uses and account.agents is not None:
        yield verdict(right_size(uses, facts.telemetry.strength), account.agents + account.waypoints)
    there, at = costs.ambient.sidecars_per_node, costs.ambient.break_even_sidecars_per_node
    if there is not None and at is not None:
        side = "above" if there > at else "below"
        yield f"{there:.1f} sidecars a node are {side} the break-even of {at:.1f}: ztunnel is paid for on every node"
    yield from choice.notes

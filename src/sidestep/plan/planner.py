"""The planner: from a mesh, its measurements and who calls whom to a plan. Pure; equal input gives equal bytes."""

from msgspec import Struct
from msgspec.structs import replace

from sidestep.audit.cost.cost import Costs, cost
from sidestep.audit.cost.used import used
from sidestep.audit.facts import Facts, Options
from sidestep.audit.gather import gather
from sidestep.model.call_graph import CallGraph
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.model.prices import PriceBook
from sidestep.model.telemetry import Telemetry
from sidestep.plan.blockers import Blocker, blockers
from sidestep.plan.calls import Calls, calls
from sidestep.plan.choreography import Lasting, preparing_steps, wave_steps
from sidestep.plan.document import Constraint, Plan, Wave
from sidestep.plan.exposures import exposures
from sidestep.plan.guards import guards
from sidestep.plan.money import Ledger, ledger
from sidestep.plan.moves import Moves, lasting, moves
from sidestep.plan.ordering import Unit, packed, units
from sidestep.plan.overwritten import upon
from sidestep.plan.preparation import preparations
from sidestep.plan.prerequisites import prerequisites
from sidestep.plan.probes import Probes
from sidestep.plan.settling import settling_steps
from sidestep.plan.signature import signed
from sidestep.plan.steps import Step
from sidestep.plan.summary import advice, summary
from sidestep.plan.verdicts.configuration import Configuration
from sidestep.plan.verdicts.holding_back import held_back
from sidestep.plan.verdicts.judge import Judged, Overrides, judge
from sidestep.plan.wave_words import moving_wave, preparing_wave, settling_wave
from sidestep.plan.waypoint_choice import Asked, choose
from sidestep.plan.waypoints.coefficients import Coefficients
from sidestep.plan.waypoints.needs import Scope
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.versions import IstioVersion

MOST_PODS = 200


class Wishes(Struct, frozen=True):
    """What the user asks of a plan.

    Attributes:
        scope: how widely waypoints are shared.
        max_pods: most pods restarted in a wave.
        overrides: verdicts of the user's own.
        istio: version, where the user names it.
        maintenance: when waves may run, in the user's words.
        coefficients: what load costs a waypoint.
        lasting: what becomes of old connections of bytes before pods end.
    """

    scope: Scope = Scope.AUTO
    max_pods: int = MOST_PODS
    overrides: Overrides = Overrides()
    istio: IstioVersion | None = None
    maintenance: str = ""
    coefficients: Coefficients = Coefficients()
    lasting: Lasting = Lasting.CUT


class PlanRequest(Struct, frozen=True):
    """What to plan, and with what.

    Attributes:
        mesh: as it was read.
        prices: what compute costs.
        telemetry: what was measured of proxies.
        graph: who calls whom.
        wishes: of the user.
        version: of this tool.
    """

    mesh: Mesh
    prices: PriceBook
    telemetry: Telemetry = Telemetry()
    graph: CallGraph = CallGraph()
    wishes: Wishes = Wishes()
    version: str = ""


def make_plan(request: PlanRequest) -> Plan:
    """The plan of a mesh."""
    mesh, wishes = request.mesh.in_order, request.wishes
    facts = gather(mesh, request.telemetry, Options())
    configuration = Configuration(MeshIndex.of(mesh, wishes.istio))
    known = calls(request.graph, facts)
    blocked = blockers(facts)
    judged = _verdicts(facts, configuration, blocked, known, wishes.overrides)
    asked = Asked(wishes.scope, request.prices, wishes.coefficients)
    choice = choose(configuration, judged, known, asked)
    guarded = guards(configuration, judged, choice)
    found = moves(configuration, facts, judged, guarded, known)
    found = lasting(found, configuration, judged, wishes.lasting)
    costs = _costs(facts, request.prices)
    account = ledger(costs, choice.placed)
    packs = packed(units(found.movers, found.before), wishes.max_pods)
    prepared = tuple(preparations(configuration, judged, found, guarded, choice))
    first = upon(mesh, preparing_steps(choice.objects, prepared, guarded.values()))
    middle = _moving(mesh, packs, found, account, Probes(configuration, judged, known), wishes.maintenance)
    last = settling_steps(len(packs) + 1, configuration, judged, found, guarded)
    waves = (*preparing_wave(first, account), *(wave for wave, _ in middle), *settling_wave(last, account, found.moves))
    steps = (*first, *(step for _, own in middle for step in own), *last)
    numbers = {ref: wave.number for wave, _ in middle for ref in wave.workloads}
    settings = configuration.index.settings
    plan = Plan(
        f"{mesh.source.kind.value} {mesh.source.name}",
        settings.version.found or f"{settings.version.version} (assumed)",
        request.version,
        "",
        tuple(replace(each.plan, wave=numbers.get(each.plan.workload)) for each in judged),
        choice.placed,
        waves,
        steps,
        exposures(waves, steps, found.moves, known),
        prerequisites(facts),
        blocked,
        account.after(frozenset(numbers)),
        (*_refused_or_forced(judged), *advice(facts, request.prices, costs, account, choice)),
        (*configuration.index.assumptions, *choice.assumed, *known.assumed),
        tuple(str(gap) for gap in (*mesh.gaps, *request.graph.gaps)),
        currency=account.currency,
    )
    return signed(replace(plan, summary=summary(plan, account.currency)), mesh)


def _verdicts(
    facts: Facts, configuration: Configuration, blocked: tuple[Blocker, ...], known: Calls, overrides: Overrides
) -> tuple[Judged, ...]:
    """Of all workloads; servers that cannot be guarded yet stay as they are."""
    by_object: dict[ObjectId, tuple[Blocker, ...]] = {}
    for each in blocked:
        by_object[each.object] = (*by_object.get(each.object, ()), each)
    judged = tuple(judge(configuration, workload, by_object, overrides) for workload in facts.workloads)
    return held_back(judged, known, force=overrides.force)


def _refused_or_forced(judged: tuple[Judged, ...]) -> tuple[str, ...]:
    """What became of the user's own choices."""
    return tuple(f"{each.plan.workload}: {each.plan.override}" for each in judged if each.plan.override)


def _moving(  # noqa: PLR0913, PLR0917 - all that a wave is made of
    mesh: Mesh, packs: tuple[tuple[Unit, ...], ...], found: Moves, account: Ledger, probes: Probes, maintenance: str
) -> list[tuple[Wave, tuple[Step, ...]]]:
    waves = []
    gone: set[WorkloadRef] = set()
    for number, pack in enumerate(packs, 1):
        members = [mover.workload for unit in pack for mover in unit.members]
        steps = upon(mesh, wave_steps(number, tuple(found.moves[ref] for ref in members)))
        gone.update(members)
        wave = moving_wave(number, pack, found, steps, account.after(frozenset(gone)))
        wave = replace(wave, probes=probes.of(members))
        if maintenance:
            constraint = Constraint(f"only within the maintenance window: {maintenance}")
            wave = replace(wave, constraints=(*wave.constraints, constraint))
        waves.append((wave, steps))
    return waves


def _costs(facts: Facts, prices: PriceBook) -> Costs:
    use = {each.ref: measured for each in facts.workloads if (measured := used(facts, each)) is not None}
    return cost(facts, prices, use)

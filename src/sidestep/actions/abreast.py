"""Which steps of a wave may be performed beside each other without passing a state that nobody has judged. Pure.

A plan is proved one step after the other. Beside each other, steps pass states of which some are on that way and some
are not. So whatever decides requests is performed in the plan's order, one at a time, but for moves of workloads that
follow each other and were seen to commute (`docs/decisions/0020`). What only looks may be performed at any time.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from sidestep.actions.in_memory.working_copy import WorkingCopy
from sidestep.actions.memory import apply
from sidestep.actions.way_back import taking_back, waves_back
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.document import Plan
from sidestep.plan.steps import Apply, Delete, Patch, Restart, SetLabels, Step, Wait, WaitFor, renewed
from sidestep.prove.proof import Proof
from sidestep.prove.prover import Terms
from sidestep.prove.states import Journey
from sidestep.semantics.index import MeshIndex

Together = tuple[frozenset[str], ...]
"""Groups of steps; those of different workloads in one group may be performed beside each other."""
Move = tuple[WorkloadRef, tuple[Step, ...]]
_TERMS = Terms(budget=5_000)


def startable(
    steps: Sequence[Step], found: Iterable[Step], done: Collection[str], busy: Collection[str], together: Together = ()
) -> Iterator[Step]:
    """Those of some steps of a wave that may begin now.

    Args:
        steps: of the wave, in the plan's order.
        found: those whose predecessors are done.
        done: steps that are.
        busy: steps that are under way.
        together: groups in this wave.
    """
    left = [step for step in steps if step.id not in done and decides(step)]
    place = {step.id: number for number, step in enumerate(left)}
    for step in found:
        earlier = left[: place.get(step.id, 0)]
        if step.id not in busy and all(_beside(step, each, together) for each in earlier):
            yield step


def decides(step: Step) -> bool:
    """Whether requests may be decided otherwise for a step; what it only looks at was there before it looked."""
    match step.effect:
        case SetLabels() | Patch() | Apply() | Delete() | Restart() | Wait(what=WaitFor.WAYPOINT_READY):
            return True
        case _:
            return False


def _beside(step: Step, other: Step, together: Together) -> bool:
    return renewed(step) != renewed(other) and any(step.id in group and other.id in group for group in together)


def groups(plan: Plan, mesh: Mesh, wave: int) -> Together:
    """Steps of a wave that may be performed beside each other.

    Args:
        plan: that is carried out.
        mesh: as it was before the plan, or as a part of it left it.
        wave: that begins.
    """
    before = [step for step in plan.steps if step.wave < wave]
    base = apply(plan, mesh, before[-1].id) if before else mesh
    return _groups([step for step in plan.steps if step.wave == wave], base)


def groups_back(plan: Plan, mesh: Mesh, wave: int) -> Together:
    """Steps of a wave that may be taken back beside each other; none where one of them does not fit the mesh.

    Args:
        plan: that is taken back.
        mesh: as it was before the plan, or as a part of it, or of its way back, left it.
        wave: whose way back begins; those after it are taken back.
    """
    copy = WorkingCopy(apply(plan, mesh, wave))
    for later in waves_back(plan, wave + 1):
        for step in taking_back(plan, later):
            copy.perform(step.effect)
    base, steps = copy.mesh(), taking_back(plan, wave)
    if any(copy.perform(step.effect) is not None for step in steps):
        return ()
    return _groups(steps, base)


def _groups(steps: Sequence[Step], base: Mesh) -> Together:
    """Of steps that are performed in this order on a mesh."""
    index = MeshIndex.of(base)
    return tuple(
        frozenset(step.id for _, steps in moves for step in steps)
        for run in _runs(step for step in steps if decides(step))
        for moves in _apart(index, run)
        if len(moves) > 1 and _commute(_until(steps, base, moves[0]), moves)
    )


def _runs(steps: Iterable[Step]) -> Iterator[list[Move]]:
    """Moves that follow each other with nothing between them that decides anything else."""
    run: dict[WorkloadRef, list[Step]] = {}
    for step in steps:
        workload = renewed(step)
        if workload is not None:
            run.setdefault(workload, []).append(step)
        elif run:
            yield [(each, tuple(found)) for each, found in run.items()]
            run = {}
    yield [(each, tuple(found)) for each, found in run.items()]


def _apart(index: MeshIndex, moves: Iterable[Move]) -> Iterator[list[Move]]:
    """Those no two of which are behind one Service: a request to it may end at either."""
    run: list[Move] = []
    taken: set[str] = set()
    for workload, steps in moves:
        hosts = {service.host for each in index.workloads.get(workload, ()) for service in index.in_front_of(each)}
        if hosts & taken:
            yield run
            run, taken = [], set()
        run.append((workload, steps))
        taken |= hosts
    yield run


def _until(steps: Iterable[Step], base: Mesh, first: Move) -> Mesh:
    """The mesh right before the first of some moves."""
    copy = WorkingCopy(base)
    for step in steps:
        if step.id == first[1][0].id:
            break
        copy.perform(step.effect)
    return copy.mesh()


def _commute(base: Mesh, moves: Sequence[Move]) -> bool:
    """Whether moves in the reverse order decide no request as they never do in the plan's order.

    A move has two states, and a request is decided by its caller's, its server's, and what no move changes. Of any two
    moves the plan's order passes three of four states, and the reverse order the fourth.
    """
    journey = Journey(MeshIndex.of(base), _TERMS)
    known = {told for each in _proofs(journey, base, moves) for told in _found(each)}
    return all(told in known for each in _proofs(journey, base, moves[::-1]) for told in _found(each))


def _proofs(journey: Journey, base: Mesh, moves: Iterable[Move]) -> Iterator[Proof]:
    copy, index = WorkingCopy(base), MeshIndex.of(base)
    yield journey.visit("", index)
    for _, steps in moves:
        for step in steps:
            copy.perform(step.effect)
        index = MeshIndex.of(copy.mesh(), like=index)
        yield journey.visit("", index)


def _found(proof: Proof) -> Iterator[object]:
    """What a state decides otherwise than the first, and what of it nobody can decide."""
    yield from ((each.request, each.direction, each.after.verdict, each.after.path) for each in proof.counterexamples)
    yield from ((each.where, each.reason, each.object) for each in proof.undecided)

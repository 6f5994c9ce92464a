"""Waves as values: who moves, why now, what it costs, and the way back."""

from collections.abc import Mapping

from sidestep.model.metadata import WorkloadRef
from sidestep.plan.choreography import Move, rollback_of
from sidestep.plan.document import Constraint, Money, Wave
from sidestep.plan.money import Ledger
from sidestep.plan.moves import Moves
from sidestep.plan.ordering import Unit
from sidestep.plan.steps import Step

_MOST_NAMES = 3


def preparing_wave(steps: tuple[Step, ...], account: Ledger) -> tuple[Wave, ...]:
    """Wave 0, where there is anything to prepare."""
    if not steps:
        return ()
    wave = Wave(
        0,
        "prepare: waypoints, ports, exemptions, old sidecars",
        constraints=(Constraint("nothing here changes what happens to a request"),),
        money=account.after(frozenset()),
        steps=tuple(step.id for step in steps),
        rollback=rollback_of(steps),
    )
    return (wave,)


def moving_wave(number: int, pack: tuple[Unit, ...], found: Moves, steps: tuple[Step, ...], money: Money) -> Wave:
    """A wave that moves workloads."""
    members = tuple(mover.workload for unit in pack for mover in unit.members)
    owner = pack[0].owner
    return Wave(
        number,
        _title(members, owner),
        members,
        sum(unit.pods for unit in pack),
        tuple(_constraints(pack, found)),
        owner,
        money,
        tuple(step.id for step in steps),
        rollback_of(steps),
    )


def settling_wave(steps: tuple[Step, ...], account: Ledger, moved: Mapping[WorkloadRef, Move]) -> tuple[Wave, ...]:
    """The last wave, where there is anything left to do."""
    if not steps:
        return ()
    text = "after every sidecar that read them is gone"
    wave = Wave(
        steps[0].wave,
        "settle: namespace labels, superseded policies",
        constraints=(Constraint(text),),
        money=account.after(frozenset(moved)),
        steps=tuple(step.id for step in steps),
        rollback=rollback_of(steps),
    )
    return (wave,)


def _title(members: tuple[WorkloadRef, ...], owner: str) -> str:
    names = ", ".join(f"{ref.namespace}/{ref.name}" for ref in members[:_MOST_NAMES])
    more = f" and {len(members) - _MOST_NAMES} more" if len(members) > _MOST_NAMES else ""
    return f"{owner}: {names}{more}" if owner else f"{names}{more}"


def _constraints(pack: tuple[Unit, ...], found: Moves) -> list[Constraint]:
    told = []
    for unit in pack:
        if unit.circular:
            names = ", ".join(str(mover.workload) for mover in unit.members)
            told.append(Constraint(f"{names} call each other in a circle and move together"))
        for mover in unit.members:
            before = found.before.get(mover.workload, ())
            if before:
                names = ", ".join(str(ref) for ref in before)
                because = tuple(origin for guard in found.moves[mover.workload].guards for origin in guard.because)
                text = f"{mover.workload} after its callers {names}: a sidecar never asks a waypoint (D51)"
                told.append(Constraint(text, tuple(dict.fromkeys(because))))
    return told or [Constraint("nothing must come before it; the cheap and quiet go first")]

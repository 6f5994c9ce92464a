"""Windows in which requests are decided otherwise than today, because Istio knows no order without them.

Source: istio-semantics.md D30, D51, §7.2 (4). What can be closed by a policy is closed by the plan itself; what is left
is said with the requests that it exposes.
"""

from collections.abc import Iterator, Mapping

from sidestep.model.metadata import WorkloadRef
from sidestep.plan.calls import Calls
from sidestep.plan.choreography import Guard, Move
from sidestep.plan.document import Exposure, Wave
from sidestep.plan.steps import Apply, Restart, Step

_SECONDS_PER_POD = 15


def exposures(
    waves: tuple[Wave, ...], steps: tuple[Step, ...], moves: Mapping[WorkloadRef, Move], calls: Calls
) -> tuple[Exposure, ...]:
    """All windows, in order."""
    return tuple(window for wave in waves for window in _of_wave(wave, steps, moves, calls))


def _of_wave(
    wave: Wave, steps: tuple[Step, ...], moves: Mapping[WorkloadRef, Move], calls: Calls
) -> Iterator[Exposure]:
    own = {step.id: step for step in steps if step.wave == wave.number}
    together = set(wave.workloads)
    for ref in wave.workloads:
        guards = [guard for guard in moves[ref].guards if guard.close is not None]
        if not guards:
            continue
        closes = next((step.id for step in own.values() if _is(step, guards[0])), "")
        restart = next((step.id for step in own.values() if _restarts(step, ref)), "")
        late = [
            caller
            for caller in calls.callers(ref)
            if caller in together and caller != ref and _circle(ref, caller, moves)
        ]
        if late:
            names = ", ".join(str(caller) for caller in late)
            yield Exposure(
                wave.number,
                closes,
                restart,
                f"calls of {names} to {ref} are refused until their own pods are ambient: they call in a circle",
                sum(moves[caller].pods for caller in late) * _SECONDS_PER_POD,
                guards[0].close,
            )
        for edge in calls.strangers(ref):
            yield Exposure(
                wave.number,
                closes,
                "",
                f"calls from outside of the mesh to {ref} ({edge.requests_per_second or 0:.1f}/s measured) never pass "
                "the waypoint: the plan refuses them from here on",
                None,
                guards[0].close,
            )
        if not calls.measured:
            yield Exposure(
                wave.number,
                closes,
                "",
                f"callers of {ref} that configuration does not name and that still have a sidecar are refused",
                None,
                guards[0].close,
            )


def _is(step: Step, guard: Guard) -> bool:
    return isinstance(step.effect, Apply) and step.effect.manifest == guard.close


def _restarts(step: Step, ref: WorkloadRef) -> bool:
    return isinstance(step.effect, Restart) and step.effect.workload == ref


def _circle(server: WorkloadRef, caller: WorkloadRef, moves: Mapping[WorkloadRef, Move]) -> bool:
    """Whether two must each have moved before the other, in the end."""
    seen, waiting = {caller}, [caller]
    while waiting:
        for other in moves[waiting.pop()].before:
            if other == server:
                return True
            if other not in seen and other in moves:
                seen.add(other)
                waiting.append(other)
    return False

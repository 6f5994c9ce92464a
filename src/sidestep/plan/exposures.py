"""Windows in which requests are decided otherwise than today, because Istio knows no order without them.

Source: istio-semantics.md D30, D51, §7.2 (4). What can be closed by a policy is closed by the plan itself; what is left
is said with the requests that it exposes.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from sidestep.model.metadata import WorkloadRef
from sidestep.plan.calls import Calls
from sidestep.plan.choreography import Guard, Move
from sidestep.plan.document import Exposure, Wave
from sidestep.plan.steps import Apply, Restart, Step

_SECONDS_PER_POD = 15
_MOST_NAMES = 3
_WHEN_ALL_MOVED = "*"


def exposures(
    waves: tuple[Wave, ...], steps: tuple[Step, ...], moves: Mapping[WorkloadRef, Move], calls: Calls
) -> tuple[Exposure, ...]:
    """All windows, in order."""
    moving = [wave for wave in waves if wave.workloads]
    last = moving[-1].steps[-1] if moving else ""
    by_wave: dict[int, dict[str, Step]] = {}
    for step in steps:
        by_wave.setdefault(step.wave, {})[step.id] = step
    windows = (window for wave in moving for window in _of_wave(wave, by_wave.get(wave.number, {}), moves, calls))
    return tuple(replace(each, closes=last) if each.closes == _WHEN_ALL_MOVED else each for each in windows)


def _of_wave(
    wave: Wave, own: Mapping[str, Step], moves: Mapping[WorkloadRef, Move], calls: Calls
) -> Iterator[Exposure]:
    yield from _unnamed(wave, own, moves, calls)
    yield from _other_ports(wave, own, moves)
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


def _unnamed(
    wave: Wave, own: Mapping[str, Step], moves: Mapping[WorkloadRef, Move], calls: Calls
) -> Iterator[Exposure]:
    """Nobody measured who calls: those whom configuration does not name are refused once the way past is closed."""
    guarded = {
        ref: guard
        for ref in wave.workloads
        for guard in moves[ref].guards
        if guard.close is not None and not calls.known(ref)
    }
    closes = [step.id for step in own.values() if any(_is(step, guard) for guard in guarded.values())]
    if closes:
        names = ", ".join(f"{ref.namespace}/{ref.name}" for ref in list(guarded)[:_MOST_NAMES])
        more = f" and {len(guarded) - _MOST_NAMES} more" if len(guarded) > _MOST_NAMES else ""
        text = f"callers of {names}{more} that configuration does not name and that still have a sidecar are refused"
        yield Exposure(wave.number, closes[0], _WHEN_ALL_MOVED, text)


def _other_ports(wave: Wave, own: Mapping[str, Step], moves: Mapping[WorkloadRef, Move]) -> Iterator[Exposure]:
    """A policy without ports holds on all of them; a waypoint only sees those of Services, so the rest is shut."""
    for ref in wave.workloads:
        shut = [guard for guard in moves[ref].guards if guard.close is not None and not guard.ports]
        closes = next((step.id for step in own.values() if any(_is(step, guard) for guard in shut)), "")
        if closes:
            text = (
                f"connections to pods of {ref} that do not come through its waypoint, scrapes of metrics among them, "
                "are refused on every port: its policies hold on every port, and only Services lead through a waypoint"
            )
            yield Exposure(wave.number, closes, "", text)


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

"""Windows in which requests are decided otherwise than today, because Istio knows no order without them.

Source: istio-semantics.md D30, D51, §7.2 (4). What can be closed by a policy is closed by the plan itself; what is left
is said with the requests that it exposes.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from sidestep.model.metadata import WorkloadRef
from sidestep.plan.calls import Calls
from sidestep.plan.choreography import Guard, Move
from sidestep.plan.document import Exposure, Wave
from sidestep.plan.steps import Apply, Restart, Step

_SECONDS_PER_POD = 15
_MOST_NAMES = 3
_WHEN_ALL_MOVED = "*"

_Applied = dict[tuple[str, str], list[tuple[int, str, dict[str, Any]]]]
"""What a wave's steps apply, by namespace and name: the place among the steps, the step, and the whole object."""


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
    applied = _applied(own)
    yield from _unnamed(wave, applied, moves, calls)
    yield from _other_ports(wave, applied, moves)
    restarts = {step.effect.workload: step.id for step in own.values() if isinstance(step.effect, Restart)}
    yield from _gaps(wave, restarts, moves)
    together = set(wave.workloads)
    for ref in wave.workloads:
        guards = [guard for guard in moves[ref].guards if guard.close is not None]
        if not guards:
            continue
        closes = _closing(guards[:1], applied)
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
                restarts.get(ref, ""),
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


def _unnamed(wave: Wave, applied: _Applied, moves: Mapping[WorkloadRef, Move], calls: Calls) -> Iterator[Exposure]:
    """Nobody measured who calls: those whom configuration does not name are refused once the way past is closed."""
    guarded = {
        ref: guard
        for ref in wave.workloads
        for guard in moves[ref].guards
        if guard.close is not None and not calls.known(ref)
    }
    closes = _closing(guarded.values(), applied)
    if closes:
        names = ", ".join(f"{ref.namespace}/{ref.name}" for ref in list(guarded)[:_MOST_NAMES])
        more = f" and {len(guarded) - _MOST_NAMES} more" if len(guarded) > _MOST_NAMES else ""
        text = f"callers of {names}{more} that configuration does not name and that still have a sidecar are refused"
        yield Exposure(wave.number, closes, _WHEN_ALL_MOVED, text)


def _other_ports(wave: Wave, applied: _Applied, moves: Mapping[WorkloadRef, Move]) -> Iterator[Exposure]:
    """A policy without ports holds on all of them; a waypoint only sees those of Services, so the rest is shut."""
    for ref in wave.workloads:
        shut = [guard for guard in moves[ref].guards if guard.close is not None and not guard.ports]
        closes = _closing(shut, applied)
        if closes:
            text = (
                f"connections to pods of {ref} that do not come through its waypoint, scrapes of metrics among them, "
                "are refused on every port: its policies hold on every port, and only Services lead through a waypoint"
            )
            yield Exposure(wave.number, closes, "", text)


def _gaps(wave: Wave, restarts: Mapping[WorkloadRef, str], moves: Mapping[WorkloadRef, Move]) -> Iterator[Exposure]:
    """Not of ambient, but of the restart that leads there: it is said, for who looks will find requests lost."""
    for ref in wave.workloads:
        restart = restarts.get(ref)
        if moves[ref].gap and restart:
            text = f"calls of {ref} meet nobody while it restarts: it ends its last pod before the next is ready"
            yield Exposure(wave.number, restart, restart, text, moves[ref].pods * _SECONDS_PER_POD)


def _applied(own: Mapping[str, Step]) -> _Applied:
    found: _Applied = {}
    for number, step in enumerate(own.values()):
        if isinstance(step.effect, Apply):
            named = step.effect.object
            found.setdefault((named.namespace, named.name), []).append((number, step.id, step.effect.manifest))
    return found


def _closing(guards: Iterable[Guard], applied: _Applied) -> str:
    """The first step that puts in place what closes the way past a waypoint; empty where none does."""
    found = [
        (number, step)
        for close in (guard.close for guard in guards)
        if close is not None
        for number, step, manifest in applied.get((close["metadata"]["namespace"], close["metadata"]["name"]), ())
        if manifest == close
    ]
    return min(found)[1] if found else ""


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

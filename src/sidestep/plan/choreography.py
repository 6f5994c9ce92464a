"""The steps of each wave, in an order that leaves no gap where Istio knows one.

Source: istio-semantics.md §7.2. Before anybody moves: twins at the waypoints, waypoints admitted at the pods, services
bound. Sidecars do not ask waypoints, so nobody notices; and who moves later finds routes, which a ztunnel does not do
(D38), and opens its first connection through the waypoint. Before a guarded workload's pods are made anew the way past
its waypoint is closed. Only then the template's labels change.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import JOB
from sidestep.model.metadata import Labels, ObjectId, WorkloadRef
from sidestep.plan.gates import gates, old_connections
from sidestep.plan.steps import Apply, Effect, Restart, SetLabels, Step, Wait, WaitFor, reverse
from sidestep.plan.wording import many
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.injection import INJECT
from sidestep.semantics.service_index import Service
from sidestep.semantics.services import INGRESS_USE_WAYPOINT
from sidestep.semantics.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE

Tree = dict[str, Any]
_ROLLOUT_SECONDS = 600
_WAYPOINT_SECONDS = 300
_NAMED = 4
"""Steps that others name one by one."""


class Lasting(StrEnum):
    """What becomes of connections of bytes that are old when pods are about to end.

    Whichever is wished, `migrate` says before a wave how many there are.
    """

    CUT = "cut"
    """Nobody waits for them."""
    DRAIN = "drain"
    """Those that end within half an hour are waited for; what is left then is cut, and said."""
    WAIT = "wait"
    """All are waited for; what is left after half an hour stops the plan."""


class Guard(Struct, frozen=True):
    """What puts one service behind its waypoint.

    Attributes:
        service: the service.
        waypoint: namespace and name of its Gateway.
        bound: it is bound already.
        exposed: a gateway forwards to it, and is to come through the waypoint.
        twins: policies attached to it, for the waypoint.
        admits: the waypoint's ALLOWs at the pods; none where no allow-list stands there.
        close: the DENY for everybody but the waypoint; None where nothing is enforced.
        ports: on which it closes; empty for all.
        because: what its policies were made from.
    """

    service: Service
    waypoint: tuple[str, str]
    bound: bool
    exposed: bool
    twins: tuple[Tree, ...] = ()
    admits: tuple[Tree, ...] = ()
    close: Tree | None = None
    ports: tuple[int, ...] = ()
    because: tuple[ObjectId, ...] = ()


class Move(Struct, frozen=True):
    """One workload's move.

    Attributes:
        workload: who.
        controller: the object that holds its template; None for pods that nobody manages.
        labels: that the template carries now.
        pods: how many are restarted.
        guards: the services that must be guarded first.
        before: workloads whose rollout must be done before.
        lasting: what becomes of old connections of bytes to it.
        gap: while its pods are made anew there is a time in which none of them serves.
        limited: its application has a limit of CPU.
    """

    workload: WorkloadRef
    controller: ObjectId | None
    labels: Labels
    pods: int
    guards: tuple[Guard, ...] = ()
    before: tuple[WorkloadRef, ...] = ()
    lasting: Lasting = Lasting.CUT
    gap: bool = False
    limited: bool = False


class Script:
    """Steps of one wave, numbered as they are added."""

    def __init__(self, wave: int) -> None:
        self.wave = wave
        self.steps: list[Step] = []

    def add(
        self,
        effect: Effect,
        description: str,
        after: tuple[str, ...] = (),
        predicts: str = "",
        because: tuple[ObjectId, ...] = (),
    ) -> str:
        """Add a step; returns its id."""
        number = f"w{self.wave:03d}-{len(self.steps) + 1:04d}"
        self.steps.append(Step(number, self.wave, effect, description, (), predicts, after, because))
        return number


def wave_steps(number: int, moves: tuple[Move, ...]) -> tuple[Step, ...]:
    """All steps of a wave that moves workloads."""
    script = Script(number)
    done: dict[WorkloadRef, str] = {}
    guarded: dict[str, tuple[str, ...]] = {}
    for move in moves:
        needed = tuple(done[ref] for ref in move.before if ref in done)
        for guard in move.guards:
            if guard.service.host not in guarded:
                guarded[guard.service.host] = _guard(script, guard, needed)
            needed = (*needed, *guarded[guard.service.host])
        done[move.workload] = _move(script, move, needed)
    last = tuple(done.values())
    guarding = {move.workload: {guard.waypoint for guard in move.guards} for move in moves}
    for gate in gates(guarding, tuple(move.workload for move in moves if move.limited)):
        script.add(gate, f"check that {gate.name} held", last)
    return tuple(script.steps)


def _guard(script: Script, guard: Guard, after: tuple[str, ...]) -> tuple[str, ...]:
    """The way past the waypoint, closed before any pod behind a service loses its sidecar; the steps to wait for.

    None of its own where the service has no policy: its waypoint then only carries traffic.
    """
    service, (namespace, name) = guard.service, guard.waypoint
    waited = after
    if guard.close is not None:
        text = f"refuse who comes to {service.host} past its waypoint {namespace}/{name}"
        predicts = "callers that do not use the waypoint are refused"
        waited = (script.add(Apply(object_of(guard.close), guard.close), text, waited, predicts, guard.because),)
    return waited


def _stand(script: Script, guard: Guard, after: tuple[str, ...]) -> tuple[str, ...]:
    """Put a service behind its waypoint, with its policies there; who does not ask waypoints notices nothing."""
    service = guard.service
    staged = [
        script.add(Apply(object_of(tree), tree), f"stage {tree['kind']} {_named(tree)} for the waypoint", after,
                   "nothing: only a waypoint reads it", guard.because)
        for tree in guard.twins
    ]  # fmt: skip
    for tree in guard.admits:
        text = f"admit the waypoint at the pods of {service.host}"
        staged.append(script.add(Apply(object_of(tree), tree), text, after, "nobody else has its identity"))
    waited = tuple(staged) or after
    if not guard.bound:
        waited = (_bind(script, guard, waited),)
        bound = Wait(WaitFor.WAYPOINT_BOUND, str(service.resource.id), _WAYPOINT_SECONDS)
        waited = (script.add(bound, f"wait until every node knows the waypoint of {service.host}", waited),)
    return waited


def _bind(script: Script, guard: Guard, after: tuple[str, ...]) -> str:
    service, (namespace, name) = guard.service, guard.waypoint
    labels: dict[str, str | None] = {USE_WAYPOINT: name}
    if namespace != service.namespace:
        labels[USE_WAYPOINT_NAMESPACE] = namespace
    if guard.exposed:
        labels[INGRESS_USE_WAYPOINT] = "true"
    now = service.resource.meta.labels
    before = {label: now.get(label) for label in labels}
    text = f"bind {service.resource.id} to waypoint {namespace}/{name}"
    predicts = "ambient clients" + (" and gateways" if guard.exposed else "") + " come through the waypoint"
    return script.add(SetLabels(service.resource.id, labels, before), text, after, predicts, (service.resource.id,))


def _move(script: Script, move: Move, after: tuple[str, ...]) -> str:
    labels: dict[str, str | None] = {DATAPLANE_MODE: "ambient", INJECT: "false"}
    before = {label: move.labels.get(label) for label in labels}
    last = after
    if move.lasting is not Lasting.CUT:
        gate = old_connections(move.workload, stops=move.lasting is Lasting.WAIT)
        text = f"wait until no old connection to {move.workload} is open"
        longest = "" if gate.stops else f", {gate.window_seconds // 60} minutes at most"
        last = after = (script.add(gate, text + longest, after),)
    if move.workload.kind == JOB.name:
        return _run_out(script, move, last)
    if move.controller is not None:
        change = SetLabels(move.controller, labels, before, template=True)
        text = f"take {move.workload} off its sidecar: its next pods are ambient"
        last = (script.add(change, text, after, "a rollout begins", (move.controller,)),)
    restart = Restart(move.workload, move.pods, effect_only=move.controller is not None)
    rolled = script.add(
        restart, f"roll out {move.workload}, {many(move.pods, 'pod')}", last, "its pods have no sidecar"
    )
    captured = Wait(WaitFor.CAPTURED, str(move.workload), _ROLLOUT_SECONDS)
    return script.add(captured, f"wait until ztunnel has every pod of {move.workload}", (rolled,))


def _run_out(script: Script, move: Move, after: tuple[str, ...]) -> str:
    """The API server refuses another template for a Job, and nobody makes its pods anew: they are waited for."""
    text = f"let {move.workload} run to its end: the template of a Job cannot change"
    predicts = "what is run anew is of its converted manifest, or of its namespace's labels once they are settled"
    ends = script.add(Restart(move.workload, move.pods, effect_only=True), text, after, predicts)
    gone = Wait(WaitFor.SIDECARS_GONE, str(move.workload), _ROLLOUT_SECONDS)
    return script.add(gone, f"wait until no pod of {move.workload} runs with its sidecar", (ends,))


def object_of(tree: Mapping[str, Any]) -> ObjectId:
    """What names a manifest's object."""
    meta = tree.get("metadata") or {}
    return ObjectId(str(tree["apiVersion"]), str(tree["kind"]), str(meta.get("namespace", "")), str(meta["name"]))


def _named(tree: Mapping[str, Any]) -> str:
    meta = tree["metadata"]
    return f"{meta['namespace']}/{meta['name']}"


def preparing_steps(
    waypoints: Mapping[tuple[str, str], tuple[Tree, ...]],
    others: tuple[tuple[Effect, str, str, tuple[ObjectId, ...]], ...],
    guards: Iterable[Guard] = (),
) -> tuple[Step, ...]:
    """Wave 0: what must stand before anybody moves, and changes nothing for anybody.

    Args:
        waypoints: the objects of each, none where the mesh has it already, by namespace and name.
        others: other preparations: effect, description, prediction, and the objects that ask for it.
        guards: of services, which are put behind their waypoints: who moves later opens its first connection through
            them, for a connection that was opened past one stays past it, and is refused when that way is closed.
    """
    script = Script(0)
    ready: dict[tuple[str, str], str] = {}
    for (namespace, name), objects in sorted(waypoints.items()):
        applied = tuple(
            script.add(Apply(object_of(tree), tree), f"apply {tree['kind']} {_named(tree)}") for tree in objects
        )
        waypoint = f"{namespace}/{name}"
        wait = Wait(WaitFor.WAYPOINT_READY, waypoint, _WAYPOINT_SECONDS)
        ready[namespace, name] = script.add(wait, f"wait until waypoint {waypoint} is ready", applied)
    prepared = [
        script.add(effect, description, (), predicts, because) for effect, description, predicts, because in others
    ]
    first = _joined(script, tuple(prepared))
    for guard in guards:
        _stand(script, guard, (ready[guard.waypoint], *first))
    return tuple(script.steps)


def _joined(script: Script, steps: tuple[str, ...]) -> tuple[str, ...]:
    """What to come after to come after all of some steps; thousands of Services do not name thousands of steps each."""
    if len(steps) <= _NAMED:
        return steps
    text = f"wait until all {len(steps)} preparations are done"
    return (script.add(Wait(WaitFor.PREPARED, "preparations", _WAYPOINT_SECONDS), text, steps),)


def rollback_of(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Steps that are taken back, the last first; but a workload's template, rollout and wait keep their order.

    So its old pods are back before what guarded the new ones goes.
    """
    groups: list[list[Step]] = []
    for step in steps:
        if reverse(step.effect) is None:
            continue
        if groups and _continues(groups[-1][-1], step):
            groups[-1].append(step)
        else:
            groups.append([step])
    return tuple(step.id for group in reversed(groups) for step in group)


def _continues(before: Step, step: Step) -> bool:
    """Whether a step belongs to the rollout that the one before began."""
    if isinstance(step.effect, Wait):
        return isinstance(before.effect, Restart)
    template = isinstance(before.effect, SetLabels) and before.effect.template
    return isinstance(step.effect, Restart) and step.effect.effect_only and template

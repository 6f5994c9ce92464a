"""Who moves, what must stand first, and who must have moved before."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from sidestep.audit.facts import Facts
from sidestep.model.metadata import WorkloadRef
from sidestep.model.pods import PodShape
from sidestep.plan.calls import Calls
from sidestep.plan.choreography import Guard, Lasting, Move
from sidestep.plan.document import Fate
from sidestep.plan.ordering import Mover
from sidestep.plan.owners import owner_of
from sidestep.plan.verdicts.configuration import Configuration
from sidestep.plan.verdicts.judge import Judged
from sidestep.semantics.instances import Mode
from sidestep.semantics.inventory import Workload
from sidestep.semantics.protocols import Declared
from sidestep.semantics.proxies import PROXY
from sidestep.semantics.rollouts import leaves_nobody

_MOVING = (Fate.AMBIENT, Fate.WAYPOINT)


class Moves(Struct, frozen=True):
    """Everybody who moves.

    Attributes:
        movers: for the order.
        before: for a guarded server the callers that must have moved before it.
        moves: for the steps, by workload.
    """

    movers: tuple[Mover, ...]
    before: Mapping[WorkloadRef, tuple[WorkloadRef, ...]]
    moves: Mapping[WorkloadRef, Move]


def moves(
    configuration: Configuration, facts: Facts, judged: tuple[Judged, ...], guards: Mapping[str, Guard], calls: Calls
) -> Moves:
    """Workloads that lose their sidecar."""
    workloads = {workload.ref: workload for workload in facts.workloads}
    moving = [each for each in judged if each.plan.fate in _MOVING and _has_sidecar(each)]
    refs = {each.plan.workload for each in moving}
    before = {
        each.plan.workload: tuple(ref for ref in calls.callers(each.plan.workload) if ref in refs)
        for each in moving
        if each.needs.enforced and each.plan.fate is Fate.WAYPOINT
    }
    movers = tuple(
        Mover(
            each.plan.workload,
            each.plan.pods,
            calls.traffic(each.plan.workload),
            owner_of(each.pods[0].shape),
            each.plan.workload in before,
            each.plan.workload in before and not calls.known(each.plan.workload),
        )
        for each in moving
    )
    made = {
        each.plan.workload: _move(configuration, workloads[each.plan.workload], each, guards, before) for each in moving
    }
    return Moves(movers, before, made)


def lasting(found: Moves, configuration: Configuration, judged: tuple[Judged, ...], wished: Lasting) -> Moves:
    """The same, with what becomes of old connections where bytes are served."""
    made = {
        ref: replace(move, lasting=wished) if _takes_bytes(configuration, judged, ref) else move
        for ref, move in found.moves.items()
    }
    return replace(found, moves=made)


def _takes_bytes(configuration: Configuration, judged: tuple[Judged, ...], ref: WorkloadRef) -> bool:
    """Whether any Service leads connections to it that no proxy reads as HTTP."""
    pods = next(each.pods for each in judged if each.plan.workload == ref)
    ports = (port for service in configuration.in_front_of(pods) for port in service.ports)
    return any(port.protocol in {Declared.TCP, Declared.UNDECLARED} for port in ports)


def _has_sidecar(each: Judged) -> bool:
    return any(pods.mode is Mode.SIDECAR for pods in each.pods)


def _move(
    configuration: Configuration,
    workload: Workload,
    each: Judged,
    guards: Mapping[str, Guard],
    before: Mapping[WorkloadRef, tuple[WorkloadRef, ...]],
) -> Move:
    services = configuration.in_front_of(each.pods)
    template = workload.template
    return Move(
        workload.ref,
        template.controller.id if template else None,
        template.shape.labels if template else each.pods[0].labels,
        each.plan.pods,
        tuple(guards[service.host] for service in services if service.host in guards),
        before.get(workload.ref, ()),
        gap=template is not None and leaves_nobody(template.controller, each.plan.pods),
        limited=_is_limited(template.shape if template else each.pods[0].shape),
    )


def _is_limited(shape: PodShape) -> bool:
    """Whether every container of the application has a limit of CPU, without which there is no share of one."""
    application = [each for each in shape.spec.containers or () if each.name != PROXY]
    return bool(application) and all(each.limits.cpu_millis for each in application)

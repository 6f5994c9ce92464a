"""The verdict on one workload."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.metadata import ObjectId
from sidestep.plan.blockers import Blocker
from sidestep.plan.document import Confidence, Fate, Reason, WorkloadPlan
from sidestep.plan.verdicts.configuration import Configuration
from sidestep.plan.verdicts.obstacles import Obstacle, differences_in_passing, obstacles
from sidestep.plan.verdicts.server_side import Needs, needs, together
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.inventory import Workload
from sidestep.semantics.proxies import Role

MODE = "sidestep.dev/mode"
_CHOICES = {"ambient": Fate.AMBIENT, "waypoint": Fate.WAYPOINT, "sidecar": Fate.SIDECAR, "none": Fate.NONE}
_STAYS = frozenset({"virtual-machine", "spire", "proxyless-grpc", "client-certificates", "tproxy", "multicluster"})


class Judged(Struct, frozen=True):
    """A verdict with what later steps of planning need of it."""

    plan: WorkloadPlan
    pods: tuple[Instances, ...]
    needs: Needs


class Overrides(Struct, frozen=True):
    """What the user decides instead.

    Attributes:
        modes: by workload (`Deployment shop/cart` or `shop/cart`): ambient, waypoint, sidecar, none.
        force: also those that open a hole; each is recorded.
    """

    modes: Mapping[str, str] = {}
    force: bool = False

    def of(self, workload: Workload) -> str:
        """What is asked for one workload: by flag or file, else by annotation; empty for nothing."""
        ref = workload.ref
        asked = self.modes.get(str(ref)) or self.modes.get(f"{ref.namespace}/{ref.name}")
        shape = workload.next_shape
        template = workload.template
        written = template.controller.meta.annotations.get(MODE) if template else None
        return asked or written or (shape.annotations.get(MODE, "") if shape else "")


def judge(
    configuration: Configuration,
    workload: Workload,
    blocked: Mapping[ObjectId, tuple[Blocker, ...]],
    overrides: Overrides,
) -> Judged:
    """What becomes of a workload."""
    pods = configuration.index.workloads.get(workload.ref, ())
    bare = _outside_of_mesh(workload, pods)
    if bare is not None:
        return Judged(_plan(workload, pods, Fate.NONE, (bare,)), pods, Needs())
    wanted = together(needs(configuration, each) for each in pods)
    passing = tuple(dict.fromkeys(each for one in pods for each in differences_in_passing(configuration, one)))
    hindering = dict.fromkeys(each for one in pods for each in obstacles(configuration, one, wanted))
    found = [*_blocking(workload, blocked), *hindering]
    verdict = _verdict(workload, pods, wanted, found, passing)
    if configuration.unread is not None:
        verdict = replace(verdict, confidence=Confidence.LOW, reasons=(*verdict.reasons, configuration.unread))
    return Judged(_overridden(verdict, overrides.of(workload), overrides, wanted), pods, wanted)


def _outside_of_mesh(workload: Workload, pods: tuple[Instances, ...]) -> Reason | None:
    """Why a workload is none of the plan's business; None where it is."""
    if workload.role is not Role.APPLICATION:
        return Reason(f"it is {workload.role.value}, not an application")
    if not pods:
        return Reason("it has no pods and declares none")
    if all(each.mode is Mode.NONE for each in pods):
        why = (
            "its pods are on the host's network"
            if pods[0].shape.spec.host_network
            else "none of its pods has a sidecar"
        )
        return Reason(why)
    return None


def _blocking(workload: Workload, blocked: Mapping[ObjectId, tuple[Blocker, ...]]) -> list[Obstacle]:
    template = workload.template
    if template is None:
        return [_unmanaged(workload) if workload.ref.kind == "Pod" else _controller_unread(workload)]
    return [
        Obstacle(Reason(each.why, each.object, each.field), each.way_out, rework=each.name not in _STAYS)
        for each in blocked.get(template.controller.id, ())
    ]


def _unmanaged(workload: Workload) -> Obstacle:
    """Nobody makes such a pod anew, so that it keeps what it was made with."""
    pod = ObjectId("v1", "Pod", workload.ref.namespace, workload.ref.name)
    reason = Reason("no controller would make it anew without its sidecar", pod, "metadata.ownerReferences")
    return Obstacle(reason, "give it a controller, or create it again once its namespace is ambient", rework=True)


def _controller_unread(workload: Workload) -> Obstacle:
    """Its next pods are made from a template that nobody saw: by it alone they would get their sidecars again."""
    reason = Reason(f"its controller, {workload.ref}, was not read, and with it the template of its pods")
    return Obstacle(reason, "grant the right to list its kind, or take it off its sidecar by hand", rework=True)


def _verdict(
    workload: Workload,
    pods: tuple[Instances, ...],
    wanted: Needs,
    found: list[Obstacle],
    passing: tuple[Reason, ...],
) -> WorkloadPlan:
    if any(each.mode is Mode.PROXYLESS for each in pods):
        reason = Reason("it speaks gRPC to istiod by itself; ambient would take its configuration away")
        return _plan(workload, pods, Fate.SIDECAR, (reason, *passing), "give it a client without xDS first")
    if found:
        staying = [each for each in found if not each.rework]
        chosen = staying or found
        fate = Fate.SIDECAR if staying else Fate.REWORK
        reasons = tuple(dict.fromkeys(each.reason for each in [*chosen, *found]))
        return _plan(workload, pods, fate, (*reasons, *passing), chosen[0].way_out)
    if wanted.any:
        return _plan(workload, pods, Fate.WAYPOINT, (*wanted.enforced, *wanted.traffic, *passing))
    reason = Reason("nothing of layer 7 applies to it")
    return _plan(workload, pods, Fate.AMBIENT, (reason, *passing))


def _plan(
    workload: Workload, pods: tuple[Instances, ...], fate: Fate, reasons: tuple[Reason, ...], way_out: str = ""
) -> WorkloadPlan:
    codes = sorted({code for reason in reasons for code in reason.differences})
    today = ", ".join(dict.fromkeys(each.mode_in_words for each in pods)) or "no pods"
    confidence = Confidence.MEDIUM if any(each.declared for each in pods) else Confidence.HIGH
    return WorkloadPlan(workload.ref, workload.pods, today, fate, confidence, reasons, tuple(codes), way_out)


def _overridden(plan: WorkloadPlan, asked: str, overrides: Overrides, wanted: Needs) -> WorkloadPlan:
    """The user's word, unless it opens a hole that was not forced."""
    fate = _CHOICES.get(asked)
    if not asked or fate is plan.fate:
        return plan
    if fate is None:
        return _noted(plan, plan.fate, f"{asked!r} is none of {', '.join(_CHOICES)}: ignored")
    opens = (fate is Fate.AMBIENT and bool(wanted.enforced)) or (fate is Fate.WAYPOINT and plan.fate is Fate.SIDECAR)
    if opens and not overrides.force:
        return _noted(plan, plan.fate, f"{asked} was asked for and refused: {plan.reasons[0].text}")
    return _noted(plan, fate, f"{asked} was asked for{' and forced, though it opens a hole' if opens else ''}")


def _noted(plan: WorkloadPlan, fate: Fate, note: str) -> WorkloadPlan:
    return replace(plan, fate=fate, override=note)

"""The last wave: namespaces say what their pods already are, and what nobody reads any more goes.

Source: istio-semantics.md §7.1 (8, 10), §7.2 (7), P2 and P3.
"""

from collections.abc import Mapping
from typing import Any

from sidestep.convert.pods.relabelled import ASKING, chooser
from sidestep.model.kinds import AUTHORIZATION_POLICY, NAMESPACE, REQUEST_AUTHENTICATION
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.plan.choreography import Guard, Script
from sidestep.plan.document import Fate
from sidestep.plan.moves import Moves
from sidestep.plan.preparation import exemptions
from sidestep.plan.steps import Delete, SetLabels, Step
from sidestep.plan.verdicts.configuration import Configuration
from sidestep.plan.verdicts.judge import Judged
from sidestep.plan.verdicts.server_side import layer7_reason
from sidestep.semantics.authorization.parse import parse_policy
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.instances import Mode

_ENDS_AMBIENT = (Fate.AMBIENT, Fate.WAYPOINT)


def settling_steps(
    number: int,
    configuration: Configuration,
    judged: tuple[Judged, ...],
    found: Moves,
    guards: Mapping[str, Guard],
) -> tuple[Step, ...]:
    """Steps once everybody moved; none where nothing is left to say."""
    script = Script(number)
    _delete_superseded(script, configuration, judged, found, guards)
    _label_namespaces(script, configuration, judged, found)
    return tuple(script.steps)


def _label_namespaces(script: Script, configuration: Configuration, judged: tuple[Judged, ...], found: Moves) -> None:
    """Only those in which every pod ends in ambient: a label would capture the others as they run (P2)."""
    by_namespace: dict[str, list[Judged]] = {}
    for each in judged:
        by_namespace.setdefault(each.plan.workload.namespace, []).append(each)
    for name, members in sorted(by_namespace.items()):
        namespace = configuration.mesh.find(NAMESPACE, "", name)
        moved = any(each.plan.workload in found.moves for each in members)
        if namespace is None or not moved or not all(_is_content(each) for each in members):
            continue
        labels: dict[str, str | None] = {DATAPLANE_MODE: "ambient"}
        who = chooser(configuration.mesh, name, namespace.meta.labels)
        text = f"label namespace {name}: ambient from now on; its label for injection stays for {who}"
        if not who:
            labels |= {label: None for label in ASKING if label in namespace.meta.labels}
            text = f"label namespace {name}: ambient from now on, and no injection"
        before = {label: namespace.meta.labels.get(label) for label in labels}
        script.add(SetLabels(namespace.id, labels, before), text, (), "new workloads are ambient", (namespace.id,))


def _is_content(each: Judged) -> bool:
    """Whether a workload is in ambient anyway, or cannot be captured."""
    if each.plan.fate in _ENDS_AMBIENT or not each.pods:
        return True
    return all(pods.shape.spec.host_network or pods.mode in (Mode.WAYPOINT, Mode.AMBIENT) for pods in each.pods)


def _delete_superseded(
    script: Script, configuration: Configuration, judged: tuple[Judged, ...], found: Moves, guards: Mapping[str, Guard]
) -> None:
    """Policies that only a sidecar enforced, once no sidecar is left that they select.

    One that also holds at pods which do not move stays: who was in ambient before gets no twin, and ztunnel reads it.
    """
    staying = {
        origin for each in judged if each.plan.workload not in found.moves for origin in _applied(configuration, each)
    }
    origins = {origin for guard in guards.values() for origin in guard.because} - staying
    exempted = exemptions(configuration, guards)
    for origin in sorted(origins):
        kind = AUTHORIZATION_POLICY if origin.kind == AUTHORIZATION_POLICY.name else REQUEST_AUTHENTICATION
        resource = configuration.mesh.find(kind, origin.namespace, origin.name)
        if resource is None or not resource.body:
            continue
        if kind is AUTHORIZATION_POLICY and layer7_reason(parse_policy(resource)) is None:
            continue
        text = f"delete {origin}: its twins at waypoints took over"
        script.add(
            Delete(origin, _as_it_stands(resource, exempted)),
            text,
            (),
            "nothing: no sidecar is left to read it",
            (origin,),
        )


def _as_it_stands(
    resource: Resource[Spec], exempted: Mapping[ObjectId, tuple[dict[str, Any], dict[str, Any]]]
) -> dict[str, Any]:
    """With the exemption of waypoints that wave 0 gave it, so that its return refuses nobody whom it does not mean."""
    tree, patch = resource.tree(), exempted.get(resource.id)
    if patch is not None:
        tree["spec"] = {**tree["spec"], **patch[0]["spec"]}
    return tree


def _applied(configuration: Configuration, each: Judged) -> set[ObjectId]:
    held = [pods for pods in each.pods if pods.mode is not Mode.NONE]
    policies = {policy.id for pods in held for policy in configuration.index.applied_policies(pods)}
    return policies | {policy.id for pods in held for policy in configuration.index.sidecar_request_policies(pods)}

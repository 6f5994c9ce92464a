"""What is changed before anybody moves, and changes nothing for anybody: ports, exemptions, old sidecars.

Source: istio-semantics.md §6.1 (l), §7.2 (1), D02, D31.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.convert.network.hbone import EGRESS, INGRESS, opened
from sidestep.convert.policies.at_pods import exempting, is_deny
from sidestep.convert.rewrite import Waypoint
from sidestep.model.kinds import AUTHORIZATION_POLICY, NETWORK_POLICY, SERVICE_ENTRY
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.apps import NetworkPolicy
from sidestep.plan.choreography import Guard
from sidestep.plan.moves import Moves
from sidestep.plan.steps import Effect, Patch, Restart, SetLabels
from sidestep.plan.verdicts.configuration import Configuration
from sidestep.plan.verdicts.judge import Judged
from sidestep.plan.waypoint_choice import Choice
from sidestep.plan.wording import many
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.identity import principal_of
from sidestep.semantics.instances import Mode
from sidestep.semantics.loose import as_dicts
from sidestep.semantics.network_policies import restricts_egress, restricts_ingress
from sidestep.semantics.selectors import selects
from sidestep.semantics.waypoints import HBONE_PORT, USE_WAYPOINT, USE_WAYPOINT_NAMESPACE

Preparation = tuple[Effect, str, str, tuple[ObjectId, ...]]
"""Effect, description, what it predicts, and the objects that ask for it."""


def preparations(
    configuration: Configuration, judged: tuple[Judged, ...], found: Moves, guards: Mapping[str, Guard], choice: Choice
) -> Iterator[Preparation]:
    """All of it, in a fixed order."""
    yield from _bind_outside_hosts(configuration, choice)
    yield from _open_hbone(configuration, judged, found, guards)
    yield from _exempt_waypoints(configuration, guards)
    yield from _renew_sidecars(judged)


def _open_hbone(
    configuration: Configuration, judged: tuple[Judged, ...], found: Moves, guards: Mapping[str, Guard]
) -> Iterator[Preparation]:
    """NetworkPolicies that name ports: once in ambient everything leaves and arrives on 15008."""
    moving = grouped(
        (each.pods[0] for each in judged if each.plan.workload in found.moves), lambda pods: pods.namespace
    )
    waypoints = sorted({guard.waypoint for guard in guards.values()})
    for namespace, here in sorted(moving.items()):
        near = [each for each in waypoints if each[0] == namespace]
        for policy in configuration.mesh.in_namespace(NETWORK_POLICY, namespace):
            if not any(selects(policy.view.spec.pod_selector, pods.labels) for pods in here):
                continue
            patch, before = _with_hbone(policy, near)
            if patch["spec"]:
                text = f"let {policy.id} pass TCP {HBONE_PORT} too"
                yield Patch(policy.id, patch, before), text, "nothing while pods have sidecars", (policy.id,)


def _bind_outside_hosts(configuration: Configuration, choice: Choice) -> Iterator[Preparation]:
    """TLS that a sidecar starts for its application is started by an egress waypoint instead (D36)."""
    by_host = configuration.index.services.by_host
    for host, placed in sorted(choice.of_service.items()):
        entry = by_host[host].resource
        if entry.kind != SERVICE_ENTRY.name:
            continue
        labels: dict[str, str | None] = {USE_WAYPOINT: placed.name}
        if placed.namespace != entry.meta.namespace:
            labels[USE_WAYPOINT_NAMESPACE] = placed.namespace
        before = {label: entry.meta.labels.get(label) for label in labels}
        text = f"bind {entry.id} to waypoint {placed.namespace}/{placed.name}, which starts TLS to {host}"
        yield SetLabels(entry.id, labels, before), text, "ambient clients go through it; sidecars do not", (entry.id,)


def _with_hbone(
    policy: Resource[NetworkPolicy], waypoints: list[tuple[str, str]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """In each direction that it restricts by ports: the same peers, and the waypoints, on the port of HBONE."""
    spec = policy.tree().get("spec") or {}
    between = tuple(Waypoint(*each) for each in waypoints)
    patch: dict[str, Any] = {}
    before: dict[str, Any] = {}
    for direction, restricts in ((INGRESS, restricts_ingress), (EGRESS, restricts_egress)):
        rules = as_dicts(spec.get(direction.rules))
        changed = opened(rules, direction, between)
        if restricts(policy.view) and changed != rules:
            patch[direction.rules], before[direction.rules] = changed, rules
    return {"spec": patch}, {"spec": before}


def _exempt_waypoints(configuration: Configuration, guards: Mapping[str, Guard]) -> Iterator[Preparation]:
    """DENY policies would hit the waypoint, which comes under its own name: the twin judges its client (D02)."""
    for origin, patches in exemptions(configuration, guards).items():
        text = f"keep {origin} from refusing waypoints, which judge the client by its twin"
        yield Patch(origin, *patches), text, "nothing: nobody else has their identity", (origin,)


def exemptions(
    configuration: Configuration, guards: Mapping[str, Guard]
) -> dict[ObjectId, tuple[dict[str, Any], dict[str, Any]]]:
    """The patches that keep DENY policies from refusing waypoints, each with the one that takes it back."""
    domain = configuration.index.settings.trust_domain
    wanted: dict[ObjectId, set[str]] = {}
    for guard in guards.values():
        for origin in guard.because:
            if origin.kind == AUTHORIZATION_POLICY.name:
                wanted.setdefault(origin, set()).add(principal_of(domain, *guard.waypoint))
    found = {}
    for origin, principals in sorted(wanted.items()):
        policy = configuration.mesh.find(AUTHORIZATION_POLICY, origin.namespace, origin.name)
        patches = exempting(policy, tuple(sorted(principals))) if policy is not None and is_deny(policy) else None
        if patches is not None:
            found[origin] = patches
    return found


def _renew_sidecars(judged: tuple[Judged, ...]) -> Iterator[Preparation]:
    """Sidecars that take no HBONE would be called in plaintext by everybody who moved (D31)."""
    for each in judged:
        old = [pods for pods in each.pods if pods.mode is Mode.SIDECAR and not pods.hbone and not pods.declared]
        if old:
            count = sum(pods.count for pods in old)
            text = f"restart {each.plan.workload} so that its {many(count, 'sidecar')} take HBONE"
            predicts = "ambient clients reach it by HBONE instead of plaintext"
            yield Restart(each.plan.workload, each.plan.pods), text, predicts, ()

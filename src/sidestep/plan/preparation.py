"""What is changed before anybody moves, and changes nothing for anybody: ports, modes, exemptions, old sidecars.

Source: istio-semantics.md §6.1 (l), §7.2 (1), D02, D27, D28, D31.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sidestep.convert.policies.at_pods import exempting, is_deny
from sidestep.convert.policies.for_ztunnel import plain_rules
from sidestep.convert.rewrite import ORIGIN, Change, Context, Rule
from sidestep.convert.rules import authorization_policy, network_policy, peer_authentication
from sidestep.model.kinds import AUTHORIZATION_POLICY, NETWORK_POLICY, PEER_AUTHENTICATION, SERVICE_ENTRY
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.plan.carried_routes import RouteChanges, route_changes
from sidestep.plan.choreography import Guard
from sidestep.plan.conversion_context import waypoints_of
from sidestep.plan.moves import Moves
from sidestep.plan.steps import Apply, Delete, Effect, Patch, Restart, SetLabels
from sidestep.plan.verdicts.configuration import Configuration
from sidestep.plan.verdicts.judge import Judged
from sidestep.plan.verdicts.server_side import layer7_reason
from sidestep.plan.waypoint_choice import Choice, starts_tls
from sidestep.plan.wording import many
from sidestep.semantics.authorization.parse import parse_policy
from sidestep.semantics.identity import principal_of
from sidestep.semantics.instances import Mode
from sidestep.semantics.loose import as_dicts
from sidestep.semantics.waypoints import HBONE_PORT, USE_WAYPOINT, USE_WAYPOINT_NAMESPACE

Preparation = tuple[Effect, str, str, tuple[ObjectId, ...]]
"""Effect, description, what it predicts, and the objects that ask for it."""


def preparations(
    configuration: Configuration, judged: tuple[Judged, ...], found: Moves, guards: Mapping[str, Guard], choice: Choice
) -> Iterator[Preparation]:
    """All of it, in a fixed order."""
    index = configuration.index
    context = Context(index, waypoints_of(choice.placed, index), frozenset(found.moves), index.settings.version)
    routes = route_changes(context)
    yield from _carry_routes(routes)
    yield from _drop_dead_routes(routes)
    yield from _bind_outside_hosts(configuration, choice)
    yield from _open_hbone(configuration, context)
    yield from _reword_modes(configuration, context)
    yield from _reword_identities(configuration, context, guards)
    yield from _exempt_waypoints(configuration, guards)
    yield from _renew_sidecars(judged)


def _carry_routes(routes: RouteChanges) -> Iterator[Preparation]:
    """Routes of namespaces that no waypoint reads, as `sidestep convert` writes them (D38)."""
    for origin, change in routes.carried:
        text = f"stage {change.object}: no waypoint reads {origin.id}, which stays for sidecars"
        yield _staged(origin, change, text, "nothing: sidecars hear the same")


def _drop_dead_routes(routes: RouteChanges) -> Iterator[Preparation]:
    """VirtualServices behind others for one host: sidecars hear the first alone, a waypoint all together (D40)."""
    for origin, change in routes.dead:
        predicts = "nothing: no client hears it, for others come first"
        if change.manifest is None:
            text = f"delete {origin.id}, which a waypoint would put together with those that come first"
            yield Delete(origin.id, origin.tree()), text, predicts, (origin.id,)
        else:
            text = f"take out of {origin.id} the hosts for which others come first"
            yield _patched(origin, change, text, predicts)


def _open_hbone(configuration: Configuration, context: Context) -> Iterator[Preparation]:
    """NetworkPolicies that name ports or peers: once in ambient everything leaves and arrives on 15008.

    As `sidestep convert` rewrites them, with what they held put into other words first.
    """
    for policy, change in _changes(configuration.mesh.of(NETWORK_POLICY), network_policy.RULE, context):
        if change.object == policy.id:
            text = f"let {policy.id} pass TCP {HBONE_PORT} too"
            yield _patched(policy, change, text, "nothing while pods have sidecars")
        else:
            text = f"stage {change.object}: it holds what {policy.id} cannot tell apart in ambient"
            yield _staged(policy, change, text, "nothing: whom it refuses was kept out before")


def _reword_modes(configuration: Configuration, context: Context) -> Iterator[Preparation]:
    """PeerAuthentications that ztunnel would read otherwise, in words that it reads as sidecars do (D27, D28).

    As `sidestep convert` rewrites them. What it makes of DISABLE holds only once no sidecar is left to read it.
    """
    for policy, change in _changes(configuration.mesh.of(PEER_AUTHENTICATION), peer_authentication.RULE, context):
        if change.object == policy.id:
            text = f"write the modes of {policy.id} as ztunnel reads them"
            yield _patched(policy, change, text, "nothing: sidecars read both alike")
        else:
            text = f"stage {change.object}: ztunnel is not told of every port that {policy.id} keeps plaintext from"
            yield _staged(policy, change, text, "nothing: sidecars refuse it there already")


def _reword_identities(
    configuration: Configuration, context: Context, guards: Mapping[str, Guard]
) -> Iterator[Preparation]:
    """Policies of layer 4 that ztunnel would read otherwise: aliases of trust domains, stars in namespaces (D09, D10).

    As `sidestep convert` rewrites them. Those of layer 7 are judged by their twins.
    """
    exempted = exemptions(configuration, guards)
    for resource in configuration.mesh.of(AUTHORIZATION_POLICY):
        if resource.id in exempted or not _is_read_otherwise(resource, context):
            continue
        for policy, change in _changes((resource,), authorization_policy.RULE, context):
            if change.object == policy.id:
                text = f"name in {policy.id} whom it means, as ztunnel reads it"
                yield _patched(policy, change, text, "nothing: sidecars read both alike, but for namespaces to come")


def _is_read_otherwise(resource: Resource[Any], context: Context) -> bool:
    """Whether ztunnel takes somebody else for whom a policy of layer 4 names than sidecars do."""
    policy = parse_policy(resource)
    if policy.invalid or policy.targets or layer7_reason(policy) is not None:
        return False
    rules = as_dicts((resource.view.spec or {}).get("rules"))
    return plain_rules(rules, context, policy.namespace).rules != rules


def _changes(policies: Iterable[Resource[Any]], rule: Rule, context: Context) -> Iterator[tuple[Resource[Any], Change]]:
    """What a rewrite makes of policies before anybody moves."""
    for policy in policies:
        changes = rule.rewrite(policy, context).changes if policy.body else ()
        yield from ((policy, each) for each in changes if not each.late)


def _patched(policy: Resource[Any], change: Change, text: str, predicts: str) -> Preparation:
    return Patch(policy.id, *_patches(policy, change)), text, predicts, (policy.id,)


def _staged(policy: Resource[Any], change: Change, text: str, predicts: str) -> Preparation:
    return Apply(change.object, change.manifest or {}), text, predicts, (policy.id,)


def _patches(policy: Resource[Any], change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a rewrite changes of a policy's spec, and the way back."""
    before, after = (policy.tree().get("spec") or {}), (change.manifest or {}).get("spec") or {}
    fields = [name for name in (after | before) if after.get(name) != before.get(name)]
    forth, back = ({name: spec.get(name) for name in fields} for spec in (after, before))
    return {"spec": forth}, {"spec": back}


def _bind_outside_hosts(configuration: Configuration, choice: Choice) -> Iterator[Preparation]:
    """What sidecars do for outside hosts an egress waypoint does instead: TLS that they start (D36), routes (D38).

    Entries in front of pods are bound with the pods.
    """
    index = configuration.index
    for host, placed in sorted(choice.of_service.items()):
        service = index.services.by_host[host]
        entry = service.resource
        if entry.kind != SERVICE_ENTRY.name or index.behind(service):
            continue
        labels: dict[str, str | None] = {USE_WAYPOINT: placed.name}
        if placed.namespace != entry.meta.namespace:
            labels[USE_WAYPOINT_NAMESPACE] = placed.namespace
        before = {label: entry.meta.labels.get(label) for label in labels}
        does = "starts TLS to" if starts_tls(configuration, service) else "routes requests to"
        text = f"bind {entry.id} to waypoint {placed.namespace}/{placed.name}, which {does} {host}"
        yield SetLabels(entry.id, labels, before), text, "ambient clients go through it; sidecars do not", (entry.id,)


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
        if policy is None or not is_deny(policy) or _holds_ports(policy):
            continue
        patches = exempting(policy, tuple(sorted(principals)))
        if patches is not None:
            found[origin] = patches
    return found


def _holds_ports(policy: Resource[Any]) -> bool:
    """Whether it was made to hold the ports of a NetworkPolicy, which lets no waypoint to others either."""
    return policy.meta.annotations.get(ORIGIN, "").startswith(f"{NETWORK_POLICY.name} ")


def _renew_sidecars(judged: tuple[Judged, ...]) -> Iterator[Preparation]:
    """Sidecars that take no HBONE would be called in plaintext by everybody who moved (D31)."""
    for each in judged:
        old = [pods for pods in each.pods if pods.mode is Mode.SIDECAR and not pods.hbone and not pods.declared]
        if old:
            count = sum(pods.count for pods in old)
            text = f"restart {each.plan.workload} so that its {many(count, 'sidecar')} take HBONE"
            predicts = "ambient clients reach it by HBONE instead of plaintext"
            yield Restart(each.plan.workload, each.plan.pods), text, predicts, ()

"""SID311: Sidecars have no reader in ambient: what they kept in is kept in by NetworkPolicies, where that can be said.

Source: istio-semantics.md §4.4 (Sidecar), D46, D47.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from sidestep.convert.network.hidden import Hidden, hidden
from sidestep.convert.network.registry import Known, known
from sidestep.convert.objects import added, made, removed, spec_of
from sidestep.convert.policies.readers import Readers, names_of, readers
from sidestep.convert.rewrite import Change, Context, Loss, Rewritten, Rule, Severity, Tree
from sidestep.model.kinds import NETWORK_POLICY
from sidestep.model.resource import Resource
from sidestep.semantics.instances import Mode
from sidestep.semantics.loose import as_dict, as_dicts, as_strings
from sidestep.semantics.mesh_config import mesh_configs

CODE = "SID311"
_MODE = "REGISTRY_ONLY"


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    if resource.kind == "ConfigMap":
        return Rewritten((), tuple(_of_mesh(resource, context)))
    found = readers(context, resource, "workloadSelector")
    if not found.ambient:
        return Rewritten()
    spec = spec_of(resource)
    changes: list[Change] = []
    kept_out = hidden(context, resource.id, found.ambient)
    lost = [*_listeners(resource, spec), *_unheard(resource, found, kept_out)]
    if not _registry_only(spec, context):
        lost += _unknown(resource, found, kept_out)
    else:
        told = known(context, resource.meta.namespace, _hosts(spec))
        reason = _unsaid(resource, found, told)
        if reason:
            lost.append(_open(resource, "spec.outboundTrafficPolicy", names_of(found.ambient), reason))
        else:
            changes += added(context, [_policy(resource, spec, told)], resource.id, CODE, late=True)
    if not found.others:
        changes.append(removed(resource, CODE))
    return Rewritten(tuple(changes), tuple(lost))


def _registry_only(spec: Tree, context: Context) -> bool:
    mode = as_dict(spec.get("outboundTrafficPolicy")).get("mode")
    return bool(mode == _MODE or (mode is None and context.index.settings.registry_only))


def _hosts(spec: Tree) -> tuple[str, ...]:
    """Hosts that its listeners let out; without listeners, everything that is exported."""
    listeners = as_dicts(spec.get("egress"))
    return tuple(host for each in listeners for host in as_strings(each.get("hosts"))) if listeners else ("*/*",)


def _unsaid(resource: Resource[Any], found: Readers, told: Known) -> str:
    """Why no NetworkPolicy says the same; empty where one does."""
    context = found.context
    if resource.meta.namespace == context.index.settings.root_namespace:
        return "it is for every namespace, and a NetworkPolicy is for one"
    if told.unsaid:
        return f"a NetworkPolicy names no hosts, and these are reached by name: {_few(list(told.unsaid))}"
    here = context.index.by_namespace.get(resource.meta.namespace, ())
    strangers = [each for each in here if found.selects(each) and each not in found.ambient]
    if any(each.mode is not Mode.WAYPOINT for each in strangers):
        return f"it would hold for {names_of(strangers)} too"
    return "waypoints of the namespace would be held by it" if strangers else ""


def _policy(resource: Resource[Any], spec: Tree, told: Known) -> Tree:
    labels = as_dict(as_dict(spec.get("workloadSelector")).get("labels"))
    chosen: Tree = {"matchLabels": labels} if labels else {}
    body = {"podSelector": chosen, "policyTypes": ["Egress"], "egress": told.rules}
    place = (resource.meta.namespace, f"{resource.meta.name}-egress")
    return made((NETWORK_POLICY.api_version(), NETWORK_POLICY.name), place, body, str(resource.id), CODE)


def _listeners(resource: Resource[Any], spec: Tree) -> Iterator[Loss]:
    loss = partial(Loss, resource.id, severity=Severity.TRAFFIC, rule=CODE)
    for number, each in enumerate(as_dicts(spec.get("ingress"))):
        yield loss(
            f"spec.ingress[{number}]", f"it led a port of the pod to {each.get('defaultEndpoint', 'another endpoint')}",
            "ztunnel hands connections to the port that was dialled (D47)",
            "let the application listen on the pod's own address and port",
        )  # fmt: skip
    for number, each in enumerate(as_dicts(spec.get("egress"))):
        if "bind" in each:
            yield loss(
                f"spec.egress[{number}].bind", "the sidecar listened for the application there",
                "nothing listens in the pod", "let the application dial the service itself",
            )  # fmt: skip


def _unheard(resource: Resource[Any], found: Readers, kept_out: Hidden) -> Iterator[Loss]:
    if kept_out.routes:
        told = _few([str(each.object) for each in kept_out.routes])
        yield Loss(
            resource.id, "spec.egress", f"it kept {told} from {names_of(found.ambient)}",
            "a waypoint has one set of routes, for all who call", "let the routes tell these clients apart, or take "
            "them out", Severity.TRAFFIC, CODE,
        )  # fmt: skip


def _unknown(resource: Resource[Any], found: Readers, kept_out: Hidden) -> Iterator[Loss]:
    """Under REGISTRY_ONLY they could not be called at all, and that is told, or held, as a whole."""
    if kept_out.services:
        told = _few([each.host for each in kept_out.services])
        yield Loss(
            resource.id, "spec.egress", f"{names_of(found.ambient)} did not know {told}, and sent plaintext there",
            "ztunnel knows every Service: they come with mTLS and their names, as policies there ask (D48)",
            "say by AuthorizationPolicy who may call it", Severity.SECURITY, CODE,
        )  # fmt: skip


def _few(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _of_mesh(resource: Resource[Any], context: Context) -> Iterator[Loss]:
    """The mesh's own mode, for all who have no Sidecar that says otherwise."""
    moving = [pods for group in context.index.workloads.values() for pods in group if _moves(context, pods.workload)]
    for config in mesh_configs(context.index.mesh):
        if config.resource.id == resource.id and config.registry_only and moving:
            reason = "ztunnel has no such mode, and lets out what it does not know (D46)"
            yield _open(resource, "data.mesh.outboundTrafficPolicy.mode", names_of(moving), reason)


def _moves(context: Context, workload: Any) -> bool:
    return workload in context.moving


def _open(resource: Resource[Any], field: str, who: str, reason: str) -> Loss:
    return Loss(
        resource.id, field, f"{_MODE} kept {who} from hosts that the mesh does not know", reason,
        "forbid direct egress by NetworkPolicy, and let declared hosts pass an egress waypoint", Severity.SECURITY,
        CODE,
    )  # fmt: skip


RULE = Rule(CODE, "sidecar-scope", "Sidecars and REGISTRY_ONLY", ("Sidecar", "ConfigMap"), _rewrite)

"""SID311: Sidecars have no reader in ambient: what they kept in is kept in by NetworkPolicies, where that can be said.

Source: istio-semantics.md §4.4 (Sidecar), D46, D47.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from sidestep.convert.network.hidden import Hidden, hidden
from sidestep.convert.network.registry import Known, known
from sidestep.convert.objects import added, made, removed, spec_of
from sidestep.convert.policies.readers import Readers, everybody, names_of, readers
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity, Tree
from sidestep.model.kinds import NETWORK_POLICY
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict, as_dicts, as_strings
from sidestep.semantics.mesh_config import mesh_config
from sidestep.semantics.routing.hosts import Client
from sidestep.semantics.routing.sidecars import UNSET_MODE

CODE = "SID311"
T = TypeVar("T")
_MODE = "REGISTRY_ONLY"
_FIELD, _MESH_FIELD = "spec.outboundTrafficPolicy", "data.mesh.outboundTrafficPolicy.mode"
_EVERYTHING = ("*/*",)
_NAMED = 3
"""Of many, in a loss."""
_MOST_RULES = 500
"""Of one policy: every node's firewall holds them for every pod."""
_READ = (
    "read the cluster, or put both beside the files (kubectl get service,endpointslice kubernetes -n default -o yaml), "
    "and convert again"
)
_BIND = "bind these hosts to an egress waypoint (istio.io/use-waypoint on their ServiceEntry) and convert again"


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    if resource.kind == "ConfigMap":
        return _of_mesh(resource, context)
    found = readers(context, resource, "workloadSelector")
    if not found.ambient:
        return Rewritten()
    spec = spec_of(resource)
    kept_out = hidden(context, resource.id, found.ambient)
    lost = [*_listeners(resource, spec), *_unheard(resource, found, kept_out)]
    closed, is_scope = _registry_only(spec, context), _hosts(spec) != _EVERYTHING
    held: list[Rewritten] = []
    if closed or (is_scope and context.restrict_egress):
        spaces = _by_space(resource, found).items()
        held = [_held(resource, spec, replace(found, ambient=pods), space, closed=closed) for space, pods in spaces]
    if not closed and not (held and all(each.changes for each in held)):
        lost += _unknown(resource, found, kept_out)
    changes = [change for each in held for change in each.changes]
    lost += [loss for each in held for loss in each.losses]
    if not found.others:
        changes.append(removed(resource, CODE))
    return Rewritten(tuple(changes), tuple(lost))


def _by_space(resource: Resource[Any], found: Readers) -> dict[str, tuple[Instances, ...]]:
    """Those who move, by namespace; of the root namespace's Sidecar those to whom no other one speaks."""
    own, index = resource.meta.namespace, found.context.index
    if own != index.settings.root_namespace:
        return {own: found.ambient}
    heard = (each for each in found.ambient if _speaks(index, resource, each))
    return grouped(heard, lambda each: each.namespace)


def _speaks(index: MeshIndex, resource: Resource[Any], pods: Instances) -> bool:
    return _speaker(index, pods) == resource.id


def _speaker(index: MeshIndex, pods: Instances) -> ObjectId | None:
    """The Sidecar that speaks to pods."""
    return index.routing.scope(Client(pods.namespace, pods.labels)).object


def _held(resource: Resource[Any], spec: Tree, found: Readers, space: str, *, closed: bool) -> Rewritten:
    """What a NetworkPolicy lets out, or why none says it; `closed` tells whether sidecars refused the rest."""
    told = known(found.context, space, _hosts(spec))
    unsaid = _unsaid(space, found, told)
    if unsaid is None:
        return _let_out(resource, found, space, told, _FIELD if closed else "")
    loss = _open(resource, _FIELD, names_of(found.ambient), unsaid) if closed else _unrestricted(resource, unsaid)
    return Rewritten((), (loss,))


def _let_out(resource: Resource[Any], found: Readers, space: str, told: Known, field: str) -> Rewritten:
    """The NetworkPolicy, and what it does not hold of what a field did; no field where none refused the rest.

    It stands before anybody moves, for pods that say that they are in ambient: those of the templates that move, so
    that nobody is let out on the way. Late it is for all, unless some there are to stay as they are.
    """
    lost = (_beside(resource, field, names_of(found.ambient), told),) if field and told.beside else ()
    shared = bool(_strangers(space, found))
    put = partial(added, found.context, origin=resource.id, rule=CODE)
    early = shared or all(_is_labelled(found.context, each) for each in found.ambient)
    marked = put([_policy(resource, space, told, {DATAPLANE_MODE: "ambient"})]) if early else []
    everybody_there = [] if shared else put([_policy(resource, space, told, {})], late=True)
    return Rewritten((*marked, *everybody_there), lost)


def _registry_only(spec: Tree, context: Context) -> bool:
    policy = spec.get("outboundTrafficPolicy")
    if not isinstance(policy, dict):
        return context.index.settings.registry_only
    return bool(policy.get("mode", UNSET_MODE) == _MODE)


def _hosts(spec: Tree) -> tuple[str, ...]:
    """Hosts that its listeners let out; without listeners, everything that is exported."""
    listeners = as_dicts(spec.get("egress"))
    return tuple(host for each in listeners for host in as_strings(each.get("hosts"))) if listeners else _EVERYTHING


class _Unsaid(Struct, frozen=True):
    """Why no NetworkPolicy of a namespace says the same, and what could be done."""

    why: str
    instead: str = _BIND


def _unsaid(space: str, found: Readers, told: Known) -> _Unsaid | None:
    """None where one does."""
    if told.unread:
        return _Unsaid(f"it needs addresses, and the Service and EndpointSlice of {told.unread} were not read", _READ)
    if told.unsaid:
        return _Unsaid(f"a NetworkPolicy names no hosts, and these are reached by name: {_few(told.unsaid)}")
    if len(told.rules) > _MOST_RULES:
        return _Unsaid(f"a NetworkPolicy would need {len(told.rules):,} rules")
    strangers = _strangers(space, found)
    ours, theirs = ([_is_labelled(found.context, each) for each in those] for those in (found.ambient, strangers))
    if strangers and (not all(ours) or any(theirs)):
        return _Unsaid(f"it would hold for {names_of(strangers)} too")
    return None


def _strangers(space: str, found: Readers) -> list[Instances]:
    """Pods with the same labels that are not in ambient: sidecars that stay, gateways, waypoints."""
    here = found.context.index.by_namespace.get(space, ())
    return [each for each in here if found.selects(each) and each not in found.ambient]


def _is_labelled(context: Context, pods: Instances) -> bool:
    """Whether pods say themselves that they are in ambient: who moves does, by its template."""
    return pods.workload in context.moving or pods.labels.get(DATAPLANE_MODE) == "ambient"


def _policy(resource: Resource[Any], space: str, told: Known, mark: dict[str, str]) -> Tree:
    labels = as_dict(as_dict(spec_of(resource).get("workloadSelector")).get("labels")) | mark
    chosen: Tree = {"matchLabels": labels} if labels else {}
    body = {"podSelector": chosen, "policyTypes": ["Egress"], "egress": told.rules}
    place = (space, f"{resource.meta.name}-egress")
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
        told = _few(kept_out.routes, lambda each: str(each.object))
        yield Loss(
            resource.id, "spec.egress", f"it kept {told} from {names_of(found.ambient)}",
            "a waypoint has one set of routes, for all who call", "let the routes tell these clients apart, or take "
            "them out", Severity.TRAFFIC, CODE,
        )  # fmt: skip


def _unknown(resource: Resource[Any], found: Readers, kept_out: Hidden) -> Iterator[Loss]:
    """Under REGISTRY_ONLY they could not be called at all, and that is told, or held, as a whole."""
    if kept_out.services:
        told = _few(kept_out.services, lambda each: each.host)
        yield Loss(
            resource.id, "spec.egress", f"{names_of(found.ambient)} did not know {told}, and sent plaintext there",
            "ztunnel knows every Service: they come with mTLS and their names, as policies there ask (D48)",
            "say by AuthorizationPolicy who may call it; --restrict-egress keeps these pods from it by NetworkPolicy",
            Severity.SECURITY, CODE,
        )  # fmt: skip


def _few(things: Sequence[T], name: Callable[[T], str] = str) -> str:
    """The names of some, and how many more there are."""
    more = f" and {len(things) - _NAMED} more" if len(things) > _NAMED else ""
    return ", ".join(map(name, things[:_NAMED])) + more


def _of_mesh(resource: Resource[Any], context: Context) -> Rewritten:
    """The mesh's own mode, for all to whom no Sidecar speaks."""
    config = mesh_config(resource)
    if config is None or not config.registry_only:
        return Rewritten()
    unscoped = (each for each in everybody(context) if each.workload in context.moving)
    by_space = grouped(
        (each for each in unscoped if _speaker(context.index, each) is None), lambda each: each.namespace
    )
    held: dict[str, Rewritten] = {}
    left: dict[_Unsaid, list[Instances]] = {}
    for space, pods in sorted(by_space.items()):
        found = Readers(context, pods, (), lambda _: True, lambda _: True)
        told = known(context, space, _EVERYTHING)
        unsaid = _unsaid(space, found, told)
        if unsaid is None:
            held[space] = _let_out(resource, found, space, told, _MESH_FIELD)
        else:
            left.setdefault(unsaid, []).extend(pods)
    open_ = [_open(resource, _MESH_FIELD, names_of(pods), unsaid) for unsaid, pods in left.items()]
    return Rewritten(
        tuple(change for each in held.values() for change in each.changes),
        (*open_, *(loss for each in held.values() for loss in each.losses)),
    )


def _beside(resource: Resource[Any], field: str, who: str, told: Known) -> Loss:
    return Loss(
        resource.id, field, f"{_MODE} kept {who} from {_few(told.beside)}",
        "they are behind waypoints by which other hosts are reached, and a NetworkPolicy sees the waypoint alone",
        "say by AuthorizationPolicy who may call them, or give them a waypoint of their own", Severity.SECURITY, CODE,
    )  # fmt: skip


def _unrestricted(resource: Resource[Any], unsaid: _Unsaid) -> Loss:
    """Asked for by --restrict-egress; sidecars let it out as well."""
    return Loss(
        resource.id, "spec.egress", "it told sidecars of some hosts only, and they let out to all others",
        f"no NetworkPolicy says the same: {unsaid.why}", unsaid.instead, Severity.COSMETIC, CODE,
    )  # fmt: skip


def _open(resource: Resource[Any], field: str, who: str, unsaid: _Unsaid) -> Loss:
    return Loss(
        resource.id, field, f"{_MODE} kept {who} from hosts that the mesh does not know",
        f"ztunnel lets out what it does not know (D46), and no NetworkPolicy says the same: {unsaid.why}",
        unsaid.instead, Severity.SECURITY, CODE,
    )  # fmt: skip


RULE = Rule(CODE, "sidecar-scope", "Sidecars and REGISTRY_ONLY", ("Sidecar", "ConfigMap"), _rewrite)

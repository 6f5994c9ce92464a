"""The least that who carries out a plan must be allowed: only its objects, and of each only what its steps do. Pure.

The way back is allowed too: what is applied may have to be deleted again. Whoever applies to nothing creates, for which
the API server asks for `create` beside `patch`, and that by name too (k8s.io/apiserver `endpoints/handlers/patch.go`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, assert_never

from sidestep.actions.worlds import looks
from sidestep.actions.worlds.cluster.conditions import named
from sidestep.actions.worlds.effects import controller
from sidestep.actions.worlds.interface import Tree
from sidestep.model.build import known_kind
from sidestep.model.kinds import CONFIG_MAP, GATEWAY, NAMESPACE, POD
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Apply, Delete, Effect, Gate, Patch, Probe, Restart, SetLabels, Step, Wait, WaitFor

NAME = "sidestep-migrate"
_RBAC = "rbac.authorization.k8s.io/v1"
_ORDER = ("get", "list", "create", "update", "patch", "delete")
_Resource = tuple[str, str, str]
"""Group, plural and name; all of a kind where the name is empty."""
_Right = tuple[_Resource, frozenset[str]]
_CHANGE = frozenset({"get", "patch"})
_PUT = frozenset({"get", "create", "patch", "delete"})
_LOOK, _LIST = frozenset({"get"}), frozenset({"list"})
_PODS: _Resource = ("", POD.plural, "")
_SYSTEM: _Resource = ("", NAMESPACE.plural, "kube-system")


def cluster_role(steps: Iterable[Step]) -> Tree:
    """What steps do, their waits and their way back, and how the cluster is known from others."""
    needed: dict[_Resource, frozenset[str]] = {_SYSTEM: _LOOK}
    for step in steps:
        for resource, verbs in _rights(step.effect):
            needed[resource] = needed.get(resource, frozenset()) | verbs
    return _role("ClusterRole", {"name": NAME}, needed)


def records_role(namespace: str) -> Tree:
    """What keeping the records of runs takes, in their namespace."""
    needed = {
        ("", CONFIG_MAP.plural, ""): frozenset({"get", "list", "create", "patch"}),
        ("", "events", ""): frozenset({"create"}),
        ("coordination.k8s.io", "leases", ""): frozenset({"get", "create", "update"}),
    }
    return _role("Role", {"name": NAME, "namespace": namespace}, needed)


def _rights(effect: Effect) -> Iterator[_Right]:
    match effect:
        case SetLabels(object=target) | Patch(object=target):
            yield _resource(target), _CHANGE
        case Apply(object=target) | Delete(object=target):
            yield _resource(target), _PUT
        case Restart(workload=workload):
            yield _resource(controller(workload)), _LOOK if effect.effect_only else _CHANGE
        case Wait():
            yield from _looks(effect)
        case Gate() | Probe():
            return
        case _:
            assert_never(effect)


def _looks(wait: Wait) -> Iterator[_Right]:
    kind, namespace, name = looks.subject(wait.subject)
    workload = WorkloadRef(namespace, kind or "DaemonSet", name)
    match wait.what:
        case WaitFor.WAYPOINT_READY:
            yield (GATEWAY.group, GATEWAY.plural, name), _LOOK
        case WaitFor.WAYPOINT_BOUND:
            yield _resource(named(kind or "Service", namespace, name)), _LOOK
        case WaitFor.POLICY_ACCEPTED:
            yield _resource(named(kind or "AuthorizationPolicy", namespace, name)), _LOOK
        case WaitFor.DAEMONSETS_READY:
            yield _resource(controller(workload)), _LOOK
        case WaitFor.ROLLED_OUT:
            yield _resource(controller(workload)), _LOOK
            if kind != POD.name:
                yield _PODS, _LIST
        case WaitFor.CAPTURED | WaitFor.SIDECARS_GONE:
            yield ("", POD.plural, name) if kind == POD.name else _PODS, _LOOK if kind == POD.name else _LIST
            if kind not in {"", NAMESPACE.name, POD.name}:
                yield _resource(controller(workload)), _LOOK
        case WaitFor.PREPARED | WaitFor.CONVERGED:
            return
        case _:
            assert_never(wait.what)


def _resource(target: ObjectId) -> _Resource:
    """Of kinds that we do not know, the plural is by the rule that nearly all follow."""
    kind = known_kind(target.api_version, target.kind)
    if kind is not None:
        return kind.group, kind.plural, target.name
    name = target.kind.lower()
    plural = f"{name[:-1]}ies" if name.endswith("y") else f"{name}es" if name.endswith(("s", "x")) else f"{name}s"
    return target.api_version.rpartition("/")[0], plural, target.name


def _role(kind: str, metadata: dict[str, str], needed: Mapping[_Resource, frozenset[str]]) -> Tree:
    """One rule for the names of a resource that need the same."""
    together: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, plural, name), verbs in sorted(needed.items()):
        together.setdefault((group, plural, tuple(sorted(verbs, key=_ORDER.index))), []).append(name)
    rules: list[dict[str, Any]] = [
        {
            "apiGroups": [group], "resources": [plural], **({"resourceNames": names} if all(names) else {}),
            "verbs": list(verbs),
        }
        for (group, plural, verbs), names in together.items()
    ]  # fmt: skip
    return {"apiVersion": _RBAC, "kind": kind, "metadata": metadata, "rules": rules}

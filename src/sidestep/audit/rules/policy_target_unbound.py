"""SID212: a policy attaches to something that no waypoint serves, or that is not there: it acts nowhere."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import fits, is_ambient
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import AUTHORIZATION_POLICY, GATEWAY, REQUEST_AUTHENTICATION, SERVICE, SERVICE_ENTRY, Kind
from sidestep.model.mesh import SourceKind
from sidestep.model.resource import Resource
from sidestep.semantics.attachment import target_refs
from sidestep.semantics.loose import as_dicts, as_text
from sidestep.semantics.services import is_unbound

_KINDS: dict[str, Kind[Any]] = {kind.name: kind for kind in (SERVICE, SERVICE_ENTRY, GATEWAY)}


class _Target(Struct, frozen=True):
    """What a policy names and what is wrong with it; `found` is None for what is not there."""

    kind: str
    name: str
    found: Resource[Any] | None = None


def _check(facts: Facts) -> Iterator[Found]:
    for kind in (AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION):
        for policy in facts.mesh.of(kind):
            for name, target in target_refs(policy.view.spec):
                wrong = _wrong(facts, policy.meta.namespace, name, target)
                if wrong is not None:
                    yield _found(facts, policy, wrong)


def _wrong(facts: Facts, namespace: str, kind_name: str, name: str) -> _Target | None:
    """A target that is certainly absent, or certainly bound to nothing."""
    kind = _KINDS.get(kind_name)
    if kind is None or facts.mesh.lacks(kind) or not facts.mesh.covers(namespace):
        return None
    found = facts.mesh.find(kind, namespace, name)
    if found is None:
        return _Target(kind_name, name)
    unbound = kind is not GATEWAY and is_unbound(facts.mesh, found)
    return _Target(kind_name, name, found) if unbound else None


def _found(facts: Facts, policy: Resource[Any], target: _Target) -> Found:
    absent = target.found is None
    served = not absent and _serves_ambient(facts, target)
    what = "does not exist" if absent else "is bound to no waypoint"
    who = ", while its pods are in ambient" if served else ""
    reason = _reason(policy)
    return Found(
        of_resource(policy),
        f"attaches to {target.kind} {policy.meta.namespace}/{target.name}, which {what}{who}: it is enforced nowhere, "
        "for neither sidecars nor ztunnel read targetRefs",
        "correct the name" if absent else f"bind it: label the {target.kind} istio.io/use-waypoint",
        (
            Evidence("spec.targetRefs", f"{target.kind} {target.name}"),
            *((Evidence("status.conditions[WaypointAccepted].reason", reason),) if reason else ()),
        ),
        _severity(facts, absent, served),
    )


def _severity(facts: Facts, absent: bool, served: bool) -> Severity:
    """Quieter for what may be made elsewhere, and for a policy that waits for its waypoint while sidecars still act."""
    if absent:
        return Severity.WARNING if facts.mesh.source.kind is SourceKind.FILES else Severity.ERROR
    return Severity.BLOCKER if served else Severity.WARNING


def _serves_ambient(facts: Facts, target: _Target) -> bool:
    if target.found is None or target.kind != SERVICE.name:
        return False
    selector = target.found.view.spec.selector or {}
    workloads = facts.by_namespace.get(target.found.meta.namespace, ()) if selector else ()
    return any(fits(workload, selector) and is_ambient(facts, workload) for workload in workloads)


def _reason(policy: Resource[Any]) -> str:
    conditions = as_dicts((policy.view.status or {}).get("conditions"))
    return next((as_text(each.get("reason")) for each in conditions if each.get("type") == "WaypointAccepted"), "")


RULE = Rule("SID212", "policy-target-unbound", "Policy attached where no waypoint serves", Severity.ERROR, _check)

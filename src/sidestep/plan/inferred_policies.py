"""Calls that AuthorizationPolicies allow by name: who may call was probably meant to.

Only ALLOW policies that say both whom they guard and who may come are telling. A service account that several
workloads use, or a whole namespace, leaves the caller unknown but for its namespace.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from sidestep.model.call_graph import Callee, Caller, CallerRole, Edge
from sidestep.model.gaps import Remark
from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.resource import Resource
from sidestep.plan.addressees import Addressees
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text

_ACCOUNT = "default"
_WHERE = "inferred calls"
_CONDITIONS = {"source.principal": "principals", "source.namespace": "namespaces"}


class PolicyEdges(Struct, frozen=True):
    """What policies tell, and what should be said of it."""

    edges: tuple[Edge, ...]
    remarks: tuple[Remark, ...]


def edges_of_policies(mesh: Mesh, book: Addressees) -> PolicyEdges:
    """Calls that policies allow by name."""
    accounts = _accounts(book)
    edges: list[Edge] = []
    wide = 0
    for policy in mesh.of(AUTHORIZATION_POLICY):
        if as_dict(policy.view.spec).get("action") not in (None, "ALLOW"):
            continue
        sources = list(_sources(policy))
        callees = _guarded(policy, book)
        wide += bool(sources and not callees)
        edges += _crossed(policy, sources, callees, accounts)
    told = (
        f"{wide} AuthorizationPolicies allow callers by name for whole namespaces or for nobody known, and tell no call"
    )
    return PolicyEdges(tuple(edges), (Remark(_WHERE, told),) if wide else ())


class _Source(Struct, frozen=True):
    """A source as a policy names it: `principals`, `serviceAccounts` or `namespaces`, its value, and the field."""

    means: str
    value: str
    field: str


def _crossed(
    policy: Resource[Any],
    sources: Iterable[_Source],
    callees: Iterable[Callee],
    accounts: dict[tuple[str, str], list[WorkloadRef]],
) -> Iterator[Edge]:
    for source in sources:
        caller = _caller(source, policy.meta.namespace, accounts)
        for callee in callees if caller else ():
            if caller and callee.workload != caller.workload:
                yield Edge(caller, callee, proofs=(f"{policy.id}: {source.field}",))


def _sources(policy: Resource[Any]) -> Iterator[_Source]:
    for index, rule in enumerate(as_dicts(as_dict(policy.view.spec).get("rules"))):
        at = f"spec.rules[{index}]"
        for place, origin in enumerate(as_dicts(rule.get("from"))):
            source = as_dict(origin.get("source"))
            for means in ("principals", "serviceAccounts", "namespaces"):
                field = f"{at}.from[{place}].source.{means}"
                yield from (_Source(means, value, field) for value in as_strings(source.get(means)))
        for place, condition in enumerate(as_dicts(rule.get("when"))):
            told = _CONDITIONS.get(as_text(condition.get("key")))
            if told:
                yield from (
                    _Source(told, value, f"{at}.when[{place}]") for value in as_strings(condition.get("values"))
                )


def _caller(source: _Source, namespace: str, accounts: dict[tuple[str, str], list[WorkloadRef]]) -> Caller | None:
    """Who is meant; None for a pattern, which may mean anybody, and for nothing at all."""
    if not source.value or "*" in source.value:
        return None
    if source.means == "namespaces":
        return Caller(namespace=source.value)
    account = _principal(source.value) if source.means == "principals" else _account(source.value, namespace)
    if account is None:
        return None
    users = accounts.get(account, [])
    if len(users) == 1:
        return Caller(CallerRole.WORKLOAD, users[0].namespace, users[0].kind, users[0].name)
    return Caller(namespace=account[0])


def _principal(value: str) -> tuple[str, str] | None:
    """Namespace and service account of `TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`."""
    parts = value.split("/")
    return (parts[2], parts[4]) if len(parts) == 5 and (parts[1], parts[3]) == ("ns", "sa") else None


def _account(value: str, namespace: str) -> tuple[str, str]:
    """`NAMESPACE/ACCOUNT`, or an account of the policy's own namespace."""
    space, slash, name = value.rpartition("/")
    return (space if slash else namespace), name


def _guarded(policy: Resource[Any], book: Addressees) -> tuple[Callee, ...]:
    """Whom a policy guards, where it says so itself."""
    spec, space = as_dict(policy.view.spec), policy.meta.namespace
    found: list[Callee] = []
    for target in (*as_dicts(spec.get("targetRefs")), as_dict(spec.get("targetRef"))):
        addressee = book.service(space, as_text(target.get("name"))) if target.get("kind") == "Service" else None
        found += addressee.callees if addressee else ()
    labels = as_dict(as_dict(spec.get("selector")).get("matchLabels"))
    wanted = {key: value for key, value in labels.items() if isinstance(value, str)}
    found += (Callee(ref.namespace, ref.kind, ref.name) for ref in book.selected(wanted, space))
    return tuple(found)


def _accounts(book: Addressees) -> dict[tuple[str, str], list[WorkloadRef]]:
    """Workloads by namespace and service account."""
    found: dict[tuple[str, str], list[WorkloadRef]] = {}
    for ref, shape in book.workloads:
        found.setdefault((ref.namespace, shape.spec.service_account_name or _ACCOUNT), []).append(ref)
    return found

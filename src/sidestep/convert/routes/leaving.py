"""How a VirtualService goes: whole, by its hosts, or from the mesh alone where gateways still read it."""

from typing import Any

from sidestep.convert.objects import spec_of, with_new_spec
from sidestep.convert.rewrite import Change, ChangeKind
from sidestep.convert.routes.plans import Plan, Verdict
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_strings
from sidestep.semantics.routing.hosts import MESH


def leaves(resource: Resource[Any], plan: Plan, rule: str, *, moved: bool = False) -> tuple[Change, ...]:
    """The change to a VirtualService for which others speak.

    It is late, because sidecars read it; one that no client hears may go at once.
    """
    if plan.verdict is not (Verdict.MOVED if moved else Verdict.CONVERTED) and (
        moved or plan.verdict is not Verdict.DEAD
    ):
        return ()
    late = plan.verdict is not Verdict.DEAD
    spec = spec_of(resource)
    gateways = [name for name in as_strings(spec.get("gateways")) if name != MESH]
    hosts = [host for host in as_strings(spec.get("hosts")) if host not in plan.handled]
    if gateways:
        spec["gateways"] = gateways
    elif hosts:
        spec["hosts"] = hosts
    else:
        return (Change(ChangeKind.REMOVE, resource.id, None, resource.id, rule, late),)
    tree = with_new_spec(resource, spec)
    if tree == resource.tree():
        return ()
    return (Change(ChangeKind.REPLACE, resource.id, tree, resource.id, rule, late),)

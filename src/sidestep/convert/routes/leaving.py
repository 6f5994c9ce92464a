"""How a VirtualService goes: whole, by its hosts, or from the mesh alone where gateways still read it."""

from collections.abc import Set as AbstractSet
from typing import Any

from sidestep.convert.objects import removed, replaced, spec_of, with_new_spec
from sidestep.convert.rewrite import Change, ChangeKind
from sidestep.convert.routes.plans import Plan, Verdict, plan_of
from sidestep.convert.routes.survey import Survey
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_strings
from sidestep.semantics.routing.hosts import MESH

_LATE = frozenset({Verdict.CONVERTED, Verdict.MOVED})


def leaves(resource: Resource[Any], plan: Plan, rule: str, *, moved: bool = False) -> tuple[Change, ...]:
    """The changes to a VirtualService for which others speak.

    What sidecars read of it goes late; hosts about which no client hears it go at once.
    """
    if moved != (plan.verdict is Verdict.MOVED):
        return ()
    if plan.verdict is Verdict.DEAD:
        return (Change(ChangeKind.REMOVE, resource.id, None, resource.id, rule),)
    early = _without(resource, plan.dead, rule) if plan.dead < set(as_strings(spec_of(resource).get("hosts"))) else ()
    return (*early, *(_late(resource, plan, rule) if plan.verdict in _LATE else ()))


def delegate_leaves(found: Survey, delegate: Resource[Any], rule: str) -> tuple[Change, ...]:
    """A VirtualService without hosts goes with the last that names it; one that nobody names is nobody's to take."""
    roots = found.roots.get((delegate.meta.namespace, delegate.meta.name), ())
    gone = roots and all(_goes_whole(root, plan_of(found, root), rule) for root in roots)
    return (removed(delegate, rule),) if gone and not found.driver(delegate.id) else ()


def _goes_whole(root: Resource[Any], plan: Plan, rule: str) -> bool:
    """Whether nothing of it stays, here or elsewhere."""
    return any(each.kind is ChangeKind.REMOVE for each in leaves(root, plan, rule))


def _without(resource: Resource[Any], hosts: AbstractSet[str], rule: str, *, late: bool = False) -> tuple[Change, ...]:
    spec = spec_of(resource)
    spec["hosts"] = [host for host in as_strings(spec.get("hosts")) if host not in hosts]
    return replaced(resource, with_new_spec(resource, spec), rule, late=late) if hosts else ()


def _late(resource: Resource[Any], plan: Plan, rule: str) -> tuple[Change, ...]:
    spec = spec_of(resource)
    gateways = [name for name in as_strings(spec.get("gateways")) if name != MESH]
    if gateways:
        spec["gateways"] = gateways
        return replaced(resource, with_new_spec(resource, spec), rule, late=True)
    if set(as_strings(spec.get("hosts"))) <= plan.handled:
        return (removed(resource, rule),)
    return _without(resource, plan.handled, rule, late=True)

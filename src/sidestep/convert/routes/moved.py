"""A VirtualService in another namespace: the same, with names of hosts, gateways and delegates in full."""

from collections.abc import Callable
from itertools import chain, count
from typing import Any

from sidestep.convert.objects import made, spec_of
from sidestep.convert.rewrite import Tree
from sidestep.convert.routes.plans import Plan
from sidestep.convert.routes.survey import Survey
from sidestep.model.kinds import VIRTUAL_SERVICE
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.routing.gateway_names import gateway_name
from sidestep.semantics.routing.hosts import MESH, full_name

CODE = "SID332"
_MOVED = "moved"
_OWN = "."


def moved(found: Survey, resource: Resource[Any], plan: Plan) -> Tree:
    """The object in its new namespace, for the mesh alone."""
    space = resource.meta.namespace

    def full(name: str) -> str:
        return full_name(name, space, found.defaults.domain)

    spec = spec_of(resource)
    spec["hosts"] = list(plan.services)
    if as_strings(spec.get("exportTo")):
        spec["exportTo"] = [space if name == _OWN else name for name in as_strings(spec["exportTo"])]
    spec.pop("gateways", None)
    for part in ("http", "tcp", "tls"):
        for rule in as_dicts(spec.get(part)):
            _in_full(rule, space, full)
    place = (plan.space, _name(found, resource, plan.space))
    return made((resource.api_version, resource.kind), place, spec, str(resource.id), CODE)


def _in_full(rule: dict[str, Any], space: str, full: Callable[[str], str]) -> None:
    """Change names in place, in a tree that is nobody else's."""
    weighted = (*as_dicts(rule.get("route")), *as_dicts(rule.get("mirrors")))
    for destination in (as_dict(rule.get("mirror")), *(as_dict(each.get("destination")) for each in weighted)):
        if as_text(destination.get("host")):
            destination["host"] = full(destination["host"])
    delegate = as_dict(rule.get("delegate"))
    if delegate:
        delegate.setdefault("namespace", space)
    for match in as_dicts(rule.get("match")):
        named = as_strings(match.get("gateways"))
        if named:
            match["gateways"] = [name if name == MESH else gateway_name(name, space) for name in named]


def _name(found: Survey, resource: Resource[Any], space: str) -> str:
    stem = resource.meta.name
    names = chain((stem, f"{stem}-{_MOVED}"), (f"{stem}-{_MOVED}-{number}" for number in count(2)))
    return next(each for each in names if _is_free(found, resource, space, each))


def _is_free(found: Survey, resource: Resource[Any], space: str, name: str) -> bool:
    standing = found.index.mesh.find(VIRTUAL_SERVICE, space, name)
    return standing is None or str(resource.id) in standing.meta.annotations.values()

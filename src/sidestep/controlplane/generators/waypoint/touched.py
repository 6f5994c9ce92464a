"""Whose requests a change of configuration may concern: hosts, so that an edit costs what it touches."""

from collections.abc import Iterable

from sidestep.controlplane.registry.objects import Ref
from sidestep.model import kinds
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.parse import target_refs
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.routing.hosts import full_name, is_wildcard, service_host
from sidestep.semantics.trees import MalformedError, mappings, strings, text

_POLICIES = {each.key: each for each in (kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION)}
_ROUTES = {each.key: each for each in (kinds.HTTP_ROUTE, kinds.GRPC_ROUTE, kinds.TCP_ROUTE, kinds.TLS_ROUTE)}
_VIRTUAL_SERVICE = kinds.VIRTUAL_SERVICE
_OF_GATEWAYS = "Gateway"


def touched(refs: Iterable[Ref], *meshes: MeshIndex) -> frozenset[str] | None:
    """Hosts that changed objects speak about, before and after; None where it may be any."""
    found: set[str] = set()
    for ref in refs:
        for mesh in meshes:
            own = _about(ref, mesh)
            if own is None:
                return None
            found |= own
    return frozenset(found)


def _about(ref: Ref, mesh: MeshIndex) -> set[str] | None:
    if ref.kind in _POLICIES:
        policy = mesh.mesh.find(_POLICIES[ref.kind], ref.namespace, ref.name)
        return set() if policy is None else _judged(policy)
    if ref.kind in _ROUTES:
        route = mesh.mesh.find(_ROUTES[ref.kind], ref.namespace, ref.name)
        return set() if route is None else _routed(route)
    if ref.kind == _VIRTUAL_SERVICE.key:
        service = mesh.mesh.find(_VIRTUAL_SERVICE, ref.namespace, ref.name)
        return set() if service is None else _named(service)
    return None


def _judged(policy: Resource[Spec]) -> set[str] | None:
    """Services that a policy is attached to."""
    try:
        refs = target_refs(policy.view.spec or {})
    except MalformedError:
        return None
    if not refs or any(ref.kind != kinds.SERVICE.name for ref in refs):
        return None
    return {service_host(ref.name, policy.meta.namespace) for ref in refs}


def _routed(route: Resource[Spec]) -> set[str] | None:
    """Services that are parents of a route."""
    found: set[str] = set()
    try:
        for ref in mappings((route.view.spec or {}).get("parentRefs"), "parentRefs"):
            kind = text(ref.get("kind"), "kind") or _OF_GATEWAYS
            if kind == kinds.SERVICE.name:
                namespace = text(ref.get("namespace"), "namespace") or route.meta.namespace
                found.add(service_host(text(ref.get("name"), "name"), namespace))
            elif kind != _OF_GATEWAYS:
                return None
    except MalformedError:
        return None
    return found


def _named(service: Resource[Spec]) -> set[str] | None:
    """Hosts of a VirtualService; one without hosts is part of others."""
    try:
        hosts = strings((service.view.spec or {}).get("hosts"), "hosts")
    except MalformedError:
        return None
    if not hosts or any(map(is_wildcard, hosts)):
        return None
    return {full_name(host, service.meta.namespace) for host in hosts}

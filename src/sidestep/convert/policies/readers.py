"""Who reads a policy that is no waypoint's, and which services stand before those who move.

Source: istio-semantics.md §3.1 (attachment by selector, namespace, mesh), D18 to D20, D22.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import Any

from msgspec import Struct

from sidestep.convert.policies.alike import narrowest, saying
from sidestep.convert.rewrite import Context, Waypoint
from sidestep.model.kinds import AUTHORIZATION_POLICY, GATEWAY
from sidestep.model.resource import Resource
from sidestep.semantics.identity import principal_of
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.loose import as_dict
from sidestep.semantics.service_index import Service

_ACCOUNT = "gateway.istio.io/service-account"
_IN_THE_MESH = (Mode.SIDECAR, Mode.AMBIENT, Mode.GATEWAY, Mode.PROXYLESS)


class Readers(Struct, frozen=True, dict=True):
    """Who reads a policy.

    Attributes:
        context: where they are.
        ambient: those who are in ambient, or will be.
        others: sidecars that stay and gateways: they read it as before.
        selects: whether it is for pods.
        said: whether it is, or another AuthorizationPolicy that says the very same.
    """

    context: Context
    ambient: tuple[Instances, ...]
    others: tuple[Instances, ...]
    selects: Callable[[Instances], bool]
    said: Callable[[Instances], bool]

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """The services behind waypoints in front of those who move, by full name."""
        found = {service.host: service for pods in self.ambient for service in guarding(self.context, pods)}
        return dict(sorted(found.items()))

    @cached_property
    def bare(self) -> tuple[Instances, ...]:
        """Those who move and have no waypoint before them."""
        return tuple(pods for pods in self.ambient if not guarding(self.context, pods))

    @cached_property
    def partial(self) -> tuple[str, ...]:
        """Services to some of whose pods it is not said."""
        return tuple(
            host
            for host, service in self.services.items()
            if not all(self.said(pods) for pods in members(self.context, service))
        )

    def widens(self, resource: Resource[Any], service: Service) -> bool:
        """Whether it, as an ALLOW for all pods of a service, would admit somebody to those that have other ALLOWs."""
        if service.host not in self.partial:
            return False
        index = self.context.index
        held = map(index.applied_policies, members(self.context, service))
        return saying(resource) not in narrowest(index.mesh, held)

    @cached_property
    def unguarded(self) -> tuple[Service, ...]:
        """Services without a waypoint in front of pods that others reach through one."""
        every = (
            service
            for pods in self.ambient
            if guarding(self.context, pods)
            for service in self.context.index.in_front_of(pods)
        )
        return tuple({each.host: each for each in every if self.context.waypoint_of(each) is None}.values())

    @property
    def covered(self) -> bool:
        """Whether waypoints judge for all of them, so that nobody needs it at the pods."""
        return bool(self.services) and not (self.bare or self.others or self.partial)

    @property
    def waypoints(self) -> tuple[str, ...]:
        """Principals of the waypoints that come to their pods, in each trust domain that counts as the mesh's."""
        found = {waypoint_principal(self.context, each) for each in map(self.context.waypoint_of, self._served) if each}
        return self.context.index.settings.bundle.principals(tuple(sorted(found)))

    @property
    def _served(self) -> tuple[Service, ...]:
        return tuple(self.services.values())


def readers(context: Context, resource: Resource[Any], field: str = "selector") -> Readers:
    """Who reads a policy, by the labels that it selects in its namespace, or everywhere from the root namespace.

    Args:
        context: where to look.
        resource: the policy.
        field: which part of the spec selects: `selector`, or `workloadSelector`, whose labels lie bare.
    """
    own, root = resource.meta.namespace, context.index.settings.root_namespace
    selects = _selector(resource, field, root)

    @cache
    def others() -> list[Callable[[Instances], bool]]:
        return [_selector(each, field, root) for each in _saying_the_same(context, resource)]

    def said(pods: Instances) -> bool:
        return selects(pods) or any(each(pods) for each in others())

    chosen = [
        each
        for each in (everybody(context) if own == root else _of(context, own))
        if each.mode in _IN_THE_MESH and selects(each)
    ]
    ambient = tuple(each for each in chosen if is_ambient(context, each))
    return Readers(context, ambient, tuple(each for each in chosen if not is_ambient(context, each)), selects, said)


def _selector(resource: Resource[Any], field: str, root: str) -> Callable[[Instances], bool]:
    part = as_dict(as_dict(resource.view.spec).get(field))
    labels = as_dict(part.get("matchLabels" if field == "selector" else "labels"))
    own = resource.meta.namespace
    return lambda pods: own in (root, pods.namespace) and labels.items() <= pods.labels.items()


def _saying_the_same(context: Context, resource: Resource[Any]) -> list[Resource[Any]]:
    """AuthorizationPolicies that differ in what they select alone: asking them once or twice is the same."""
    if resource.kind != AUTHORIZATION_POLICY.name:
        return []
    near, told = context.index.mesh.in_namespace(AUTHORIZATION_POLICY, resource.meta.namespace), saying(resource)
    return [each for each in near if each.id != resource.id and saying(each) == told]


def everybody(context: Context) -> Iterable[Instances]:
    """All pods, in the mesh's own order."""
    return (each for group in context.index.workloads.values() for each in group)


def is_ambient(context: Context, pods: Instances) -> bool:
    """Whether pods are in ambient, or will be."""
    moves = pods.workload in context.moving
    return pods.mode is Mode.AMBIENT or (pods.mode is Mode.SIDECAR and moves)


def sends_hbone(context: Context, pods: Instances) -> bool:
    """Whether pods send HBONE to others: in ambient to everybody, and gateways and new sidecars to who is in it."""
    if is_ambient(context, pods):
        return True
    able = pods.mode is Mode.GATEWAY or (pods.mode is Mode.SIDECAR and pods.hbone)
    return able and (bool(context.moving) or any(each.mode is Mode.AMBIENT for each in everybody(context)))


def guarding(context: Context, pods: Instances) -> tuple[Service, ...]:
    """The services in front of pods that are behind a waypoint."""
    return tuple(service for service in context.index.in_front_of(pods) if context.waypoint_of(service) is not None)


def members(context: Context, service: Service) -> tuple[Instances, ...]:
    """The pods behind a service that are in the mesh."""
    return tuple(pods for pods in context.index.behind(service) if pods.mode in _IN_THE_MESH)


def waypoint_principal(context: Context, waypoint: Waypoint) -> str:
    """Who a waypoint is: its service account is called like its Gateway, unless an annotation names another."""
    standing = context.index.mesh.find(GATEWAY, waypoint.namespace, waypoint.name)
    account = standing.meta.annotations.get(_ACCOUNT) if standing else None
    return principal_of(context.index.settings.trust_domain, waypoint.namespace, account or waypoint.name)


def names_of(pods: Iterable[Instances], most: int = 3) -> str:
    """Workloads, for people."""
    found = sorted({f"{each.namespace}/{each.workload.name}" for each in pods})
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def _of(context: Context, namespace: str) -> Iterable[Instances]:
    return sorted(context.index.by_namespace.get(namespace, ()), key=lambda each: (each.workload, each.place))

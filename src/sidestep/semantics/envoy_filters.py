"""EnvoyFilters: which patches reach a proxy, in which order.

Source: pilot/pkg/model/envoyfilter.go, push_context.go (getMatchedEnvoyFilters): those of the root namespace first,
then the workload's own; by priority, age, name. Waypoints ignore what selects by labels: to them an EnvoyFilter is
attached (`targetRefs`), of their own namespace by the Gateway, of the root namespace by its class.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import ENVOY_FILTER
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.attachment import GatewayTarget, names_gateway, names_waypoint
from sidestep.semantics.authorization.parse import target_refs
from sidestep.semantics.authorization.policy import TargetRef
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.routing.age import created
from sidestep.semantics.trees import MalformedError


class Context(StrEnum):
    """Which traffic of which proxy."""

    INBOUND = "SIDECAR_INBOUND"
    OUTBOUND = "SIDECAR_OUTBOUND"
    GATEWAY = "GATEWAY"


class Patch(Struct, frozen=True):
    """One patch.

    Attributes:
        object: the EnvoyFilter.
        place: of the patch in it, e.g. `configPatches[0]`.
        apply_to: to what, in Istio's word.
        operation: what is done, in Istio's word.
        context: of which traffic; None for any.
        match: what it asks of that to which it applies.
        value: in Envoy's words.
    """

    object: ObjectId
    place: str
    apply_to: str
    operation: str
    context: Context | None
    match: Mapping[str, Any]
    value: Mapping[str, Any]

    def holds_in(self, context: Context) -> bool:
        """Whether it is about some traffic."""
        return self.context in (None, context)


def patches(mesh: Mesh, root: str, namespace: str, labels: Labels) -> tuple[Patch, ...]:
    """All patches of a sidecar or a gateway, in the order in which they are made: those that select it, and those that
    are attached to the Gateway that made it.

    Args:
        mesh: of which.
        root: namespace whose EnvoyFilters count everywhere.
        namespace: of the pod.
        labels: of the pod.
    """
    gateway = GatewayTarget(namespace, labels.get(GATEWAY_NAME, ""), "")

    def selected(resource: Resource[Spec]) -> bool:
        spec = resource.view.spec or {}
        if spec.get("targetRefs"):
            return names_gateway(_targets(spec), resource.meta.namespace, gateway)
        wanted = as_dict(as_dict(spec.get("workloadSelector")).get("labels"))
        return resource.meta.namespace in (root, namespace) and not wanted.items() - labels.items()

    return _in_order(filter(selected, mesh.of(ENVOY_FILTER)), root)


def attached_patches(mesh: Mesh, root: str, gateway: GatewayTarget) -> tuple[Patch, ...]:
    """All patches of a waypoint, likewise.

    Args:
        mesh: of which.
        root: namespace whose EnvoyFilters may name the class.
        gateway: the waypoint's.
    """

    def attached(resource: Resource[Spec]) -> bool:
        targets = _targets(resource.view.spec or {})
        return names_waypoint(targets, resource.meta.namespace, root, gateway)

    return _in_order(filter(attached, mesh.of(ENVOY_FILTER)), root)


def _targets(spec: Mapping[str, Any]) -> tuple[TargetRef, ...]:
    """What cannot be read is attached to nothing."""
    try:
        return target_refs(spec)
    except MalformedError:
        return ()


def _in_order(resources: Iterable[Resource[Spec]], root: str) -> tuple[Patch, ...]:
    found = []
    for resource in resources:
        spec, own = resource.view.spec or {}, resource.meta.namespace
        priority = spec.get("priority")
        rank = priority if isinstance(priority, int) else 0
        order = (own != root, rank, created(resource.meta), resource.meta.name, own)
        found.append((order, list(patches_of(resource.id, spec))))
    return tuple(patch for _, listed in sorted(found, key=lambda each: each[0]) for patch in listed)


def patches_of(object_: ObjectId, spec: Mapping[str, Any]) -> Iterator[Patch]:
    """The patches of one EnvoyFilter, as they are written."""
    for at, each in enumerate(as_dicts(spec.get("configPatches"))):
        match, patch = as_dict(each.get("match")), as_dict(each.get("patch"))
        context = as_text(match.get("context"))
        yield Patch(
            object_,
            f"configPatches[{at}]",
            as_text(each.get("applyTo")),
            as_text(patch.get("operation")),
            Context(context) if context in set(Context) else None,
            match,
            as_dict(patch.get("value")),
        )

"""Which policies reach which enforcement point.

Source: istio-semantics.md §3.1 (pilot/pkg/model/policyattachment.go). A policy with `targetRefs` is for waypoints and
gateways alone, and waypoints read nothing else; that is why both generations of a policy can stand side by side.
References name group, kind and name, for whatever object has them: the same answer holds for RequestAuthentication,
Telemetry, WasmPlugin, TrafficExtension and EnvoyFilter.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from msgspec import Struct

from sidestep.model.metadata import Labels, ObjectId
from sidestep.semantics.authorization.policy import TargetRef

GATEWAY_CLASS, WAYPOINT_CLASS = "GatewayClass", "istio-waypoint"
_GATEWAY_GROUP = "gateway.networking.k8s.io"
_ISTIO_NETWORKING = "networking.istio.io"


class Attachable(Protocol):
    """What attaches by selector or by targetRefs."""

    @property
    def namespace(self) -> str:
        """Where it lives."""

    @property
    def selector(self) -> Labels | None:
        """Labels of workloads; None for all."""

    @property
    def targets(self) -> tuple[TargetRef, ...]:
        """What it is attached to instead."""

    @property
    def unplaced(self) -> bool:
        """Whether it could not be read where it applies; it then counts everywhere."""


AttachableT = TypeVar("AttachableT", bound=Attachable)


class ServiceTarget(Struct, frozen=True):
    """The service whose traffic a waypoint judges: `kind` is Service or ServiceEntry, by the object's own name."""

    kind: str
    namespace: str
    name: str

    @property
    def reference(self) -> TargetRef:
        """By which objects of its namespace name it."""
        return TargetRef("" if self.kind == "Service" else _ISTIO_NETWORKING, self.kind, self.name)


def service_target(of: ObjectId) -> ServiceTarget:
    """A service, by the object that says it."""
    return ServiceTarget(of.kind, of.namespace, of.name)


class GatewayTarget(Struct, frozen=True):
    """A Gateway of the Gateway API: a waypoint's or an ingress gateway's."""

    namespace: str
    name: str
    gateway_class: str = WAYPOINT_CLASS


def for_workload(policies: Iterable[AttachableT], root: str, namespace: str, labels: Labels) -> list[AttachableT]:
    """What a sidecar (or a gateway of Istio's own kind) enforces."""
    return [
        policy
        for policy in policies
        if policy.unplaced
        or (not policy.targets and policy.namespace in (root, namespace) and _selected(policy, labels))
    ]


def for_gateway(
    policies: Iterable[AttachableT], root: str, gateway: GatewayTarget, labels: Labels
) -> list[AttachableT]:
    """What an ingress gateway of the Gateway API enforces: attached ones, and by selector what selects its pods."""
    return [
        policy
        for policy in policies
        if policy.unplaced
        or (
            names_gateway(policy.targets, policy.namespace, gateway)
            if policy.targets
            else policy.namespace in (root, gateway.namespace) and _selected(policy, labels)
        )
    ]


def for_waypoint(
    policies: Iterable[AttachableT], root: str, gateway: GatewayTarget, service: ServiceTarget | None
) -> list[AttachableT]:
    """What a waypoint enforces on one service's chain; without a service, on traffic that dials a pod."""
    return [
        policy
        for policy in policies
        if policy.unplaced
        or names_waypoint(policy.targets, policy.namespace, root, gateway)
        or (service is not None and _attached_to_service(policy, service))
    ]


def names_waypoint(targets: Iterable[TargetRef], own: str, root: str, gateway: GatewayTarget) -> bool:
    """Whether references are to a waypoint, or to the class of all.

    Args:
        targets: the references.
        own: namespace of the object that has them.
        root: namespace whose objects may name the class.
        gateway: the waypoint's.
    """
    asked = tuple(targets)
    return names_gateway(asked, own, gateway) or (own == root and any(map(_is_class, asked)))


def _selected(policy: Attachable, labels: Labels) -> bool:
    return policy.selector is None or policy.selector.items() <= labels.items()


def names_gateway(targets: Iterable[TargetRef], own: str, gateway: GatewayTarget) -> bool:
    """Whether references of an object are to a Gateway of the object's own namespace."""
    return own == gateway.namespace and any(
        (ref.group, ref.kind, ref.name) == (_GATEWAY_GROUP, "Gateway", gateway.name)
        and ref.namespace in ("", gateway.namespace)
        for ref in targets
    )


def _is_class(ref: TargetRef) -> bool:
    return (ref.group, ref.kind, ref.name) == (_GATEWAY_GROUP, GATEWAY_CLASS, WAYPOINT_CLASS)


def _attached_to_service(policy: Attachable, service: ServiceTarget) -> bool:
    named = service.reference
    return policy.namespace == service.namespace and any(
        (ref.group, ref.kind, ref.name) == (named.group, named.kind, named.name) for ref in policy.targets
    )

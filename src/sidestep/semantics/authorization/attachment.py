"""Which policies reach which enforcement point.

Source: istio-semantics.md §3.1 (pilot/pkg/model/policyattachment.go). A policy with `targetRefs` is for waypoints and
gateways alone, and waypoints read nothing else; that is why both generations of a policy can stand side by side.
The same answer holds for RequestAuthentication, Telemetry and WasmPlugin.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from msgspec import Struct

from sidestep.model.metadata import Labels
from sidestep.semantics.authorization.policy import TargetRef

WAYPOINT_CLASS = "istio-waypoint"
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
            _attached_to_gateway(policy, gateway)
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
        or _attached_to_gateway(policy, gateway)
        or _attached_to_class(policy, root)
        or (service is not None and _attached_to_service(policy, service))
    ]


def _selected(policy: Attachable, labels: Labels) -> bool:
    return policy.selector is None or policy.selector.items() <= labels.items()


def _attached_to_gateway(policy: Attachable, gateway: GatewayTarget) -> bool:
    return policy.namespace == gateway.namespace and any(
        ref.kind == "Gateway"
        and ref.group == _GATEWAY_GROUP
        and ref.name == gateway.name
        and ref.namespace in ("", gateway.namespace)
        for ref in policy.targets
    )


def _attached_to_class(policy: Attachable, root: str) -> bool:
    return policy.namespace == root and any(
        ref.kind == "GatewayClass" and ref.group == _GATEWAY_GROUP and ref.name == WAYPOINT_CLASS
        for ref in policy.targets
    )


def _attached_to_service(policy: Attachable, service: ServiceTarget) -> bool:
    group = "" if service.kind == "Service" else _ISTIO_NETWORKING
    return policy.namespace == service.namespace and any(
        ref.kind == service.kind and ref.group == group and ref.name == service.name for ref in policy.targets
    )

"""What the lab is given and does nothing with, so that nobody takes its silence for an answer."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from sidestep.lab.cluster.controllers.autoscalers import is_measured, target_of
from sidestep.lab.cluster.controllers.gateways import gateway_kind
from sidestep.lab.cluster.objects import Tree, meta_of, spec_of
from sidestep.lab.cluster.ownership import CONTROLLERS
from sidestep.model.build import known_kind
from sidestep.model.kinds import AUTOSCALER, GATEWAY, GATEWAY_CLASS, Kind
from sidestep.semantics.loose import annotations_of, as_dict, as_text
from sidestep.semantics.proxies import TEMPLATES

_NOT_BY_ISTIO = "the lab runs Gateways of Istio's own classes only"
_NOT_MEASURED = "what a built-in workload uses cannot be told from others; only gateways and waypoints are scaled"
_NO_METRIC = "of metrics the lab measures cpu and, of pods, connections alone"
_NO_SCALE = "it names nothing that is scaled: Deployments are"
_EVERYBODY = "the lab's network lets everybody through"
_NOT_RUN = "the lab does not run them"
_NOT_READ = "nothing in the lab reads them"
_GATEWAY_TEMPLATE = "gateway"
_WHY = {
    **dict.fromkeys(("NetworkPolicy",), _EVERYBODY),
    **dict.fromkeys(("Ingress", "CronJob", "Rollout", "DeploymentConfig", "ReplicationController"), _NOT_RUN),
}
_QUIET = frozenset(
    {
        *CONTROLLERS, "Pod", "Node", "Namespace", "Service", "ServiceAccount", "ConfigMap", "Secret", "EndpointSlice",
        "Endpoints", "ServiceEntry", "WorkloadEntry", "AuthorizationPolicy", "PeerAuthentication", "GatewayClass",
        "PodDisruptionBudget", "ReferenceGrant", "MutatingWebhookConfiguration", "FelixConfiguration", "WorkloadGroup",
        "VirtualService", "DestinationRule", "Sidecar", "EnvoyFilter", "Telemetry", "RequestAuthentication",
        "ProxyConfig", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "Gateway", "HorizontalPodAutoscaler",
        "WasmPlugin", "TrafficExtension",
    }
)  # fmt: skip
"""Kinds that have their effect, or have none that anybody would look for in a lab."""


class Unheeded(Struct, frozen=True, order=True):
    """Objects without effect.

    Attributes:
        kind: of the objects.
        number: how many.
        why: a sentence without capital and full stop.
    """

    kind: str
    number: int
    why: str


def unheeded(objects: Iterable[Tree]) -> list[Unheeded]:
    """Objects that have no effect, counted by kind.

    Args:
        objects: all that the lab is given.
    """
    every = list(objects)
    classes = {as_text(meta_of(each).get("name")): each for each in every if _is(each, GATEWAY_CLASS)}
    owned = {(as_text(each.get("kind")), _space(each), as_text(meta_of(each).get("name"))): each for each in every}
    found: Counter[tuple[str, str]] = Counter()
    for tree in every:
        kind = as_text(tree.get("kind"))
        why = _WHY.get(kind, "")
        if _is(tree, GATEWAY) and not _by_istio(tree, classes):
            why = _NOT_BY_ISTIO
        elif _is(tree, AUTOSCALER):
            why = _not_scaled(tree, owned)
        elif not why and kind not in _QUIET and known_kind(as_text(tree.get("apiVersion")), kind) is None:
            why = _NOT_READ
        if why:
            found[kind, why] += 1
    return sorted(Unheeded(kind, number, why) for (kind, why), number in found.items())


def _not_scaled(scaler: Tree, owned: dict[tuple[str, str, str], Tree]) -> str:
    """Why an autoscaler does nothing; empty where it does."""
    kind, name = target_of(scaler)
    if kind != "Deployment":
        return _NO_SCALE
    template = as_dict(spec_of(owned.get((kind, _space(scaler), name), {})).get("template"))
    if template and not _is_gateway(template):
        return _NOT_MEASURED
    return "" if is_measured(scaler) else _NO_METRIC


def _is_gateway(template: Tree) -> bool:
    """Whether its pods are injected with a gateway."""
    wanted = as_text(annotations_of(template).get(TEMPLATES))
    return _GATEWAY_TEMPLATE in [each.strip() for each in wanted.split(",")]


def _by_istio(gateway: Tree, classes: dict[str, Tree]) -> bool:
    """Whoever made its pods: one that names its Service is served by pods of the user's."""
    spec = {key: value for key, value in spec_of(gateway).items() if key != "addresses"}
    return gateway_kind({**gateway, "spec": spec}, classes) is not None


def _is(tree: Tree, kind: Kind[Any]) -> bool:
    return known_kind(as_text(tree.get("apiVersion")), as_text(tree.get("kind"))) is kind


def _space(tree: Tree) -> str:
    return as_text(meta_of(tree).get("namespace")) or "default"

"""What the lab is given and does nothing with, so that nobody takes its silence for an answer."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from sidestep.lab.cluster.objects import Tree, annotations_of, labels_of, meta_of, spec_of
from sidestep.lab.cluster.ownership import CONTROLLERS
from sidestep.lab.cluster.templates import template_of
from sidestep.model.build import known_kind
from sidestep.semantics.injection import INJECTION, REVISION, explicit_choice
from sidestep.semantics.loose import as_dict, as_dicts, as_text

_NO_LAYER_7 = "sidecars and waypoints do not run in the lab yet"
_NO_GATEWAYS = "gateways do not run in the lab yet"
_EVERYBODY = "the lab's network lets everybody through"
_NOT_RUN = "the lab does not run them"
_NOT_READ = "nothing in the lab reads them"
_WHY = {
    **dict.fromkeys(
        (
            "VirtualService", "DestinationRule", "Sidecar", "EnvoyFilter", "WasmPlugin", "TrafficExtension",
            "Telemetry", "RequestAuthentication", "ProxyConfig", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute",
        ),
        _NO_LAYER_7,
    ),
    **dict.fromkeys(("Gateway", "Ingress"), _NO_GATEWAYS),
    **dict.fromkeys(("NetworkPolicy",), _EVERYBODY),
    **dict.fromkeys(("CronJob", "Rollout", "DeploymentConfig", "ReplicationController"), _NOT_RUN),
    **dict.fromkeys(("HorizontalPodAutoscaler",), "the lab scales nothing by itself"),
}  # fmt: skip
_QUIET = frozenset(
    {
        *CONTROLLERS, "Pod", "Node", "Namespace", "Service", "ServiceAccount", "ConfigMap", "Secret", "EndpointSlice",
        "ServiceEntry", "WorkloadEntry", "AuthorizationPolicy", "PeerAuthentication", "PodDisruptionBudget",
        "GatewayClass", "ReferenceGrant", "MutatingWebhookConfiguration", "FelixConfiguration", "WorkloadGroup",
    }
)  # fmt: skip
"""Kinds that have their effect, or have none that anybody would look for in a lab."""
_WAYPOINT = "istio-waypoint"


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
    found: Counter[tuple[str, str]] = Counter()
    for tree in objects:
        kind = as_text(tree.get("kind"))
        why = _why(tree, kind)
        if why:
            found[kind, why] += 1
    return sorted(Unheeded(kind, number, why) for (kind, why), number in found.items())


def without_sidecar(objects: Iterable[Tree]) -> list[str]:
    """Workloads whose labels ask for a sidecar, or that bring one, as kind and name: the lab gives them none."""
    every = list(objects)
    labels: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for each in every:
        if each.get("kind") == "Namespace":
            labels[as_text(meta_of(each).get("name"))] = labels_of(each)
    return sorted(_would(every, labels))


def _would(every: Iterable[Tree], namespaces: defaultdict[str, dict[str, str]]) -> Iterator[str]:
    for each in every:
        kind, meta = as_text(each.get("kind")), meta_of(each)
        if kind != "Pod" and kind not in CONTROLLERS:
            continue
        pod = each if kind == "Pod" else template_of(each)
        space = as_text(meta.get("namespace")) or "default"
        if _injected(pod, namespaces[space]):
            yield f"{kind} {space}/{meta.get('name', '')}"


def _injected(pod: Tree, namespace: dict[str, str]) -> bool:
    """As the usual webhooks decide: a pod's word counts for more than its namespace's (istio-semantics.md §2)."""
    if any(each.get("name") == "istio-proxy" for each in as_dicts(spec_of(pod).get("containers"))):
        return True
    labels = labels_of(pod)
    choice = explicit_choice(labels, annotations_of(pod))[1]
    if choice is not None:
        return choice == "true" and namespace.get(INJECTION) != "disabled"
    return namespace.get(INJECTION) == "enabled" or REVISION in namespace or REVISION in labels


def _why(tree: Tree, kind: str) -> str:
    if kind == "Gateway" and as_dict(spec_of(tree)).get("gatewayClassName") == _WAYPOINT:
        return _NO_LAYER_7
    if kind == "AuthorizationPolicy" and (spec_of(tree).get("targetRefs") or spec_of(tree).get("targetRef")):
        return _NO_LAYER_7
    if kind in _QUIET:
        return ""
    if kind in _WHY:
        return _WHY[kind]
    return _NOT_READ if known_kind(as_text(tree.get("apiVersion")), kind) is None else ""

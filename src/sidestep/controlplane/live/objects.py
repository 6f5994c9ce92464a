"""Which objects meaning is read from, and how they are read."""

from typing import Any

import msgspec

from sidestep.controlplane.registry.objects import Ref, Tree
from sidestep.model import kinds
from sidestep.model.build import typed
from sidestep.model.kinds import Kind
from sidestep.model.origin import ClusterOrigin
from sidestep.model.pods import Pod
from sidestep.model.resource import Resource
from sidestep.semantics.loose import annotations_of, as_dict, labels_of
from sidestep.sources.objects.pods import PodDecoder, WirePod

CONFIGURATION: tuple[Kind[Any], ...] = (
    kinds.NAMESPACE, kinds.CONFIG_MAP, kinds.DEPLOYMENT, kinds.SERVICE, kinds.SERVICE_ENTRY, kinds.WORKLOAD_ENTRY,
    kinds.ENDPOINT_SLICE, kinds.GATEWAY_CLASS, kinds.GATEWAY, kinds.HTTP_ROUTE, kinds.GRPC_ROUTE, kinds.TLS_ROUTE,
    kinds.TCP_ROUTE, kinds.REFERENCE_GRANT, kinds.ISTIO_GATEWAY, kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE,
    kinds.SIDECAR, kinds.PROXY_CONFIG, kinds.ENVOY_FILTER, kinds.AUTHORIZATION_POLICY, kinds.PEER_AUTHENTICATION,
    kinds.REQUEST_AUTHENTICATION, kinds.TELEMETRY, kinds.WASM_PLUGIN, kinds.TRAFFIC_EXTENSION,
)  # fmt: skip
"""Kinds that meaning is read from, besides pods."""
BY_KEY = {kind.key: kind for kind in CONFIGURATION}

_ORIGIN = ClusterOrigin("lab")
_ISTIO, _ISTIOD = "istio", "istiod"
_STATUS_COUNTS = frozenset({kinds.GATEWAY.key, kinds.SERVICE_ENTRY.key})
"""Kinds whose status says what a proxy must know: addresses."""
_VALUES = ("spec", "data", "stringData", "endpoints", "ports")
_decode_pod = msgspec.json.Decoder(WirePod).decode


def counts(ref: Ref) -> bool:
    """Whether meaning is read from an object: of some kinds only from those of the control plane."""
    if ref.kind == kinds.CONFIG_MAP.key:
        return ref.name == _ISTIO or ref.name.startswith(f"{_ISTIO}-")
    if ref.kind == kinds.DEPLOYMENT.key:
        return ref.name.startswith(_ISTIOD)
    return ref.kind in BY_KEY


def told(ref: Ref, tree: Tree) -> tuple[object, ...]:
    """What of an object may change its meaning."""
    meta = as_dict(tree.get("metadata"))
    named = (meta.get("labels"), meta.get("annotations"), meta.get("creationTimestamp"))
    if ref.kind == kinds.NAMESPACE.key:
        return named
    status = tree.get("status") if ref.kind in _STATUS_COUNTS else None
    return (*named, *map(tree.get, _VALUES), status)


def resource_of(ref: Ref, tree: Tree) -> Resource[Any]:
    """An object as meaning is read from it.

    Raises:
        msgspec.MsgspecError: a field has another type than the API's.
    """
    kind = BY_KEY[ref.kind]
    version = tree.get("apiVersion")
    return typed(kind, msgspec.json.encode(tree), version if isinstance(version, str) else "", kind.name, _ORIGIN)


def pod_of(decoder: PodDecoder, tree: Tree) -> Pod:
    """Likewise a pod; labels and annotations that are no words are left out.

    Raises:
        msgspec.MsgspecError: a field has another type than the API's.
    """
    meta = {**as_dict(tree.get("metadata")), "labels": labels_of(tree), "annotations": annotations_of(tree)}
    return decoder.pod(_decode_pod(msgspec.json.encode({**tree, "metadata": meta})), _ORIGIN)

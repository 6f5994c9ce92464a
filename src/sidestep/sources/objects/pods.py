"""Decode pods at the speed of their bytes, sharing what replicas have in common.

Replicas of one template differ in a name, a node, a state and the random suffix of their token volume. So the parts
they share are compared as raw bytes with those of the last pods of the same controller, and only decoded when they
are new. Measured against decoding every pod in full in `bench/audit.py`.
"""

import msgspec
from msgspec import Raw, Struct, field

from sidestep.model.build import nulls_dropped
from sidestep.model.metadata import Labels, OwnerReference
from sidestep.model.origin import Origin
from sidestep.model.pods import Pod, PodShape, PodSpec, PodStatus, kept_annotations

_VARIANTS_COMPARED = 8
_TOKEN_VOLUME = b"kube-api-access-"
_TOKEN_SUFFIX = 5
_NONE = Raw(b"null")


class _Meta(Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    labels: Raw = _NONE
    annotations: Raw = _NONE
    owner_references: Raw = _NONE
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None


class _Spec(Struct, rename="camel"):
    node_name: str = ""
    containers: Raw = _NONE
    init_containers: Raw = _NONE
    host_network: bool = False
    service_account_name: str = ""
    security_context: Raw = _NONE
    node_selector: Raw = _NONE
    affinity: Raw = _NONE
    tolerations: Raw = _NONE
    topology_spread_constraints: Raw = _NONE
    priority_class_name: str = ""
    overhead: Raw = _NONE


class WirePod(Struct, rename="camel"):
    """A pod as it came, with what replicas share not yet decoded."""

    api_version: str = ""
    kind: str = ""
    metadata: _Meta = field(default_factory=_Meta)
    spec: _Spec = field(default_factory=_Spec)
    status: PodStatus = PodStatus()


_Parts = tuple[Raw | bytes | str | bool, ...]
_LABELS, _ANNOTATIONS, _SPEC = 1, 2, 3
"""Where parts stand: labels, annotations, and everything of the spec from there on."""

_decode = msgspec.json.Decoder(WirePod).decode
_decode_list = msgspec.json.Decoder(list[WirePod]).decode
_decode_strings = msgspec.json.Decoder(dict[str, str] | None).decode
_decode_owners = msgspec.json.Decoder(tuple[OwnerReference, ...] | None).decode
_decode_spec = msgspec.json.Decoder(PodSpec).decode


def decode_pods(array: bytes, *, declared: bool) -> list[WirePod] | None:
    """A JSON array of pods in one go; None when something in it is no pod, or not as the API types it.

    Args:
        array: with its brackets.
        declared: the list around it says that they are pods, so that they need not.
    """
    try:
        wires = _decode_list(array)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    named = {("Pod", "v1"), ("", "")} if declared else {("Pod", "v1")}
    return wires if {(wire.kind, wire.api_version) for wire in wires} <= named else None


class PodDecoder:
    """Turns the JSON of pods into `Pod`s; remembers shapes, so use one for all pods of a mesh."""

    def __init__(self) -> None:
        self._variants: dict[bytes, list[tuple[_Parts, PodShape]]] = {}

    def decode(self, raw: bytes | Raw, origin: Origin) -> Pod:
        """One pod.

        Raises:
            msgspec.DecodeError, msgspec.ValidationError: not JSON, or a field has another type than the API's.
        """
        try:
            return self.pod(_decode(raw), origin)
        except msgspec.ValidationError:
            plain = nulls_dropped(raw)
            if plain is None:
                raise
            return self.decode(plain, origin)

    def pod(self, wire: WirePod, origin: Origin) -> Pod:
        """One pod that came as a `WirePod`."""
        meta, spec = wire.metadata, wire.spec
        return Pod(
            meta.name,
            self._shape(meta, spec),
            wire.status,
            origin,
            spec.node_name,
            meta.creation_timestamp,
            meta.deletion_timestamp is not None,
        )

    def _shape(self, meta: _Meta, spec: _Spec) -> PodShape:
        parts = _parts(meta, spec)
        owner = bytes(meta.owner_references)
        variants = self._variants.setdefault(owner, [])
        for known, shape in variants:
            if known == parts:
                return shape
        shape = _resembling(parts, variants) or _new_shape(owner, parts)
        variants.insert(0, (tuple(part.copy() if isinstance(part, Raw) else part for part in parts), shape))
        del variants[_VARIANTS_COMPARED:]
        return shape


def _resembling(parts: _Parts, variants: list[tuple[_Parts, PodShape]]) -> PodShape | None:
    """A shape that shares the spec of a known one: the very same, if only annotations that nobody reads differ."""
    for known, shape in variants:
        if known[_SPEC:] == parts[_SPEC:] and known[0] == parts[0]:
            labels = shape.labels if known[_LABELS] == parts[_LABELS] else _strings(parts[_LABELS])
            annotations = kept_annotations(_strings(parts[_ANNOTATIONS]))
            if labels is shape.labels and annotations == shape.annotations:
                return shape
            return PodShape(shape.namespace, labels, annotations, shape.owners, shape.spec)
    return None


def _parts(meta: _Meta, spec: _Spec) -> _Parts:
    containers, init = bytes(spec.containers), bytes(spec.init_containers)
    at = containers.find(_TOKEN_VOLUME)
    if at >= 0:
        volume = containers[at : at + len(_TOKEN_VOLUME) + _TOKEN_SUFFIX]
        containers = containers.replace(volume, _TOKEN_VOLUME)
        init = init.replace(volume, _TOKEN_VOLUME)
    return (
        meta.namespace,
        meta.labels,
        meta.annotations,
        containers,
        init,
        spec.host_network,
        spec.service_account_name,
        spec.security_context,
        spec.node_selector,
        spec.affinity,
        spec.tolerations,
        spec.topology_spread_constraints,
        spec.priority_class_name,
        spec.overhead,
    )


_SPEC_FIELDS = (
    "containers",
    "initContainers",
    "hostNetwork",
    "serviceAccountName",
    "securityContext",
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "priorityClassName",
    "overhead",
)


def _new_shape(owners: bytes, parts: _Parts) -> PodShape:
    namespace, labels, annotations, *spec = parts
    values = {
        name: Raw(part) if isinstance(part, bytes) else part for name, part in zip(_SPEC_FIELDS, spec, strict=True)
    }
    return PodShape(
        str(namespace) or "default",
        _strings(labels),
        kept_annotations(_strings(annotations)),
        _decode_owners(owners) or (),
        _decode_spec(msgspec.json.encode(values)),
    )


def _strings(raw: object) -> Labels:
    return (_decode_strings(raw) or {}) if isinstance(raw, Raw) else {}

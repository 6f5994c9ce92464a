"""What changes proxies beyond what is modelled: filters, modules and own listeners, and at which proxies they stand.

What they do stands in code, or in Envoy's own words; all that can be said is where they do it.
Source: istio-semantics.md §4.4 and §4.5 (D47, D57).
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.kinds import ENVOY_FILTER, SIDECAR, TRAFFIC_EXTENSION, WASM_PLUGIN
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.semantics.authorization.parse import match_labels, target_refs
from sidestep.semantics.authorization.policy import TargetRef
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.own_filters import only_measures
from sidestep.semantics.trees import MalformedError

_PLACES = ("selector", "workloadSelector", "targetRefs", "targetRef")


class Role(StrEnum):
    """Which traffic of a pod: what a sidecar sends, what it takes, and all that passes a gateway."""

    CLIENT = "client"
    SERVER = "server"
    GATEWAY = "gateway"


_ALL = frozenset(Role)
_MODES = {"CLIENT": frozenset({Role.CLIENT, Role.GATEWAY}), "SERVER": frozenset({Role.SERVER})}
_CONTEXTS = {
    "SIDECAR_OUTBOUND": frozenset({Role.CLIENT}), "SIDECAR_INBOUND": frozenset({Role.SERVER}),
    "GATEWAY": frozenset({Role.GATEWAY}),
}  # fmt: skip


class Extension(Struct, frozen=True):
    """One of them.

    Attributes:
        id: the object.
        content: what it says, but for where it stands.
        roles: traffic of pods that it is for; at a waypoint there is but one kind.
        selector: labels that pods must carry; None for all.
        targets: what it is attached to instead.
        unplaced: where it stands could not be read: that may be anywhere.
    """

    id: ObjectId
    content: bytes
    roles: frozenset[Role]
    selector: Labels | None = None
    targets: tuple[TargetRef, ...] = ()
    unplaced: bool = False

    @property
    def namespace(self) -> str:
        """Where it lives."""
        return self.id.namespace


def extensions(mesh: Mesh) -> Iterator[Extension]:
    """All that a mesh has, but for Istio's own metrics: they change no answer."""
    for kind in (ENVOY_FILTER, WASM_PLUGIN, TRAFFIC_EXTENSION):
        for resource in mesh.of(kind):
            if kind is ENVOY_FILTER and only_measures(resource.view.spec or {}):
                continue
            roles = _of_contexts(resource) if kind is ENVOY_FILTER else _of_modes(resource)
            yield _extension(resource, resource.view.spec or {}, roles)
    for resource in mesh.of(SIDECAR):
        spec = resource.view.spec or {}
        if spec.get("ingress"):
            own = {"ingress": spec["ingress"], "workloadSelector": spec.get("workloadSelector")}
            yield _extension(resource, own, frozenset({Role.SERVER}))


def _extension(resource: Resource[Any], spec: dict[str, Any], roles: frozenset[Role]) -> Extension:
    content = {name: value for name, value in spec.items() if name not in _PLACES}
    said = msgspec.json.encode((resource.kind, content), order="deterministic")
    try:
        chosen = spec.get("workloadSelector")
        labels = chosen if chosen is None else {"matchLabels": as_dict(chosen).get("labels") or {}}
        selector = match_labels(labels if labels is not None else spec.get("selector"))
        return Extension(resource.id, said, roles, selector, target_refs(spec))
    except MalformedError:
        return Extension(resource.id, said, roles, unplaced=True)


def _of_modes(resource: Resource[Any]) -> frozenset[Role]:
    """Of a module: where it names no direction it runs in all; what gateways take counts as sent by clients."""
    spec = resource.view.spec or {}
    named = [as_text(each.get("mode")) for each in as_dicts(spec.get("match"))]
    return _together(_MODES.get(each, _ALL) for each in named or [""])


def _of_contexts(resource: Resource[Any]) -> frozenset[Role]:
    """Of a filter: each patch names its own."""
    spec = resource.view.spec or {}
    patches = as_dicts(spec.get("configPatches"))
    return _together(_CONTEXTS.get(as_text(as_dict(each.get("match")).get("context")), _ALL) for each in patches)


def _together(roles: Iterable[frozenset[Role]]) -> frozenset[Role]:
    return frozenset(role for each in roles for role in each)

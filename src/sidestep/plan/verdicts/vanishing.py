"""Selectors that ask for labels which only injection gives: without its sidecar a pod has them no more.

What chose its pods chooses nobody then: a policy would hold nothing, a Service lead nowhere, a NetworkPolicy open what
it closed or close what it opened.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model import kinds
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.views.apps import LabelSelector
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.injected_labels import INJECTED_LABELS, injected_labels
from sidestep.semantics.injection import INJECT
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.selectors import selects

_SELECTING: tuple[kinds.Kind[Any], ...] = (
    kinds.SERVICE, kinds.NETWORK_POLICY, kinds.AUTHORIZATION_POLICY, kinds.PEER_AUTHENTICATION,
    kinds.REQUEST_AUTHENTICATION, kinds.TELEMETRY, kinds.WASM_PLUGIN, kinds.ENVOY_FILTER, kinds.SIDECAR,
    kinds.DESTINATION_RULE, kinds.SERVICE_ENTRY,
)  # fmt: skip
_BYTES = tuple(label.encode() for label in INJECTED_LABELS)
_EVERYWHERE = ""


class Selecting(Struct, frozen=True):
    """A selector that asks for such a label.

    Attributes:
        object: whose.
        field: its place.
        label: that it asks for.
        namespace: whose pods it may mean; empty for those of any.
        selector: it.
    """

    object: ObjectId
    field: str
    label: str
    namespace: str
    selector: LabelSelector


def selecting(mesh: Mesh, root_namespace: str) -> tuple[Selecting, ...]:
    """All of a mesh."""
    return tuple(
        found
        for kind in _SELECTING
        for each in mesh.of(kind)
        if any(label in each.body for label in _BYTES)
        for found in _of_object(each, root_namespace)
    )


def vanishing(found: tuple[Selecting, ...], pods: Instances, template: Labels | None) -> Iterator[Selecting]:
    """Those that take pods with sidecars, and not without, or only then.

    Args:
        found: selectors of the mesh.
        pods: of a workload.
        template: labels of its template; None where it was not read.
    """
    if not found or pods.mode is not Mode.SIDECAR:
        return
    known = pods.labels if template is None else template
    own = {key: value for key, value in known.items() if template is not None or key not in INJECTED_LABELS}
    given = injected_labels(own, pods.workload.name, hbone=pods.hbone)
    seen = {key: value for key, value in pods.labels.items() if key in INJECTED_LABELS}
    before, after = {**given, **seen, **own}, {**own, DATAPLANE_MODE: "ambient", INJECT: "false"}
    for each in found:
        near = each.namespace in (_EVERYWHERE, pods.namespace)
        if near and selects(each.selector, before) != selects(each.selector, after):
            yield each


def _of_object(resource: Any, root_namespace: str) -> Iterator[Selecting]:
    space = resource.meta.namespace
    own = _EVERYWHERE if space == root_namespace else space
    for field, written in _selectors(resource.tree().get("spec"), "spec"):
        label = _asked(written)
        if label:
            whose = _EVERYWHERE if ".from[" in field or ".to[" in field else own
            yield Selecting(resource.id, field, label, whose, msgspec.convert(written, LabelSelector))


def _selectors(tree: Any, at: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Everything in a spec that selects by labels, as one form."""
    if isinstance(tree, list):
        for number, each in enumerate(tree):
            yield from _selectors(each, f"{at}[{number}]")
    elif isinstance(tree, dict):
        if "matchLabels" in tree or "matchExpressions" in tree:
            yield at, {key: tree[key] for key in ("matchLabels", "matchExpressions") if tree.get(key)}
        elif any(label in tree for label in INJECTED_LABELS):
            yield at, {"matchLabels": tree}
        else:
            for key, value in tree.items():
                yield from _selectors(value, f"{at}.{key}")


def _asked(selector: Mapping[str, Any]) -> str:
    """The label for which it asks that only injection gives; empty for none, and where it cannot be read."""
    try:
        msgspec.convert(selector, LabelSelector)
    except msgspec.ValidationError:
        return ""
    named = {
        *as_dict(selector.get("matchLabels")),
        *(each.get("key") for each in as_dicts(selector.get("matchExpressions"))),
    }
    return next((label for label in INJECTED_LABELS if label in named), "")

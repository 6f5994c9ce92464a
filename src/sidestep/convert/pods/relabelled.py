"""Namespaces that ask for ambient once all their pods are there, and who chooses namespaces by what they said before.

Source: istio-semantics.md §1.1, §2.1, P2: a label on a namespace captures whoever runs there at once, so that it is
late, and not given where anybody stays outside. Selectors of others read the same labels: discoverySelectors
(pkg/kube/namespace/filter.go) and `allowedRoutes` of Gateways, besides NetworkPolicies.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from sidestep.convert.policies.readers import is_ambient
from sidestep.convert.rewrite import Context, Tree
from sidestep.model.kinds import GATEWAY, NAMESPACE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.views.apps import LabelSelector
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.injection import INJECT, INJECTION, NAMESPACE_NAME, REVISION
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.mesh_config import mesh_configs
from sidestep.semantics.selectors import selects

ASKING = (INJECTION, REVISION, INJECT)
"""Labels by which namespaces ask for sidecars."""
CHANGED = frozenset({*ASKING, DATAPLANE_MODE})
_KEPT = "_relabelled"


def asking_for_ambient(labels: Labels, *, injected: bool = False) -> dict[str, str]:
    """A namespace's labels afterwards; of one that others choose by them, those that ask for sidecars stay."""
    kept = {key: value for key, value in labels.items() if injected or key not in ASKING}
    return {**kept, DATAPLANE_MODE: "ambient"}


def relabelled(context: Context) -> Mapping[str, tuple[Labels, Labels]]:
    """Labels before and after of the namespaces of which they change, by name; found once."""
    kept: dict[str, Any] = vars(context)
    if _KEPT not in kept:
        kept[_KEPT] = dict(_relabelled(context))
    found: Mapping[str, tuple[Labels, Labels]] = kept[_KEPT]
    return found


def _relabelled(context: Context) -> Iterator[tuple[str, tuple[Labels, Labels]]]:
    content = partial(_content, context)
    for each in context.index.mesh.of(NAMESPACE):
        name, labels = each.meta.name, each.meta.labels
        pods = context.index.by_namespace.get(name, ())
        if any(is_ambient(context, one) for one in pods) and all(map(content, pods)):
            after = asking_for_ambient(labels, injected=bool(chooser(context.index.mesh, name, labels)))
            if after != labels:
                yield name, (labels, after)


def _content(context: Context, pods: Instances) -> bool:
    """Whether pods end in ambient, or a label does not reach them."""
    return is_ambient(context, pods) or pods.shape.spec.host_network or pods.mode is Mode.WAYPOINT


def chooser(mesh: Mesh, name: str, labels: Labels) -> str:
    """Who chooses a namespace otherwise once it asks for sidecars no more, in words; empty for nobody."""
    before, after = ({NAMESPACE_NAME: name, **each} for each in (labels, asking_for_ambient(labels)))
    if before == after or not any(key in labels for key in ASKING):
        return ""
    for config in mesh_configs(mesh):
        written = config.values.get("discoverySelectors")
        chosen = [_selector(each) for each in written] if isinstance(written, list) else []
        if chosen and any(selects(each, before) for each in chosen) != any(selects(each, after) for each in chosen):
            return "discoverySelectors of the mesh"
    for gateway in mesh.of(GATEWAY):
        for listener in as_dicts((gateway.view.spec or {}).get("listeners")):
            spaces = as_dict(as_dict(listener.get("allowedRoutes")).get("namespaces"))
            found = _selector(spaces.get("selector")) if spaces.get("from") == "Selector" else None
            if selects(found, before) != selects(found, after):
                return f"allowedRoutes of {gateway.id}"
    return ""


def names_changed(selector: Tree) -> bool:
    """Whether a selector asks for a label that changes."""
    asked = {*as_dict(selector.get("matchLabels")), *(str(each.get("key")) for each in _expressions(selector))}
    return bool(asked & CHANGED)


def _expressions(selector: Tree) -> list[Tree]:
    return as_dicts(selector.get("matchExpressions"))


def _selector(value: object) -> LabelSelector | None:
    try:
        return msgspec.convert(value, LabelSelector) if value is not None else None
    except msgspec.ValidationError:
        return None

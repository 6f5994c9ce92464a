"""Which namespaces control planes look at: `discoverySelectors` of their configuration.

Source: istio pkg/kube/namespace/filter.go. Every informer of istiod drops what is in other namespaces: pods, Services
and Istio's own objects, the root namespace's among them. Webhooks know nothing of it, and inject there all the same.
"""

from typing import Any

import msgspec

from sidestep.model.kinds import NAMESPACE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import Labels
from sidestep.model.views.apps import LabelSelector
from sidestep.semantics.mesh_config import mesh_configs
from sidestep.semantics.selectors import selects

_FIELD = "discoverySelectors"


def unseen(mesh: Mesh) -> frozenset[str]:
    """Namespaces that were read and that no control plane looks at; none where one looks at all."""
    planes = [_selectors(config.values.get(_FIELD)) for config in mesh_configs(mesh)]
    if not all(planes):
        return frozenset()
    chosen = tuple(selector for plane in planes for selector in plane)
    return frozenset(each.meta.name for each in mesh.of(NAMESPACE) if chosen and not _seen(chosen, each.meta.labels))


def _seen(chosen: tuple[LabelSelector, ...], labels: Labels) -> bool:
    return any(selects(selector, labels) for selector in chosen)


def _selectors(written: Any) -> tuple[LabelSelector, ...]:
    """Any of them chooses; none, or one that istiod cannot read, stands for all namespaces."""
    try:
        return msgspec.convert(written or (), tuple[LabelSelector, ...])
    except msgspec.ValidationError:
        return ()

"""Whether the sidecar that a pod is given is an init container that stays."""

from sidestep.model.metadata import Labels
from sidestep.semantics.settings import Settings
from sidestep.semantics.trees import go_bool

NATIVE_SIDECAR = "sidecar.istio.io/nativeSidecar"
_FLAG = "ENABLE_NATIVE_SIDECARS"
_SINCE = (1, 27)


def is_native(annotations: Labels, settings: Settings) -> bool:
    """The pod says so, else istiod's environment, else its version: since 1.27 wherever nodes can."""
    own = go_bool(annotations.get(NATIVE_SIDECAR, ""))
    return settings.flag(_FLAG, default=settings.version.since(*_SINCE)) if own is None else own

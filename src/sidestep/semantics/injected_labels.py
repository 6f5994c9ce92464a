"""Labels that injection gives to a pod, beside those of its template: they go with the sidecar.

Source: istio pkg/kube/labels (`CanonicalService`), istio-semantics.md §1.3.
"""

from sidestep.model.metadata import Labels
from sidestep.semantics.proxies import TUNNEL

TLS_MODE = "security.istio.io/tlsMode"
CANONICAL_NAME = "service.istio.io/canonical-name"
CANONICAL_REVISION = "service.istio.io/canonical-revision"
INJECTED_LABELS = (TLS_MODE, CANONICAL_NAME, CANONICAL_REVISION, TUNNEL)


def injected_labels(labels: Labels, name: str, *, hbone: bool) -> dict[str, str]:
    """What an injected pod of a controller is labelled with, where its template does not say otherwise.

    Args:
        labels: of the template.
        name: of the controller.
        hbone: whether sidecars take HBONE.
    """
    called = labels.get("app.kubernetes.io/name") or labels.get("app") or name
    version = labels.get("app.kubernetes.io/version") or labels.get("version") or "latest"
    found = {TLS_MODE: "istio", CANONICAL_NAME: called, CANONICAL_REVISION: version}
    return {**found, TUNNEL: "http"} if hbone else found

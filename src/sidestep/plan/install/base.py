"""Values of the chart `base`: definitions of Istio's kinds, and which control plane checks objects of them."""

from collections.abc import Iterator

from sidestep.model.kinds import WEBHOOK
from sidestep.plan.install.current import DEFAULT, ROOT
from sidestep.plan.install.situation import Situation
from sidestep.plan.install.values import Setting

_TAG, _REVISION = "istio.io/tag", "istio.io/rev"


def base_settings(found: Situation) -> Iterator[Setting]:
    """All values of base, in the order to print."""
    current = found.current
    where = current.template.resource.id if current.template else None
    if current.namespace != ROOT:
        yield Setting(("global", "istioNamespace"), current.namespace, "istiod runs here", where, "metadata.namespace")
    yield _default_revision(found)


def _default_revision(found: Situation) -> Setting:
    """The revision that the validating webhook calls."""
    path = ("defaultRevision",)
    for webhook in found.mesh.of(WEBHOOK):
        revision = webhook.meta.labels.get(_REVISION)
        if webhook.meta.labels.get(_TAG) == "default" and revision:
            return Setting(path, revision, "the tag `default` points here", webhook.id, f"metadata.labels[{_REVISION}]")
    running = [each for each in (found.current.istiod, *found.current.others) if each]
    plain = next((each for each in running if each.revision == DEFAULT), None)
    if plain or not running:
        because = "istiod without a revision checks objects" if plain else "no istiod was read"
        return Setting(path, "default", because, plain.resource.id if plain else None, assumed=plain is None)
    because = "no tag `default` and no istiod without a revision: the one that is changed checks objects"
    chosen = found.current.istiod or running[0]
    return Setting(path, str(chosen.revision), because, chosen.resource.id, f"metadata.labels[{_REVISION}]")

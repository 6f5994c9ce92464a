"""Where images come from: the registry that istiod's own image names, if it is not one of Istio's."""

from collections.abc import Iterator

from sidestep.plan.install.situation import Situation
from sidestep.plan.install.trees import inner
from sidestep.plan.install.values import Setting
from sidestep.semantics.images import tag_of

_OFFICIAL = frozenset({"istio", "docker.io/istio", "gcr.io/istio-release", "registry.istio.io/release"})
_VARIANTS = ("distroless", "debug")


def image_settings(found: Situation) -> Iterator[Setting]:
    """The private registry and its variant of images, kept for all charts; nothing for Istio's own."""
    template = found.current.template
    image = (template.container.image if template else None) or ""
    hub, _, rest = image.partition("@")[0].rpartition("/")
    if template is None or not hub or hub in _OFFICIAL:
        return
    where, field = template.resource.id, "spec.template.spec.containers[discovery].image"
    yield Setting(("global", "hub"), hub, "images come from here today, kept", where, field)
    tag, plain = rest.partition(":")[2], tag_of(image)
    variant = next((each for each in _VARIANTS if tag == f"{plain}-{each}"), "")
    because = "the kind of image that this registry is known to hold; the ambient profile would ask for distroless"
    yield Setting(("global", "variant"), variant, because, where, field)
    if plain and plain != found.version and found.version in ("", template.version):
        yield Setting(("global", "tag"), plain, "a tag of its own, which the charts do not know, kept", where, field)


def pull_secrets(found: Situation) -> Iterator[Setting]:
    """Names of the pull secrets, for the charts of the nodes."""
    secrets = inner(found.current.values, "global", "imagePullSecrets")
    if found.current.injector and isinstance(secrets, list) and secrets:
        field = "data.values: global.imagePullSecrets"
        yield Setting(("global", "imagePullSecrets"), secrets, "set today, kept", found.current.injector.id, field)

"""Which Gateway API there will be: its version goes with Istio's, its channel is given, or told by what stands there.

Source: istio-semantics.md §4.3; the definitions that each release of Istio is tested with. A definition that was read
tells its own version and channel by annotation; objects with experimental fields tell the channel.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.convert.rewrite import Context
from sidestep.model.kinds import HTTP_ROUTE
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.versions import IstioVersion, parse_version

Release = tuple[int, int]
_BUNDLE = "gateway.networking.k8s.io/bundle-version"
_CHANNEL = "gateway.networking.k8s.io/channel"
_DEFINITION = "httproutes.gateway.networking.k8s.io"
_WITH_ISTIO: tuple[tuple[Release, Release], ...] = (
    ((1, 31), (1, 6)), ((1, 30), (1, 5)), ((1, 28), (1, 4)), ((1, 26), (1, 3)), ((1, 24), (1, 2)), ((1, 22), (1, 1)),
)  # fmt: skip


class Served(Struct, frozen=True):
    """What may be written.

    Attributes:
        release: of the Gateway API.
        experimental: fields of the experimental channel are kept by the API server.
        istio: that reads them.
        alpha: istiod reads kinds that its release has as alpha.
    """

    release: Release
    experimental: bool
    istio: IstioVersion
    alpha: bool = False

    def since(self, major: int, minor: int) -> bool:
        """Whether a field that came with a release may be written."""
        return self.release >= (major, minor)


def served(context: Context) -> Served:
    """What the target serves."""
    with_istio = next(api for istio, api in _WITH_ISTIO if context.target.since(*istio) or istio == (1, 22))
    release = with_istio
    for annotations in _definitions(context):
        told = parse_version(as_text(annotations.get(_BUNDLE)))
        release = min(with_istio, (told.major, told.minor)) if told else with_istio
    experimental = _told(context) if context.experimental is None else context.experimental
    return Served(release, experimental, context.target, context.index.settings.routing.alpha_routes is True)


def _told(context: Context) -> bool:
    """Whether the cluster tells that it serves the experimental channel."""
    channels = (annotations.get(_CHANNEL) for annotations in _definitions(context))
    return _used(context) or "experimental" in channels


def _definitions(context: Context) -> Iterator[dict[str, Any]]:
    for resource in context.index.mesh.others:
        if resource.kind == "CustomResourceDefinition" and resource.meta.name == _DEFINITION:
            yield dict(resource.meta.annotations)


def _used(context: Context) -> bool:
    """Whether any route carries a field that only the experimental channel has: the API server drops others."""
    specs = (resource.view.spec for resource in context.index.mesh.of(HTTP_ROUTE) if b'"retry"' in resource.body)
    return any(as_dict(rule.get("retry")) for spec in specs for rule in as_dicts((spec or {}).get("rules")))

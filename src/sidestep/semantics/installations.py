"""What manifests say of control planes before an operator or Helm has made their ConfigMaps.

Source: istio/api operator/v1alpha1 (IstioOperator); Sail's Istio and IstioRevision (sailoperator.io); a HelmRelease of
Flux and an Application of Argo CD whose chart is istiod. What a profile adds is not told by them, and not assumed.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.semantics.embedded import embedded_yaml
from sidestep.semantics.loose import as_dict, as_dicts, as_text

Tree = dict[str, Any]
_CHART = "istiod"
_DEFAULT = "default"


class Stated(Struct, frozen=True):
    """A control plane as it is asked for.

    Attributes:
        revision: empty for the default one.
        namespace: where it runs; empty where that is not said.
        version: of Istio, as written.
        mesh: its mesh configuration.
        environment: of istiod.
        field: where the mesh configuration stands.
    """

    revision: str
    namespace: str
    version: str
    mesh: Tree
    environment: dict[str, str]
    field: str


class Installation(Struct, frozen=True):
    """A control plane as an object asks for it."""

    resource: Resource[None]
    stated: Stated


def installations(mesh: Mesh) -> Iterator[Installation]:
    """All that are stated, in the order read."""
    for each in mesh.others:
        read = _READERS.get((each.api_version.partition("/")[0], each.kind))
        if read is not None:
            stated = _stated(read, each.body)
            if stated is not None:
                yield Installation(each, stated)


@lru_cache(maxsize=64)
def _stated(read: "Callable[[Tree], Stated | None]", body: bytes) -> Stated | None:
    """Many ask, and nobody changes what is returned."""
    return read(msgspec.json.decode(body))


def _operator(tree: Tree) -> Stated:
    spec, name = as_dict(tree.get("spec")), as_dict(tree.get("metadata"))
    values = as_dict(spec.get("values"))
    pilot = as_dict(as_dict(as_dict(spec.get("components")).get("pilot")).get("k8s"))
    environment = {as_text(each.get("name")): as_text(each.get("value")) for each in as_dicts(pilot.get("env"))}
    return Stated(
        as_text(spec.get("revision")),
        as_text(spec.get("namespace")) or as_text(name.get("namespace")),
        as_text(spec.get("tag")),
        as_dict(values.get("meshConfig")) | as_dict(spec.get("meshConfig")),
        _environment(values) | environment,
        "spec.meshConfig",
    )


def _sail(tree: Tree) -> Stated:
    spec, name = as_dict(tree.get("spec")), as_text(as_dict(tree.get("metadata")).get("name"))
    revision = "" if name == _DEFAULT else name
    place, version = as_text(spec.get("namespace")), as_text(spec.get("version"))
    return _of_values(as_dict(spec.get("values")), place, version, "spec.values", revision)


def _flux(tree: Tree) -> Stated | None:
    spec, meta = as_dict(tree.get("spec")), as_dict(tree.get("metadata"))
    chart = as_dict(as_dict(spec.get("chart")).get("spec"))
    if as_text(chart.get("chart")) != _CHART:
        return None
    place = as_text(spec.get("targetNamespace")) or as_text(meta.get("namespace"))
    return _of_values(as_dict(spec.get("values")), place, as_text(chart.get("version")), "spec.values")


def _argo(tree: Tree) -> Stated | None:
    spec = as_dict(tree.get("spec"))
    place = as_text(as_dict(spec.get("destination")).get("namespace"))
    for field, source in _sources(spec):
        if as_text(source.get("chart")) == _CHART:
            helm = as_dict(source.get("helm"))
            values = as_dict(helm.get("valuesObject")) or embedded_yaml(as_text(helm.get("values"))) or {}
            return _of_values(values, place, as_text(source.get("targetRevision")), f"{field}.helm.values")
    return None


def _sources(spec: Tree) -> Iterator[tuple[str, Tree]]:
    yield "spec.source", as_dict(spec.get("source"))
    for at, source in enumerate(as_dicts(spec.get("sources"))):
        yield f"spec.sources[{at}]", source


def _of_values(values: Tree, place: str, version: str, field: str, revision: str = "") -> Stated:
    mesh = as_dict(values.get("meshConfig"))
    revision = as_text(values.get("revision")) or revision
    return Stated(revision, place, version, mesh, _environment(values), f"{field}.meshConfig")


def _environment(values: Tree) -> dict[str, str]:
    written = as_dict(as_dict(values.get("pilot")).get("env"))
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in written.items()}


_READERS: dict[tuple[str, str], Callable[[Tree], Stated | None]] = {
    ("install.istio.io", "IstioOperator"): _operator,
    ("sailoperator.io", "Istio"): _sail,
    ("sailoperator.io", "IstioRevision"): _sail,
    ("operator.istio.io", "Istio"): _sail,
    ("operator.istio.io", "IstioRevision"): _sail,
    ("helm.toolkit.fluxcd.io", "HelmRelease"): _flux,
    ("argoproj.io", "Application"): _argo,
}

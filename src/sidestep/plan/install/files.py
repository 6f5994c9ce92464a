"""Decide how to install ambient beside what runs."""

from collections.abc import Iterator
from typing import Any

from sidestep.model.kinds import SERVICE_ACCOUNT
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.plan.install.base import base_settings
from sidestep.plan.install.cni import cni_settings
from sidestep.plan.install.commands import install_commands, rollback_commands
from sidestep.plan.install.current import DEFAULT, helm_release, is_operated, release_namespace
from sidestep.plan.install.istiod import istiod_settings
from sidestep.plan.install.platform import Platform
from sidestep.plan.install.requirements import requirements
from sidestep.plan.install.situation import Situation, situation
from sidestep.plan.install.values import Chart, Install, InstallSettings, Owner, Setting, evidence_of, tree_of
from sidestep.plan.install.ztunnel import ztunnel_settings

_READER = "istio-reader-service-account"
_HOSTED = frozenset({Platform.GKE, Platform.AKS})


def install_files(mesh: Mesh, settings: InstallSettings) -> Install:
    """Values of the four charts, the commands, what must happen elsewhere first, and why each value is what it is.

    Raises:
        UsageError: a setting that no installation can have.
    """
    found = situation(mesh, settings)
    charts = tuple(_charts(found))
    operated = found.current.istiod is not None and is_operated(found.current.istiod.resource)
    return Install(
        charts,
        found.version,
        () if operated else install_commands(charts, settings.repository, found.version),
        () if operated else rollback_commands(charts),
        requirements(found),
        tuple(_assumed(found, charts)),
    )


def _charts(found: Situation) -> Iterator[Chart]:
    """In the order of installation: each needs what the one before it brings."""
    current = found.current
    istiod = current.istiod.resource if current.istiod else None
    name = "istiod" if current.revision == DEFAULT else f"istiod-{current.revision}"
    yield _chart("base", "istio-base", current.namespace, _base(found), base_settings(found))
    yield _chart("istiod", name, current.namespace, istiod, istiod_settings(found))
    yield _chart("cni", "istio-cni", found.cni_namespace, current.cni, cni_settings(found))
    yield _chart("ztunnel", "ztunnel", found.ztunnel_namespace, current.ztunnel, ztunnel_settings(found))


def _base(found: Situation) -> Resource[Any] | None:
    """What tells who made base: its one ServiceAccount, or else the istiod that cannot be without it."""
    current = found.current
    reader = found.mesh.find(SERVICE_ACCOUNT, current.namespace, _READER)
    return reader or (
        current.template.resource if current.template and not helm_release(current.template.resource) else None
    )


def _chart(name: str, release: str, namespace: str, maker: Resource[Any] | None, settings: Iterator[Setting]) -> Chart:
    made, called = tuple(settings), helm_release(maker)
    space = release_namespace(maker, namespace) if called else namespace
    owner = Owner.HELM if called else Owner.NOBODY if maker is None else Owner.OTHER
    return Chart(name, called or release, space, owner, tree_of(made), evidence_of(made))


def _assumed(found: Situation, charts: tuple[Chart, ...]) -> Iterator[str]:
    current, mesh = found.current, found.mesh
    if current.template is None:
        yield f"no istiod was read: revision {current.revision} in namespace {current.namespace} is assumed"
    elif current.mesh is None:
        yield "the mesh's settings (ConfigMap istio, key mesh) could not be read: add your own meshConfig first"
    if current.template and current.injector is None:
        yield "what the injector was given could not be read: global and sidecarInjectorWebhook may lack some"
    if not found.version:
        yield "which release to install could not be told: set ISTIO_VERSION; only values that 1.24 knows are used"
    if charts[0].owner is not Owner.HELM:
        yield "which Helm release holds the chart base could not be told: istio-base is assumed"
    if found.platform.platform in _HOSTED and not any(part == "taint" for part in charts[1].values):
        yield "the autoscaler of this cloud runs out of sight: if it is on, set taint.enabled and taint new nodes"
    if current.template and _is_silent(found):
        yield "environment values of istiod were left out of what was read: add your own under env"
    if mesh.source.namespaces:
        yield "only some namespaces were read: sizes count those alone"
    for chart in charts:
        yield from (f"{chart.name}: {each.value}: {each.because}" for each in chart.evidence if each.assumed)


def _is_silent(found: Situation) -> bool:
    """Whether variables stand without their values, as in a snapshot; the API server always tells one or a source."""
    template = found.current.template
    variables = template.container.env or () if template else ()
    return bool(variables) and all(each.value is None for each in variables)

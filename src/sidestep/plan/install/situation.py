"""Everything that the charts' values are decided from, looked up once."""

from math import isfinite

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.model.mesh import Mesh
from sidestep.plan.install.current import Current, current
from sidestep.plan.install.platform import Found, Platform, platform_of, profile_of
from sidestep.plan.install.releases import AMBIENT, checked_version, minor
from sidestep.plan.install.scale import Scale, scale_of
from sidestep.plan.install.values import InstallSettings, Setting

_PRIVILEGED = "kube-system"


class Situation(Struct, frozen=True):
    """What the values follow from.

    Attributes:
        mesh: as it was read.
        settings: what the caller decided.
        current: what is installed.
        scale: how big it is.
        platform: what the nodes run on.
        version: of the charts; empty where nobody said and nothing tells.
    """

    mesh: Mesh
    settings: InstallSettings
    current: Current
    scale: Scale
    platform: Found
    version: str

    @property
    def node_namespace(self) -> str:
        """Where istio-cni and ztunnel go if they are not there yet: OpenShift allows what they need in one place."""
        return _PRIVILEGED if self.platform.platform is Platform.OPENSHIFT else self.current.namespace

    @property
    def cni_namespace(self) -> str:
        """Where istio-cni runs or will."""
        return self.current.cni.meta.namespace if self.current.cni else self.node_namespace

    @property
    def ztunnel_namespace(self) -> str:
        """Where ztunnel runs or will."""
        return self.current.ztunnel.meta.namespace if self.current.ztunnel else self.node_namespace


def situation(mesh: Mesh, settings: InstallSettings) -> Situation:
    """Look everything up.

    Raises:
        UsageError: a setting that no installation can have.
    """
    _check(settings)
    scale = scale_of(mesh)
    found = current(mesh, scale.sidecars, settings.revision)
    return Situation(mesh, settings, found, scale, platform_of(mesh, settings.platform), _version(settings, found))


def common(found: Situation) -> list[Setting]:
    """What every chart but base gets: the profile, and the platform's where there is one."""
    made = [Setting(("profile",), "ambient", "the profile that turns ambient on and keeps sidecars injectable")]
    profile = profile_of(found.platform.platform, found.version)
    if profile:
        told = found.platform
        made.append(Setting(("global", "platform"), profile, told.because, told.object, told.field, told.assumed))
    return made


def _version(settings: InstallSettings, found: Current) -> str:
    """What was asked for, else what runs if it can do ambient."""
    if settings.version:
        return checked_version(settings.version)
    runs = minor(found.version)
    return found.version if runs and runs >= AMBIENT else ""


def _check(settings: InstallSettings) -> None:
    for name, value in (("connections", settings.connections_per_node), ("requests", settings.requests_per_node)):
        if value is not None and not (isfinite(value) and 0 <= value <= 1e9):
            raise UsageError(f"{name} per node cannot be {value}", remedy="give what was measured, or leave it out")
    if not settings.repository or any(letter.isspace() for letter in settings.repository):
        raise UsageError("the chart repository has no usable name", remedy="give `istio` or an oci:// address")

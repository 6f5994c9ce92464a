"""What an installation of ambient consists of: Helm values with their reasons, and what must happen around them."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model.metadata import ObjectId


class InstallSettings(Struct, frozen=True):
    """What the caller may decide; everything else follows from the mesh.

    Attributes:
        version: Istio's release to install, e.g. `1.29.2`; empty for the one that runs.
        revision: the control plane to change, or a new one beside those that run; empty for the one that runs most
            sidecars.
        platform: one of `Platform`'s values; empty to read it from the nodes.
        repository: where the charts are: the local name of a Helm repository, or an `oci://` address.
        dns_capture: whether ztunnel answers DNS; None to decide from the mesh.
        connections_per_node: open connections of the busiest node, if measured.
        requests_per_node: requests per second of the busiest node, if measured.
    """

    version: str = ""
    revision: str = ""
    platform: str = ""
    repository: str = "istio"
    dns_capture: bool | None = None
    connections_per_node: int | None = None
    requests_per_node: float | None = None


class Setting(Struct, frozen=True):
    """One Helm value and what decided it.

    Attributes:
        path: its keys, outermost first.
        value: a scalar, list or mapping as Helm takes it.
        because: what decided it, in one sentence.
        object: the object that was looked at, if any.
        field: the field of that object.
        assumed: nothing in the mesh decided it, or what would decide could not be read.
    """

    path: tuple[str, ...]
    value: Any
    because: str
    object: ObjectId | None = None
    field: str = ""
    assumed: bool = False


class Evidence(Struct, frozen=True):
    """What decided one Helm value.

    Attributes:
        value: the Helm value, keys joined by dots.
        because: what decided it, in one sentence.
        object: the object that was looked at, if any.
        field: the field of that object.
        assumed: nothing in the mesh decided it, or what would decide could not be read.
    """

    value: str
    because: str
    object: ObjectId | None = None
    field: str = ""
    assumed: bool = False

    def __str__(self) -> str:
        place = f" [{self.object}{f': {self.field}' if self.field else ''}]" if self.object else ""
        return f"{self.value}: {'assumed: ' if self.assumed else ''}{self.because}{place}"


class Requirement(Struct, frozen=True):
    """Something to change in another product, or outside these charts, before they are installed.

    Attributes:
        product: whose setting it is.
        change: what to set, in the words of that product.
        because: what happens otherwise.
        met: whether it is so already; None where the mesh cannot tell.
        object: where the setting stands, if it was read.
        field: its name there.
    """

    product: str
    change: str
    because: str
    met: bool | None = None
    object: ObjectId | None = None
    field: str = ""


class Owner(StrEnum):
    """Who made what a chart would make: nobody yet, a Helm release, or another installer."""

    NOBODY = "nobody"
    HELM = "helm"
    OTHER = "other"


class Chart(Struct, frozen=True):
    """One of the four charts.

    Attributes:
        name: in the repository: `base`, `istiod`, `cni` or `ztunnel`.
        release: the name of its Helm release.
        namespace: of the release.
        owner: who made what is there already.
        values: what to pass, in the order to print.
        evidence: what decided each value.
    """

    name: str
    release: str
    namespace: str
    owner: Owner
    values: dict[str, Any]
    evidence: tuple[Evidence, ...]


class Install(Struct, frozen=True):
    """How to install ambient beside what runs.

    Attributes:
        charts: base, istiod, cni, ztunnel: the order in which they are installed.
        version: of the charts; empty where nobody said which.
        commands: the Helm command lines, in order; none where an operator must be given the values instead.
        rollback: the command lines that take it back, in order; what no command can take back is a comment.
        requirements: what to change elsewhere first.
        assumed: what could not be read, and what was done instead.
    """

    charts: tuple[Chart, ...]
    version: str
    commands: tuple[str, ...]
    rollback: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    assumed: tuple[str, ...]

    def chart(self, name: str) -> Chart:
        """A chart by its name."""
        return next(chart for chart in self.charts if chart.name == name)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What decided each value, chart by chart."""
        return tuple(evidence for chart in self.charts for evidence in chart.evidence)


def tree_of(settings: Iterable[Setting]) -> dict[str, Any]:
    """The settings as one tree, in their order; a later one replaces an earlier one at the same place."""
    root: dict[str, Any] = {}
    for setting in settings:
        place = root
        for key in setting.path[:-1]:
            inner = place.get(key)
            place[key] = dict(inner) if isinstance(inner, dict) else {}
            place = place[key]
        place[setting.path[-1]] = setting.value
    return root


def evidence_of(settings: Iterable[Setting]) -> tuple[Evidence, ...]:
    """The reasons of settings, in their order."""
    return tuple(
        Evidence(".".join(each.path), each.because, each.object, each.field, each.assumed) for each in settings
    )

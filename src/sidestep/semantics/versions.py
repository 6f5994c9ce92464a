"""Which Istio: a version is an input of every decision, because behaviour changed.

Source: istio-semantics.md §10 (release notes and tags).
"""

import re
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import DEPLOYMENT
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.semantics.images import tag_of
from sidestep.semantics.installations import installations

_FORM = re.compile(r"(\d{1,3})\.(\d{1,3})")
ISTIOD = "istiod"


class Version(Struct, frozen=True, order=True):
    """A minor release of Istio."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


OLDEST = Version(1, 22)
NEWEST = Version(1, 31)
AMBIENT_STABLE = Version(1, 24)
"""The least that a migration can be advised to."""


class IstioVersion(Struct, frozen=True):
    """The version in force.

    Attributes:
        version: clamped to what is modelled.
        found: as read or given, e.g. `1.29.2`; empty when nothing told.
        assumed: nothing told, and the newest is taken.
    """

    version: Version = NEWEST
    found: str = ""
    assumed: bool = True

    def since(self, major: int, minor: int) -> bool:
        """Whether a behaviour that came with a release is there."""
        return self.version >= Version(major, minor)

    @property
    def outside(self) -> str:
        """Why decisions for this version are not certain; empty when they are."""
        told = parse_version(self.found)
        if told is None or OLDEST <= told <= NEWEST:
            return ""
        return f"Istio {self.found} is outside of what is modelled ({OLDEST} to {NEWEST})"


def parse_version(text: str) -> Version | None:
    """The minor release that a version or image tag names."""
    found = _FORM.match(text.removeprefix("v"))
    return Version(int(found[1]), int(found[2])) if found else None


def given_version(text: str) -> IstioVersion | None:
    """A version that the user named; None when it is none."""
    told = parse_version(text)
    return IstioVersion(max(OLDEST, min(told, NEWEST)), text, assumed=False) if told else None


def istio_version(mesh: Mesh) -> IstioVersion:
    """The newest control plane's, by the image of istiod, or as it is asked for; else the newest that is modelled."""
    written = _tags(mesh) or [each.stated.version for each in installations(mesh)]
    tags = sorted(
        ((told, tag) for tag in written if (told := parse_version(tag)) is not None), key=lambda each: each[0]
    )
    if not tags:
        return IstioVersion()
    told, tag = tags[-1]
    return IstioVersion(max(OLDEST, min(told, NEWEST)), tag, assumed=False)


def is_istiod(deployment: Resource[Any]) -> bool:
    """Whether a Deployment is of a control plane."""
    return deployment.meta.labels.get("app") == ISTIOD or deployment.meta.name.startswith(ISTIOD)


def _tags(mesh: Mesh) -> list[str]:
    found = []
    for deployment in mesh.of(DEPLOYMENT):
        template = deployment.view.spec.template
        if is_istiod(deployment) and template is not None:
            found += [tag_of(container.image or "") for container in template.spec.containers or ()]
    return found

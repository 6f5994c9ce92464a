"""Releases of Istio: how they compare, and since when a chart knows a value.

Source: values.yaml and profiles of Istio's charts at the tags 1.24.6 to 1.30.0 and on the master branch of Aug 2026.
"""

import re

from sidestep.errors import UsageError

Minor = tuple[int, int]

AMBIENT: Minor = (1, 24)
"""Ambient is generally available."""
DNS_CAPTURE_DEFAULT: Minor = (1, 25)
GKE_PROFILE: Minor = (1, 25)
RECONCILE: Minor = (1, 25)
RECONCILE_DEFAULT: Minor = (1, 29)
ZTUNNEL_QUOTA: Minor = (1, 26)
OWNED_CNI_CONFIG: Minor = (1, 27)
NATIVE_SIDECARS_AUTO: Minor = (1, 27)
ZTUNNEL_NETWORK: Minor = (1, 27)
DETECTION_RETRY: Minor = (1, 29)

_RELEASE = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?(?:-(?:alpha|beta|rc)\.\d{1,4})?")


def minor(version: str | None) -> Minor | None:
    """The minor release of a version, `(1, 29)` of `1.29.2`; None where it is none."""
    found = _RELEASE.fullmatch(version or "")
    return (int(found[1]), int(found[2])) if found else None


def knows(version: str, since: Minor) -> bool:
    """Whether charts of a version know a value; those of an unknown version are only trusted with the oldest."""
    return (minor(version) or AMBIENT) >= since


def checked_version(version: str) -> str:
    """The version that a caller asked for.

    Raises:
        UsageError: it is no release of Istio, or one before ambient.
    """
    found = minor(version)
    if found is None:
        raise UsageError(f"{version!r} is no release of Istio", remedy="give one such as 1.29.2")
    if found < AMBIENT:
        raise UsageError(
            f"ambient is generally available since Istio 1.24, not in {version}", remedy="give 1.24 or later"
        )
    return version

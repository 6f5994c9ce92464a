"""Names of waypoints: valid for everything that istiod names like the Gateway, and nobody else's.

The strictest of those is the Service: a DNS label of 63 characters that begins with a letter (RFC 1035).
"""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import count

from sidestep.plan.waypoints.existing import ObjectName

LONGEST = 63
NAMESPACE_WAYPOINT = "waypoint"
"""What `istioctl waypoint apply` calls it."""
_OWN = "-waypoint"
_NO_LABEL = re.compile(r"[^a-z0-9-]+")
_DIGEST = 6


class Names:
    """Names given so far; each is given once."""

    def __init__(self, taken: Iterable[ObjectName]) -> None:
        self._taken = set(taken)

    def of_namespace(self, namespace: str) -> str:
        """A waypoint that services of a namespace share: `waypoint`, `waypoint-2`, …"""
        return self._first_free(namespace, NAMESPACE_WAYPOINT)

    def of_service(self, namespace: str, service: str) -> str:
        """A service's own: `SERVICE-waypoint`."""
        return self._first_free(namespace, own_name(service))

    def _first_free(self, namespace: str, wanted: str) -> str:
        name = next(each for each in _numbered(wanted) if (namespace, each) not in self._taken)
        self._taken.add((namespace, name))
        return name


def own_name(service: str) -> str:
    """`SERVICE-waypoint`; a name that is too long is cut, and told apart by a digest of the whole."""
    label = _NO_LABEL.sub("-", service.lower()).strip("-") or "service"
    label = label if label[0].isalpha() else f"s-{label}"
    return _shortened(f"{label}{_OWN}", service, _OWN)


def _numbered(wanted: str) -> Iterator[str]:
    yield wanted
    for number in count(2):
        yield _shortened(f"{wanted}-{number}", wanted, f"-{number}")


def _shortened(name: str, whole: str, suffix: str) -> str:
    if len(name) <= LONGEST:
        return name
    digest = sha256(whole.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
    stem = name.removesuffix(suffix)[: LONGEST - len(suffix) - _DIGEST - 1].rstrip("-")
    return f"{stem}-{digest}{suffix}"

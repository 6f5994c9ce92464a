"""Where the objects of a kind are on a server, as the server itself says."""

import threading

import msgspec
from msgspec import Struct

from sidestep.actions.worlds.cluster.refusals import Refusal, error_of
from sidestep.actions.worlds.cluster.server import Ask, Server
from sidestep.errors import WorldError
from sidestep.model.build import known_kind
from sidestep.model.metadata import ObjectId


class Place(Struct, frozen=True):
    """Where the objects of a kind are.

    Attributes:
        api_version: in which they are spoken of.
        plural: the resource.
        namespaced: whether they live in namespaces.
    """

    api_version: str
    plural: str
    namespaced: bool

    def collection(self, namespace: str) -> str:
        """The path of those of a namespace; of all where it is empty."""
        base = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        within = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{base}{within}/{self.plural}"

    def path(self, named: ObjectId) -> str:
        """The path of one."""
        return f"{self.collection(named.namespace)}/{named.name}"


class _Served(Struct, frozen=True):
    name: str
    kind: str
    namespaced: bool = False


class _Listed(Struct, frozen=True):
    resources: tuple[_Served, ...] = ()


class Places:
    """What a server serves, asked once for each version of a group.

    Args:
        server: that is asked.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known: dict[str, dict[str, Place]] = {}
        self._lock = threading.Lock()

    def of(self, api_version: str, kind: str) -> Place:
        """Where objects of a kind are: in the version asked for, else in another one that is the same kind.

        Raises:
            WorldError: the server does not serve it.
            TransportError: it cannot be asked.
        """
        for version in _versions(api_version, kind):
            place = self._served(version).get(kind)
            if place is not None:
                return place
        raise WorldError(
            f"the cluster serves no {kind} of {api_version}", where=kind, remedy="install its definition, and resume"
        )

    def _served(self, api_version: str) -> dict[str, Place]:
        with self._lock:
            found = self._known.get(api_version)
        if found:
            return found
        base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        told = self._server.ask(Ask("GET", base))
        if isinstance(told, Refusal):
            if not told.is_absent:
                raise error_of(told, api_version)
            return {}
        listed = msgspec.convert(told, _Listed).resources
        places = {
            each.kind: Place(api_version, each.name, each.namespaced) for each in listed if "/" not in each.name
        }  # those with a slash are parts of objects
        with self._lock:
            self._known[api_version] = places
        return places


def _versions(api_version: str, kind: str) -> tuple[str, ...]:
    known = known_kind(api_version, kind)
    others = tuple(known.api_version(version) for version in known.versions) if known else ()
    return tuple(dict.fromkeys((api_version, *others)))

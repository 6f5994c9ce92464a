"""Which of our kinds a server serves, and in which version."""

from concurrent.futures import Executor
from typing import Any

from msgspec import Struct, field

from sidestep.model.kinds import KINDS, Kind
from sidestep.sources.cluster.client import ApiClient, FailureKind, Get, RequestError, decoded


class _Version(Struct, rename="camel", frozen=True):
    version: str
    group_version: str


class _Group(Struct, frozen=True):
    name: str
    versions: list[_Version] = field(default_factory=list)


class _Groups(Struct, frozen=True):
    groups: list[_Group] = field(default_factory=list)


class _Resource(Struct, frozen=True):
    name: str


class _Resources(Struct, frozen=True):
    resources: list[_Resource] = field(default_factory=list)


def listed_kinds() -> tuple[Kind[Any], ...]:
    """The kinds that are fetched from a cluster."""
    return tuple(kind for kind in KINDS if kind.listed)


def served_paths(client: ApiClient, executor: Executor) -> dict[str, str]:
    """The path of each kind's collection (less the namespace), by `Kind.key`; kinds not served are left out.

    Raises:
        RequestError: the server does not say what it serves.
    """
    groups: _Groups = decoded(client.get(Get("/apis")), _Groups)
    offered = {(group.name, v.version): f"/apis/{v.group_version}" for group in groups.groups for v in group.versions}
    offered["", "v1"] = "/api/v1"
    wanted = {(kind.group, version) for kind in listed_kinds() for version in kind.versions} & offered.keys()
    found = dict(zip(wanted, executor.map(lambda key: _plurals(client, offered[key]), wanted), strict=True))
    paths: dict[str, str] = {}
    for kind in listed_kinds():
        for version in kind.versions:
            if kind.plural in found.get((kind.group, version), ()):
                paths.setdefault(kind.key, offered[kind.group, version])
    return paths


def _plurals(client: ApiClient, path: str) -> frozenset[str]:
    """What a group version serves; nothing when it is announced and its server is away."""
    try:
        answer: _Resources = decoded(client.get(Get(path)), _Resources)
    except RequestError as error:
        if error.kind is FailureKind.UNAUTHORIZED:
            raise
        return frozenset()
    return frozenset(resource.name for resource in answer.resources)

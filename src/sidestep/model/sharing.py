"""Two meshes that were read apart share what they both have: what is the same object need not be looked at twice."""

from operator import is_
from typing import Any

from msgspec.structs import replace

from sidestep.model.mesh import Mesh
from sidestep.model.pods import Pod
from sidestep.model.resource import Resource

_Key = tuple[str, str, str, str]


def sharing(mesh: Mesh, other: Mesh) -> Mesh:
    """A mesh with the objects of another one, wherever they say the same; where those were read is lost.

    Pods are shared all or none: replicas are known by the shape that they share, which must stay one.
    """
    same = len(mesh.pods) == len(other.pods) and all(map(_alike, mesh.pods, other.pods))
    made = replace(
        mesh,
        pods=other.pods if same else mesh.pods,
        resources={key: _shared(found, other.resources.get(key, ())) for key, found in mesh.resources.items()},
        others=_shared(mesh.others, other.others),
    )
    if mesh.in_order is mesh:
        made.known_to_be_in_order()
    return made


def _shared(found: tuple[Resource[Any], ...], others: tuple[Resource[Any], ...]) -> tuple[Resource[Any], ...]:
    """Most kinds are the same in both meshes, and in one order."""
    if len(found) == len(others) and all(map(is_, map(_same, found, others), others)):
        return others
    known = {_key(each): each for each in others}
    return tuple(_same(each, known.get(_key(each))) for each in found)


def _same(found: Resource[Any], known: Resource[Any] | None) -> Resource[Any]:
    """The known one where it says the same; evidence has no body, and is what it shows."""
    if known is None or known.body != found.body or known.meta != found.meta:
        return found
    return known if found.body or (_key(known) == _key(found) and known.view == found.view) else found


def _key(found: Resource[Any]) -> _Key:
    return found.api_version, found.kind, found.meta.namespace, found.meta.name


def _alike(one: Pod, other: Pod) -> bool:
    """Whether two pods are the same, wherever they were read."""
    return one == replace(other, origin=one.origin)

"""Two meshes that were read apart share what they both have: what is the same object need not be looked at twice."""

from collections.abc import Callable, Iterable, Sequence
from operator import is_
from typing import Any, TypeVar

from msgspec.structs import replace

from sidestep.model.in_order import apart
from sidestep.model.mesh import OTHERS, PODS, Mesh
from sidestep.model.pods import Pod
from sidestep.model.resource import Resource

ThingT = TypeVar("ThingT")
_Key = tuple[str, str, str, str]


def sharing(mesh: Mesh, other: Mesh, known: tuple[Mesh, Mesh] | None = None) -> Mesh:
    """A mesh with the objects of another one, wherever they say the same; where those were read is lost.

    Pods are shared all or none: replicas are known by the shape that they share, which must stay one.

    Args:
        mesh: that gets them.
        other: whose they are.
        known: a mesh that has some groups in common with the first, and the same with the objects of the other.
    """
    last, shared = known or (Mesh(mesh.source), Mesh(mesh.source))
    made = replace(
        mesh,
        pods=shared.pods if mesh.pods and mesh.pods is last.pods else _shared_pods(mesh.pods, other.pods),
        resources={
            key: shared.resources[key]
            if found is last.resources.get(key)
            else _shared(found, other.resources.get(key, ()))
            for key, found in mesh.resources.items()
        },
        others=_shared(mesh.others, other.others),
    )
    if mesh.in_order is mesh:
        made.known_to_be_in_order()
    return made


def groups_of(mesh: Mesh, last: Mesh) -> Mesh:
    """A mesh with the very groups of another one wherever all in them is the very same, in the same order."""
    return replace(
        mesh,
        pods=_in_place(mesh.pods, last.pods, {}),
        resources={key: _in_place(own, last.things(key), {}) for key, own in mesh.resources.items()},
        others=_in_place(mesh.others, last.others, {}),
    )


def unchanged(mesh: Mesh, last: Mesh) -> Mesh:
    """A mesh in order, with the very things of the one before it wherever they are the same, origin and all.

    Pods are the very same for a namespace or not at all there: replicas are known by the shape that they share.
    """
    made = mesh.in_order_as(last)
    found = replace(
        made,
        pods=_unchanged_pods(made.pods, last.things(PODS)),
        resources={key: _unchanged(own, last.things(key), _key) for key, own in made.resources.items()},
        others=_unchanged(made.others, last.things(OTHERS), _key),
    )
    found.known_to_be_in_order()
    return found


def ordered_as(mesh: Mesh, last: Mesh, last_ordered: Mesh) -> Mesh:
    """A mesh in order, where that of another one is known: groups that both have are not put in order again."""
    groups = {key: last_ordered.resources[key] for key, own in mesh.resources.items() if own is last.resources.get(key)}
    pods = last_ordered.pods if mesh.pods is last.pods else mesh.pods
    made = replace(mesh, pods=pods, resources={key: groups.get(key, own) for key, own in mesh.resources.items()})
    return made.in_order_as(last_ordered)


def _unchanged(found: Sequence[ThingT], last: Sequence[ThingT], key: Callable[[ThingT], Any]) -> tuple[ThingT, ...]:
    gone, new = apart(last, found)
    known = {key(each): each for each in gone}
    same = {id(each): old for each in new if (old := known.get(key(each))) is not None and old == each}
    return _in_place(found, last, same)


def _unchanged_pods(found: Sequence[Pod], last: Sequence[Pod]) -> Sequence[Pod]:
    gone, new = (_by_namespace(each) for each in apart(last, found))
    pairs = (
        pair for space, own in new.items() if own == gone.get(space) for pair in zip(own, gone[space], strict=True)
    )
    return _in_place(found, last, {id(each): old for each, old in pairs})


def _in_place(found: Sequence[ThingT], last: Sequence[ThingT], same: dict[int, ThingT]) -> tuple[ThingT, ...]:
    """Things with those that were there before in place of what is the same; all of them where nothing differs."""
    made = tuple(same.get(id(each), each) for each in found) if same else tuple(found)
    return last if isinstance(last, tuple) and len(made) == len(last) and all(map(is_, made, last)) else made


def _by_namespace(pods: Iterable[Pod]) -> dict[str, list[Pod]]:
    found: dict[str, list[Pod]] = {}
    for each in pods:
        found.setdefault(each.namespace, []).append(each)
    return found


def _shared_pods(found: Sequence[Pod], others: Sequence[Pod]) -> Sequence[Pod]:
    return others if len(found) == len(others) and all(map(_alike, found, others)) else found


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

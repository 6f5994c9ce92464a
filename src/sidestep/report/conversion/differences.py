"""A unified diff for each object, as `kubectl diff` shows it."""

from collections.abc import Iterator
from difflib import unified_diff

from sidestep.actions.stages import Stage, Staged
from sidestep.convert.ledger import Key, key_of
from sidestep.convert.rewrite import Tree
from sidestep.model.mesh import Mesh
from sidestep.model.origin import FileOrigin
from sidestep.report.plan.manifests import as_yaml, client_set
from sidestep.report.units import UNSEEN

_NOTHING = "/dev/null"


def unified(mesh: Mesh, found: tuple[Stage, ...]) -> str:
    """The differences between what was read and the last of some stages; empty where there are none."""
    origins = _origins(mesh)
    first: dict[Key, Staged] = {}
    last: dict[Key, Staged] = {}
    for stage in found:
        for each in stage.objects:
            first.setdefault(key_of(each.object), each)
            last[key_of(each.object)] = each
    texts = (_one(first[key].before, last[key].after, first[key], origins.get(key, "")) for key in sorted(first))
    return "".join(texts).translate(UNSEEN)


def _one(before: Tree | None, after: Tree | None, named: Staged, origin: str) -> str:
    return of_object(before, after, f"{named.object} ({origin})" if origin else str(named.object))


def of_object(before: Tree | None, after: Tree | None, name: str, states: tuple[str, str] = ("", "")) -> str:
    """What becomes of one object; empty where nothing does.

    Args:
        before: None where it was not there.
        after: None where it is not there any more.
        name: of it.
        states: what before and after are, in words.
    """
    here, there = (
        _NOTHING if tree is None else f"{name}, {state}" if state else name
        for tree, state in ((before, states[0]), (after, states[1]))
    )
    return "".join(f"{line}\n" for line in unified_diff(_lines(before), _lines(after), here, there, lineterm=""))


def _lines(tree: Tree | None) -> list[str]:
    return as_yaml(client_set(tree)).splitlines() if tree is not None else []


def _origins(mesh: Mesh) -> dict[Key, str]:
    return dict(_places(mesh))


def _places(mesh: Mesh) -> Iterator[tuple[Key, str]]:
    for resource in (*(each for group in mesh.resources.values() for each in group), *mesh.others):
        if isinstance(resource.origin, FileOrigin):
            yield key_of(resource.id), str(resource.origin)

"""Edit the files that a mesh was read from: each object where it stands, new ones beside what they were made from."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from sidestep.actions.stages import Stage, Staged
from sidestep.cli.repository import Written, write_repository
from sidestep.convert.editing.file import ObjectEdit, edit_file, new_file
from sidestep.convert.ledger import Key, key_of
from sidestep.convert.rewrite import Tree
from sidestep.errors import UsageError, WorldError
from sidestep.model.kinds import SERVICE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.origin import FileOrigin
from sidestep.plan.document import Plan

_NEW = "sidestep.yaml"
"""File for objects of which nobody can tell beside what they belong."""
_INSIDE = "!"
"""What parts an archive from its members in an origin."""


class Asked(Struct, frozen=True):
    """What is to be written where.

    Attributes:
        folder: that all files are in.
        mesh: as it was read from it.
        plan: which services each waypoint is for.
        stages: what becomes of each object.
    """

    folder: Path
    mesh: Mesh
    plan: Plan
    stages: tuple[Stage, ...]


def folder_of(paths: tuple[str, ...]) -> Path:
    """The folder to edit.

    Raises:
        UsageError: there are several, or it is none that can be edited.
    """
    if len(paths) != 1 or not Path(paths[0]).exists():
        raise UsageError("edits the files of one folder", where="--in-place", remedy="name one folder with --from")
    found = Path(paths[0])
    return found if found.is_dir() else found.parent


def edit_in_place(asked: Asked, *, force: bool) -> Written:
    """Edit all files, or none.

    Args:
        asked: what is to be written where.
        force: although there are changes that nobody committed.

    Raises:
        WorldError: a file cannot be edited so that it says just what is wanted, or not be written.
    """
    places = dict(_places(asked.mesh))
    edits: dict[str, list[ObjectEdit]] = {}
    added: dict[str, list[Tree]] = {}
    for key, (first, last) in _turned(asked.stages).items():
        origin = places.get(key)
        if first.before is not None and origin is not None:
            edits.setdefault(origin.path, []).append(ObjectEdit(origin.document, first.before, last.after))
        elif first.before is None and last.after is not None:
            added.setdefault(_beside(asked, first, places), []).append(last.after)
    before = {path: _content(path) for path in {*edits, *added} if path in edits or Path(path).exists()}
    after = {
        path: _edited(path, before.get(path), edits.get(path, []), added.get(path, [])) for path in {*edits, *added}
    }
    return write_repository(asked.folder, before, after, force=force)


def _turned(stages: tuple[Stage, ...]) -> dict[Key, tuple[Staged, Staged]]:
    """Each object as the first stage meets it, and as the last leaves it."""
    found: dict[Key, tuple[Staged, Staged]] = {}
    for stage in stages:
        for each in stage.objects:
            key = key_of(each.object)
            found[key] = (found[key][0] if key in found else each, each)
    return dict(sorted(found.items()))


def _places(mesh: Mesh) -> Iterator[tuple[Key, FileOrigin]]:
    for resource in (*(each for group in mesh.resources.values() for each in group), *mesh.others):
        if isinstance(resource.origin, FileOrigin):
            if _INSIDE in resource.origin.path:
                raise UsageError(
                    "an archive is not edited", where=resource.origin.path, remedy="unpack it, or use --out"
                )
            yield key_of(resource.id), resource.origin


def _beside(asked: Asked, each: Staged, places: dict[Key, FileOrigin]) -> str:
    """The file for a new object: that of what it was made from, so that whatever lists files has it."""
    for named in (each.origin, *_served(asked.plan, each.object)):
        found = places.get(key_of(named))
        if found is not None:
            return found.path
    return str(asked.folder / _NEW)


def _served(plan: Plan, named: ObjectId) -> Iterator[ObjectId]:
    """Services of the waypoints in an object's namespace, its own first."""
    near = [each for each in plan.waypoints if each.namespace == named.namespace]
    for waypoint in sorted(near, key=lambda each: each.name != named.name):
        for namespace, name in waypoint.services:
            yield ObjectId(SERVICE.api_version(), SERVICE.name, namespace, name)


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=path, remedy="check the file") from error


def _edited(path: str, before: bytes | None, edits: list[ObjectEdit], added: list[Tree]) -> bytes | None:
    if before is None:
        return new_file(added).encode()
    try:
        text = before.decode()
    except UnicodeDecodeError as error:
        raise WorldError("is no text in UTF-8", where=path, remedy="convert the file, or use --out") from error
    made = edit_file(text, edits, added, path)
    return None if made is None else made.encode()

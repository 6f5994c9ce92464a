"""Edit the files that a mesh is made of: each object where it stands, new ones beside what they were made from."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from sidestep.actions.stages import Stage, Staged
from sidestep.cli.repository import Written, write_repository
from sidestep.convert.ledger import Key, key_of
from sidestep.convert.promql.plain_files import PlainFile
from sidestep.convert.repository.kustomize import NAMES
from sidestep.convert.repository.place import place
from sidestep.convert.repository.values import Repository, Unplaced, folder_of
from sidestep.convert.rewrite import Change, ChangeKind
from sidestep.errors import UsageError, WorldError
from sidestep.model.kinds import SERVICE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.origin import FileOrigin
from sidestep.model.resource import Resource
from sidestep.plan.document import Plan
from sidestep.sources.documents.item import Documents
from sidestep.sources.repository import read_file, read_repository, texts

Standing = dict[Key, Resource[Any]]


class Target(Struct, frozen=True):
    """What is edited.

    Attributes:
        folder: that all files are in.
        file: the only one of them that is touched or stood beside; None for all.
    """

    folder: Path
    file: Path | None = None

    def open(self) -> "Opened":
        """Its files.

        Raises:
            WorldError: something cannot be read.
        """
        contents = read_repository(self.folder) if self.file is None else read_file(self.file)
        return Opened(self, contents, {})


class Opened(Struct, frozen=True):
    """Files that will be edited, read before the mesh: what changes from here on is noticed when they are written.

    Attributes:
        target: what is edited.
        contents: of its files.
        documents: is given what reading the mesh finds in them.
    """

    target: Target
    contents: dict[str, bytes]
    documents: Documents


class Asked(Struct, frozen=True):
    """What is to be written where.

    Attributes:
        opened: what is edited.
        mesh: as it was read.
        plan: which services each waypoint is for.
        stages: what becomes of each object.
        is_source: whether the mesh was read from what is edited.
        files: plain ones with queries.
    """

    opened: Opened
    mesh: Mesh
    plan: Plan
    stages: tuple[Stage, ...]
    is_source: bool
    files: tuple[PlainFile, ...] = ()


class Edit(Struct, frozen=True):
    """What is to be written, what is left to do by hand, and what was not looked at.

    Attributes:
        folder: that all files are in.
        before: their contents as they were read.
        after: those that files are to have; None for one that goes.
        by_hand: changes that no file could be given.
        notes: for who reads along.
    """

    folder: Path
    before: Mapping[str, bytes]
    after: Mapping[str, bytes | None]
    by_hand: tuple[Unplaced, ...]
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[str, ...]:
        """Paths of files that come, change or go."""
        return tuple(path for path, content in self.after.items() if self.before.get(path) != content)

    def write(self, *, force: bool) -> Written:
        """Edit all files, or none.

        Args:
            force: although there are changes that nobody committed.

        Raises:
            WorldError: a file cannot be written.
        """
        return write_repository(self.folder, self.before, self.after, force=force)


def target_of(paths: tuple[str, ...], repository: str | None) -> Target:
    """What to edit: the folder that is named, else what the mesh is read from.

    Raises:
        UsageError: there are several, or it is none that can be edited.
    """
    if repository is not None:
        if not Path(repository).is_dir():
            raise UsageError("no such folder", where=f"--repository {repository}", remedy="name the folder to edit")
        return Target(Path(repository))
    if len(paths) != 1 or not Path(paths[0]).exists():
        raise UsageError(
            "edits the files of one folder", where="--in-place", remedy="name it with --from, or with --repository"
        )
    found = Path(paths[0])
    return Target(found) if found.is_dir() else Target(found.parent, found)


def edit_of(asked: Asked) -> Edit:
    """What becomes of the files; nothing is written yet.

    Raises:
        WorldError: a file that would be edited is not UTF-8, or a kustomization beside it cannot be read.
        UsageError: an object stands in an archive, or kustomizations make another one of it.
    """
    target, contents = asked.opened.target, asked.opened.contents
    standing = {
        key_of(each.id): each for group in (*asked.mesh.resources.values(), asked.mesh.others) for each in group
    }
    changes = list(_changes(asked.stages, asked.plan, set(standing)))
    readable = texts(contents)
    if asked.is_source:
        _check_editable(changes, standing, contents)
        _check_text(changes, standing, contents, readable)
    repository = Repository(readable, _as_typed(target.folder), asked.opened.documents)
    placed = place(repository, changes, lambda named: standing.get(key_of(named)))
    if placed.unlike:
        raise UsageError(
            f"what the files say is not what runs: {placed.unlike}; nothing was written",
            where="--in-place",
            remedy="kubectl kustomize FOLDER | sidestep convert --from - --in-place --repository FOLDER",
        )
    after = {path: None if text is None else text.encode() for path, text in placed.files.items()}
    _check_kustomizations({**_no_texts(contents, readable), **placed.unread}, after)
    after |= {each.path: each.text.encode() for each in asked.files if each.path in contents}
    notes = tuple(_unseen(path, what) for path, what in placed.absent)
    return Edit(target.folder, contents, after, placed.unplaced, notes)


def _unseen(path: str, what: str) -> str:
    return (
        f"{path} takes in {what}, which is not in this folder, and nothing is fetched: what it makes was not looked at"
    )


def _check_editable(changes: list[Change], standing: Standing, contents: dict[str, bytes]) -> None:
    for change in changes:
        found = standing.get(key_of(change.origin))
        if found is not None and isinstance(found.origin, FileOrigin) and found.origin.path not in contents:
            raise UsageError(
                f"{found.id} stands in an archive, or in a file that cannot be edited",
                where=str(found.origin),
                remedy="unpack it, or use --out",
            )


def _check_text(
    changes: list[Change], standing: Standing, contents: Mapping[str, bytes], readable: Mapping[str, str]
) -> None:
    """All of a file that changes has to be text: of one with another document that is not, nothing is written."""
    for change in changes:
        found = standing.get(key_of(change.origin))
        if found is None or not isinstance(found.origin, FileOrigin):
            continue
        path, line = found.origin.path, found.origin.line
        if path in contents and path not in readable:
            raise WorldError(
                f"is not UTF-8, and {found.id} at line {line} would be edited there; nothing was written",
                where=f"{path}:{_line_that_is_no_text(contents[path])}",
                remedy="save the file as UTF-8, e.g. by iconv, and run again",
            )


def _no_texts(contents: Mapping[str, bytes], readable: Mapping[str, str]) -> dict[str, int]:
    """Kustomizations that are not UTF-8, each with its first line that is not."""
    named = (path for path in contents if path.rpartition("/")[2] in NAMES and path not in readable)
    return {path: _line_that_is_no_text(contents[path]) for path in named}


def _check_kustomizations(unread: Mapping[str, int], changed: Iterable[str]) -> None:
    """Of a kustomization that cannot be read nobody can tell what it takes in: new files would be in no list."""
    paths = sorted(changed)
    for kustomization, line in sorted(unread.items()):
        folder = folder_of(kustomization)
        below = next((path for path in paths if not folder or path.startswith(f"{folder}/")), None)
        if below is not None:
            raise WorldError(
                f"cannot be read, so that nobody can tell what it makes of {below}; nothing was written",
                where=f"{kustomization}:{line}",
                remedy="correct it, or save it as UTF-8, and run again",
            )


def _line_that_is_no_text(content: bytes) -> int:
    """The 1-based line of the first byte that is not UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1
    return 1


def _changes(stages: tuple[Stage, ...], plan: Plan, standing: set[Key]) -> Iterator[Change]:
    """Each object from how the first stage meets it to how the last leaves it."""
    for first, last in _turned(stages).values():
        if first.before is None and last.after is not None:
            near = (first.origin, *_served(plan, first.object))
            origin = next((each for each in near if key_of(each) in standing), first.origin)
            yield Change(ChangeKind.ADD, first.object, last.after, origin, last.rule)
        elif first.before is not None:
            kind = ChangeKind.REMOVE if last.after is None else ChangeKind.REPLACE
            yield Change(kind, first.object, last.after, first.object, last.rule)


def _turned(stages: tuple[Stage, ...]) -> dict[Key, tuple[Staged, Staged]]:
    found: dict[Key, tuple[Staged, Staged]] = {}
    for stage in stages:
        for each in stage.objects:
            key = key_of(each.object)
            found[key] = (found[key][0] if key in found else each, each)
    return dict(sorted(found.items()))


def _served(plan: Plan, named: ObjectId) -> Iterator[ObjectId]:
    """Services of the waypoints in an object's namespace, its own first."""
    near = [each for each in plan.waypoints if each.namespace == named.namespace]
    for waypoint in sorted(near, key=lambda each: each.name != named.name):
        for namespace, name in waypoint.services:
            yield ObjectId(SERVICE.api_version(), SERVICE.name, namespace, name)


def _as_typed(folder: Path) -> str:
    return "" if str(folder) == "." else str(folder)

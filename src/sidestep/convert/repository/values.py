"""A repository as it was read, and what becomes of it."""

from collections.abc import Mapping

from msgspec import Struct

from sidestep.convert.rewrite import Tree
from sidestep.model.metadata import ObjectId


class Repository(Struct, frozen=True):
    """A folder of manifests.

    Attributes:
        files: texts by their path, as the user would type it and as origins say it.
        home: the folder, likewise; empty for the current one.
        documents: what documents say that were read already, as JSON, by path and number.
    """

    files: Mapping[str, str]
    home: str = ""
    documents: Mapping[tuple[str, int], bytes] = {}


class Located(Struct, frozen=True):
    """An object in a file.

    Attributes:
        path: of the file.
        document: 1-based number in it.
        tree: the object as the file says it.
        alone: whether the file holds no other.
    """

    path: str
    document: int
    tree: Tree
    alone: bool


class Unplaced(Struct, frozen=True, rename="camel"):
    """A change that no file could be given.

    Attributes:
        object: which.
        where: file or folder that it would belong to, where one is known.
        reason: why it cannot be made there.
        patch: the change: operations of a JSON patch, or the whole object that comes, as YAML.
    """

    object: ObjectId
    where: str
    reason: str
    patch: str


class Placed(Struct, frozen=True):
    """What becomes of a repository.

    Attributes:
        files: new texts by path; None for a file that goes.
        unplaced: what has to be done by hand.
        unlike: why what was read from these files is not what is rendered from them; empty where nothing tells so.
        absent: what kustomizations take in that is not there, after the path of each.
        unread: kustomizations that are no YAML, each with the 1-based line where that shows.
    """

    files: Mapping[str, str | None]
    unplaced: tuple[Unplaced, ...] = ()
    unlike: str = ""
    absent: tuple[tuple[str, str], ...] = ()
    unread: Mapping[str, int] = {}


def folder_of(path: str) -> str:
    """The folder that a file is in; empty for the current one."""
    return path.rpartition("/")[0]


def joined(folder: str, relative: str) -> str:
    """A path seen from a folder, without `.` and `..` where they can be resolved."""
    parts = [] if relative.startswith("/") else [part for part in folder.split("/") if part or folder.startswith("/")]
    for part in relative.split("/"):
        if part == ".." and parts and parts[-1] not in ("", ".."):
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def relative_to(folder: str, path: str) -> str:
    """A path as seen from a folder above it; the path itself for one elsewhere."""
    return path.removeprefix(f"{folder}/") if folder else path

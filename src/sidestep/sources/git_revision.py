"""The door for a revision of a git repository: what was committed, whatever the working tree holds now.

Objects are read as they are stored, without filters or attributes, into a folder that lives as long as the reading;
what is found there is then named `git:REVISION:path`.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from sidestep.errors import UsageError, WorldError
from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.model.origin import FileOrigin
from sidestep.sources.files import FilesSource
from sidestep.sources.interface import Report, unheard
from sidestep.sources.tree import READ

PREFIX = "git:"
_FORM = re.compile(r"git:((?:[^:{]|\{[^}]*\})+)(?::(.*))?", re.DOTALL)
_NAMES = ("Kustomization", "Chart.yaml")
_LARGEST = 1 << 30
_QUIET = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_OriginT = TypeVar("_OriginT")


class _Entry(Struct, frozen=True):
    """A file of a revision."""

    mode: str
    name: str
    path: PurePosixPath


class GitSource:
    """Manifests of a revision.

    Args:
        text: `git:REVISION` or `git:REVISION:PATH`, of the repository around the working folder; the path starts at
            the top of the repository.

    Raises:
        UsageError: the text names no revision.
    """

    def __init__(self, text: str) -> None:
        found = _FORM.fullmatch(text)
        if found is None:
            raise UsageError(f"{text!r} names no revision", where=PREFIX, remedy="write git:REVISION or git:REV:PATH")
        self._text = text
        self._revision, self._path = found[1], (found[2] or "").strip("/")

    def read(self, report: Report = unheard) -> Mesh:
        """Everything that the revision holds.

        Raises:
            WorldError: there is no repository, revision or path, or nothing in it can be read.
        """
        with tempfile.TemporaryDirectory(prefix="sidestep-git-") as folder:
            notes = list(self._write(Path(folder)))
            mesh = FilesSource([folder]).read(report)
            return _renamed(mesh, folder, self._name(), tuple(notes))

    def _name(self) -> str:
        return f"{PREFIX}{self._revision}:"

    def _write(self, folder: Path) -> Iterator[Gap | Remark]:
        """The files, then the links, so that nothing is ever written through a link."""
        entries = list(self._entries())
        files = [each for each in entries if each.mode.startswith("100") and _wanted(each.path)]
        for entry, content in zip(files, _contents([each.name for each in files], self._text), strict=True):
            if isinstance(content, str):
                yield Gap(f"{self._name()}{entry.path}", GapReason.UNREACHABLE, content, "fetch the whole repository")
                continue
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        for entry in entries:
            if entry.mode == "160000":
                reason = "a submodule, of which only the commit is stored here"
                yield Gap(f"{self._name()}{entry.path}", GapReason.UNSUPPORTED, reason, "prove its own repository too")
            elif entry.mode == "120000" and _wanted(entry.path):
                yield from self._link(folder, entry)

    def _link(self, folder: Path, entry: _Entry) -> Iterator[Remark]:
        (content,) = _contents([entry.name], self._text)
        target = content.decode(errors="surrogateescape") if isinstance(content, bytes) else "/"
        place = folder / entry.path
        if not target or "\0" in target or not (place.parent / target).resolve().is_relative_to(folder.resolve()):
            yield Remark(f"{self._name()}{entry.path}", "a link that leaves the revision was not followed")
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    def _entries(self) -> Iterator[_Entry]:
        asked = ["rev-parse", "--verify", "--end-of-options", f"{self._revision}^{{commit}}"]
        commit = _git(asked, self._text).decode().strip()
        path = [self._path] if self._path else []
        listed = _git(["ls-tree", "-r", "-z", "--full-tree", commit, "--", *path], self._text)
        if not listed:
            where = f"has no {self._path}" if self._path else "is empty"
            raise WorldError(f"the revision {where}", where=self._text, remedy="check the path: it starts at the top")
        for line in listed.split(b"\0"):
            head, _, name = line.partition(b"\t")
            found = PurePosixPath(os.fsdecode(name))
            if name and not found.is_absolute() and ".." not in found.parts:
                mode, _, digest = head.decode().split(" ")
                yield _Entry(mode, digest, found)


def _wanted(path: PurePosixPath) -> bool:
    return path.name.endswith(READ) or path.name in _NAMES


def _git(arguments: list[str], where: str, feed: bytes | None = None) -> bytes:
    """What git says; it is asked by a list of arguments, without a shell, and never over the network.

    Raises:
        WorldError: git is not there, or refuses.
    """
    try:
        done = subprocess.run(  # noqa: S603 - no shell; revisions stand behind --end-of-options or a commit's hash
            ["git", "--no-replace-objects", *arguments],  # noqa: S607 - the user's own git
            input=feed,
            capture_output=True,
            check=False,
            env={**os.environ, **_QUIET},
        )
    except OSError as error:
        raise WorldError(
            f"git cannot be run: {error.strerror}", where=where, remedy="install git, or name a folder"
        ) from error
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        reason = told[0].removeprefix("fatal: ") if told else f"git {arguments[0]} failed"
        raise WorldError(reason, where=where, remedy="check the revision, the path, and that a repository is here")
    return done.stdout


def _contents(names: list[str], where: str) -> Iterator[bytes | str]:
    """Of objects by their hashes, in order; why not, for one that is not there."""
    if not names:
        return
    stream = memoryview(_git(["cat-file", "--batch"], where, "\n".join([*names, ""]).encode()))
    at = 0
    for name in names:
        end = at + bytes(stream[at : at + 200]).index(b"\n")
        head = bytes(stream[at:end]).decode().split(" ")
        at = end + 1
        if len(head) != 3:
            yield f"object {name} is not in this clone"
            continue
        size = int(head[2])
        yield bytes(stream[at : at + size]) if size <= _LARGEST else "it is too large"
        at += size + 1


def _renamed(mesh: Mesh, folder: str, name: str, notes: tuple[Gap | Remark, ...]) -> Mesh:
    """The same mesh with every place named as in the repository."""
    start = f"{folder}{os.sep}"

    def told(text: str) -> str:
        return text.replace(start, name).replace(folder, name)

    def placed(thing: _OriginT) -> _OriginT:
        origin: Any = getattr(thing, "origin", None)
        if not isinstance(origin, FileOrigin):
            return thing
        moved: Any = replace(origin, path=told(origin.path))
        return replace(thing, origin=moved)  # type: ignore[type-var]

    gaps = [Gap(told(each.resource), each.reason, told(each.detail), told(each.remedy)) for each in mesh.gaps]
    remarks = [Remark(told(each.where), told(each.text)) for each in mesh.remarks]
    return replace(
        mesh,
        source=SourceInfo(SourceKind.FILES, name.removesuffix(":")),
        pods=tuple(map(placed, mesh.pods)),
        resources={key: tuple(map(placed, found)) for key, found in mesh.resources.items()},
        others=tuple(map(placed, mesh.others)),
        gaps=(*gaps, *(each for each in notes if isinstance(each, Gap))),
        remarks=(*remarks, *(each for each in notes if isinstance(each, Remark))),
    )
